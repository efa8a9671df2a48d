#include "replicator/apply/file_facts.h"

namespace ha::replicator {

sys::Metadata wanted_metadata(const FileMeta& meta, sys::NameCache& names) {
  sys::Metadata out;
  out.uid = meta.uid;
  out.gid = meta.gid;
  if (!meta.user.empty()) {
    out.uid = names.user_id(meta.user).value_or(meta.uid);
  }
  if (!meta.group.empty()) {
    out.gid = names.group_id(meta.group).value_or(meta.gid);
  }
  out.mode = meta.mode;
  out.mtime = {meta.mtime_s, meta.mtime_ns};
  for (const auto& [name, value] : meta.xattrs) {
    out.xattrs.emplace(name, value);
  }
  return out;
}

LocalStat local_stat(const sys::Stat& stat) noexcept {
  return {stat.ino,           stat.size,
          stat.mtime.seconds, stat.mtime.nanoseconds,
          stat.ctime.seconds, stat.ctime.nanoseconds};
}

sys::FileType system_type(FileType type) noexcept {
  switch (type) {
    case FileType::Regular:
    case FileType::HardLink:
      return sys::FileType::Regular;
    case FileType::Directory:
      return sys::FileType::Directory;
    case FileType::Symlink:
      return sys::FileType::Symlink;
    case FileType::Fifo:
      return sys::FileType::Fifo;
    case FileType::Socket:
      return sys::FileType::Socket;
    case FileType::CharDevice:
      return sys::FileType::CharDevice;
    case FileType::BlockDevice:
      return sys::FileType::BlockDevice;
  }
  return sys::FileType::Regular;
}

bool is_still(const sys::Stat& live, LocalStat recorded) noexcept {
  const LocalStat now = local_stat(live);
  recorded.inode = recorded.inode == 0 ? now.inode : recorded.inode;
  recorded.ctime_s = now.ctime_s;
  recorded.ctime_ns = now.ctime_ns;
  return now == recorded;
}

}  // namespace ha::replicator
