// One watch on every directory, added and dropped as directories come, go and move.
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/sys/file_internal.h"
#include "common/sys/watch_internal.h"

namespace ha::sys {
namespace {

constexpr std::uint32_t kEvents = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY |
                                  IN_CLOSE_WRITE | IN_ATTRIB | IN_ONLYDIR | IN_EXCL_UNLINK;
constexpr std::size_t kListPart = 1000;

class Inotify : public WatchBackend {
 public:
  Inotify(Directory root, FileHandle handle, BytesView excluded)
      : root_(std::move(root)), handle_(std::move(handle)), excluded_(excluded) {}

  [[nodiscard]] int fd() const noexcept override { return handle_.fd(); }

  // Watches the directory and all below it, and reports them: what was made in them before the watch is only
  // found by reading them. What vanishes meanwhile is skipped.
  Status add_tree(const Bytes& top, DirtySet& dirty) {
    std::vector<Bytes> todo = {top};
    while (!todo.empty()) {
      const Bytes rel = std::move(todo.back());
      todo.pop_back();
      auto directory = root_.open_beneath(rel);
      if (!directory.ok()) {
        if (is_gone(directory.error())) {
          continue;
        }
        return std::move(directory).error();
      }
      HA_CHECK(add_one(rel, *directory));
      dirty.add(rel);
      HA_CHECK(add_children(rel, *directory, todo));
    }
    return ok();
  }

  [[nodiscard]] Result<WatchBatch> read() override {
    DirtySet dirty(excluded_);
    alignas(inotify_event) char buffer[kWatchReadBytes];
    for (int i = 0; i < kWatchReadsMax; ++i) {
      const ssize_t length = ::read(handle_.fd(), buffer, sizeof buffer);
      if (length < 0 && errno == EINTR) {
        continue;
      }
      if (length <= 0) {
        if (length < 0 && errno != EAGAIN) {
          return path_error("cannot read the changes of", root_.path(), errno);
        }
        break;
      }
      BytesView events(buffer, static_cast<std::size_t>(length));
      while (events.size() >= sizeof(inotify_event)) {
        inotify_event event;
        std::memcpy(&event, events.data(), sizeof event);
        const BytesView name_field = events.substr(sizeof event, event.len);
        HA_CHECK(take_event(event, Bytes(name_field.substr(0, name_field.find('\0'))), dirty));
        events.remove_prefix(sizeof event + event.len);
      }
    }
    return std::move(dirty).take();
  }

 private:
  static bool is_gone(const Error& error) {
    return error.code() == Code::NotFound || error.code() == Code::Conflict;
  }

  Status add_one(const Bytes& rel, const Directory& directory) {
    if (paths_.size() >= kWatchedMax) {
      return Error(Code::Exhausted, "more than " + std::to_string(kWatchedMax) + " directories to watch");
    }
    const int watch = ::inotify_add_watch(handle_.fd(), proc_path(directory.fd()).data(), kEvents);
    if (watch < 0) {
      if (errno == ENOSPC) {
        return Error(Code::Exhausted, "no more inotify watches for \"" + escape(directory.path()) + "\"",
                     "raise the sysctl fs.inotify.max_user_watches");
      }
      return path_error("cannot watch", directory.path(), errno);
    }
    // The same watch comes back for a directory that moved before we read of it.
    if (paths_.contains(watch)) {
      forget(watch);
    }
    paths_[watch] = rel;
    watches_[rel] = watch;
    return ok();
  }

  Status add_children(const Bytes& rel, const Directory& directory, std::vector<Bytes>& todo) {
    HA_TRY(DirectoryReader reader, directory.read());
    while (true) {
      auto part = reader.next(kListPart);
      if (!part.ok() || part->empty()) {
        return part.ok() || is_gone(part.error()) ? ok() : Status(std::move(part).error());
      }
      for (const DirectoryEntry& entry : *part) {
        const bool excluded = rel.empty() && !excluded_.empty() && entry.name == excluded_;
        if (!excluded && (!entry.type_known || entry.type == FileType::Directory)) {
          todo.push_back(child_of(rel, entry.name));  // what is no directory after all is skipped there
        }
      }
    }
  }

  static Bytes child_of(const Bytes& rel, const Bytes& name) { return rel.empty() ? name : rel + "/" + name; }

  Status take_event(const inotify_event& event, const Bytes& name, DirtySet& dirty) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
      dirty.overflow();
      return add_tree({}, dirty);  // directories may have come unseen
    }
    const auto found = paths_.find(event.wd);
    if (found == paths_.end()) {
      return ok();  // of a watch that was dropped
    }
    const Bytes rel = found->second;
    if ((event.mask & IN_IGNORED) != 0) {
      forget(event.wd);
      return ok();
    }
    if (name.empty()) {  // of the directory itself: its parent lists it
      const std::size_t slash = rel.rfind('/');
      dirty.add(rel);
      dirty.add(slash == Bytes::npos ? Bytes() : rel.substr(0, slash));
      return ok();
    }
    dirty.add_child(rel, name);
    const bool excluded = rel.empty() && !excluded_.empty() && name == excluded_;
    if ((event.mask & IN_ISDIR) == 0 || excluded) {
      return ok();
    }
    if ((event.mask & IN_MOVED_FROM) != 0) {
      drop_tree(child_of(rel, name));
    }
    return (event.mask & (IN_CREATE | IN_MOVED_TO)) != 0 ? add_tree(child_of(rel, name), dirty) : ok();
  }

  void forget(int watch) {
    const auto found = paths_.find(watch);
    const auto by_path = watches_.find(found->second);
    if (by_path != watches_.end() && by_path->second == watch) {
      watches_.erase(by_path);
    }
    paths_.erase(found);
  }

  // The directory and all below it moved away; if only within the tree, the other half adds them again.
  void drop_tree(const Bytes& top) {
    const Bytes below = top + "/";
    const auto drop = [&](std::map<Bytes, int>::iterator at) {
      ::inotify_rm_watch(handle_.fd(), at->second);
      paths_.erase(at->second);
      return watches_.erase(at);
    };
    if (const auto own = watches_.find(top); own != watches_.end()) {
      drop(own);
    }
    for (auto at = watches_.lower_bound(below); at != watches_.end() && at->first.starts_with(below);) {
      at = drop(at);
    }
  }

  Directory root_;
  FileHandle handle_;
  Bytes excluded_;
  std::unordered_map<int, Bytes> paths_;
  std::map<Bytes, int> watches_;
};

}  // namespace

Result<std::unique_ptr<WatchBackend>> open_inotify(Directory root, BytesView excluded) {
  FileHandle handle(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC), root.path());
  if (!handle.is_open()) {
    return path_error("cannot start inotify for", root.path(), errno);
  }
  auto backend = std::make_unique<Inotify>(std::move(root), std::move(handle), excluded);
  DirtySet ignored(excluded);
  HA_CHECK(backend->add_tree({}, ignored));
  return std::unique_ptr<WatchBackend>(std::move(backend));
}

}  // namespace ha::sys
