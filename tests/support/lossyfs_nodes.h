// Between the tree and the kernel: which inode a handle of the kernel means, and the commands of lossyfs.
//
// Handles ("node ids") are never reused, and a loss forgets them all, so that no cache of the kernel and no
// open file outlives it. No FUSE in here. Thread safety: none. Errors are errno numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tests/support/lossyfs_tree.h"

namespace ha::lossyfs {

// The extended attribute of the mount point whose value is a command.
inline constexpr const char* kControlAttribute = "user.lossyfs";
inline constexpr std::uint64_t kCapacityBytesDefault = std::uint64_t{16} << 30;
inline constexpr std::uint64_t kRootId = 1;

[[nodiscard]] timespec wall_time();
[[nodiscard]] struct stat stat_of(const Inode& inode);

// EEXIST, ENODATA by the XATTR_ flags. An access ACL sets the permission bits too, as acl(5) says.
int set_xattr(Attributes& attributes, const std::string& name, std::string value, int flags);
// chmod: the permissions, and those in the access ACL.
void set_mode(Attributes& attributes, mode_t permissions);

struct Caller {
  uid_t uid;
  gid_t gid;
};

struct Child {
  std::string name;
  mode_t mode = 0;
  dev_t device = 0;
  std::string target;  // of a symlink
};

struct Listed {
  std::string name;
  std::uint64_t number;
  mode_t mode;
};
using Listing = std::vector<Listed>;

class Nodes {
 public:
  Nodes() { forget_all(); }

  [[nodiscard]] Tree& tree() { return tree_; }

  // Null for a handle from before a loss.
  [[nodiscard]] InodePtr find(std::uint64_t id) const;
  // The kernel holds it from now on, until it has forgotten it as often.
  [[nodiscard]] std::uint64_t hand_out(const InodePtr& inode);
  void forget(std::uint64_t id, std::uint64_t count);

  // Makes a child that belongs to the caller, or to the group of a set-group-id directory.
  int make(Caller caller, const InodePtr& folder, Child child, InodePtr& made);
  // An open directory: what it held when it was first read, so that later changes do not shift the rest.
  [[nodiscard]] std::uint64_t open_listing();
  const Listing& listing(std::uint64_t handle, const Inode& folder, bool afresh);
  void close_listing(std::uint64_t handle) { listings_.erase(handle); }

  // lose | lose SEED | sync | capacity BYTES. EINVAL.
  int command(std::string_view words);

 private:
  struct Node {
    InodePtr inode;
    std::uint64_t lookups = 0;
  };
  void forget_all();

  Tree tree_{kCapacityBytesDefault};
  std::unordered_map<std::uint64_t, Node> nodes_;
  std::unordered_map<const Inode*, std::uint64_t> ids_;
  std::uint64_t last_id_ = kRootId;
  std::unordered_map<std::uint64_t, Listing> listings_;
  std::uint64_t last_listing_ = 0;
};

// Mounts and serves until a signal or umount; the exit code.
int serve(const char* mount_point);

}  // namespace ha::lossyfs
