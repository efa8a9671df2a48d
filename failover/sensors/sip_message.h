// The little of SIP that sensors need: OPTIONS and REGISTER, and whether what comes answers them.
//
// Pure: bytes in, bytes out; sending and sending again are sip_exchange.h's, answering challenges is
// sip_digest.h's. No dialogs. Thread safety: plain functions. Source: RFC 3261.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::failover {

inline constexpr std::size_t kSipMessageMax = 64 * 1024;

// What an answer is known by. Others with the same token belong to the same call.
struct SipRequest {
  std::string method;     // "OPTIONS" or "REGISTER"
  std::string transport;  // "UDP" or "TCP"
  std::string from;       // our side: host and port
  std::string token;      // makes Call-ID, tag and branch; letters and digits
  unsigned sequence = 1;  // of that token
};
// Asks `host` (and port) for what it can do, or a user of it; Invalid if that has what would end its place.
[[nodiscard]] Result<Bytes> make_sip_options(const SipRequest& request, const std::string& host,
                                             const std::string& user);

struct SipBinding {
  std::string user;        // who registers
  std::string domain;      // where: "example.net", "192.0.2.10"
  std::string contact;     // user part of what is registered; empty: asks for what is there
  unsigned expires_s = 0;  // 0: takes it back
};
[[nodiscard]] std::string registrar_uri(const SipBinding& binding);
// `login`: a whole header with credentials, or empty. Invalid as above.
[[nodiscard]] Result<Bytes> make_sip_register(const SipRequest& request, const SipBinding& binding,
                                              const std::string& login);

struct SipReply {
  unsigned status = 0;
  std::string reason;
  std::vector<std::string> contacts;    // values of Contact headers, as they stand
  std::vector<std::string> challenges;  // of WWW-Authenticate or, of a proxy, Proxy-Authenticate
};
// The answer to `request` in one whole message. Conflict: it is to another request, or it is a request.
// Corrupt, Exhausted: it is no SIP message.
[[nodiscard]] Result<SipReply> parse_sip_reply(BytesView message, const SipRequest& request);

// Where the first message of a stream ends; none: more has to come. Corrupt: its Content-Length is no
// number; Exhausted: it is longer than kSipMessageMax.
[[nodiscard]] Result<std::optional<std::size_t>> sip_message_end(BytesView stream);

// Names and words of SIP are the same in any case.
[[nodiscard]] bool is_same_name(std::string_view one, std::string_view other) noexcept;

}  // namespace ha::failover
