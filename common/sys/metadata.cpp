#include "common/sys/metadata.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "common/sys/file_internal.h"

namespace ha::sys {
namespace {

constexpr std::string_view kSelinux = "security.selinux";
constexpr int kRetriesMax = 10;
constexpr std::size_t kNameBufferBytesMax = 1024 * 1024;

bool is_replicated(BytesView name) {
  return name.starts_with("user.") || name.starts_with("trusted.") || name.starts_with("security.") ||
         name == "system.posix_acl_access" || name == "system.posix_acl_default";
}

Error xattr_error(std::string_view what, BytesView name, const FileHandle& file, int error_number) {
  return path_error(std::string(what) + " the attribute \"" + escape(name) + "\" of", file.path(),
                    error_number);
}

// ext4 keeps all attributes of a file in one block and calls it ENOSPC: that is this file's trouble, not the
// disk's.
Error does_not_fit(BytesView name, BytesView value, const FileHandle& file) {
  return Error(Code::Exhausted,
               "the attribute \"" + escape(name) + "\" of \"" + escape(file.path()) + "\" has " +
                   std::to_string(value.size()) +
                   " bytes, which this file system has no room for beside a file",
               "setfattr -x NAME FILE at the origin, or another file system here (XFS, btrfs)");
}

Error too_many(const FileHandle& file) {
  return Error(Code::Exhausted, "the extended attributes of \"" + escape(file.path()) +
                                    "\" are larger than " + std::to_string(kXattrTotalBytesMax) + " bytes");
}

// The names as the kernel gives them, each ended by NUL.
Result<Bytes> list_names(const FileHandle& file) {
  const auto path = proc_path(file.fd());
  for (int i = 0; i < kRetriesMax; ++i) {
    const ssize_t wanted = ::listxattr(path.data(), nullptr, 0);
    if (wanted == 0 || (wanted < 0 && errno == EOPNOTSUPP)) {
      return Bytes();
    }
    Bytes names(wanted < 0 ? 0 : static_cast<std::size_t>(wanted), '\0');
    const ssize_t got = wanted < 0 ? wanted : ::listxattr(path.data(), names.data(), names.size());
    if (got >= 0) {
      names.resize(static_cast<std::size_t>(got));
      return names;
    }
    if (errno != ERANGE) {  // ERANGE: one came in between
      return path_error("cannot list the attributes of", file.path(), errno);
    }
  }
  return Error(Code::Conflict, "the attributes of \"" + escape(file.path()) + "\" keep changing");
}

// nullopt if it is gone by now, or is one the kernel lists but does not give.
Result<std::optional<Bytes>> read_value(const FileHandle& file, const Bytes& name) {
  Bytes value(kXattrValueBytesMax, '\0');
  const ssize_t length = ::getxattr(proc_path(file.fd()).data(), name.c_str(), value.data(), value.size());
  if (length < 0) {
    if (errno == ENODATA || errno == EOPNOTSUPP) {
      return std::optional<Bytes>();
    }
    return xattr_error("cannot read", name, file, errno);
  }
  value.resize(static_cast<std::size_t>(length));
  value.shrink_to_fit();
  return std::optional<Bytes>(std::move(value));
}

Status check_wanted(const FileHandle& file, const Xattrs& wanted) {
  std::size_t total = 0;
  for (const auto& [name, value] : wanted) {
    total += name.size() + value.size();
    if (!is_replicated(name) || name.size() > kXattrNameBytesMax || value.size() > kXattrValueBytesMax ||
        name.find('\0') != Bytes::npos || total > kXattrTotalBytesMax) {
      return Error(Code::Invalid,
                   "attribute \"" + escape(name) + "\" is not allowed on \"" + escape(file.path()) + "\"");
    }
  }
  return ok();
}

// Calls a get*_r function with a buffer that grows as it asks, and `use` on the record, if there is one.
template <typename Record, typename Lookup, typename Use>
void look_up(Lookup lookup, Use use) {
  std::vector<char> buffer(1024);
  while (buffer.size() <= kNameBufferBytesMax) {
    Record record{};
    Record* found = nullptr;
    const int error_number = lookup(&record, buffer.data(), buffer.size(), &found);
    if (error_number == ERANGE) {
      buffer.resize(buffer.size() * 4);
    } else if (error_number != EINTR) {
      if (found != nullptr) {
        use(*found);
      }
      return;
    }
  }
}

template <typename Key, typename Value, typename Find>
std::optional<Value> remembered(std::unordered_map<Key, std::optional<Value>>& cache, const Key& key,
                                Find find) {
  if (const auto known = cache.find(key); known != cache.end()) {
    return known->second;
  }
  if (cache.size() >= NameCache::kNamesMax) {
    cache.clear();
  }
  return cache.emplace(key, find()).first->second;
}

}  // namespace

Result<Xattrs> read_xattrs(const FileHandle& file) {
  HA_TRY(const Bytes names, list_names(file));
  Xattrs out;
  std::size_t total = 0;
  for (std::size_t start = 0; start < names.size();) {
    const std::size_t end = std::min(names.find('\0', start), names.size());
    Bytes name = names.substr(start, end - start);
    start = end + 1;
    if (!is_replicated(name)) {
      continue;
    }
    HA_TRY(std::optional<Bytes> value, read_value(file, name));
    if (value) {
      total += name.size() + value->size();
      if (total > kXattrTotalBytesMax) {
        return too_many(file);
      }
      out.emplace(std::move(name), *std::move(value));
    }
  }
  return out;
}

Status set_xattrs(const FileHandle& file, const Xattrs& wanted) {
  HA_CHECK(check_wanted(file, wanted));
  HA_TRY(const Xattrs present, read_xattrs(file));
  const auto path = proc_path(file.fd());
  for (const auto& [name, value] : present) {
    if (!wanted.contains(name) && ::removexattr(path.data(), name.c_str()) != 0 && errno != ENODATA &&
        name != kSelinux) {
      return xattr_error("cannot remove", name, file, errno);
    }
  }
  for (const auto& [name, value] : wanted) {
    const auto old = present.find(name);
    if (old != present.end() && old->second == value) {
      continue;
    }
    if (::setxattr(path.data(), name.c_str(), value.data(), value.size(), 0) != 0 && name != kSelinux) {
      return errno == ENOSPC ? does_not_fit(name, value, file) : xattr_error("cannot set", name, file, errno);
    }
  }
  return ok();
}

Status set_owner(const FileHandle& file, std::uint32_t uid, std::uint32_t gid) {
  if (uid == UINT32_MAX || gid == UINT32_MAX) {
    return Error(Code::Invalid, "4294967295 is not a user or group id, for \"" + escape(file.path()) + "\"");
  }
  if (::fchownat(file.fd(), "", uid, gid, AT_EMPTY_PATH) != 0) {
    return path_error("cannot set the owner of", file.path(), errno);
  }
  return ok();
}

Status set_mode(const FileHandle& file, std::uint32_t mode) {
  HA_TRY(const Stat stat, file.stat());
  if (stat.type != FileType::Symlink && ::chmod(proc_path(file.fd()).data(), mode & 07777U) != 0) {
    return path_error("cannot set the mode of", file.path(), errno);
  }
  return ok();
}

Status set_mtime(const FileHandle& file, Timestamp mtime) {
  const timespec time{mtime.seconds, static_cast<long>(mtime.nanoseconds)};
  const timespec times[2] = {time, time};
  if (mtime.nanoseconds > 999'999'999 || ::utimensat(file.fd(), "", times, AT_EMPTY_PATH) != 0) {
    return path_error("cannot set the time of", file.path(),
                      mtime.nanoseconds > 999'999'999 ? EINVAL : errno);
  }
  return ok();
}

Result<Metadata> read_metadata(const FileHandle& file) {
  HA_TRY(const Stat stat, file.stat());
  HA_TRY(Xattrs xattrs, read_xattrs(file));
  return Metadata{stat.uid, stat.gid, stat.mode, stat.mtime, std::move(xattrs)};
}

Status apply_metadata(const FileHandle& file, const Metadata& wanted) {
  HA_TRY(const Stat stat, file.stat());
  const bool owner_differs = stat.uid != wanted.uid || stat.gid != wanted.gid;
  if (owner_differs) {
    HA_CHECK(set_owner(file, wanted.uid, wanted.gid));
  }
  if (owner_differs || stat.mode != wanted.mode) {  // chown has cleared setuid and setgid
    HA_CHECK(set_mode(file, wanted.mode));
  }
  HA_CHECK(set_xattrs(file, wanted.xattrs));
  return stat.mtime == wanted.mtime ? ok() : set_mtime(file, wanted.mtime);
}

std::optional<std::string> NameCache::user_name(std::uint32_t uid) {
  return remembered(users_, uid, [&] {
    std::optional<std::string> name;
    look_up<passwd>([&](passwd* record, char* buffer, std::size_t size,
                        passwd** found) { return ::getpwuid_r(uid, record, buffer, size, found); },
                    [&](const passwd& record) { name = record.pw_name; });
    return name;
  });
}

std::optional<std::string> NameCache::group_name(std::uint32_t gid) {
  return remembered(groups_, gid, [&] {
    std::optional<std::string> name;
    look_up<group>([&](group* record, char* buffer, std::size_t size,
                       group** found) { return ::getgrgid_r(gid, record, buffer, size, found); },
                   [&](const group& record) { name = record.gr_name; });
    return name;
  });
}

std::optional<std::uint32_t> NameCache::user_id(const std::string& name) {
  return remembered(user_ids_, name, [&] {
    std::optional<std::uint32_t> uid;
    look_up<passwd>([&](passwd* record, char* buffer, std::size_t size,
                        passwd** found) { return ::getpwnam_r(name.c_str(), record, buffer, size, found); },
                    [&](const passwd& record) { uid = record.pw_uid; });
    return uid;
  });
}

std::optional<std::uint32_t> NameCache::group_id(const std::string& name) {
  return remembered(group_ids_, name, [&] {
    std::optional<std::uint32_t> gid;
    look_up<group>([&](group* record, char* buffer, std::size_t size,
                       group** found) { return ::getgrnam_r(name.c_str(), record, buffer, size, found); },
                   [&](const group& record) { gid = record.gr_gid; });
    return gid;
  });
}

}  // namespace ha::sys
