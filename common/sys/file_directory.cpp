// Directory: everything relative to one held descriptor.
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "common/sys/file.h"
#include "common/sys/file_internal.h"
#include "common/sys/unique.h"

namespace ha::sys {
namespace {

constexpr int kOpenDirectory = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr std::size_t kPieceBytes = 4000;  // of a path per system call; PATH_MAX is 4096
constexpr int kRetriesMax = 100;

// openat2 of a path that fits one call. -1 and errno, as open(2).
int open_piece(int fd, const Bytes& rel, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags));
  how.mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (int i = 0; i < kRetriesMax; ++i) {
    const long opened = ::syscall(SYS_openat2, fd, rel.c_str(), &how, sizeof how);
    // EAGAIN: somebody renamed while the kernel walked the path. Of a fifo or lease it stays, and is
    // returned.
    if (opened >= 0 || (errno != EINTR && errno != EAGAIN)) {
      return static_cast<int>(opened);
    }
  }
  return -1;
}

// The length of a leading part of `rel` that ends before a '/' and fits one call; all of it if it fits.
std::size_t piece_length(BytesView rel) {
  return rel.size() <= kPieceBytes ? rel.size() : rel.rfind('/', kPieceBytes);
}

FileType type_of(unsigned mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return FileType::Directory;
    case S_IFLNK:
      return FileType::Symlink;
    case S_IFIFO:
      return FileType::Fifo;
    case S_IFSOCK:
      return FileType::Socket;
    case S_IFCHR:
      return FileType::CharDevice;
    case S_IFBLK:
      return FileType::BlockDevice;
    default:
      return FileType::Regular;
  }
}

mode_t mode_of(FileType type) {
  switch (type) {
    case FileType::Regular:
      return S_IFREG;
    case FileType::Directory:
      return S_IFDIR;
    case FileType::Symlink:
      return S_IFLNK;
    case FileType::Fifo:
      return S_IFIFO;
    case FileType::Socket:
      return S_IFSOCK;
    case FileType::CharDevice:
      return S_IFCHR;
    case FileType::BlockDevice:
      return S_IFBLK;
  }
  return S_IFREG;
}

}  // namespace

Result<Stat> stat_at(int fd, const char* name, BytesView path) {
  struct statx raw {};
  const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name == '\0' ? AT_EMPTY_PATH : 0);
  if (::statx(fd, name, flags, STATX_BASIC_STATS | STATX_MNT_ID, &raw) != 0) {
    return path_error("cannot stat", path, errno);
  }
  Stat out;
  out.type = type_of(raw.stx_mode);
  out.mode = raw.stx_mode & 07777U;
  out.uid = raw.stx_uid;
  out.gid = raw.stx_gid;
  out.size = raw.stx_size;
  out.mtime = {raw.stx_mtime.tv_sec, raw.stx_mtime.tv_nsec};
  out.ctime = {raw.stx_ctime.tv_sec, raw.stx_ctime.tv_nsec};
  out.ino = raw.stx_ino;
  out.dev = makedev(raw.stx_dev_major, raw.stx_dev_minor);
  out.mount = (raw.stx_mask & STATX_MNT_ID) != 0 ? raw.stx_mnt_id : 0;
  out.nlink = raw.stx_nlink;
  out.rdev = makedev(raw.stx_rdev_major, raw.stx_rdev_minor);
  out.blocks = raw.stx_blocks;
  return out;
}

std::array<char, 32> proc_path(int fd) noexcept {
  std::array<char, 32> path{};
  static_cast<void>(std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd));
  return path;
}

Result<Bytes> random_name() {
  Bytes raw(12, '\0');
  if (::getrandom(raw.data(), raw.size(), 0) != static_cast<ssize_t>(raw.size())) {
    return errno_error("cannot get random bytes", errno);
  }
  return ".ha-" + hex(raw);
}

// Where a path is: the descriptor of its directory, borrowed if it is directly in ours, and the last name.
struct Directory::Place {
  FileHandle opened;
  int fd = -1;
  Bytes name;
};

