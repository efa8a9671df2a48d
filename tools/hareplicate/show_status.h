// A status as people, monitoring and programs read it. Pure: values in, text out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/cli.h"
#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha::schemas::control {
class Status;
}

namespace ha::tool {

struct StatusFilter {
  std::vector<std::string> sets;  // empty: all
  std::string peer;               // empty: all
};

// Takes away what was not asked for. NotFound if a set or peer is not there.
Status filter_status(schemas::control::Status& status, const StatusFilter& filter);

// The tables, then the problems. `with_failed`: and every failed item.
[[nodiscard]] std::string status_table(const schemas::control::Status& status, bool with_failed, bool color);
[[nodiscard]] std::string status_json(const schemas::control::Status& status);
[[nodiscard]] std::string status_fields(const schemas::control::Status& status);

struct OneLine {
  std::string text;
  int exit_code = 0;  // of a plugin: 0 ok, 1 warning, 2 critical, 3 unknown
};
struct Thresholds {
  std::optional<Duration> warning;
  std::optional<Duration> critical;
};
[[nodiscard]] OneLine status_oneline(const schemas::control::Status& status, const Thresholds& limits);
[[nodiscard]] OneLine unknown_oneline(const Error& error);

}  // namespace ha::tool
