// What comes back for an OPTIONS: whatever it is, an answer or an error; and streams are cut within bounds.
#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"
#include "failover/sensors/sip_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ha::failover;
  static const SipRequest request{"192.0.2.10:5060", "echo", "192.0.2.20:43210", "UDP", "abc123"};
  const ha::Bytes input(reinterpret_cast<const char*>(data), size);
  const auto reply = parse_sip_reply(input, request);
  if (reply.ok()) {
    HA_ASSERT(reply->status >= 100 && reply->status < 700);
  }
  ha::Bytes stream = input;
  while (true) {  // every message takes something off
    const auto end = sip_message_end(stream);
    if (!end.ok() || !end.value()) {
      break;
    }
    HA_ASSERT(**end > 0 && **end <= stream.size());
    stream.erase(0, **end);
  }
  return 0;
}
