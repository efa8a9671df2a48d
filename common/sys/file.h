// Files and directories below a held directory, without ever following a symbolic link.
//
// FileHandle owns one descriptor; Directory holds one directory and does everything relative to it with
// openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS), so that nobody who may write the
// tree can steer us out of it. Every `rel` is a path accepted by check_key(), of any depth, also longer than
// PATH_MAX; only the last component may be a symbolic link, and it is then meant itself.
// Not here: owners, modes, extended attributes, times (metadata.h). Nothing caches. /proc must be mounted.
//
// Thread safety: const calls may run at once on one object (pread, pwrite, *at calls); moving may not.
// Errors, beyond those errno maps to: Conflict if a component of the path is not what it has to be (a
// symbolic link or a file where a directory should be): the tree changed, or is not what the caller thinks.
// Source: openat2(2), renameat2(2), statx(2), open(2) on O_PATH and O_TMPFILE (Linux 5.6 and later).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::sys {

inline constexpr std::size_t kNameBytesMax = 255;
inline constexpr std::size_t kPathBytesMax = 64 * 1024;

// Invalid unless `rel` is a relative path of '/'-separated components, each of 1 to 255 bytes, none of them
// "." or "..", without NUL, and of at most kPathBytesMax in all.
Status check_key(BytesView rel);

enum class FileType : std::uint8_t { Regular, Directory, Symlink, Fifo, Socket, CharDevice, BlockDevice };

struct Timestamp {
  std::int64_t seconds = 0;  // since 1970, negative before
  std::uint32_t nanoseconds = 0;
  auto operator<=>(const Timestamp&) const = default;
};

struct Stat {
  FileType type = FileType::Regular;
  std::uint32_t mode = 0;  // the lower 12 bits only
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;
  Timestamp mtime;
  Timestamp ctime;
  std::uint64_t ino = 0;
  std::uint64_t dev = 0;
  std::uint64_t mount = 0;  // id of the mount that it was reached by; 0: the kernel does not say
  std::uint64_t nlink = 0;
  std::uint64_t rdev = 0;    // of a device, in the form of makedev(3)
  std::uint64_t blocks = 0;  // of 512 bytes, really allocated
};

class FileHandle {
 public:
  FileHandle() = default;
  // Owns `fd`. `path` is for messages only.
  FileHandle(int fd, Bytes path) noexcept : fd_(fd), path_(std::move(path)) {}
  FileHandle(FileHandle&& other) noexcept;
  FileHandle& operator=(FileHandle&& other) noexcept;
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  ~FileHandle();

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] const Bytes& path() const noexcept { return path_; }
  [[nodiscard]] int release() noexcept;
  // For files that were written: reports what the file system says only at the end. Closed in any case.
  Status close();

  [[nodiscard]] Result<Stat> stat() const;
  // Reads until `length` bytes are there or the file ends; the number read.
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t length) const;
  // The same into a string, which comes back shorter than `length` only at the end of the file.
  [[nodiscard]] Result<Bytes> read_at(std::uint64_t offset, std::size_t length) const;
  Status write_at(std::uint64_t offset, BytesView bytes) const;

  // The first offset at or after `offset` that is data (or hole); the file's size if there is none. Where
  // the file system knows no holes all is data. `offset` past the end gives the size.
  [[nodiscard]] Result<std::uint64_t> seek_data(std::uint64_t offset) const;
  [[nodiscard]] Result<std::uint64_t> seek_hole(std::uint64_t offset) const;

  // The range reads as zeros afterwards, as a hole if the file system can; the size does not change.
  Status punch_hole(std::uint64_t offset, std::uint64_t length) const;
  // Copies by sharing blocks, else in the kernel, else by hand. Conflict if `from` ends before.
  Status copy_range(const FileHandle& from, std::uint64_t from_offset, std::uint64_t to_offset,
                    std::uint64_t length) const;
  Status truncate(std::uint64_t size) const;
  // Starts writing the range back and does not wait, so that a later sync() is short. Advice only.
  void start_writeback(std::uint64_t offset, std::uint64_t length) const noexcept;
  Status sync() const;

 private:
  int fd_ = -1;
  Bytes path_;
};

// One name in a directory; the type is the directory's hint and may be wrong by the time of reading.
struct DirectoryEntry {
  Bytes name;
  bool type_known = false;
  FileType type = FileType::Regular;
};

// Reads a directory from its beginning, a bounded part at a time. Names that come and go meanwhile may or may
// not be seen.
class DirectoryReader {
 public:
  DirectoryReader(DirectoryReader&&) noexcept;
  DirectoryReader& operator=(DirectoryReader&&) noexcept;
  ~DirectoryReader();
  // Up to `count_max` names, without "." and ".."; none means the end.
  [[nodiscard]] Result<std::vector<DirectoryEntry>> next(std::size_t count_max);

