#include "replicator/delta/patch.h"

#include <algorithm>
#include <string>

#include "replicator/delta/signature.h"

namespace ha::replicator {

VirtualBasis::VirtualBasis(std::span<const std::uint32_t> chunk_lengths) {
  parts_.reserve(chunk_lengths.size());
  std::uint64_t begin = 0;
  for (const std::uint32_t length : chunk_lengths) {
    parts_.push_back({begin, length});
    begin += (std::uint64_t{length} + kSignatureBlockBytes - 1) / kSignatureBlockBytes * kSignatureBlockBytes;
  }
}

Result<VirtualBasis::Place> VirtualBasis::locate(std::uint64_t position) const {
  const auto after = std::upper_bound(parts_.begin(), parts_.end(), position,
                                      [](std::uint64_t at, const Part& part) { return at < part.begin; });
  if (after != parts_.begin()) {
    const Part& part = *(after - 1);
    const std::uint64_t offset = position - part.begin;
    if (offset < part.length) {
      const auto at = static_cast<std::uint32_t>(offset);
      return Place{static_cast<std::size_t>(after - parts_.begin()) - 1, at, part.length - at};
    }
  }
  return Error(Code::Corrupt, "a delta copies from " + std::to_string(position) + ", outside of its basis");
}

}  // namespace ha::replicator
