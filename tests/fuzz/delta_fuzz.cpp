// Deltas from a peer: whatever they say, apply_delta gives an error or at most what was announced.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "replicator/delta/patch.h"

using namespace ha;
using namespace ha::replicator;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kOutputBytesMax = 64 * 1024;
  static const std::vector<std::uint32_t> lengths{5000, 512, 1, 70'000};
  static const VirtualBasis basis(lengths);
  static const Bytes chunk(70'000, 'x');
  const auto reader = [](std::uint64_t position, std::size_t length) -> Result<BytesView> {
    HA_TRY(const VirtualBasis::Place place, basis.locate(position));
    const std::size_t bytes = length < place.available ? length : place.available;
    return BytesView(chunk).substr(place.offset, bytes);
  };
  const BytesView input(reinterpret_cast<const char*>(data), size);
  // The magic is no riddle that the fuzzer should solve again and again.
  for (const Bytes& delta : {Bytes(input), Bytes("rs\x02\x36") + Bytes(input)}) {
    const auto result = apply_delta(delta, reader, kOutputBytesMax);
    if (result.ok() ? result->size() > kOutputBytesMax : result.error().code() != Code::Corrupt) {
      std::abort();
    }
  }
  return 0;
}
