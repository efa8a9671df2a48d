// One mark on the whole file system. Events name a directory by its file handle and a name in it; the handle
// is resolved to where the directory is now, and what is not below our root is dropped.
#include <fcntl.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/sys/file_internal.h"
#include "common/sys/watch_internal.h"

namespace ha::sys {
namespace {

// FAN_MOVED_FROM and FAN_MOVED_TO name both directories of a rename, as FAN_RENAME would, and since 5.9.
constexpr std::uint64_t kEvents = FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_MODIFY |
                                  FAN_CLOSE_WRITE | FAN_ATTRIB | FAN_ONDIR;

// Where the kernel says an open directory is; nullopt if it does not say (longer than PATH_MAX).
std::optional<Bytes> path_of_descriptor(int fd) {
  Bytes path(4096, '\0');
  const ssize_t length = ::readlink(proc_path(fd).data(), path.data(), path.size());
  if (length < 0 || static_cast<std::size_t>(length) >= path.size()) {
    return std::nullopt;
  }
  path.resize(static_cast<std::size_t>(length));
  return path;
}

struct Where {
  enum class Kind { Inside, Outside, Unknown } kind = Kind::Outside;
  Bytes rel;
};

class Fanotify : public WatchBackend {
 public:
  Fanotify(Directory root, FileHandle mount, FileHandle handle, BytesView excluded)
      : root_(std::move(root)), mount_(std::move(mount)), handle_(std::move(handle)), excluded_(excluded) {}

  [[nodiscard]] int fd() const noexcept override { return handle_.fd(); }

  [[nodiscard]] Result<WatchBatch> read() override {
    DirtySet dirty(excluded_);
    known_.clear();  // directories move between batches
    root_path_ = path_of_descriptor(root_.fd());
    alignas(fanotify_event_metadata) char buffer[kWatchReadBytes];
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
      take_events(BytesView(buffer, static_cast<std::size_t>(length)), dirty);
    }
    return std::move(dirty).take();
  }

 private:
  void take_events(BytesView events, DirtySet& dirty) {
    while (events.size() >= sizeof(fanotify_event_metadata)) {
      fanotify_event_metadata event;
      std::memcpy(&event, events.data(), sizeof event);
      if (event.event_len < event.metadata_len || event.event_len > events.size() ||
          event.vers != FANOTIFY_METADATA_VERSION || (event.mask & FAN_Q_OVERFLOW) != 0) {
        dirty.overflow();
        return;
      }
      take_records(events.substr(event.metadata_len, event.event_len - event.metadata_len), dirty);
      events.remove_prefix(event.event_len);
    }
  }

  void take_records(BytesView records, DirtySet& dirty) {
    while (records.size() >= sizeof(fanotify_event_info_header)) {
      fanotify_event_info_header header;
      std::memcpy(&header, records.data(), sizeof header);
      if (header.len < sizeof header || header.len > records.size()) {
        dirty.overflow();
        return;
      }
      if (header.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME) {
        take_name(records.substr(0, header.len), dirty);
      }
      records.remove_prefix(header.len);
    }
  }

  // The record: fanotify_event_info_fid, then a file_handle with its bytes, then the name and NUL.
  void take_name(BytesView record, DirtySet& dirty) {
    constexpr std::size_t kHandleAt = sizeof(fanotify_event_info_fid);
    constexpr std::size_t kBytesAt = kHandleAt + sizeof(file_handle);
    if (record.size() < kBytesAt) {
      return dirty.overflow();
    }
    const std::size_t handle_bytes = get_u32(record, kHandleAt);
    if (handle_bytes > MAX_HANDLE_SZ || record.size() < kBytesAt + handle_bytes) {
      return dirty.overflow();
    }
    const BytesView rest = record.substr(kBytesAt + handle_bytes);
    const BytesView name = rest.substr(0, rest.find('\0'));
    const Where& where = resolve(Bytes(record.substr(kHandleAt, sizeof(file_handle) + handle_bytes)));
    if (where.kind == Where::Kind::Unknown) {
      dirty.overflow();
    } else if (where.kind == Where::Kind::Inside) {
      dirty.add_child(where.rel, name);
      if (name == "." && !where.rel.empty()) {  // of the directory itself: its parent lists it
        const std::size_t slash = where.rel.rfind('/');
        dirty.add(slash == Bytes::npos ? Bytes() : where.rel.substr(0, slash));
      }
    }
  }

  const Where& resolve(const Bytes& handle) {
    const auto [known, is_new] = known_.try_emplace(handle);
    if (is_new) {
      known->second = look_up(handle);
    }
    return known->second;
  }

  [[nodiscard]] Where look_up(const Bytes& handle) const {
    alignas(file_handle) char raw[sizeof(file_handle) + MAX_HANDLE_SZ];
    handle.copy(raw, sizeof(raw));
    const FileHandle directory(
        ::open_by_handle_at(mount_.fd(), reinterpret_cast<file_handle*>(raw), O_PATH | O_CLOEXEC), {});
    if (!directory.is_open()) {  // ESTALE: removed since, which its parent's event tells
      return {errno == ESTALE || errno == ENOENT ? Where::Kind::Outside : Where::Kind::Unknown, {}};
    }
    const auto stat = directory.stat();
    if (!stat.ok() || stat->nlink == 0) {
      return {Where::Kind::Outside, {}};
    }
    const auto path = path_of_descriptor(directory.fd());
    if (!path || !root_path_) {
      return {Where::Kind::Unknown, {}};
    }
    if (*path == *root_path_) {
      return {Where::Kind::Inside, {}};
    }
    const Bytes prefix = *root_path_ == "/" ? *root_path_ : *root_path_ + "/";
    if (!path->starts_with(prefix)) {
      return {Where::Kind::Outside, {}};
    }
    return {Where::Kind::Inside, path->substr(prefix.size())};
  }

  Directory root_;
  FileHandle mount_;  // any object of the mount, opened for reading: what open_by_handle_at wants
  FileHandle handle_;
  Bytes excluded_;
  std::optional<Bytes> root_path_;
  std::map<Bytes, Where> known_;
};

}  // namespace

Result<std::unique_ptr<WatchBackend>> open_fanotify(Directory root, BytesView excluded) {
  FileHandle handle(
      ::fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME, O_RDONLY),
      root.path());
  if (!handle.is_open()) {
    return path_error("cannot start fanotify for", root.path(), errno);
  }
  if (::fanotify_mark(handle.fd(), FAN_MARK_ADD | FAN_MARK_FILESYSTEM, kEvents, root.fd(), ".") != 0) {
    return path_error("cannot watch the file system of", root.path(), errno);
  }
  FileHandle mount(::openat(root.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), root.path());
  if (!mount.is_open()) {
    return path_error("cannot open for watching", root.path(), errno);
  }
  // Watching without the right to resolve handles would be worth nothing: see now.
  alignas(file_handle) char raw[sizeof(file_handle) + MAX_HANDLE_SZ] = {};
  auto* own = reinterpret_cast<file_handle*>(raw);
  own->handle_bytes = MAX_HANDLE_SZ;
  int mount_id = 0;
  const int named = ::name_to_handle_at(mount.fd(), "", own, &mount_id, AT_EMPTY_PATH);
  const FileHandle back(named != 0 ? -1 : ::open_by_handle_at(mount.fd(), own, O_PATH | O_CLOEXEC), {});
  if (!back.is_open()) {
    return path_error("cannot resolve file handles of", root.path(), errno);
  }
  return std::unique_ptr<WatchBackend>(
      std::make_unique<Fanotify>(std::move(root), std::move(mount), std::move(handle), excluded));
}

}  // namespace ha::sys
