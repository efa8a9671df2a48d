// One question of SNTP and its answer: how far our wall clock is from a server's.
//
// Pure. Thread safety: plain functions. Source: RFC 5905, sections 6, 7.3 and 14.
#pragma once

#include <cstdint>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha::failover {

inline constexpr std::size_t kSntpBytes = 48;

// `token` comes back in the answer; it says nothing of our clock.
[[nodiscard]] Bytes sntp_request(std::uint64_t token);
// How far the server's clock is ahead of ours. `sent`, `received`: by our clock. Conflict: it answers another
// question. Corrupt: it is no answer. Unavailable: the server does not know the time itself.
[[nodiscard]] Result<Duration> sntp_offset(BytesView reply, std::uint64_t token, WallTime sent,
                                           WallTime received);

}  // namespace ha::failover
