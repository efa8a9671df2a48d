// The little of SIP that a sensor needs: an OPTIONS request, and whether what comes answers it.
//
// Pure: bytes in, bytes out; sending and sending again are service.cpp's. No dialogs, no authentication: any
// final answer shows that the stack is alive. Thread safety: plain functions. Source: RFC 3261.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::failover {

inline constexpr std::size_t kSipMessageMax = 64 * 1024;

struct SipRequest {
  std::string to;         // host and port: "192.0.2.10:5060"
  std::string user;       // of the URI; may be empty
  std::string from;       // our side: host and port
  std::string transport;  // "UDP" or "TCP"
  std::string token;      // makes Call-ID, tag and branch; letters and digits
};
// Invalid if `user` or `token` have what would end their place.
[[nodiscard]] Result<Bytes> make_sip_options(const SipRequest& request);

struct SipReply {
  unsigned status = 0;
  std::string reason;
};
// The answer to `request` in one whole message. Conflict: it is to another request, or it is a request.
// Corrupt, Exhausted: it is no SIP message.
[[nodiscard]] Result<SipReply> parse_sip_reply(BytesView message, const SipRequest& request);

// Where the first message of a stream ends; none: more has to come. Corrupt: its Content-Length is no
// number; Exhausted: it is longer than kSipMessageMax.
[[nodiscard]] Result<std::optional<std::size_t>> sip_message_end(BytesView stream);

}  // namespace ha::failover
