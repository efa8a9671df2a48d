#include "failover/sensors/tree_digest.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "common/sys/digest.h"
#include "common/sys/file.h"

namespace ha::failover {
namespace {

constexpr std::size_t kPartBytes = 256 * 1024;

class TreeWalk {
 public:
  TreeWalk(sys::DigestKey key, SteadyTime until) : key_(key), hasher_(key), until_(until) {}

  Status directory(const sys::Directory& place, const std::string& below, std::size_t depth) {
    if (depth > kTreeDepthMax) {
      return Error(Code::Exhausted, "more than " + std::to_string(kTreeDepthMax) + " directories deep");
    }
    HA_TRY(std::vector<Bytes> names, place.names(kTreeFilesMax));
    std::sort(names.begin(), names.end());
    for (const Bytes& name : names) {
      HA_TRY(const sys::Stat stat, place.stat(name));
      if (++files_ > kTreeFilesMax) {
        return Error(Code::Exhausted, "more than " + std::to_string(kTreeFilesMax) + " files");
      }
      if (read_clocks().steady >= until_) {
        return Error(Code::TimedOut, "reading the files takes too long");
      }
      Bytes head = below + name + '\0';
      put_u32(head, static_cast<std::uint32_t>(stat.type));
      put_u32(head, stat.mode);
      HA_CHECK(item(place, name, stat, head));
      if (stat.type == sys::FileType::Directory) {
        HA_TRY(const sys::Directory inside, place.open_beneath(name));
        HA_CHECK(directory(inside, below + name + '/', depth + 1));
      }
    }
    return ok();
  }

  [[nodiscard]] Digest finish() { return hasher_.finish(); }

 private:
  Status item(const sys::Directory& place, const Bytes& name, const sys::Stat& stat, Bytes& head) {
    if (stat.type == sys::FileType::Symlink) {
      HA_TRY(const Bytes target, place.read_link(name));
      put_u64(head, target.size());
      head += target;
    } else if (stat.type == sys::FileType::Regular) {
      HA_TRY(const sys::FileHandle file, place.open_regular(name));
      sys::Hasher content(key_);
      for (std::uint64_t at = 0;;) {
        HA_TRY(const Bytes part, file.read_at(at, kPartBytes));
        content.update(part);
        at += part.size();
        bytes_ += part.size();
        if (bytes_ > kTreeBytesMax || read_clocks().steady >= until_) {
          return Error(bytes_ > kTreeBytesMax ? Code::Exhausted : Code::TimedOut,
                       "reading the files takes too long");
        }
        if (part.size() < kPartBytes) {
          break;
        }
      }
      put_digest(head, content.finish());
    }
    hasher_.update(head);
    return ok();
  }

  sys::DigestKey key_;
  sys::Hasher hasher_;
  SteadyTime until_;
  std::size_t files_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Result<Digest> tree_digest(const std::string& path, SteadyTime until) {
  HA_TRY(const sys::DigestKey key, sys::DigestKey::from_bytes(Bytes(sys::kDigestKeyBytes, 'd')));
  HA_TRY(const sys::Directory root, sys::Directory::open_root(path));
  TreeWalk walk(key, until);
  if (auto walked = walk.directory(root, "", 0); !walked.ok()) {
    return std::move(walked).error().in(path);
  }
  return walk.finish();
}

}  // namespace ha::failover
