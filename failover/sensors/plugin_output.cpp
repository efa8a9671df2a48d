#include "failover/sensors/plugin_output.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "common/base/bytes.h"

namespace ha::failover {
namespace {

constexpr std::size_t kNumbersMax = 256;

// One "'label'=1.5s;warn;crit;min;max" off the front; nothing when there is none that can be read.
std::optional<PluginNumber> take_number(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
  PluginNumber out;
  std::size_t equals = 0;
  if (rest.starts_with('\'')) {
    for (equals = 1; equals < rest.size(); ++equals) {
      if (rest[equals] != '\'') {
        out.label += rest[equals];
      } else if (equals + 1 < rest.size() && rest[equals + 1] == '\'') {
        out.label += rest[equals++];  // two stand for one
      } else {
        break;
      }
    }
    ++equals;
  } else {
    equals = std::min(rest.find('='), rest.size());
    out.label = rest.substr(0, equals);
  }
  if (equals >= rest.size() || rest[equals] != '=' || out.label.empty()) {
    return std::nullopt;
  }
  rest.remove_prefix(equals + 1);
  const std::string_view word = rest.substr(0, rest.find_first_of(" \t\r\n"));
  rest.remove_prefix(word.size());
  const std::string_view value = word.substr(0, word.find(';'));
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out.value);
  if (error != std::errc{} || !std::isfinite(out.value)) {
    return std::nullopt;
  }
  out.unit = std::string(end, value.data() + value.size());
  return out;
}

}  // namespace

PluginOutput parse_plugin_output(std::string_view output) {
  const std::string_view line = output.substr(0, output.find('\n'));
  const std::size_t bar = std::min(line.find('|'), line.size());
  std::string_view text = line.substr(0, bar);
  text = text.substr(0, std::min(text.find_last_not_of(" \t\r") + 1, text.size()));
  PluginOutput out;
  out.text = escape(text.substr(0, kReadingTextMax));
  std::string_view numbers = line.substr(std::min(bar + 1, line.size()));
  for (std::size_t count = 0; count < kNumbersMax; ++count) {
    auto number = take_number(numbers);
    if (!number) {
      break;
    }
    if (number->label == "score") {
      out.score = std::clamp(number->value, 0.0, 100.0);
    }
    if (!out.first) {
      out.first = std::move(number);
    }
  }
  return out;
}

Grade grade_of_exit(int status) noexcept {
  return status == 0 ? Grade::Ok : status == 1 ? Grade::Warn : status == 2 ? Grade::Trip : Grade::Unknown;
}

}  // namespace ha::failover
