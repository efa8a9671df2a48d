// Texts that a decoder bounds are cut by the encoder: a sentence that is too long must not take its message
// with it. Thread safety: pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

namespace ha::replicator {

// At most so many bytes, and no character in pieces: protobuf takes only whole ones.
inline std::string clipped(const std::string& text, std::size_t bytes_max) {
  std::size_t end = std::min(text.size(), bytes_max);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) {
    --end;
  }
  return text.substr(0, end);
}

}  // namespace ha::replicator
