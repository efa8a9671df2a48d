#include "common/sys/zstd.h"

#include <string>

#include <zstd.h>

namespace ha::sys {

namespace {

constexpr int kLevel = 3;

Error zstd_error(Code code, std::size_t result) {
  return Error(code, std::string("zstd: ") + ZSTD_getErrorName(result));
}

}  // namespace

void Compressor::Free::operator()(ZSTD_CCtx_s* context) const noexcept {
  ZSTD_freeCCtx(context);
}
void Decompressor::Free::operator()(ZSTD_DCtx_s* context) const noexcept {
  ZSTD_freeDCtx(context);
}

Compressor::Compressor() : context_(ZSTD_createCCtx()) {
  HA_ASSERT(context_ != nullptr);
}
Decompressor::Decompressor() : context_(ZSTD_createDCtx()) {
  HA_ASSERT(context_ != nullptr);
}

Result<Bytes> Compressor::compress(BytesView raw) {
  Bytes out(ZSTD_compressBound(raw.size()), '\0');
  const std::size_t size =
      ZSTD_compressCCtx(context_.get(), out.data(), out.size(), raw.data(), raw.size(), kLevel);
  if (ZSTD_isError(size) != 0) {
    return zstd_error(Code::Exhausted, size);
  }
  out.resize(size);
  return out;
}

Result<Bytes> Decompressor::decompress(BytesView frame, std::size_t raw_bytes_max) {
  const unsigned long long raw_bytes = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (raw_bytes == ZSTD_CONTENTSIZE_ERROR || raw_bytes == ZSTD_CONTENTSIZE_UNKNOWN) {
    return Error(Code::Corrupt, "zstd: not a frame that says its size");
  }
  if (raw_bytes > raw_bytes_max) {
    return Error(Code::Corrupt, "zstd: a frame of " + std::to_string(raw_bytes) + " bytes, the limit is " +
                                    std::to_string(raw_bytes_max));
  }
  // Walks the block headers only: what does not add up is refused before memory is taken for it.
  const std::size_t frame_bytes = ZSTD_findFrameCompressedSize(frame.data(), frame.size());
  if (ZSTD_isError(frame_bytes) != 0) {
    return zstd_error(Code::Corrupt, frame_bytes);
  }
  if (frame_bytes != frame.size()) {
    return Error(Code::Corrupt, "zstd: bytes after the frame");
  }
  Bytes out(static_cast<std::size_t>(raw_bytes), '\0');
  const std::size_t size =
      ZSTD_decompressDCtx(context_.get(), out.data(), out.size(), frame.data(), frame.size());
  if (ZSTD_isError(size) != 0) {
    return zstd_error(Code::Corrupt, size);
  }
  if (size != out.size()) {
    return Error(Code::Corrupt, "zstd: a frame shorter than it says");
  }
  return out;
}

}  // namespace ha::sys
