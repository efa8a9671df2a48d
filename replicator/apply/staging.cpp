#include "replicator/apply/staging.h"

#include <unistd.h>

#include <utility>

#include "common/sys/digest.h"
#include "common/sys/metadata.h"
#include "replicator/apply/stranded.h"
#include "replicator/apply/trash.h"
#include "replicator/model/key.h"
#include "replicator/model/overlay.h"

namespace ha::replicator {
namespace {

constexpr char kMarkerText[] =
    "This directory is hareplicate's; its presence says that the set is mounted.\n";
constexpr std::size_t kPlacesMax = 10'000;
constexpr std::uint32_t kStagingMode = 0700;

Error not_mounted(const sys::Directory& root, const Bytes& top) {
  const std::string path = escape(top.empty() ? root.path() : key_in(root.path(), top));
  return Error(Code::Held, "\"" + path + "\" has no " + kStagingName + "/" + kMarkerName +
                               ", which was there before: it is not mounted, was wiped, or is another one");
}

}  // namespace

Status make_directories(const sys::Directory& directory, BytesView rel) {
  for (std::size_t end = 0; end != BytesView::npos && !rel.empty();) {
    end = rel.find('/', end + 1);
    auto made = directory.make_directory(rel.substr(0, end), kStagingMode);
    if (!made.ok() && made.error().code() != Code::Exists) {
      return made;
    }
  }
  return ok();
}

Bytes StagedName::path() const {
  return key_in(key_in(area->top, kStagingName), name);
}

Status Staging::open_all() {
  HA_TRY(const Bytes random, sys::random_bytes(6));
  name_prefix_ = hex(random) + "-";
  HA_TRY(const std::vector<Bytes> listed, index_.staging_directories());
  bool root_listed = false;
  for (const Bytes& top : listed) {
    HA_TRY(const bool there, root_.exists(key_in(top, kStagingName)));
    if (!there && !top.empty()) {
      HA_TRY(const bool top_there, root_.exists(top));
      if (!top_there) {  // the mount point itself is gone, so nothing can be written beneath it
        HA_TRY(IndexBatch batch, index_.begin());
        HA_CHECK(batch.remove_staging_directory(top));
        HA_CHECK(batch.commit());
        continue;
      }
    }
    HA_CHECK(check_listed(top));
    HA_TRY(StagingArea* const opened, open_area(top, true));
    static_cast<void>(opened);
    root_listed = root_listed || top.empty();
  }
  if (!root_listed) {
    HA_TRY(StagingArea* const opened, open_area({}, false));
    static_cast<void>(opened);
  }
  return ok();
}

Status Staging::check_listed(const Bytes& top) const {
  HA_TRY(const bool marked, root_.exists(key_in(key_in(top, kStagingName), kMarkerName)));
  if (!marked) {
    return not_mounted(root_, top);
  }
  return ok();
}

Status Staging::check_markers() const {
  for (const auto& [top, area] : areas_) {
    HA_CHECK(check_listed(top));
    const auto stat = root_.stat(key_in(top, kStagingName));
    if (!stat.ok() || stat->dev != area->device) {
      return not_mounted(root_, top);
    }
  }
  return ok();
}

Status Staging::mark(const std::vector<Bytes>& tops) {
  for (const Bytes& top : tops) {
    if (!areas_.contains(top)) {
      auto opened = open_area(top, false);
      const Code code = opened.ok() ? Code::Internal : opened.error().code();
      const bool forgiven = code == Code::Io || code == Code::Denied || code == Code::NoSpace ||
                            code == Code::Conflict || code == Code::NotFound || code == Code::Refused;
      if (!opened.ok() && !forgiven) {
        return std::move(opened).error();
      }
    }
  }
  return ok();
}

// Who may write in the tree can put a directory of his own there, or a file: nothing in it can be trusted. It
// is moved aside, where the next walk finds it as any other thing.
Result<sys::Directory> Staging::open_our_own(const Bytes& path) {
  for (bool again = false;; again = true) {
    if (auto made = root_.make_directory(path, kStagingMode);
        !made.ok() && made.error().code() != Code::Exists) {
      return std::move(made).error();
    }
    auto directory = root_.open_beneath(path);
    if (!directory.ok() && directory.error().code() != Code::Conflict) {
      return directory;
    }
    HA_TRY(const sys::Stat stat, directory.ok() ? directory->stat() : root_.stat(path));
    if (directory.ok() && stat.uid == ::geteuid()) {
      return directory;
    }
    if (again) {
      return Error(Code::Refused,
                   in_quotes(key_in(root_.path(), path)) + " is no directory, or belongs to user " +
                       std::to_string(stat.uid),
                   "move it away");
    }
    HA_TRY(const Bytes random, sys::random_bytes(4));
    const Bytes aside = path + "-of-" + std::to_string(stat.uid) + "-" + hex(random);
    HA_CHECK(root_.rename(path, root_, aside, sys::RenameMode::NoReplace));
  }
}

Result<StagingArea*> Staging::open_area(const Bytes& top, bool listed) {
  auto area = std::make_unique<StagingArea>();
  area->top = top;
  HA_TRY(area->directory, open_our_own(key_in(top, kStagingName)));
  HA_TRY(const sys::Stat stat, area->directory.stat());
  area->device = stat.dev;
  if (stat.mode != kStagingMode) {
    HA_CHECK(sys::set_mode(area->directory.handle(), kStagingMode));
  }
  HA_TRY(const bool marked, area->directory.exists(kMarkerName));
  if (!marked) {
    HA_CHECK(sys::replace_file(area->directory, kMarkerName, kMarkerText, 0600));
  }
  if (!listed) {  // only now: a marker that is listed but was never made would look like a lost mount
    HA_TRY(IndexBatch batch, index_.begin());
    HA_CHECK(batch.put_staging_directory(top));
    HA_CHECK(batch.commit());
  }
  StagingArea* const borrowed = area.get();
  areas_[top] = std::move(area);
  return borrowed;
}

Status Staging::sweep(const std::set<Bytes>& keep) {
  for (const auto& [top, area] : areas_) {
    HA_TRY(const std::vector<Bytes> names, area->directory.names(kStagedNamesMax));
    for (const Bytes& name : names) {
      const StagedName staged{area.get(), name};
      const bool stays = name == kMarkerName || name == kStrandedName || name == kTrashName ||
                         name == kPristineName || name == kPristineNextName;
      if (!stays && !keep.contains(staged.path())) {
        HA_CHECK(discard(staged));
      }
    }
  }
  return ok();
}

// The first directory, from the root down, from which on everything to `parent` is on `device`.
Result<Bytes> Staging::top_of(BytesView parent, std::uint64_t device) const {
  BytesView top = parent;
  while (!top.empty()) {
    HA_TRY(const sys::Stat above, parent_of_key(top).empty() ? root_.stat() : root_.stat(parent_of_key(top)));
    if (above.dev != device) {
      break;
    }
    top = parent_of_key(top);
  }
  return Bytes(top);
}

Result<StagingArea*> Staging::area_for(BytesView parent) {
  if (const auto known = device_of_parent_.find(parent); known != device_of_parent_.end()) {
    return known->second;
  }
  if (device_of_parent_.size() >= kPlacesMax) {
    device_of_parent_.clear();
  }
  BytesView there = parent;
  std::uint64_t device = 0;
  while (true) {
    auto directory = root_.open_beneath(there);
    if (directory.ok()) {
      HA_TRY(const sys::Stat stat, directory->stat());
      device = stat.dev;
      break;
    }
    if (there.empty() ||
        (directory.error().code() != Code::NotFound && directory.error().code() != Code::Conflict)) {
      return std::move(directory).error();
    }
    there = parent_of_key(there);
  }
  HA_TRY(const Bytes top, top_of(there, device));
  const auto known = areas_.find(top);
  if (known != areas_.end() && known->second->device != device) {
    return not_mounted(root_, top);
  }
  StagingArea* area = known == areas_.end() ? nullptr : known->second.get();
  if (area == nullptr) {
    HA_TRY(area, open_area(top, false));
  }
  device_of_parent_.emplace(Bytes(parent), area);
  return area;
}

Result<StagedName> Staging::name_for(BytesView key) {
  HA_TRY(StagingArea* const area, area_for(parent_of_key(key)));
  return StagedName{area, name_prefix_ + std::to_string(++names_given_)};
}

Result<StagedName> Staging::find(BytesView path) {
  for (const auto& [top, area] : areas_) {
    const Bytes prefix = key_in(top, kStagingName) + "/";
    if (path.starts_with(prefix) && path.find('/', prefix.size()) == BytesView::npos) {
      return StagedName{area.get(), Bytes(path.substr(prefix.size()))};
    }
  }
  return Error(Code::NotFound, in_quotes(path) + " is in no staging directory");
}

Status Staging::discard(const StagedName& staged) {
  if (!staged.is_set()) {
    return ok();
  }
  auto removed = staged.area->directory.remove_tree(staged.name);
  if (!removed.ok() && removed.error().code() != Code::NotFound) {
    return removed;
  }
  return ok();
}

}  // namespace ha::replicator
