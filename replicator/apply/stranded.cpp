#include "replicator/apply/stranded.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "common/base/units.h"
#include "common/sys/digest.h"
#include "replicator/model/key.h"

namespace ha::replicator {
namespace {

constexpr char kDeletedName[] = "deleted";
constexpr mode_t kFileMode = 0600;
constexpr std::size_t kIncidentsMax = 10'000;
constexpr std::size_t kNamesAtOnce = 1000;
constexpr int kCopiesMax = 1000;
constexpr std::size_t kDeletedBytesMax = 64 * 1024 * 1024;

bool is_id(BytesView name) {
  return name.starts_with("x-") && std::count(name.begin(), name.end(), '-') == 2;
}

std::uint64_t epoch_of(BytesView id) {
  std::uint64_t epoch = 0;
  std::from_chars(id.data() + 2, id.data() + id.size(), epoch);
  return epoch;
}

// Calls `visit(path beneath directory, stat)` for all that is not a directory.
template <typename Visit>
Status walk(const sys::Directory& directory, const Visit& visit) {
  std::vector<Bytes> open{Bytes()};
  while (!open.empty()) {
    const Bytes key = std::move(open.back());
    open.pop_back();
    HA_TRY(const sys::Directory opened, directory.open_beneath(key));
    HA_TRY(sys::DirectoryReader reader, opened.read());
    for (;;) {
      HA_TRY(const std::vector<sys::DirectoryEntry> entries, reader.next(kNamesAtOnce));
      if (entries.empty()) {
        break;
      }
      for (const sys::DirectoryEntry& found : entries) {
        const auto stat = opened.stat(found.name);
        if (stat.ok() && stat->type == sys::FileType::Directory) {
          open.push_back(key_in(key, found.name));
        } else if (stat.ok()) {
          visit(key_in(key, found.name), *stat);
        }
      }
    }
  }
  return ok();
}

// One incident's directory on one file system.
Status add(const sys::Directory& directory, StrandedIncident& out) {
  HA_TRY(const sys::Stat stat, directory.stat());
  out.time_ns = std::max(out.time_ns, stat.mtime.seconds * 1'000'000'000 + stat.mtime.nanoseconds);
  HA_CHECK(walk(directory, [&](const Bytes& path, const sys::Stat& found) {
    if (const std::size_t slash = path.find('/'); slash != Bytes::npos) {
      ++out.count;
      out.bytes += found.size;
      out.items.push_back({path.substr(slash + 1), found.size, false});
    }
  }));
  const auto deleted = sys::read_file(directory, kDeletedName, kDeletedBytesMax);
  if (deleted.ok()) {
    for (std::size_t at = 0; at < deleted->size();) {
      const std::size_t end = std::min(deleted->find('\n', at), deleted->size());
      ++out.count;
      out.items.push_back({unescape(deleted->substr(at, end - at)), 0, true});
      at = end + 1;
    }
  }
  return ok();
}

Bytes store_of(const Bytes& top) {
  return key_in(key_in(top, kStagingName), kStrandedName);
}

}  // namespace

Result<Bytes> StrandedStore::incident(const StagingArea& area, std::uint64_t epoch) {
  if (id_.empty() || epoch_of(id_) != epoch) {
    HA_TRY(const Bytes random, sys::random_bytes(2));
    id_ = "x-" + std::to_string(epoch) + "-" + hex(random);
    for (const auto& [top, other] : staging_.areas()) {  // one that was begun before a restart goes on
      const auto store = other->directory.open_beneath(kStrandedName);
      const auto names = store.ok() ? store->names(kIncidentsMax) : Result<std::vector<Bytes>>(store.error());
      if (names.ok()) {
        for (const Bytes& name : *names) {
          id_ = is_id(name) && epoch_of(name) == epoch ? name : id_;
        }
      }
    }
  }
  const Bytes path = key_in(kStrandedName, id_);
  HA_CHECK(make_directories(area.directory, path));
  return path;
}

Status StrandedStore::count() {
  if (count_) {
    return ok();
  }
  std::uint64_t items = 0;
  for (const auto& [top, area] : staging_.areas()) {
    if (const auto store = area->directory.open_beneath(kStrandedName); store.ok()) {
      HA_CHECK(walk(*store, [&](const Bytes&, const sys::Stat&) { ++items; }));
    }
  }
  count_ = items;
  return ok();
}

Result<bool> StrandedStore::set_aside(const StagedName& area, const sys::Directory& parent, BytesView name,
                                      BytesView key, bool is_directory, std::uint64_t epoch,
                                      std::uint64_t items_max) {
  HA_CHECK(count());
  HA_TRY(const sys::Stat item, parent.stat(name));
  HA_TRY(const Bytes base, incident(*area.area, epoch));
  const sys::Directory& directory = area.area->directory;
  for (int copy = 0; copy < kCopiesMax; ++copy) {
    const Bytes path = key_in(key_in(base, std::to_string(copy)), key);
    if (const auto there = directory.stat(path); there.ok()) {
      if (there->ino == item.ino && there->dev == item.dev) {
        unsynced_.emplace(area.area, Bytes(parent_of_key(path)));
        return false;  // put aside before, and its place could not be taken
      }
      continue;
    }
    if (*count_ >= items_max) {
      count_.reset();  // somebody may have made room by then
      return Error(Code::Held,
                   "the stranded store is full: " + show_count(items_max) +
                       " items that only this site had are kept, and there is more of them",
                   "hareplicate stranded list      and then: hareplicate stranded drop ID");
    }
    auto made = make_directories(directory, parent_of_key(path));
    if (!made.ok() && made.error().code() != Code::Conflict) {
      return std::move(made).error();
    }
    const Status put = !made.ok()     ? Status(Error(Code::Exists, "a file is in the way"))
                       : is_directory ? parent.rename(name, directory, path, sys::RenameMode::NoReplace)
                                      : parent.link(name, directory, path);
    if (put.ok()) {
      ++*count_;
      unsynced_.emplace(area.area, Bytes(parent_of_key(path)));
      return true;
    }
    if (put.error().code() != Code::Exists) {
      return put.error();
    }
  }
  return Error(Code::Exhausted, in_quotes(key) + " is stranded too often already");
}

Status StrandedStore::sync() {
  for (const auto& [area, path] : unsynced_) {
    const auto in = area->directory.open_beneath(path);
    const bool dropped = !in.ok() && in.error().code() == Code::NotFound;
    HA_CHECK(in.ok() ? in->sync() : dropped ? ok() : Status(in.error()));
  }
  unsynced_.clear();
  return ok();
}

Status StrandedStore::note_deleted(const StagedName& area, BytesView key, std::uint64_t epoch) {
  HA_TRY(const Bytes base, incident(*area.area, epoch));
  HA_TRY(const sys::FileHandle file,
         area.area->directory.open_file(key_in(base, kDeletedName), O_WRONLY | O_CREAT, kFileMode));
  HA_TRY(const sys::Stat stat, file.stat());
  HA_CHECK(file.write_at(stat.size, escape(key) + "\n"));
  return file.sync();
}

// ---------------------------------------------------------------- looking
Result<std::vector<StrandedIncident>> list_stranded(const sys::Directory& root,
                                                    const std::vector<Bytes>& tops, std::size_t items_max) {
  std::map<std::string, StrandedIncident> found;
  for (const Bytes& top : tops) {
    const auto store = root.open_beneath(store_of(top));
    if (!store.ok()) {
      continue;  // nothing was ever put aside there
    }
    HA_TRY(const std::vector<Bytes> names, store->names(kIncidentsMax));
    for (const Bytes& name : names) {
      const auto directory = store->open_beneath(name);
      if (is_id(name) && directory.ok()) {
        StrandedIncident& incident = found[name];
        incident.id = name;
        incident.epoch = epoch_of(name);
        HA_CHECK(add(*directory, incident));
      }
    }
  }
  std::vector<StrandedIncident> out;
  for (auto& [id, incident] : found) {
    std::sort(incident.items.begin(), incident.items.end(),
              [](const StrandedItem& a, const StrandedItem& b) { return a.key < b.key; });
    incident.items.resize(std::min(incident.items.size(), items_max));
    out.push_back(std::move(incident));
  }
  return out;
}

Status keep_stranded(const sys::Directory& root, const std::vector<Bytes>& tops, const std::string& id,
                     const std::string& to) {
  const std::size_t slash = to.rfind('/');
  const Bytes beside = root.path().substr(0, root.path().rfind('/') + 1);  // likely the same file system
  if (slash == std::string::npos || to.front() != '/' || slash + 1 == to.size() || !is_id(id) ||
      id.find('/') != std::string::npos) {
    return Error(Code::Invalid, in_quotes(to) + " is not an absolute path of a new directory",
                 "hareplicate stranded keep " + escape(id) + " --to " + escape(beside + id));
  }
  HA_TRY(const sys::Directory parent, sys::Directory::open_root(slash == 0 ? "/" : to.substr(0, slash)));
  std::size_t kept = 0;
  for (const Bytes& top : tops) {
    const Bytes path = key_in(store_of(top), id);
    HA_TRY(const bool here, root.exists(path));
    if (here) {
      const std::string name = to.substr(slash + 1) + (kept == 0 ? "" : "." + std::to_string(kept));
      HA_CHECK(root.rename(path, parent, name, sys::RenameMode::NoReplace));
      HA_CHECK(parent.sync());
      ++kept;
    }
  }
  return kept > 0 ? ok()
                  : Status(Error(Code::NotFound, "nothing stranded is called \"" + escape(id) + "\"",
                                 "hareplicate stranded"));
}

Status drop_stranded(const sys::Directory& root, const std::vector<Bytes>& tops, const std::string& id) {
  bool there = false;
  for (const Bytes& top : tops) {
    const Bytes path = key_in(store_of(top), id);
    HA_TRY(const bool here,
           is_id(id) && id.find('/') == std::string::npos ? root.exists(path) : Result<bool>(false));
    if (here) {
      HA_CHECK(root.remove_tree(path));
    }
    there = there || here;
  }
  return there ? ok()
               : Status(Error(Code::NotFound, "nothing stranded is called \"" + escape(id) + "\"",
                              "hareplicate stranded list"));
}

}  // namespace ha::replicator