 private:
  friend class Directory;
  struct State;
  explicit DirectoryReader(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

enum class RenameMode : std::uint8_t { Replace, NoReplace, Exchange };

// A file without a name, or where the file system knows no O_TMPFILE with a short random one.
struct TemporaryFile {
  FileHandle file;
  Bytes name;  // empty if it has none
};

class Directory {
 public:
  Directory() = default;
  // `path` comes from the configuration: it may be absolute, and symbolic links in it are followed.
  [[nodiscard]] static Result<Directory> open_root(BytesView path);

  [[nodiscard]] int fd() const noexcept { return handle_.fd(); }  // O_PATH
  [[nodiscard]] bool is_open() const noexcept { return handle_.is_open(); }
  [[nodiscard]] const Bytes& path() const noexcept { return handle_.path(); }  // for messages only
  [[nodiscard]] Result<Directory> duplicate() const;
  // The directory as a pinned handle (O_PATH), for metadata.h. Borrowed: lives as long as this.
  [[nodiscard]] const FileHandle& handle() const noexcept { return handle_; }

  // "" is this directory itself.
  [[nodiscard]] Result<Directory> open_beneath(BytesView rel) const;
  // Adds O_CLOEXEC, O_NOFOLLOW, O_NOCTTY and O_NONBLOCK, so that a fifo does not block. `mode` only with
  // O_CREAT, and subject to the umask.
  [[nodiscard]] Result<FileHandle> open_file(BytesView rel, int flags, mode_t mode = 0) const;
  // Opens for reading what is a regular file, and touches nothing else (a fifo's writer does not wake up, a
  // tape does not rewind): Conflict if it is something else.
  [[nodiscard]] Result<FileHandle> open_regular(BytesView rel) const;
  // O_PATH on whatever is there, a symbolic link too: names the inode, for metadata.h.
  [[nodiscard]] Result<FileHandle> pin(BytesView rel) const;

  struct Parent;
  // The directory that `rel` is in, and its name there.
  [[nodiscard]] Result<Parent> open_parent(BytesView rel) const;

  [[nodiscard]] Result<Stat> stat() const;
  [[nodiscard]] Result<Stat> stat(BytesView rel) const;
  [[nodiscard]] Result<bool> exists(BytesView rel) const;
  [[nodiscard]] Result<DirectoryReader> read() const;
  // All names, in no order. Exhausted past `count_max`.
  [[nodiscard]] Result<std::vector<Bytes>> names(std::size_t count_max) const;
  [[nodiscard]] Result<Bytes> read_link(BytesView rel) const;

  Status make_directory(BytesView rel, mode_t mode) const;  // subject to the umask
  Status make_symlink(BytesView rel, BytesView target) const;
  // Fifo, Socket, CharDevice, BlockDevice or an empty Regular; `mode` is subject to the umask.
  Status make_node(BytesView rel, FileType type, mode_t mode, std::uint64_t rdev) const;
  // A hard link `to`/`to_rel` to what `rel` is, a symbolic link included.
  Status link(BytesView rel, const Directory& to, BytesView to_rel) const;
  Status rename(BytesView rel, const Directory& to, BytesView to_rel, RenameMode mode) const;
  Status unlink(BytesView rel) const;            // not a directory
  Status remove_directory(BytesView rel) const;  // Exists if it is not empty
  // Removes `rel` with all in it, however deep, never leaving the file system. NotFound if it is not there.
  // An error leaves a part behind; calling again goes on.
  Status remove_tree(BytesView rel) const;

  // A file for reading and writing on this directory's file system; the handle decides its life until
  // link_temporary() names it. Drop one that has a name with unlink(name).
  [[nodiscard]] Result<TemporaryFile> create_temporary(mode_t mode) const;
  // Exists if `rel` is taken. Afterwards `file.name` is empty and the file has the name `rel` only.
  Status link_temporary(TemporaryFile& file, BytesView rel) const;

  Status sync() const;              // the names in this directory
  Status sync_file_system() const;  // syncfs(2)
  // Whether syncfs() reports lost writes and waits for all: ext4, xfs, btrfs, tmpfs. Elsewhere (FUSE, ...)
  // every file needs its own sync().
  [[nodiscard]] bool syncfs_is_trusted() const noexcept;

 private:
  explicit Directory(FileHandle handle) noexcept : handle_(std::move(handle)) {}
  struct Place;
  [[nodiscard]] Result<Place> place(BytesView rel) const;
  [[nodiscard]] Bytes path_of(BytesView rel) const;
  FileHandle handle_;
};

struct Directory::Parent {
  Directory directory;
  Bytes name;
};

// A file that is replaced as a whole or not at all: written aside, synced, renamed over the old one, and the
// directory synced. Without commit() nothing has happened.
class AtomicFile {
 public:
  // `directory` is duplicated. `name` is one component or a deeper path in it; its parent must exist.
  [[nodiscard]] static Result<AtomicFile> create(const Directory& directory, BytesView name, mode_t mode);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  // Appends.
  Status write(BytesView bytes);
  [[nodiscard]] const FileHandle& file() const noexcept { return temporary_.file; }
  Status commit();

 private:
  AtomicFile(Directory directory, Bytes name, TemporaryFile temporary) noexcept;
  Directory directory_;
  Bytes name_;
  TemporaryFile temporary_;
  std::uint64_t size_ = 0;
};

// The whole of a small file; Exhausted if it is larger than `bytes_max`.
[[nodiscard]] Result<Bytes> read_file(const Directory& directory, BytesView rel, std::size_t bytes_max);
// AtomicFile in one call.
Status replace_file(const Directory& directory, BytesView rel, BytesView content, mode_t mode);

// errno_error for a call on `path`, which is escaped; adds the Conflict cases above.
[[nodiscard]] Error path_error(std::string_view what, BytesView path, int error_number);

}  // namespace ha::sys
