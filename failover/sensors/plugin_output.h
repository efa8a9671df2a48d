// What a Nagios plugin says: its exit status, its first line, and the numbers behind the bar.
//
// Pure. Thread safety: plain functions. Source: Monitoring Plugins Development Guidelines, 2.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "failover/model/health.h"

namespace ha::failover {

struct PluginNumber {
  std::string label;
  double value = 0;
  std::string unit;
};
struct PluginOutput {
  std::string text;                   // the first line, without numbers, as it may be shown
  std::optional<PluginNumber> first;  // of the numbers
  std::optional<double> score;        // "score=35": 0 to 100, worse is more
};
[[nodiscard]] PluginOutput parse_plugin_output(std::string_view output);

// 0 ok, 1 warn, 2 trip; 3 and all others: unknown.
[[nodiscard]] Grade grade_of_exit(int status) noexcept;

}  // namespace ha::failover
