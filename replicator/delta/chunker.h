// Cuts a file into its chunk list while it is being read.
//
// A file of at most kDataChunkBytesMax is one chunk. In a larger one every run of grid blocks (64 KiB,
// aligned in the file; the last may be short) that are all zero is a zero chunk, so that a hole need not be
// read and is the same as written zeros. Everything between is cut by content (FastCDC), anew from the start
// of each piece. Both ends of the wire must cut alike: whatever changes a cut is a new wire version.
//
// Pure; memory stays under 1 MiB plus the list. One Chunker per file and thread.
// Source: docs/wire.md, "Chunks"; FastCDC: Xia et al., USENIX ATC 2016, normalized chunking level 2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/sys/digest.h"
#include "replicator/model/chunk.h"

namespace ha::replicator {

inline constexpr std::size_t kChunkBytesMin = 16 * 1024;  // of a large file; the last of a piece may be less
inline constexpr std::size_t kChunkBytesAverage = 64 * 1024;
inline constexpr std::size_t kChunkBytesMax = 256 * 1024;
inline constexpr std::size_t kZeroGridBytes = 64 * 1024;
inline constexpr std::uint32_t kZeroChunkBytesMax = kChunkLengthMax - kZeroGridBytes;
inline constexpr std::uint64_t kChunkedFileBytesMax = 1ULL << 50;  // holes cost list entries, too

class Chunker {
 public:
  // Called for every chunk in order, as soon as it is known. `data` is valid during the call; it is empty for
  // a run of zeros.
  using Sink = std::function<void(std::uint64_t offset, const Chunk& chunk, BytesView data)>;

  // `size_bytes`: of the whole file, which must be known before.
  Chunker(const sys::DigestKey& key, std::uint64_t size_bytes, Sink sink = {});

  // The list that the file had before, if it is known: where nothing has changed a digest alone then confirms
  // the cut, several times as fast. The result is the same. Before the first byte.
  void remember(ChunkList before) { before_ = std::move(before); }

  // The next bytes of the file, or the next hole of `length` bytes. Buffers of some MiB are fastest: only
  // what cannot be cut yet is copied. Conflict if the file gives more than it said.
  Status feed(BytesView data);
  Status feed_zeros(std::uint64_t length);

  // The whole list. Conflict if the file gave less than it said. Call once, last.
  [[nodiscard]] Result<ChunkList> finish();

 private:
  // What follows the bytes up to data_end_, as far as it has been fed.
  enum class Follows { Data, Zeros, End, Unknown };

  Status expect(std::uint64_t length) const;
  void take(BytesView data);
  void take_small(BytesView data);
  std::size_t cut(BytesView window);
  // The chunk at position_ if it is the one that was there before.
  [[nodiscard]] std::optional<Chunk> same_as_before(BytesView piece);
  Follows look_ahead(BytesView window);
  void emit_data(BytesView data);
  void emit_data(BytesView data, const Chunk& chunk);
  void emit_zeros();

  sys::DigestKey key_;
  std::uint64_t size_bytes_;
  Sink sink_;
  ChunkList chunks_;
  ChunkList before_;
  std::size_t before_next_ = 0;  // chunk of before_
  std::uint64_t before_at_ = 0;  // its offset
  Bytes carry_;                  // bytes from position_ on that could not be cut yet
  std::uint64_t fed_ = 0;        // bytes given so far
  std::uint64_t position_ = 0;   // bytes cut so far, runs of zeros that are still growing included
  std::uint64_t zeros_ = 0;      // length of the growing run of zeros that ends at position_
  std::uint64_t data_end_ = 0;   // bytes up to here are known to lie in blocks that are not all zero
};

// The digest of a whole content: of one data chunk its own digest, otherwise the digest of the encoded list.
// Invalid if the list is not `size_bytes` long.
[[nodiscard]] Result<Digest> content_digest(const sys::DigestKey& key, const ChunkList& chunks,
                                            std::uint64_t size_bytes);

}  // namespace ha::replicator
