#include "tests/support/lossyfs_nodes.h"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <utility>

#include <sys/xattr.h>

#include "common/base/clock.h"

namespace ha::lossyfs {

namespace {

bool parse(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

constexpr const char* kAccessAcl = "system.posix_acl_access";

// An entry of the ACL's xattr (linux/posix_acl_xattr.h, little endian as this machine) behind 4 bytes of
// version.
struct AclEntry {
  std::uint16_t tag;
  std::uint16_t permissions;
  std::uint32_t id;
};
constexpr std::size_t kAclHeaderBytes = 4;

// Calls visit(entry, the bits of the mode that it is: 6, 3 or 0 to shift) and writes the entry back.
template <typename Visit>
void for_each_mode_entry(std::string& acl, Visit visit) {
  constexpr std::uint16_t kUserObj = 1;
  constexpr std::uint16_t kGroupObj = 4;
  constexpr std::uint16_t kMask = 16;
  constexpr std::uint16_t kOther = 32;
  const auto each = [&](auto use) {
    for (std::size_t at = kAclHeaderBytes; at + sizeof(AclEntry) <= acl.size(); at += sizeof(AclEntry)) {
      AclEntry entry;
      std::memcpy(&entry, acl.data() + at, sizeof entry);
      use(entry);
      std::memcpy(acl.data() + at, &entry, sizeof entry);
    }
  };
  bool masked = false;
  each([&](const AclEntry& entry) { masked = masked || entry.tag == kMask; });
  each([&](AclEntry& entry) {
    if (entry.tag == kUserObj) {
      visit(entry, 6U);
    } else if (entry.tag == (masked ? kMask : kGroupObj)) {
      visit(entry, 3U);
    } else if (entry.tag == kOther) {
      visit(entry, 0U);
    }
  });
}

}  // namespace

int set_xattr(Attributes& attributes, const std::string& name, std::string value, int flags) {
  const bool there = attributes.xattrs.count(name) != 0;
  if (there && (flags & XATTR_CREATE) != 0) {
    return EEXIST;
  }
  if (!there && (flags & XATTR_REPLACE) != 0) {
    return ENODATA;
  }
  if (name == kAccessAcl) {
    for_each_mode_entry(value, [&](const AclEntry& entry, unsigned shift) {
      attributes.mode = (attributes.mode & ~(7U << shift)) | ((entry.permissions & 7U) << shift);
    });
  }
  attributes.xattrs[name] = std::move(value);
  attributes.ctime = wall_time();
  return 0;
}

void set_mode(Attributes& attributes, mode_t permissions) {
  attributes.mode = (attributes.mode & S_IFMT) | (permissions & 07777U);
  const auto acl = attributes.xattrs.find(kAccessAcl);
  if (acl != attributes.xattrs.end()) {
    for_each_mode_entry(acl->second, [&](AclEntry& entry, unsigned shift) {
      entry.permissions = static_cast<std::uint16_t>((permissions >> shift) & 7U);
    });
  }
}

timespec wall_time() {
  const auto since = read_clocks().wall.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  return {seconds.count(), (since - seconds) / std::chrono::nanoseconds(1)};
}

struct stat stat_of(const Inode& inode) {
  const Attributes& a = inode.now.attributes;
  struct stat status {};
  status.st_ino = inode.number;
  status.st_mode = a.mode;
  status.st_nlink = inode.links;
  status.st_uid = a.uid;
  status.st_gid = a.gid;
  status.st_rdev = a.device;
  status.st_size = static_cast<off_t>(a.size_bytes);
  status.st_blksize = kPageBytes;
  status.st_blocks = static_cast<blkcnt_t>(inode.now.pages.size() * (kPageBytes / 512));
  status.st_atim = a.atime;
  status.st_mtim = a.mtime;
  status.st_ctim = a.ctime;
  return status;
}

InodePtr Nodes::find(std::uint64_t id) const {
  const auto node = nodes_.find(id);
  return node == nodes_.end() ? nullptr : node->second.inode;
}

std::uint64_t Nodes::hand_out(const InodePtr& inode) {
  const auto [known, fresh] = ids_.try_emplace(inode.get(), last_id_ + 1);
  if (fresh) {
    ++last_id_;
    nodes_[last_id_].inode = inode;
  }
  ++nodes_[known->second].lookups;
  return known->second;
}

void Nodes::forget(std::uint64_t id, std::uint64_t count) {
  const auto node = nodes_.find(id);
  if (node == nodes_.end() || id == kRootId) {
    return;
  }
  node->second.lookups -= count;
  if (node->second.lookups == 0) {
    ids_.erase(node->second.inode.get());
    nodes_.erase(node);
  }
}

int Nodes::make(Caller caller, const InodePtr& folder, Child child, InodePtr& made) {
  const Attributes& above = folder->now.attributes;
  Attributes birth;
  birth.mode = child.mode;
  birth.uid = caller.uid;
  birth.gid = caller.gid;
  if ((above.mode & S_ISGID) != 0) {
    birth.gid = above.gid;
    if (S_ISDIR(child.mode)) {
      birth.mode |= S_ISGID;
    }
  }
  birth.device = child.device;
  birth.atime = birth.mtime = birth.ctime = wall_time();
  return tree_.create(folder, child.name, std::move(birth), std::move(child.target), made);
}

std::uint64_t Nodes::open_listing() {
  listings_[++last_listing_];
  return last_listing_;
}

const Listing& Nodes::listing(std::uint64_t handle, const Inode& folder, bool afresh) {
  Listing& listing = listings_[handle];
  if (afresh) {
    listing = {{".", folder.number, S_IFDIR}, {"..", folder.number, S_IFDIR}};
    for (const auto& [name, inode] : folder.now.entries) {
      listing.push_back({name, inode->number, inode->birth.mode});
    }
  }
  return listing;
}

int Nodes::command(std::string_view words) {
  std::uint64_t number = 0;
  if (words == "sync") {
    tree_.sync_all();
  } else if (words == "lose") {
    tree_.lose(std::nullopt);
    forget_all();
  } else if (words.starts_with("lose ") && parse(words.substr(5), number)) {
    tree_.lose(number);
    forget_all();
  } else if (words.starts_with("capacity ") && parse(words.substr(9), number)) {
    tree_.set_capacity(number);
  } else {
    return EINVAL;
  }
  return 0;
}

void Nodes::forget_all() {
  nodes_.clear();
  ids_.clear();
  nodes_[kRootId] = {tree_.root(), 1};
  ids_[tree_.root().get()] = kRootId;
}

}  // namespace ha::lossyfs
