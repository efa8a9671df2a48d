// How a SIP server's challenge is answered: digest authentication.
//
// Pure. MD5, which PBXs ask for, and SHA-256; qop "auth" or none. Not here: "-sess" and "auth-int", which no
// PBX asks for. Thread safety: plain functions. Source: RFC 7616, RFC 2617 (without qop), RFC 8760.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::failover {

// Quoted texts are as they stand between their quotes: they are hashed and sent back like that.
struct SipChallenge {
  std::string realm;
  std::string nonce;
  std::optional<std::string> opaque;
  std::optional<std::string> algorithm;  // as it was written; none: MD5
  bool is_sha256 = false;
  bool has_qop = false;  // "auth" is among them
};
// The value of a WWW-Authenticate or Proxy-Authenticate. Unsupported: it wants something else; Corrupt.
[[nodiscard]] Result<SipChallenge> parse_sip_challenge(std::string_view value);

struct SipLogin {
  std::string method;
  std::string uri;   // as in the first line of the request
  std::string user;  // without quotes and backslashes
  BytesView password;
  std::string client_nonce;  // letters and digits; where the challenge has qop
};
// The value of an Authorization or Proxy-Authorization. The nonce counts as used for the first time.
// Unsupported: this host's OpenSSL does not do the hash.
[[nodiscard]] Result<std::string> sip_credentials(const SipChallenge& challenge, const SipLogin& login);

}  // namespace ha::failover
