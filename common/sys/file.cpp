#include "common/sys/file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/sys/file_internal.h"

namespace ha::sys {
namespace {

constexpr std::size_t kCopyBytes = 256 * 1024;

// Whether the kernel says "not this way, try another" about a copy between these two files.
bool copy_is_unsupported(int error_number) {
  return error_number == EOPNOTSUPP || error_number == ENOTTY || error_number == EXDEV ||
         error_number == EINVAL || error_number == ENOSYS || error_number == ETXTBSY || error_number == EPERM;
}

Result<std::uint64_t> seek(const FileHandle& file, std::uint64_t offset, int whence) {
  const off_t at = ::lseek(file.fd(), static_cast<off_t>(offset), whence);
  if (at >= 0) {
    return static_cast<std::uint64_t>(at);
  }
  if (errno != ENXIO && errno != EINVAL) {
    return path_error("cannot look for holes in", file.path(), errno);
  }
  const bool no_holes_known = errno == EINVAL;
  HA_TRY(const Stat stat, file.stat());
  return no_holes_known && whence == SEEK_DATA ? std::min(offset, stat.size) : stat.size;
}

}  // namespace

Status check_key(BytesView rel) {
  if (rel.empty() || rel.size() > kPathBytesMax) {
    return Error(Code::Invalid, rel.empty() ? "empty path" : "path longer than 65536 bytes");
  }
  if (rel.find('\0') != BytesView::npos) {
    return Error(Code::Invalid, "NUL in the path \"" + escape(rel) + "\"");
  }
  for (std::size_t start = 0; start <= rel.size();) {
    const std::size_t end = std::min(rel.find('/', start), rel.size());
    const BytesView name = rel.substr(start, end - start);
    if (name.empty() || name == "." || name == ".." || name.size() > kNameBytesMax) {
      return Error(Code::Invalid,
                   "component \"" + escape(name) + "\" not allowed in the path \"" + escape(rel) + "\"");
    }
    start = end + 1;
  }
  return ok();
}

Error path_error(std::string_view what, BytesView path, int error_number) {
  const std::string text = std::string(what) + " \"" + escape(path) + "\"";
  switch (error_number) {
    case ELOOP:
      return Error(Code::Conflict, text + ": a symbolic link is in the way");
    case ENOTDIR:
      return Error(Code::Conflict, text + ": Not a directory");
    case EISDIR:
      return Error(Code::Conflict, text + ": Is a directory");
    case ESTALE:
      return Error(Code::Conflict, text + ": Stale file handle");
    case EXDEV:
      return Error(Code::Unsupported, text + ": another file system is in the way");
    default:
      return errno_error(text, error_number);
  }
}

FileHandle::FileHandle(FileHandle&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) {
      ::close(fd_);
    }
    fd_ = std::exchange(other.fd_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

FileHandle::~FileHandle() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

int FileHandle::release() noexcept {
  return std::exchange(fd_, -1);
}

Status FileHandle::close() {
  const int fd = release();
  // On Linux the descriptor is gone even after EINTR, and closing again could hit another thread's.
  if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) {
    return path_error("cannot close", path_, errno);
  }
  return ok();
}

Result<Stat> FileHandle::stat() const {
  return stat_at(fd_, "", path_);
}

Result<std::size_t> FileHandle::read_at(std::uint64_t offset, char* out, std::size_t length) const {
  std::size_t done = 0;
  while (done < length) {
    const ssize_t n = ::pread(fd_, out + done, length - done, static_cast<off_t>(offset + done));
    if (n == 0) {
      break;
    }
    if (n < 0) {
      if (errno == EINTR) {
        continue;
      }
      return path_error("cannot read", path_, errno);
    }
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Result<Bytes> FileHandle::read_at(std::uint64_t offset, std::size_t length) const {
  Bytes out(length, '\0');
  HA_TRY(const std::size_t done, read_at(offset, out.data(), length));
  out.resize(done);
  return out;
}

Status FileHandle::write_at(std::uint64_t offset, BytesView bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) {
        continue;
      }
      return path_error("cannot write", path_, errno);
    }
    offset += static_cast<std::uint64_t>(n);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return ok();
}

Result<std::uint64_t> FileHandle::seek_data(std::uint64_t offset) const {
  return seek(*this, offset, SEEK_DATA);
}
Result<std::uint64_t> FileHandle::seek_hole(std::uint64_t offset) const {
  return seek(*this, offset, SEEK_HOLE);
}

Status FileHandle::punch_hole(std::uint64_t offset, std::uint64_t length) const {
  if (length == 0) {
    return ok();
  }
  if (::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                  static_cast<off_t>(length)) == 0) {
    return ok();
  }
  if (errno != EOPNOTSUPP) {
    return path_error("cannot punch a hole in", path_, errno);
  }
  HA_TRY(const Stat stat, this->stat());
  const std::uint64_t end = std::min(stat.size, offset + length);
  const Bytes zeros(static_cast<std::size_t>(std::min<std::uint64_t>(length, kCopyBytes)), '\0');
  while (offset < end) {
    const std::uint64_t part = std::min<std::uint64_t>(end - offset, zeros.size());
    HA_CHECK(write_at(offset, BytesView(zeros).substr(0, static_cast<std::size_t>(part))));
    offset += part;
  }
  return ok();
}

Status FileHandle::copy_range(const FileHandle& from, std::uint64_t from_offset, std::uint64_t to_offset,
                              std::uint64_t length) const {
  if (length == 0) {  // FICLONERANGE reads 0 as "up to the end"
    return ok();
  }
  file_clone_range clone{from.fd(), from_offset, length, to_offset};
  if (::ioctl(fd_, FICLONERANGE, &clone) == 0) {
    return ok();
  }
  const auto ended_early = [&] {
    return Error(Code::Conflict, in_quotes(from.path_) + " became shorter while it was copied");
  };
  while (length > 0) {
    auto from_at = static_cast<off_t>(from_offset);
    auto to_at = static_cast<off_t>(to_offset);
    const ssize_t n = ::copy_file_range(from.fd(), &from_at, fd_, &to_at, length, 0);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0 && !copy_is_unsupported(errno)) {
      return path_error("cannot copy to", path_, errno);
    }
    if (n <= 0) {
      break;  // by hand; 0 also comes from file systems that cannot (copy_file_range(2), BUGS)
    }
    from_offset += static_cast<std::uint64_t>(n);
    to_offset += static_cast<std::uint64_t>(n);
    length -= static_cast<std::uint64_t>(n);
  }
  while (length > 0) {
    HA_TRY(const Bytes part,
           from.read_at(from_offset, static_cast<std::size_t>(std::min<std::uint64_t>(length, kCopyBytes))));
    if (part.empty()) {
      return ended_early();
    }
    HA_CHECK(write_at(to_offset, part));
    from_offset += part.size();
    to_offset += part.size();
    length -= part.size();
  }
  return ok();
}

Status FileHandle::truncate(std::uint64_t size) const {
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) {
    return path_error("cannot set the size of", path_, errno);
  }
  return ok();
}

void FileHandle::start_writeback(std::uint64_t offset, std::uint64_t length) const noexcept {
  static_cast<void>(
      ::sync_file_range(fd_, static_cast<off_t>(offset), static_cast<off_t>(length), SYNC_FILE_RANGE_WRITE));
}

Status FileHandle::sync() const {
  if (::fsync(fd_) != 0) {
    return path_error("cannot sync", path_, errno);
  }
  return ok();
}

}  // namespace ha::sys
