// Which parts of a new content are there already, as chunks, and the whole chunk list once all are.
//
// Values only: no file. Instructions may come in any order and more than once; consecutive ones are joined,
// so memory is that of the chunk list. Thread safety: values. Source: docs/wire.md, "Chunks".
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "replicator/model/chunk.h"
#include "replicator/model/frame.h"

namespace ha::replicator {

inline constexpr std::size_t kPiecesMax = 1'000'000;  // unconnected parts of one content

class Assembly {
 public:
  struct Piece {
    std::uint64_t bytes = 0;
    ChunkList chunks;
  };

  // Whether all of the range is there already. Corrupt if only a part of it is, if it is empty, or if it ends
  // beyond `size_max`.
  [[nodiscard]] Result<bool> has(std::uint64_t offset, std::uint64_t bytes, std::uint64_t size_max) const;
  // The range of these chunks is there now; has() said no before. Exhausted past kPiecesMax.
  Status add(std::uint64_t offset, const ChunkList& chunks);

  [[nodiscard]] std::uint64_t covered_bytes() const noexcept { return covered_bytes_; }
  // One past the last byte that is there.
  [[nodiscard]] std::uint64_t end() const noexcept;
  // All chunks from 0 to covered_bytes(), runs of zeros joined as the chunker does it. Only if nothing is
  // missing between.
  [[nodiscard]] ChunkList chunks() const;
  [[nodiscard]] std::vector<ByteRange> ranges() const;
  [[nodiscard]] const std::map<std::uint64_t, Piece>& pieces() const noexcept { return pieces_; }

  // For the index: offset, number of chunks and chunk records of each piece. Corrupt on anything else.
  [[nodiscard]] Bytes encode() const;
  [[nodiscard]] static Result<Assembly> decode(BytesView bytes);

 private:
  std::map<std::uint64_t, Piece> pieces_;  // by offset
  std::uint64_t covered_bytes_ = 0;
};

// The chunks of `bytes` zeros.
[[nodiscard]] ChunkList zero_chunks(std::uint64_t bytes);

}  // namespace ha::replicator
