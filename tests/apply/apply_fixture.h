// What the tests of replicator/apply share: a temporary root with an index and a target, and frames encoded
// by hand (not by the source's FrameBuilder).
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/sys/digest.h"
#include "common/sys/file.h"
#include "replicator/apply/file_target.h"
#include "replicator/index/index.h"
#include "replicator/model/file_meta.h"
#include "replicator/model/frame.h"

namespace ha::replicator::test {

[[nodiscard]] const sys::DigestKey& test_key();

// Removed with all that is in it, however it looks.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Bytes that look random and are the same for a seed.
[[nodiscard]] Bytes random_content(std::uint64_t seed, std::size_t bytes);

[[nodiscard]] FileMeta meta_of(FileType type, std::uint32_t mode = 0644);
[[nodiscard]] ChunkList chunks_of(BytesView content);
[[nodiscard]] Digest digest_of(BytesView content);

// Headers with everything that apply checks.
[[nodiscard]] Entry header_of(const Bytes& key, const FileMeta& meta, BytesView content = {});
[[nodiscard]] ItemPart plain_item(const Bytes& key, const FileMeta& meta);  // anything but regular files
[[nodiscard]] ItemPart deleted_item(const Bytes& key);
[[nodiscard]] ItemPart link_item(const Bytes& key, const Bytes& leader, BytesView content);
[[nodiscard]] ItemPart literal_item(const Bytes& key, BytesView content, const FileMeta& meta);
[[nodiscard]] ItemPart literal_item(const Bytes& key, BytesView content);
// Only the metadata changes.
[[nodiscard]] ItemPart same_content_item(const Bytes& key, BytesView content, const FileMeta& meta);
// As the origin makes it: copies, patches and literals.
[[nodiscard]] ItemPart delta_item(const Bytes& key, BytesView old_content, BytesView new_content,
                                  const FileMeta& meta);
// One part for each instruction, the header in the first.
[[nodiscard]] std::vector<ItemPart> split(const ItemPart& item);

[[nodiscard]] Bytes frame_of(std::vector<ItemPart> parts);

struct Target {
  explicit Target(const FileTargetOptions& options = fast());
  Target(const std::string& root, const std::string& index_path, const FileTargetOptions& options);

  static FileTargetOptions fast();

  // Frames of one item each, then close_batch. The error of either.
  Result<BatchOutcome> try_batch(const std::vector<ItemPart>& items);
  // The same; anything wrong fails the test.
  BatchOutcome batch(const std::vector<ItemPart>& items);
  CommitOutcome commit();
  // A new FileTarget over the same root and index, recovered.
  Recovery reopen();

  [[nodiscard]] std::filesystem::path at(const Bytes& key) const { return root / key; }
  [[nodiscard]] std::optional<Entry> entry(const Bytes& key);
  // Names in .hareplicate beyond the marker.
  [[nodiscard]] std::size_t staged_count() const;

  TemporaryDirectory directory;
  std::filesystem::path root;
  FileTargetOptions options;
  Index index;
  FileTarget target;
  std::uint64_t next_batch = 1;
};

[[nodiscard]] Bytes read_all(const std::filesystem::path& path);
void write_all(const std::filesystem::path& path, BytesView content);
[[nodiscard]] std::uint64_t inode_of(const std::filesystem::path& path);

// For messages.
template <typename T>
[[nodiscard]] std::string text_of(const Result<T>& result) {
  return result.ok() ? std::string("ok") : result.error().what();
}

// Whether we may mount, make devices and the like; says so when not.
[[nodiscard]] bool is_root(const char* for_what);

struct stat stat_of(const std::filesystem::path& path);
// The file has this content and the index says so, with the stat it has now.
void check_converged(Target& t, const Bytes& key, BytesView content);

}  // namespace ha::replicator::test
