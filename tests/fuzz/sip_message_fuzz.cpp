// What comes back for a request: whatever it is, an answer or an error; streams are cut within bounds; what
// answers a challenge stays in its line.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"
#include "failover/sensors/sip_digest.h"
#include "failover/sensors/sip_message.h"

namespace {

void answer(const std::string& text) {
  using namespace ha::failover;
  if (const auto challenge = parse_sip_challenge(text); challenge.ok()) {
    const auto login = sip_credentials(*challenge, {"REGISTER", "sip:192.0.2.10", "probe", "secret", "0123"});
    HA_ASSERT(login.ok() && login->find_first_of("\r\n") == login->npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ha::failover;
  static const SipRequest request{"OPTIONS", "UDP", "192.0.2.20:43210", "abc123"};
  const ha::Bytes input(reinterpret_cast<const char*>(data), size);
  const auto reply = parse_sip_reply(input, request);
  if (reply.ok()) {
    HA_ASSERT(reply->status >= 100 && reply->status < 700);
    std::for_each(reply->challenges.begin(), reply->challenges.end(), answer);
  }
  answer(input);
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
