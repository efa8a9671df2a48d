// Frames, questions, answers, basis reports and ranges: what decodes encodes to something that decodes.
#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"
#include "replicator/model/frame.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ha::replicator;
  const ha::BytesView input(reinterpret_cast<const char*>(data), size);
  if (const auto frame = decode_frame(input); frame.ok()) {
    HA_ASSERT(decode_frame(encode_frame(*frame)).ok());
  }
  if (const auto request = decode_request(input); request.ok()) {
    HA_ASSERT(decode_request(encode_request(*request)).ok());
  }
  if (const auto reply = decode_reply(input); reply.ok()) {
    HA_ASSERT(decode_reply(encode_reply(*reply)).ok());
  }
  if (const auto basis = decode_basis(input); basis.ok()) {
    HA_ASSERT(encode_basis(*basis) == input);
  }
  if (const auto ranges = decode_ranges(input); ranges.ok()) {
    HA_ASSERT(encode_ranges(*ranges) == input);
  }
  return 0;
}
