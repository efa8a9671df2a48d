// Deltas of runs (librsync), made at the origin and applied at the replica.
//
// Nothing here checks that the result is right: whoever applies a delta checks the digests of the new chunks.
// Pure: bytes in, bytes out; librsync's own messages end up in the Error. Thread safety: free functions.
// Source: librsync 2.3 (rs_job_iter, RS_DELTA_MAGIC); docs/wire.md, "Deltas".
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::replicator {

// The delta that makes `new_run` from the virtual basis that `combined_signature` (combine()) describes.
// Corrupt if the signature does not parse.
[[nodiscard]] Result<Bytes> make_delta(BytesView combined_signature, BytesView new_run);

// Gives 1 … `length` bytes of the virtual basis from `position` on; the view stays valid until the next call.
// Neither number has been checked. Its error ends apply_delta and is returned as it is.
using BasisReader = std::function<Result<BytesView>(std::uint64_t position, std::size_t length)>;

// The new run. Corrupt if the delta does not parse, is cut off, has anything after its end, or would give
// more than `output_bytes_max`.
[[nodiscard]] Result<Bytes> apply_delta(BytesView delta, const BasisReader& basis,
                                        std::size_t output_bytes_max);

// Finds positions of the virtual basis in the chunks it stands for.
class VirtualBasis {
 public:
  // The lengths of the old chunks of a Run, in order.
  explicit VirtualBasis(std::span<const std::uint32_t> chunk_lengths);

  struct Place {
    std::size_t chunk = 0;        // index into chunk_lengths
    std::uint32_t offset = 0;     // in that chunk
    std::uint32_t available = 0;  // bytes of it from there on, at least 1
  };
  // Corrupt if the position lies beyond the end or in the padding after a chunk.
  [[nodiscard]] Result<Place> locate(std::uint64_t position) const;

 private:
  struct Part {
    std::uint64_t begin = 0;
    std::uint32_t length = 0;
  };
  std::vector<Part> parts_;
};

}  // namespace ha::replicator
