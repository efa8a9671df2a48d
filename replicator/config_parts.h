// Checks of single texts in a configuration: names, addresses, keys, paths. For config*.cpp and for programs
// that write configuration. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace ha::replicator {

inline constexpr std::size_t kNameBytesMax = 32;

// Names stand in commands, file names and metrics: a-z 0-9 - _, beginning with a letter or digit.
[[nodiscard]] Status check_name(std::string_view text);
// "tcp://host:port", "tcp://192.0.2.1:7400" or "tcp://[2001:db8::1]:7400".
[[nodiscard]] Status check_address(std::string_view text);
// The port of an address of that form; nothing if it has none from 1 to 65535.
[[nodiscard]] std::optional<std::uint16_t> port_of(std::string_view address);
// "*", a host name or an IP address, without port.
[[nodiscard]] Status check_listen(std::string_view text);
// Absolute, no empty, "." or ".." part, not "/" itself; without the '/' at its end.
[[nodiscard]] Result<std::string> clean_path(std::string_view text);
// The same path, or one beneath the other; both clean.
[[nodiscard]] bool paths_overlap(std::string_view a, std::string_view b);

template <typename T>
[[nodiscard]] std::vector<std::string> names_of(const std::vector<T>& all) {
  std::vector<std::string> out;
  out.reserve(all.size());
  for (const T& one : all) {
    out.push_back(one.name);
  }
  return out;
}
// "a, b", or "none"; escaped.
[[nodiscard]] std::string list_of(const std::vector<std::string>& names);
// What ends the sentence about a name that nothing has: "; did you mean …?", or what there is.
[[nodiscard]] std::string known_names(std::string_view typed, const std::vector<std::string>& known);

}  // namespace ha::replicator
