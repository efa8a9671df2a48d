// The words of wanem: its command line, and the settings that its control socket changes at run time.
//
// Only text to values; nothing is opened here. Thread safety: pure functions.
// Errors: Invalid, saying what was expected.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "tools/wanem_link.h"

namespace ha::wanem {

struct End {
  std::string network_namespace;
  std::string address;  // IPv4 or IPv6, without a prefix length
};

struct Options {
  End a{{}, "10.77.0.1"};
  End b{{}, "10.77.0.2"};
  LinkSettings link;  // of both directions at the start
  std::uint64_t seed = 1;
  std::string control;     // path of the control socket; empty: none
  std::string congestion;  // of the route between the ends; empty: the kernel's default
  unsigned mtu_bytes = 1500;
  bool make = false;  // make the namespaces, and remove them at the end
  bool help = false;
};

[[nodiscard]] std::string_view usage();

[[nodiscard]] Result<Options> parse_options(std::span<char* const> arguments);

// One setting by its name: rtt, delay, jitter, loss, rate, queue, stall, partition.
[[nodiscard]] Status apply_setting(LinkSettings& settings, std::string_view name, std::string_view value);

}  // namespace ha::wanem
