// Frames from a peer: an error, or raw bytes within the limit; and what we compress always comes back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "common/sys/zstd.h"

using namespace ha;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kRawBytesMax = 256 * 1024;
  static sys::Compressor compressor;
  static sys::Decompressor decompressor;
  const BytesView input(reinterpret_cast<const char*>(data), size);
  const auto raw = decompressor.decompress(input, kRawBytesMax);
  if (raw.ok() ? raw->size() > kRawBytesMax : raw.error().code() != Code::Corrupt) {
    std::abort();
  }
  const auto frame = compressor.compress(input);
  if (!frame.ok()) {
    std::abort();
  }
  const auto back = decompressor.decompress(*frame, size);
  if (!back.ok() || *back != input) {
    std::abort();
  }
  return 0;
}
