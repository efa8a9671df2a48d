// Whatever a peer sends as a message decodes to something that encodes and decodes again, or is refused.
#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"
#include "replicator/session/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ha::replicator;
  if (size < 2) {
    return 0;
  }
  const ha::BytesView input(reinterpret_cast<const char*>(data), size);
  const auto type = static_cast<std::uint16_t>(ha::get_u16(input, 0) & 31U);
  const ha::BytesView body = input.substr(2);
  if (is_link_message(type)) {
    const auto message = decode_link_message(type, body);
    if (message.ok()) {
      const Encoded again = encode(*message);
      HA_ASSERT(decode_link_message(static_cast<std::uint16_t>(again.type), again.body).ok());
    }
    return 0;
  }
  const auto message = decode_set_message(type, body);
  if (message.ok()) {
    const Encoded again = encode(*message);
    HA_ASSERT(decode_set_message(static_cast<std::uint16_t>(again.type), again.body).ok());
  }
  return 0;
}
