// zstd frames of byte strings, with contexts that are kept from call to call.
//
// Every frame says its raw size, and nothing is allocated before that size was held against the caller's
// limit. Not for streams and not for dictionaries.
//
// Thread safety: one Compressor or Decompressor per thread.
// Source: RFC 8878, libzstd 1.5 (ZSTD_compressCCtx, ZSTD_getFrameContentSize).
#pragma once

#include <cstddef>
#include <memory>

#include "common/base/bytes.h"
#include "common/base/result.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace ha::sys {

class Compressor {
 public:
  Compressor();

  // One frame holding `raw`, level 3. Exhausted if memory is refused.
  [[nodiscard]] Result<Bytes> compress(BytesView raw);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const noexcept;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
};

class Decompressor {
 public:
  Decompressor();

  // The raw bytes of exactly one frame. Corrupt if it does not parse, has anything after it, does not say its
  // raw size, says more than `raw_bytes_max`, or says another size than it has.
  [[nodiscard]] Result<Bytes> decompress(BytesView frame, std::size_t raw_bytes_max);

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const noexcept;
  };
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
};

}  // namespace ha::sys
