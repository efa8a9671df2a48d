// The metadata of one file-system item as it travels and is stored (Entry::meta), and what the local file
// system said of it (Entry::local). Values only; reading and applying them is the stages' work.
//
// encode() is canonical: equal metadata gives equal bytes, so that item hashes can be compared between sites.
// Not covered: atime, birth time, inode flags. Format: docs/wire.md, "File metadata". Thread safety: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "replicator/model/entry.h"

namespace ha::replicator {

enum class FileType : std::uint8_t {
  Regular = 1,
  Directory = 2,
  Symlink = 3,
  Fifo = 4,
  Socket = 5,
  CharDevice = 6,
  BlockDevice = 7,
  HardLink = 8,  // another name of the regular item named by `target`
};

struct FileMeta {
  FileType type = FileType::Regular;
  std::uint32_t mode = 0;  // permission bits, 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string user;  // the origin's name of uid; empty where it has none
  std::string group;
  std::int64_t mtime_s = 0;                     // since 1970, may be negative
  std::uint32_t mtime_ns = 0;                   // 0 … 999,999,999
  std::uint64_t device = 0;                     // rdev of device nodes
  Bytes target;                                 // symlink: its text; hard link: the key of its leader
  std::vector<std::pair<Bytes, Bytes>> xattrs;  // sorted by name; ACLs and capabilities are among them
  std::optional<Digest> unit;  // directories that are units: the sum of the hashes of their items

  bool operator==(const FileMeta&) const = default;
};

// encode sorts the xattrs. decode: Corrupt on anything that encode would not have written.
[[nodiscard]] Bytes encode_meta(FileMeta meta);
[[nodiscard]] Result<FileMeta> decode_meta(BytesView bytes);

[[nodiscard]] Rank rank_of(FileType type) noexcept;

// What a re-scan compares to know that nothing changed here since the item was recorded.
struct LocalStat {
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t mtime_s = 0;
  std::uint32_t mtime_ns = 0;
  std::int64_t ctime_s = 0;
  std::uint32_t ctime_ns = 0;

  bool operator==(const LocalStat&) const = default;
};
[[nodiscard]] Bytes encode_local(const LocalStat& local);
[[nodiscard]] Result<LocalStat> decode_local(BytesView bytes);

}  // namespace ha::replicator
