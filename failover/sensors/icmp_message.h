// ICMP echoes as bytes, of both families; answers are known by what is in them.
//
// Pure; network.cpp sends them. Thread safety: plain functions. Source: RFC 792, 4443, 1071.
#pragma once

#include <cstdint>
#include <optional>

#include "common/base/bytes.h"

namespace ha::failover {

inline constexpr std::size_t kEchoBytesMax = 1500;

// An echo that carries `token` and its number.
[[nodiscard]] Bytes echo_request(bool v6, std::uint64_t token, std::uint16_t number);
// The number of an answer to an echo with that token; none: it is something else. `with_ip`: the IPv4 header
// comes first, as on raw sockets.
[[nodiscard]] std::optional<std::uint16_t> echo_answer(BytesView packet, bool v6, bool with_ip,
                                                       std::uint64_t token);

}  // namespace ha::failover
