// Where a name server is: an address and a port.
//
// Thread safety: a value.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "dnsupdater/address.h"

namespace ha::dns {

inline constexpr std::uint16_t kDnsPort = 53;

struct Endpoint {
  Address address;
  std::uint16_t port = kDnsPort;

  // "192.0.2.53:53", "[2001:db8::53]:53", or without a port. Names are not looked up. Invalid otherwise.
  [[nodiscard]] static Result<Endpoint> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  auto operator<=>(const Endpoint&) const = default;
};

}  // namespace ha::dns
