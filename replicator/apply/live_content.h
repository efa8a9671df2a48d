// The content that stands at a key now: an open file with the chunk list it is known, or found, to have.
//
// Known without reading where the index has the very same stat; otherwise the file is read and hashed.
// Thread safety: functions on values; the index is used. Errors: Conflict if the file keeps changing while it
// is read; those of the index and of reading.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/result.h"
#include "common/sys/digest.h"
#include "common/sys/file.h"
#include "replicator/index/index.h"
#include "replicator/model/chunk.h"
#include "replicator/model/file_meta.h"
#include "replicator/model/frame.h"

namespace ha::replicator {

inline constexpr std::size_t kReportedChunksMax = 6 * 1024 * 1024 / kChunkRecordBytes;  // about 20 GiB

struct LiveContent {
  sys::FileHandle file;  // not open: no regular file is there, and the rest is empty
  LocalStat local;
  std::uint64_t links = 0;
  bool indexed = false;   // it is the very inode that the index recorded
  bool pristine = false;  // it is the pristine copy of an overlaid item, which has more behind the content
  Digest content;
  ChunkList chunks;

  // What the origin is told of it: as if nothing were there when the list does not fit into a message.
  [[nodiscard]] BasisReport report() const {
    return chunks.size() <= kReportedChunksMax ? BasisReport{content, chunks} : BasisReport{};
  }
};

// Read: whatever the index says, as when it turned out to be wrong.
enum class Trust : std::uint8_t { Index, Read };
[[nodiscard]] Result<LiveContent> open_live(const sys::Directory& root, Index& index,
                                            const sys::DigestKey& key, BytesView item_key,
                                            Trust trust = Trust::Index);

// Opens it again, for the chunks known from before. Conflict if it is not what it was then.
Status reopen_live(const sys::Directory& root, BytesView item_key, LiveContent& live);

// The chunk list of a file that has `size` bytes. Conflict if it turns out shorter or longer.
[[nodiscard]] Result<ChunkList> hash_file(const sys::DigestKey& key, const sys::FileHandle& file,
                                          std::uint64_t size);

// Where each chunk starts, and the total at the end.
[[nodiscard]] std::vector<std::uint64_t> chunk_offsets(const ChunkList& chunks);

// Of a chunk list that says no more than size and content digest do, nothing needs to be stored.
[[nodiscard]] bool is_trivial(const ChunkList& chunks) noexcept;

}  // namespace ha::replicator
