#include "common/sys/replace.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "common/sys/file.h"

namespace ha::sys {
namespace {

namespace fs = std::filesystem;

// Where a path leads; the path itself when that cannot be said.
fs::path followed(const std::string& path) {
  std::error_code error;
  fs::path out = fs::weakly_canonical(path, error);
  return error ? fs::path(path) : out;
}

Result<Directory> directory_of(const fs::path& file) {
  const std::string parent = file.parent_path().string();
  return Directory::open_root(parent.empty() ? "." : parent);
}

}  // namespace

Status replace_kept(const std::string& path, BytesView text, mode_t new_mode) {
  const fs::path real = followed(path);
  struct stat old {};
  const bool existed = ::stat(real.c_str(), &old) == 0;
  HA_TRY(const Directory directory, directory_of(real));
  HA_TRY(AtomicFile out, AtomicFile::create(directory, real.filename().string(), 0600));
  const mode_t mode = existed ? old.st_mode & 07777U : new_mode;
  if ((existed && ::fchown(out.file().fd(), old.st_uid, old.st_gid) != 0) ||
      ::fchmod(out.file().fd(), mode) != 0) {
    return errno_error("cannot keep its owner and mode", errno);
  }
  HA_CHECK(out.write(text));
  return out.commit();
}

Result<Bytes> read_kept(const std::string& path, std::size_t bytes_max) {
  const fs::path real = followed(path);
  HA_TRY(const Directory directory, directory_of(real));
  return read_file(directory, real.filename().string(), bytes_max);
}

}  // namespace ha::sys
