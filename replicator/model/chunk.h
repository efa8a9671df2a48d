// The chunk list of a file: how a large file is described so that two versions can be compared without
// reading either. See docs/wire.md, "Chunks", for the rules that both ends must share.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::replicator {

struct Chunk {
  std::uint32_t length = 0;  // bytes, > 0
  Digest digest;             // keyed; the zero digest marks a run of zero bytes

  bool operator==(const Chunk&) const = default;
  [[nodiscard]] bool is_zeros() const noexcept { return digest.is_zero(); }
};
using ChunkList = std::vector<Chunk>;

inline constexpr std::size_t kChunkRecordBytes = 4 + kDigestBytes;
inline constexpr std::uint32_t kChunkLengthMax = 1U << 31;        // only zero runs come near it
inline constexpr std::uint32_t kDataChunkBytesMax = 1024 * 1024;  // a chunk that has to be read or sent

// Fixed records of length (u32) and digest (16 bytes). decode: Corrupt on a bad size, a zero length, a data
// chunk over kDataChunkBytesMax, or a total that overflows 2^63.
[[nodiscard]] Bytes encode_chunks(const ChunkList& chunks);
[[nodiscard]] Result<ChunkList> decode_chunks(BytesView bytes);
[[nodiscard]] std::uint64_t total_bytes(const ChunkList& chunks) noexcept;

}  // namespace ha::replicator
