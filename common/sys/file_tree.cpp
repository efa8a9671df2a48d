// Directory::remove_tree, AtomicFile and whole small files.
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "common/sys/file.h"
#include "common/sys/file_internal.h"
#include "common/sys/unique.h"

namespace ha::sys {
namespace {

// Descriptors and stack stay bounded whatever the depth: what lies deeper is moved up to the top of the tree
// that is being removed, and removed from there. So nothing ever goes back through "..", which somebody
// could have moved.
constexpr int kRemoveDepthMax = 32;
// Of one directory: against a writer who adds names as fast as we remove them.
constexpr int kRemovePassesMax = 100000;

class TreeRemover {
 public:
  TreeRemover(int top_fd, dev_t device, BytesView path) : top_fd_(top_fd), device_(device), path_(path) {}

  // Empties the directory; `fd` is borrowed.
  Status empty(int fd, int depth) {
    const int copy = ::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0) {
      return path_error("cannot open for removing", path_, errno);
    }
    FileHandle owner(copy, {});
    const Unique<DIR, ::closedir> stream(::fdopendir(copy));
    if (!stream) {
      return path_error("cannot list", path_, errno);
    }
    static_cast<void>(owner.release());
    for (int passes = 0; passes < kRemovePassesMax; ++passes) {
      HA_TRY(const bool found_any, remove_listed(fd, stream.get(), depth));
      if (!found_any) {
        return ok();
      }
      ::rewinddir(stream.get());
    }
    return Error(Code::Exhausted, in_quotes(path_) + " fills up while it is being removed");
  }

 private:
  Result<bool> remove_listed(int fd, DIR* stream, int depth) {
    bool found_any = false;
    while (true) {
      errno = 0;
      const dirent* found = ::readdir(stream);
      if (found == nullptr) {
        if (errno != 0) {
          return path_error("cannot list", path_, errno);
        }
        return found_any;
      }
      const Bytes name = found->d_name;
      if (name != "." && name != "..") {
        found_any = true;
        HA_CHECK(remove_one(fd, name, depth));
      }
    }
  }

  Status remove_one(int fd, const Bytes& name, int depth) {
    if (::unlinkat(fd, name.c_str(), 0) == 0 || errno == ENOENT) {
      return ok();
    }
    if (errno != EISDIR && errno != EPERM) {  // POSIX allows EPERM for a directory
      return path_error("cannot remove", path_ + "/…/" + name, errno);
    }
    const int unlink_error = errno;
    if (::unlinkat(fd, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) {
      return ok();
    }
    if (errno != ENOTEMPTY && errno != EEXIST) {
      return path_error("cannot remove", path_ + "/…/" + name, errno == ENOTDIR ? unlink_error : errno);
    }
    if (depth >= kRemoveDepthMax) {
      return move_up(fd, name);
    }
    const FileHandle child(::openat(fd, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                           path_ + "/…/" + name);
    if (!child.is_open()) {
      return path_error("cannot open for removing", child.path(), errno);
    }
    HA_TRY(const Stat stat, child.stat());
    if (stat.dev != device_) {
      return path_error("cannot remove", child.path(), EXDEV);
    }
    HA_CHECK(empty(child.fd(), depth + 1));
    // Somebody may have added a name since; the next pass over this directory takes it.
    if (::unlinkat(fd, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT && errno != ENOTEMPTY) {
      return path_error("cannot remove", child.path(), errno);
    }
    return ok();
  }

  Status move_up(int fd, const Bytes& name) {
    HA_TRY(const Bytes new_name, random_name());
    if (::renameat2(fd, name.c_str(), top_fd_, new_name.c_str(), RENAME_NOREPLACE) != 0 && errno != ENOENT) {
      return path_error("cannot move for removing", path_ + "/…/" + name, errno);
    }
    return ok();
  }

  int top_fd_;
  dev_t device_;
  Bytes path_;
};

}  // namespace

Status Directory::remove_tree(BytesView rel) const {
  HA_TRY(const Stat stat, this->stat(rel));
  if (stat.type != FileType::Directory) {
    return unlink(rel);
  }
  // Of the parent, so that a mount point is seen as one.
  HA_TRY(const Parent parent, open_parent(rel));
  HA_TRY(const Stat parent_stat, parent.directory.stat());
  if (stat.dev != parent_stat.dev) {
    return path_error("cannot remove", path_of(rel), EXDEV);
  }
  HA_TRY(const Directory top, parent.directory.open_beneath(parent.name));
  TreeRemover remover(top.fd(), stat.dev, path_of(rel));
  HA_CHECK(remover.empty(top.fd(), 0));
  return parent.directory.remove_directory(parent.name);
}

AtomicFile::AtomicFile(Directory directory, Bytes name, TemporaryFile temporary) noexcept
    : directory_(std::move(directory)), name_(std::move(name)), temporary_(std::move(temporary)) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : directory_(std::move(other.directory_)),
      name_(std::move(other.name_)),
      temporary_{std::move(other.temporary_.file), std::exchange(other.temporary_.name, {})},
      size_(other.size_) {}

AtomicFile::~AtomicFile() {
  if (!temporary_.name.empty()) {
    static_cast<void>(directory_.unlink(temporary_.name));
  }
}

Result<AtomicFile> AtomicFile::create(const Directory& directory, BytesView name, mode_t mode) {
  HA_TRY(Directory::Parent parent, directory.open_parent(name));
  HA_TRY(TemporaryFile temporary, parent.directory.create_temporary(mode));
  return AtomicFile(std::move(parent.directory), std::move(parent.name), std::move(temporary));
}

Status AtomicFile::write(BytesView bytes) {
  HA_CHECK(temporary_.file.write_at(size_, bytes));
  size_ += bytes.size();
  return ok();
}

Status AtomicFile::commit() {
  HA_CHECK(temporary_.file.sync());
  if (temporary_.name.empty()) {
    HA_TRY(Bytes name, random_name());  // linkat cannot replace; only rename can
    HA_CHECK(directory_.link_temporary(temporary_, name));
    temporary_.name = std::move(name);
  }
  HA_CHECK(temporary_.file.close());
  HA_CHECK(directory_.rename(temporary_.name, directory_, name_, RenameMode::Replace));
  temporary_.name.clear();
  return directory_.sync();
}

Result<Bytes> read_file(const Directory& directory, BytesView rel, std::size_t bytes_max) {
  HA_TRY(const FileHandle file, directory.open_regular(rel));
  Bytes out;
  constexpr std::size_t kReadBytes = 64 * 1024;
  while (out.size() <= bytes_max) {  // not by the size in stat: files of /proc say 0
    HA_TRY(const Bytes part, file.read_at(out.size(), kReadBytes));
    if (part.empty()) {
      return out;
    }
    out += part;
  }
  return Error(Code::Exhausted,
               in_quotes(file.path()) + " is larger than " + std::to_string(bytes_max) + " bytes");
}

Status replace_file(const Directory& directory, BytesView rel, BytesView content, mode_t mode) {
  HA_TRY(AtomicFile file, AtomicFile::create(directory, rel, mode));
  HA_CHECK(file.write(content));
  return file.commit();
}

}  // namespace ha::sys
