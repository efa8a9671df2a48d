// The token of an invitation: one line that a person pastes, with all that the new machine needs to find and
// to trust the site that invited it.
//
// Not here: what is done with it. A token is a secret until its invitation has ended: never log its text.
// Thread safety: plain functions and values. Pure. Source: docs/pairing.md, "The token".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/secret.h"
#include "common/wire/curve.h"

namespace ha::tool {

inline constexpr std::size_t kTokenSecretBytes = 16;
inline constexpr std::size_t kTokenTextMax = 249;
inline constexpr std::size_t kTokenClusterBytes = 24;  // a longer name is cut
inline constexpr std::size_t kTokenEndpointsMax = 4;

struct PairToken {
  wire::PublicKey server_key;
  sys::Secret secret;
  WallTime expires;  // whole seconds
  std::string site;  // of the machine that is invited
  std::string cluster;
  std::vector<std::string> endpoints;  // "host:port" of the inviter, by preference
};

// Leaves out the last endpoints when they do not fit. Exhausted when not even the first one does.
[[nodiscard]] Result<std::string> encode_token(const PairToken& token);
// Invalid, with a sentence for who typed it. Blanks, quotes and a full stop around it are ignored.
[[nodiscard]] Result<PairToken> decode_token(std::string_view text);

}  // namespace ha::tool
