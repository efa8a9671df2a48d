// Signatures from a peer: those of the right length make a delta that rebuilds the run when they are true,
// and some delta when they are not; all others are refused.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "replicator/delta/patch.h"
#include "replicator/delta/signature.h"

using namespace ha;
using namespace ha::replicator;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView input(reinterpret_cast<const char*>(data), size);
  static_cast<void>(make_delta(input, input));

  // As a peer's signature, whole blocks of it.
  const Bytes body(input.substr(0, size / kSignatureSumBytes * kSignatureSumBytes));
  const auto blocks = static_cast<std::uint32_t>(body.size() / kSignatureSumBytes);
  const std::array<ChunkSignature, 1> claimed{{{blocks * std::uint32_t{kSignatureBlockBytes}, body}}};
  const auto combined = combine(claimed);
  if (combined.ok() != (blocks > 0)) {
    std::abort();
  }
  if (combined.ok() && !make_delta(*combined, input).ok()) {
    std::abort();
  }

  // As content: the first half is what the replica has.
  const BytesView old_chunk = input.substr(0, size / 2);
  if (old_chunk.empty() || old_chunk.size() > 65'536) {
    return 0;
  }
  const Bytes own = chunk_signature(old_chunk).value();
  const std::array<ChunkSignature, 1> true_one{{{static_cast<std::uint32_t>(old_chunk.size()), own}}};
  const Bytes delta = make_delta(combine(true_one).value(), input).value();
  const auto rebuilt = apply_delta(
      delta,
      [&](std::uint64_t position, std::size_t length) -> Result<BytesView> {
        if (position >= old_chunk.size()) {
          return Error(Code::Corrupt, "outside");
        }
        return old_chunk.substr(position, length);
      },
      size);
  if (!rebuilt.ok() || *rebuilt != input) {
    std::abort();
  }
  return 0;
}
