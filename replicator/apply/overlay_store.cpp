#include "replicator/apply/overlay_store.h"

#include <utility>

#include "replicator/apply/staging.h"
#include "replicator/model/key.h"

namespace ha::replicator {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr std::size_t kCopiesMax = 100'000;

Bytes path_in(const char* store, BytesView key) {
  return Bytes(kStagingName) + "/" + store + "/" + Bytes(key);
}

// A scan takes NotFound and Conflict for what is said of the item itself.
Error not_of_the_item(const Error& error) {
  return Error(Code::Io, "its pristine copy: " + error.what());
}

}  // namespace

Result<std::unique_ptr<OverlayStore>> OverlayStore::open(const sys::Directory& root, const Rules& rules,
                                                         OverlayEvent on_event) {
  std::unique_ptr<OverlayStore> store(new OverlayStore(root, std::move(on_event)));
  for (const auto& [file, rule] : rules) {
    auto overlay = Overlay::compile(rule);
    if (!overlay.ok()) {
      return std::move(overlay).error().in("overlay of " + file);
    }
    store->overlays_.emplace(file, std::move(overlay).value());
  }
  return store;
}

Status OverlayStore::know_copies() {
  if (known_) {
    return ok();
  }
  copies_.clear();
  for (const char* name : {kPristineName, kPristineNextName}) {
    const Bytes top = Bytes(kStagingName) + "/" + name;
    std::vector<Bytes> open{top};
    while (!open.empty()) {
      const Bytes path = std::move(open.back());
      open.pop_back();
      const auto directory = root_->open_beneath(path);
      if (!directory.ok()) {
        if (directory.error().code() == Code::NotFound) {
          continue;
        }
        return directory.error();
      }
      HA_TRY(const std::vector<Bytes> names, directory->names(kCopiesMax));
      for (const Bytes& each : names) {
        HA_TRY(const sys::Stat stat, directory->stat(each));
        const Bytes inner = path + "/" + each;
        if (stat.type == sys::FileType::Directory) {
          open.push_back(inner);
        } else {
          copies_.insert(inner.substr(top.size() + 1));
        }
      }
    }
  }
  known_ = true;
  return ok();
}

bool OverlayStore::covers(BytesView key) const {
  return overlays_.contains(key) || copies_.contains(key);
}

std::vector<Bytes> OverlayStore::keys() const {
  std::set<Bytes, std::less<>> all = copies_;
  for (const auto& [key, overlay] : overlays_) {
    all.insert(key);
  }
  return {all.begin(), all.end()};
}

const Overlay* OverlayStore::overlay(BytesView key) const {
  const auto found = overlays_.find(key);
  return found == overlays_.end() ? nullptr : &found->second;
}

void OverlayStore::tell(const char* event, BytesView key, const std::string& reason) {
  std::string& told = told_[{event, Bytes(key)}];
  if (told != reason && on_event_ && !reason.empty()) {
    on_event_(event, key, reason);
  }
  told = reason;
}

std::optional<Pristine> apply_overlay(OverlayStore& overlays, const Overlay& overlay, BytesView key,
                                      BytesView pristine) {
  auto applied = overlay.apply(pristine);
  if (!applied.ok()) {
    overlays.tell("overlay.no_match", key, applied.error().what());
    return std::nullopt;
  }
  overlays.tell("overlay.no_match", key, applied->hunks.empty() ? "no line is altered" : "");
  return std::move(applied).value();
}

// ---------------------------------------------------------------- what a live file stands for
Result<std::optional<Bytes>> OverlayStore::pristine_of(BytesView key, BytesView live) {
  if (!copies_.contains(key)) {
    return std::optional<Bytes>();
  }
  auto next = load(path_in(kPristineNextName, key));
  if (next.ok() && *next) {
    HA_TRY(const Bytes altered_next, altered(**next));
    if (altered_next == live) {
      if (auto promoted = promote(key); !promoted.ok()) {
        return not_of_the_item(promoted.error());
      }
      return std::optional<Bytes>(std::move((*next)->content));
    }
  }
  auto current = load(path_in(kPristineName, key));
  if (!current.ok()) {
    return role_ == OverlayRole::Holder ? Result<std::optional<Bytes>>(not_of_the_item(current.error()))
                                        : std::optional<Bytes>();
  }
  if (*current) {
    HA_TRY(const Bytes altered_now, altered(**current));
    if (altered_now == live) {
      tell("overlay.failed", key, "");
      return std::optional<Bytes>(std::move((*current)->content));
    }
  } else if (next.ok() && !*next) {  // somebody has deleted the copy, and says so that the file is pristine
    copies_.erase(copies_.find(key));
    return std::optional<Bytes>();
  }
  if (role_ == OverlayRole::Replica || (*current && (*current)->content == live) ||
      (next.ok() && *next && (*next)->content == live)) {
    return std::optional<Bytes>();
  }
  return undo_edit(key, live, *current, !next.ok() || next->has_value());
}

