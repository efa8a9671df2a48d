// Where an interface of the PBX listens: a loopback address and a port.
//
// Nothing else is accepted: these interfaces speak plain text, passwords included. Names are not looked up.
// Thread safety: a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace ha::pbx {

inline constexpr std::uint16_t kAmiPort = 5038;
inline constexpr std::uint16_t kAriPort = 8088;
inline constexpr std::uint16_t kEslPort = 8021;

struct PbxAddress {
  std::string host;  // "127.0.0.1", "::1"
  std::uint16_t port = 0;

  // "127.0.0.1:5038", "[::1]:5038", or without a port. Invalid otherwise; Refused if it is not loopback.
  [[nodiscard]] static Result<PbxAddress> parse(std::string_view text, std::uint16_t default_port);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool is_v6() const noexcept { return host.find(':') != std::string::npos; }
};

}  // namespace ha::pbx