Bytes Directory::path_of(BytesView rel) const {
  return rel.empty() ? path() : (path() == "/" ? path() : path() + "/") + Bytes(rel);
}

Result<Directory::Place> Directory::place(BytesView rel) const {
  HA_CHECK(check_key(rel));
  const std::size_t slash = rel.rfind('/');
  if (slash == BytesView::npos) {
    return Place{{}, fd(), Bytes(rel)};
  }
  HA_TRY(Directory parent, open_beneath(rel.substr(0, slash)));
  const int fd = parent.fd();
  return Place{std::move(parent.handle_), fd, Bytes(rel.substr(slash + 1))};
}

Result<Directory> Directory::open_root(BytesView path) {
  const int fd = ::open(Bytes(path).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return path_error("cannot open the directory", path, errno);
  }
  return Directory(FileHandle(fd, Bytes(path)));
}

Result<Directory> Directory::duplicate() const {
  const int copy = ::fcntl(fd(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) {
    return path_error("cannot duplicate the handle of", path(), errno);
  }
  return Directory(FileHandle(copy, path()));
}

Result<Directory> Directory::open_beneath(BytesView rel) const {
  if (rel.empty()) {
    return duplicate();
  }
  HA_CHECK(check_key(rel));
  FileHandle at;
  BytesView rest = rel;
  while (!rest.empty()) {
    const std::size_t length = piece_length(rest);
    const int next =
        open_piece(at.is_open() ? at.fd() : fd(), Bytes(rest.substr(0, length)), kOpenDirectory, 0);
    if (next < 0) {
      return path_error("cannot open the directory", path_of(rel), errno);
    }
    at = FileHandle(next, {});
    rest.remove_prefix(std::min(rest.size(), length + 1));
  }
  return Directory(FileHandle(at.release(), path_of(rel)));
}

Result<FileHandle> Directory::open_file(BytesView rel, int flags, mode_t mode) const {
  flags |= O_CLOEXEC | O_NOFOLLOW;
  if ((flags & O_PATH) == 0) {  // openat2 refuses these beside O_PATH
    flags |= O_NOCTTY | O_NONBLOCK;
  }
  HA_TRY(const Place at, place(rel));
  const int opened = open_piece(at.fd, at.name, flags, mode);
  if (opened < 0) {
    return path_error("cannot open", path_of(rel), errno);
  }
  return FileHandle(opened, path_of(rel));
}

Result<FileHandle> Directory::pin(BytesView rel) const {
  return open_file(rel, O_PATH);
}

Result<FileHandle> Directory::open_regular(BytesView rel) const {
  HA_TRY(const FileHandle pinned, pin(rel));
  HA_TRY(const Stat stat, pinned.stat());
  if (stat.type != FileType::Regular) {
    return Error(Code::Conflict, in_quotes(pinned.path()) + " is not a regular file");
  }
  const int opened = ::open(proc_path(pinned.fd()).data(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (opened < 0) {
    return path_error("cannot open", pinned.path(), errno);
  }
  return FileHandle(opened, pinned.path());
}

Result<Directory::Parent> Directory::open_parent(BytesView rel) const {
  HA_CHECK(check_key(rel));
  const std::size_t slash = rel.rfind('/');
  const bool direct = slash == BytesView::npos;
  HA_TRY(Directory parent, open_beneath(direct ? BytesView() : rel.substr(0, slash)));
  return Parent{std::move(parent), Bytes(direct ? rel : rel.substr(slash + 1))};
}

Result<Stat> Directory::stat() const {
  return handle_.stat();
}

Result<Stat> Directory::stat(BytesView rel) const {
  HA_TRY(const Place at, place(rel));
  return stat_at(at.fd, at.name.c_str(), path_of(rel));
}

Result<bool> Directory::exists(BytesView rel) const {
  auto found = stat(rel);
  if (!found.ok() && found.error().code() != Code::NotFound) {
    return std::move(found).error();
  }
  return found.ok();
}

struct DirectoryReader::State {
  Unique<DIR, ::closedir> stream;
  Bytes path;
};

DirectoryReader::DirectoryReader(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
DirectoryReader::DirectoryReader(DirectoryReader&&) noexcept = default;
DirectoryReader& DirectoryReader::operator=(DirectoryReader&&) noexcept = default;
DirectoryReader::~DirectoryReader() = default;

Result<DirectoryReader> Directory::read() const {
  const int copy = ::openat(fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) {
    return path_error("cannot open for listing", path(), errno);
  }
  FileHandle owner(copy, {});
  Unique<DIR, ::closedir> stream(::fdopendir(copy));
  if (!stream) {
    return path_error("cannot list", path(), errno);
  }
  static_cast<void>(owner.release());  // the stream has it now
  return DirectoryReader(
      std::make_unique<DirectoryReader::State>(DirectoryReader::State{std::move(stream), path()}));
}

Result<std::vector<DirectoryEntry>> DirectoryReader::next(std::size_t count_max) {
  std::vector<DirectoryEntry> out;
  while (out.size() < count_max) {
    errno = 0;
    const dirent* found = ::readdir(state_->stream.get());
    if (found == nullptr) {
      if (errno != 0) {
        return path_error("cannot list", state_->path, errno);
      }
      break;
    }
    const BytesView name = found->d_name;
    if (name != "." && name != "..") {
      out.push_back(
          {Bytes(name), found->d_type != DT_UNKNOWN, type_of(static_cast<mode_t>(DTTOIF(found->d_type)))});
    }
  }
  return out;
}

Result<std::vector<Bytes>> Directory::names(std::size_t count_max) const {
  HA_TRY(DirectoryReader reader, read());
  HA_TRY(const std::vector<DirectoryEntry> entries, reader.next(count_max + 1));
  if (entries.size() > count_max) {
    return Error(Code::Exhausted,
                 "more than " + std::to_string(count_max) + " names in \"" + escape(path()) + "\"");
  }
  std::vector<Bytes> out;
  out.reserve(entries.size());
  for (const DirectoryEntry& entry : entries) {
    out.push_back(entry.name);
  }
  return out;
}

Result<Bytes> Directory::read_link(BytesView rel) const {
  HA_TRY(const Place at, place(rel));
  Bytes target(4096, '\0');  // PATH_MAX: the kernel makes no longer one
  const ssize_t length = ::readlinkat(at.fd, at.name.c_str(), target.data(), target.size());
  if (length < 0) {
    return errno == EINVAL ? Error(Code::Conflict, in_quotes(path_of(rel)) + " is not a symbolic link")
                           : path_error("cannot read the link", path_of(rel), errno);
  }
  target.resize(static_cast<std::size_t>(length));
  return target;
}

Status Directory::make_directory(BytesView rel, mode_t mode) const {
  HA_TRY(const Place at, place(rel));
  if (::mkdirat(at.fd, at.name.c_str(), mode) != 0) {
    return path_error("cannot make the directory", path_of(rel), errno);
  }
  return ok();
}

Status Directory::make_symlink(BytesView rel, BytesView target) const {
  if (target.find('\0') != BytesView::npos) {
    return Error(Code::Invalid, "NUL in the target of the link \"" + escape(path_of(rel)) + "\"");
  }
  HA_TRY(const Place at, place(rel));
  if (::symlinkat(Bytes(target).c_str(), at.fd, at.name.c_str()) != 0) {
    return path_error("cannot make the link", path_of(rel), errno);
  }
  return ok();
}

Status Directory::make_node(BytesView rel, FileType type, mode_t mode, std::uint64_t rdev) const {
  if (type == FileType::Directory || type == FileType::Symlink) {
    return Error(Code::Invalid, in_quotes(path_of(rel)) + " is not to be made with mknod");
  }
  HA_TRY(const Place at, place(rel));
  const bool device = type == FileType::CharDevice || type == FileType::BlockDevice;
  if (::mknodat(at.fd, at.name.c_str(), mode_of(type) | (mode & 07777U), device ? rdev : 0) != 0) {
    return path_error("cannot make", path_of(rel), errno);
  }
  return ok();
}

Status Directory::link(BytesView rel, const Directory& to, BytesView to_rel) const {
  HA_TRY(const Place from_at, place(rel));
  HA_TRY(const Place to_at, to.place(to_rel));
  if (::linkat(from_at.fd, from_at.name.c_str(), to_at.fd, to_at.name.c_str(), 0) != 0) {
    return path_error("cannot link \"" + escape(path_of(rel)) + "\" to", to.path_of(to_rel), errno);
  }
  return ok();
}

Status Directory::rename(BytesView rel, const Directory& to, BytesView to_rel, RenameMode mode) const {
  HA_TRY(const Place from_at, place(rel));
  HA_TRY(const Place to_at, to.place(to_rel));
  const unsigned flags = mode == RenameMode::NoReplace  ? RENAME_NOREPLACE
                         : mode == RenameMode::Exchange ? RENAME_EXCHANGE
                                                        : 0U;
  if (::renameat2(from_at.fd, from_at.name.c_str(), to_at.fd, to_at.name.c_str(), flags) != 0) {
    return path_error("cannot rename \"" + escape(path_of(rel)) + "\" to", to.path_of(to_rel), errno);
  }
  return ok();
}

Status Directory::unlink(BytesView rel) const {
  HA_TRY(const Place at, place(rel));
  if (::unlinkat(at.fd, at.name.c_str(), 0) != 0) {
    return path_error("cannot remove", path_of(rel), errno);
  }
  return ok();
}

Status Directory::remove_directory(BytesView rel) const {
  HA_TRY(const Place at, place(rel));
  if (::unlinkat(at.fd, at.name.c_str(), AT_REMOVEDIR) != 0) {
    return path_error("cannot remove the directory", path_of(rel), errno);
  }
  return ok();
}

Result<TemporaryFile> Directory::create_temporary(mode_t mode) const {
  const int unnamed = open_piece(fd(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
  if (unnamed >= 0) {
    return TemporaryFile{FileHandle(unnamed, path_of("(unnamed)")), {}};
  }
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) {
    return path_error("cannot make a file in", path(), errno);
  }
  HA_TRY(Bytes name, random_name());
  HA_TRY(FileHandle named, open_file(name, O_RDWR | O_CREAT | O_EXCL, mode));
  return TemporaryFile{std::move(named), std::move(name)};
}

Status Directory::link_temporary(TemporaryFile& file, BytesView rel) const {
  if (!file.name.empty()) {
    HA_CHECK(rename(file.name, *this, rel, RenameMode::NoReplace));
    file.name.clear();
    return ok();
  }
  HA_TRY(const Place at, place(rel));
  if (::linkat(AT_FDCWD, proc_path(file.file.fd()).data(), at.fd, at.name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    return path_error("cannot name the file", path_of(rel), errno);
  }
  return ok();
}

Status Directory::sync() const {
  const FileHandle opened(::openat(fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), path());
  if (!opened.is_open()) {
    return path_error("cannot open for syncing", path(), errno);
  }
  return opened.sync();
}

Status Directory::sync_file_system() const {
  const FileHandle opened(::openat(fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), path());
  if (!opened.is_open() || ::syncfs(opened.fd()) != 0) {
    return path_error("cannot sync the file system of", path(), errno);
  }
  return ok();
}

bool Directory::syncfs_is_trusted() const noexcept {
  struct statfs raw {};
  if (::fstatfs(fd(), &raw) != 0) {
    return false;
  }
  const auto kind = static_cast<std::uint32_t>(raw.f_type);
  return kind == EXT4_SUPER_MAGIC || kind == XFS_SUPER_MAGIC || kind == BTRFS_SUPER_MAGIC ||
         kind == TMPFS_MAGIC;
}

}  // namespace ha::sys