// `is_between`: it may be an edit of either of two alterations.
Result<std::optional<Bytes>> OverlayStore::undo_edit(BytesView key, BytesView live,
                                                     const std::optional<Pristine>& current,
                                                     bool is_between) {
  auto undone = is_between || !current
                    ? Result<Pristine>(Error(Code::Conflict,
                                             "it was edited while it was being altered; put "
                                             "it back, or remove the [[overlay]]"))
                    : undo(live, *current);
  if (!undone.ok()) {
    if (role_ == OverlayRole::LastLook) {
      return std::optional<Bytes>();
    }
    tell("overlay.failed", key, undone.error().what());
    return Error(Code::Refused, undone.error().what());
  }
  if (auto saved = save(key, *undone); !saved.ok()) {
    return not_of_the_item(saved.error());
  }
  tell("overlay.failed", key, "");
  return std::optional<Bytes>(std::move(undone->content));
}

// ---------------------------------------------------------------- copies
Result<std::optional<Pristine>> OverlayStore::load(const Bytes& path) const {
  const auto file = sys::read_file(*root_, path, kPristineFileBytesMax);
  if (!file.ok()) {
    return file.error().code() == Code::NotFound ? Result<std::optional<Pristine>>(std::nullopt)
                                                 : file.error();
  }
  HA_TRY(Pristine pristine, decode_pristine(*file));
  return std::optional<Pristine>(std::move(pristine));
}

std::optional<Pristine> OverlayStore::current(BytesView key) const {
  auto loaded = load(path_in(kPristineName, key));
  return loaded.ok() ? std::move(loaded).value() : std::nullopt;
}

Status OverlayStore::save(BytesView key, const Pristine& pristine) {
  HA_CHECK(write(kPristineName, key, pristine));
  return remove(kPristineNextName, key);
}

Status OverlayStore::save_next(BytesView key, const Pristine& pristine) {
  return write(kPristineNextName, key, pristine);
}

Status OverlayStore::promote(BytesView key) {
  const Bytes to = path_in(kPristineName, key);
  HA_CHECK(make_parents(to));
  HA_CHECK(root_->rename(path_in(kPristineNextName, key), *root_, to, sys::RenameMode::Replace));
  HA_TRY(const sys::Directory directory, root_->open_beneath(parent_of_key(to)));
  HA_CHECK(directory.sync());
  return remove(kPristineNextName, key);
}

Status OverlayStore::drop(BytesView key) {
  if (copies_.contains(key)) {
    HA_CHECK(remove(kPristineNextName, key));
    HA_CHECK(remove(kPristineName, key));
    copies_.erase(copies_.find(key));
  }
  return ok();
}

Status OverlayStore::make_parents(const Bytes& path) const {
  for (std::size_t end = path.find('/'); end != Bytes::npos; end = path.find('/', end + 1)) {
    auto made = root_->make_directory(BytesView(path).substr(0, end), kDirectoryMode);
    if (!made.ok() && made.error().code() != Code::Exists) {
      return made;
    }
  }
  return ok();
}

Status OverlayStore::write(const char* store, BytesView key, const Pristine& pristine) {
  const Bytes path = path_in(store, key);
  HA_CHECK(make_parents(path));
  HA_CHECK(sys::replace_file(*root_, path, encode_pristine(pristine), kFileMode));
  copies_.insert(Bytes(key));
  return ok();
}

// With the directories that become empty.
Status OverlayStore::remove(const char* store, BytesView key) {
  Bytes path = path_in(store, key);
  auto removed = root_->unlink(path);
  if (!removed.ok() && removed.error().code() != Code::NotFound && removed.error().code() != Code::Conflict) {
    return removed;
  }
  for (path = Bytes(parent_of_key(path)); path != kStagingName; path = Bytes(parent_of_key(path))) {
    auto gone = root_->remove_directory(path);
    if (!gone.ok() && gone.error().code() != Code::NotFound) {
      return gone.error().code() == Code::Exists ? ok() : std::move(gone);
    }
  }
  return ok();
}

}  // namespace ha::replicator
