// Owner, mode, extended attributes and times of one pinned inode: read, and made equal.
//
// Works on a FileHandle, O_PATH (Directory::pin, also of a symbolic link) or opened; never on a path, so that
// nobody can swap the file under us. ACLs (system.posix_acl_access, _default) and file capabilities
// (security.capability) are extended attributes here. Not here: content, file flags (chattr), the mapping of
// names to another site's ids (NameCache only looks names up).
//
// Thread safety: functions on handles may run at once; a NameCache belongs to one thread.
// Order that keeps everything (chown clears setuid and security.capability): owner, mode, attributes, times;
// apply_metadata() does that. Source: xattr(7), capabilities(7), chown(2), utimensat(2).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/sys/file.h"

namespace ha::sys {

inline constexpr std::size_t kXattrNameBytesMax = 255;
inline constexpr std::size_t kXattrValueBytesMax = 64 * 1024;
inline constexpr std::size_t kXattrTotalBytesMax = 1024 * 1024;  // names and values of one inode

// By name, full ("user.x"). Sorted, so that its encoding is canonical.
using Xattrs = std::map<Bytes, Bytes>;

// All attributes of the namespaces user, trusted, security and system.posix_acl_*; others (system.* that the
// kernel computes) are left out. A file system without any gives an empty map. Exhausted past the limits.
[[nodiscard]] Result<Xattrs> read_xattrs(const FileHandle& file);
// Makes them equal to `wanted`: sets what differs, removes what is extra. security.selinux is left alone, set
// or removed, where the system cannot change it. Invalid past the limits or in another namespace, Exhausted
// when the file system has no room for one beside a file.
Status set_xattrs(const FileHandle& file, const Xattrs& wanted);

// 4294967295 is not an id (the kernel reads it as "leave alone"): Invalid.
Status set_owner(const FileHandle& file, std::uint32_t uid, std::uint32_t gid);
// The lower 12 bits. A symbolic link has no mode: nothing happens.
Status set_mode(const FileHandle& file, std::uint32_t mode);
// The access time is set to the same.
Status set_mtime(const FileHandle& file, Timestamp mtime);

struct Metadata {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t mode = 0;
  Timestamp mtime;
  Xattrs xattrs;
};

// Stat and xattrs of one inode in one value.
[[nodiscard]] Result<Metadata> read_metadata(const FileHandle& file);
// All of it, in the right order. An error leaves the rest undone; repeating is harmless.
Status apply_metadata(const FileHandle& file, const Metadata& wanted);

// Users and groups by name and by id, remembered (also that there is none). At most kNamesMax of each kind
// are kept, then it starts afresh. It never notices changes: make a new one for every pass.
class NameCache {
 public:
  static constexpr std::size_t kNamesMax = 10000;

  [[nodiscard]] std::optional<std::string> user_name(std::uint32_t uid);
  [[nodiscard]] std::optional<std::string> group_name(std::uint32_t gid);
  [[nodiscard]] std::optional<std::uint32_t> user_id(const std::string& name);
  [[nodiscard]] std::optional<std::uint32_t> group_id(const std::string& name);

 private:
  std::unordered_map<std::uint32_t, std::optional<std::string>> users_;
  std::unordered_map<std::uint32_t, std::optional<std::string>> groups_;
  std::unordered_map<std::string, std::optional<std::uint32_t>> user_ids_;
  std::unordered_map<std::string, std::optional<std::uint32_t>> group_ids_;
};

}  // namespace ha::sys
