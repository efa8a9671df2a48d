// Whether something answers at a host and port, by plain TCP, and what to do when nothing does.
//
// Says nothing about who answers: that is CURVE's. Resolving waits for the name server; each address is given
// kConnectLimit. Thread safety: plain functions.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha::tool {

inline constexpr std::chrono::seconds kConnectLimit{3};

struct HostPort {
  std::string host;  // without brackets
  std::string port;
};
// Of "tcp://host:port" or "host:port"; IPv6 in brackets.
[[nodiscard]] HostPort split_address(const std::string& address);
// "host:port", with brackets around IPv6.
[[nodiscard]] std::string join_address(const std::string& host, const std::string& port);

struct TcpAnswer {
  std::string numeric;  // who answered
  std::string local;    // our end's address, numeric
  Duration took{};
};
// NotFound: the name does not resolve. Unavailable: refused. TimedOut: silence, or no way there.
[[nodiscard]] Result<TcpAnswer> probe_tcp(const HostPort& to);

}  // namespace ha::tool
