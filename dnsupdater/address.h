// An IPv4 or IPv6 address as DNS has it: no port, no zone id.
//
// Thread safety: a value. Source: inet_pton(3); text of IPv6 as RFC 5952 wants it.
#pragma once

#include <array>
#include <compare>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::dns {

class Address {
 public:
  // Any spelling that inet_pton takes. Invalid otherwise.
  [[nodiscard]] static Result<Address> parse(std::string_view text);

  [[nodiscard]] bool is_v6() const noexcept { return is_v6_; }
  // The one spelling: lower case, the shortest.
  [[nodiscard]] std::string text() const;
  // 4 or 16 bytes: the rdata of A or AAAA.
  [[nodiscard]] Bytes wire() const;

  // IPv4 before IPv6, then by their bytes.
  auto operator<=>(const Address&) const = default;

 private:
  Address() = default;
  bool is_v6_ = false;
  std::array<unsigned char, 16> bytes_{};
};

}  // namespace ha::dns
