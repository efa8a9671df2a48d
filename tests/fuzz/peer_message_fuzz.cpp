// Whatever a peer's coordinator sends decodes to something that encodes and decodes to the same, or is
// refused.
#include <cstddef>
#include <cstdint>

#include "failover/peer_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ha::failover;
  if (size < 1) {
    return 0;
  }
  const ha::BytesView input(reinterpret_cast<const char*>(data), size);
  const auto type = static_cast<std::uint16_t>(64U + (data[0] & 3U));
  const auto message = decode_peer_message(type, input.substr(1));
  if (message.ok()) {
    const PeerBytes again = encode(*message);
    const auto back = decode_peer_message(static_cast<std::uint16_t>(again.type), again.body);
    HA_ASSERT(back.ok() && encode(*back).body == again.body);
  }
  return 0;
}
