#include "replicator/source/disk_facts.h"

#include <chrono>
#include <utility>

#include "replicator/source/scanner.h"

namespace ha::replicator {
namespace {

std::chrono::nanoseconds since_1970(const sys::Timestamp& time) {
  return std::chrono::seconds(time.seconds) + std::chrono::nanoseconds(time.nanoseconds);
}

struct Owner {
  std::uint32_t id = 0;
  std::string name;
};

// `here` is the id on disk; `mapped` is what the old owner's name means on this system.
Owner owner_of(std::uint32_t here, const Owner* old, std::optional<std::uint32_t> mapped,
               std::optional<std::string> name_here) {
  if (old != nullptr && mapped.value_or(old->id) == here) {
    return *old;
  }
  return {here, std::move(name_here).value_or(std::string())};
}

}  // namespace

LocalStat stat_record(const sys::Stat& stat) noexcept {
  return {stat.ino,           stat.size,
          stat.mtime.seconds, stat.mtime.nanoseconds,
          stat.ctime.seconds, stat.ctime.nanoseconds};
}

LocalStat racy_record(const sys::Stat& stat) noexcept {
  LocalStat out = stat_record(stat);
  out.inode = 0;
  return out;
}

bool is_racy(const sys::Stat& stat, WallTime now) noexcept {
  // Beyond these the sums below would overflow; such a time is not the clock's.
  constexpr std::int64_t kSecondsMax = 9'000'000'000;
  const auto young = [now](const sys::Timestamp& time) {
    return time.seconds > 0 && time.seconds < kSecondsMax &&
           since_1970(time) > now.time_since_epoch() - kRacyAge;
  };
  // A change time is always the clock's, also when it is ahead of ours. A modification time may be anything.
  return young(stat.ctime) || (young(stat.mtime) && since_1970(stat.mtime) <= now.time_since_epoch());
}

FileType model_type(sys::FileType type) noexcept {
  switch (type) {
    case sys::FileType::Regular:
      return FileType::Regular;
    case sys::FileType::Directory:
      return FileType::Directory;
    case sys::FileType::Symlink:
      return FileType::Symlink;
    case sys::FileType::Fifo:
      return FileType::Fifo;
    case sys::FileType::Socket:
      return FileType::Socket;
    case sys::FileType::CharDevice:
      return FileType::CharDevice;
    case sys::FileType::BlockDevice:
      return FileType::BlockDevice;
  }
  return FileType::Regular;
}

Result<FileMeta> read_meta(const sys::FileHandle& file, const sys::Stat& stat, const FileMeta* old,
                           sys::NameCache& names) {
  FileMeta out;
  out.type = model_type(stat.type);
  out.mode = stat.mode;
  out.mtime_s = stat.mtime.seconds;
  out.mtime_ns = stat.mtime.nanoseconds;
  if (stat.type == sys::FileType::CharDevice || stat.type == sys::FileType::BlockDevice) {
    out.device = stat.rdev;
  }
  const Owner old_user = old != nullptr ? Owner{old->uid, old->user} : Owner{};
  const Owner old_group = old != nullptr ? Owner{old->gid, old->group} : Owner{};
  Owner user = owner_of(stat.uid, old != nullptr ? &old_user : nullptr,
                        old_user.name.empty() ? std::nullopt : names.user_id(old_user.name),
                        names.user_name(stat.uid));
  Owner group = owner_of(stat.gid, old != nullptr ? &old_group : nullptr,
                         old_group.name.empty() ? std::nullopt : names.group_id(old_group.name),
                         names.group_name(stat.gid));
  out.uid = user.id;
  out.user = std::move(user.name);
  out.gid = group.id;
  out.group = std::move(group.name);
  HA_TRY(sys::Xattrs xattrs, sys::read_xattrs(file));
  for (auto& [name, value] : xattrs) {
    out.xattrs.emplace_back(name, std::move(value));
  }
  return out;
}

}  // namespace ha::replicator
