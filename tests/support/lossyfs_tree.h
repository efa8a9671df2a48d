// A file tree in memory that remembers, beside what it holds now, what a power loss would leave of it.
//
// What becomes durable, strictly by what POSIX lets a program rely on:
//  - fsync of a file: its data, size and attributes; nothing of its names;
//  - fsync of a directory: its names and its own attributes, and the attributes of the symlinks, fifos,
//  sockets and
//    devices in it, which nobody can fsync. A name whose file was never synced leads to an empty file with
//    the attributes it was created with. A rename is one change: syncing either directory makes both halves
//    durable, with whatever came before it in either.
// lose(seed) keeps in addition some of the rest, as a real disk would: of each directory a random first part
// of its unsynced changes, of each file random pages of 4 KiB, and its size and attributes or not.
//
// It is not a file system: no permissions, no paths, no FUSE; lossyfs.cpp is the glue.
// Thread safety: none. Errors are errno numbers, 0 for success, because that is what FUSE answers with.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace ha::lossyfs {

inline constexpr std::size_t kPageBytes = 4096;
inline constexpr std::size_t kNameBytesMax = 255;
using Page = std::array<std::byte, kPageBytes>;

struct Inode;
using InodePtr = std::shared_ptr<Inode>;

struct Attributes {
  mode_t mode = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  dev_t device = 0;
  timespec atime{};
  timespec mtime{};
  timespec ctime{};
  std::uint64_t size_bytes = 0;
  std::map<std::string, std::string> xattrs;
};

// What an inode is, now or on the disk. Pages are shared between both until one is written.
struct Layer {
  Attributes attributes;
  std::map<std::uint64_t, std::shared_ptr<Page>> pages;  // by number; one that is missing is a hole
  std::map<std::string, InodePtr> entries;               // of a directory
};

struct Inode {
  std::uint64_t number = 0;
  std::string target;  // of a symlink
  Attributes birth;    // as created, and empty
  Layer now;
  std::optional<Layer> kept;
  std::set<std::uint64_t> dirty_pages;  // written, punched or cut off since the last sync
  std::uint32_t links = 0;              // names now; 1 for a directory

  [[nodiscard]] bool is_directory() const { return S_ISDIR(birth.mode); }
};

class Tree {
 public:
  explicit Tree(std::uint64_t capacity_bytes);

  [[nodiscard]] const InodePtr& root() const { return root_; }
  [[nodiscard]] InodePtr find(const InodePtr& folder, const std::string& name) const;

  // Names. EEXIST, ENAMETOOLONG, ENOENT, ENOTDIR, EISDIR, ENOTEMPTY, EINVAL; times are the caller's `now`.
  int create(const InodePtr& folder, const std::string& name, Attributes birth, std::string target,
             InodePtr& made);
  int link(const InodePtr& folder, const std::string& name, const InodePtr& inode, timespec now);
  int remove(const InodePtr& folder, const std::string& name, bool directory, timespec now);
  // flags: 0, RENAME_NOREPLACE or RENAME_EXCHANGE.
  int rename(const InodePtr& from_folder, const std::string& from, const InodePtr& to_folder,
             const std::string& to, unsigned flags, timespec now);

  // Data. ENOSPC beyond the capacity, and then nothing of it is written.
  [[nodiscard]] std::vector<std::byte> read(const Inode& inode, std::uint64_t offset,
                                            std::size_t bytes) const;
  int write(Inode& inode, std::uint64_t offset, std::span<const std::byte> data, timespec now);
  void resize(Inode& inode, std::uint64_t size_bytes);
  void punch(Inode& inode, std::uint64_t offset, std::uint64_t bytes);
  // The first data, or hole, at or after `offset`; nothing when there is none (ENXIO).
  [[nodiscard]] std::optional<std::uint64_t> seek(const Inode& inode, std::uint64_t offset, bool data) const;

  void sync_file(Inode& inode);
  void sync_directory(const InodePtr& folder);
  void sync_all();
  // The power fails. Inodes without a durable name are gone; the caller must forget all it holds but root().
  void lose(std::optional<std::uint64_t> seed);

  void set_capacity(std::uint64_t bytes) { capacity_bytes_ = bytes; }
  [[nodiscard]] std::uint64_t capacity_bytes() const { return capacity_bytes_; }
  [[nodiscard]] std::uint64_t used_bytes() const { return used_pages_ * kPageBytes; }
  [[nodiscard]] std::size_t unsynced_changes() const { return pending_.size(); }

 private:
  // One atomic change of names; a rename has two halves.
  struct Half {
    InodePtr folder;
    std::string name;
    InodePtr inode;  // null: the name goes
  };
  using Change = std::vector<Half>;

  void record(Change change, timespec now);
  void drop_link(Inode& inode, timespec now);
  void apply(const Change& change);
  // Makes durable the changes of these directories, and what came before those in directories they share.
  void commit(std::set<const Inode*> folders);
  void keep_by_chance(std::mt19937_64& random);
  [[nodiscard]] std::vector<InodePtr> reachable(bool kept) const;
  Page& page_for_writing(Inode& inode, std::uint64_t number);
  void drop_page(Inode& inode, std::uint64_t number);

  InodePtr root_;
  std::list<Change> pending_;  // not durable yet, oldest first
  std::uint64_t last_number_ = 1;
  std::uint64_t used_pages_ = 0;  // of files that have a name
  std::uint64_t capacity_bytes_;
};

}  // namespace ha::lossyfs
