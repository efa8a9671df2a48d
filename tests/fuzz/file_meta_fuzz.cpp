// File metadata is canonical: what decodes encodes to the very same bytes.
#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"
#include "replicator/model/file_meta.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ha::replicator;
  const ha::BytesView input(reinterpret_cast<const char*>(data), size);
  if (const auto meta = decode_meta(input); meta.ok()) {
    HA_ASSERT(encode_meta(*meta) == input);
  }
  if (const auto local = decode_local(input); local.ok()) {
    HA_ASSERT(encode_local(*local) == input);
  }
  return 0;
}
