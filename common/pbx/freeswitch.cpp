#include "common/pbx/freeswitch.h"

#include <array>
#include <charconv>
#include <utility>

namespace ha::pbx {
namespace {

Error lacks(std::string_view command, std::string_view part) {
  return {Code::Corrupt, "the answer to " + std::string(command) + " has no " + std::string(part)};
}

std::optional<double> decimal_number(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  return !text.empty() && stop == end && error == std::errc() ? std::optional(value) : std::nullopt;
}

// The whole number that `text` begins with, which is taken off it.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  const std::size_t size = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto value = whole_number(text.substr(0, size));
  text.remove_prefix(size);
  return value;
}

// What is between `before` and `after`; nullopt if either is not there.
std::optional<std::string_view> between(std::string_view text, std::string_view before,
                                        std::string_view after) {
  const std::size_t begin = text.find(before);
  if (begin == std::string_view::npos) {
    return std::nullopt;
  }
  text.remove_prefix(begin + before.size());
  const std::size_t end = text.find(after);
  return end != std::string_view::npos ? std::optional(text.substr(0, end)) : std::nullopt;
}

// "0 years, 1 day, 2 hours, 3 minutes, 20 seconds, 560 milliseconds, 526 microseconds"; a year has 365 days.
Duration uptime_of(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::chrono::microseconds>, 7> kUnits{{
      {"year", std::chrono::hours(24 * 365)},
      {"day", std::chrono::hours(24)},
      {"hour", std::chrono::hours(1)},
      {"minute", std::chrono::minutes(1)},
      {"second", std::chrono::seconds(1)},
      {"millisecond", std::chrono::milliseconds(1)},
      {"microsecond", std::chrono::microseconds(1)},
  }};
  constexpr std::uint64_t kMost = 1'000;  // of each; nothing overflows
  Duration out{};
  for (std::string_view part : split(text, ',')) {
    part = trimmed(part);
    const auto count = take_number(part);
    part = trimmed(part);
    part.remove_suffix(part.ends_with('s') ? 1 : 0);
    for (const auto& [name, unit] : kUnits) {
      if (count && part == name) {
        out += unit * static_cast<std::int64_t>(std::min(*count, kMost));
      }
    }
  }
  return out;
}

// "  external::example" in its parts.
Gateway named_gateway(std::string_view key) {
  key = trimmed(key);
  const std::size_t colons = key.find("::");
  Gateway out;
  out.profile = key.substr(0, colons);
  out.name = colons != std::string_view::npos ? key.substr(colons + 2) : std::string_view();
  return out;
}

void set_state(Gateway& gateway, std::string_view state) {
  gateway.state = trimmed(state);
  gateway.is_registered = gateway.state == "REGED";
}

// A line of `status` that begins with a number.
Status take_status_line(SwitchStatus& out, std::string_view line) {
  const auto number = take_number(line);
  line = trimmed(line);
  if (!number) {
    return lacks("status", "number that can be");
  }
  if (line == "session(s) since startup") {
    out.sessions_since_start = *number;
  } else if (line == "session(s) max") {
    out.sessions_max = *number;
  } else if (line.starts_with("session(s) per Sec out of max ")) {
    const auto most = between(line, "out of max ", ",");
    if (!most || !whole_number(*most)) {
      return lacks("status", "maximum of sessions per second");
    }
    out.per_second = *number;
    out.per_second_max = *whole_number(*most);
  } else if (line.starts_with("session(s) - peak ")) {
    out.sessions = *number;
  }
  return ok();
}

}  // namespace

Result<SwitchStatus> read_status(const EslAnswer& answer) {
  HA_CHECK(answer.check());
  SwitchStatus out;
  bool has_sessions = false;
  for (std::string_view line : split(answer.text, '\n')) {
    line = trimmed(line);
    if (line.starts_with("UP ")) {
      out.up = uptime_of(line.substr(3));
    } else if (line.starts_with("FreeSWITCH (Version ")) {
      out.version = between(line, "(Version ", ")").value_or("");
      out.is_ready = line.ends_with(") is ready");
    } else if (line.starts_with("min idle cpu ")) {
      const auto parts = split(line.substr(std::string_view("min idle cpu ").size()), '/');
      out.idle_cpu_percent = decimal_number(parts.back()).value_or(0);
    } else if (!line.empty() && line.front() >= '0' && line.front() <= '9') {
      HA_CHECK(take_status_line(out, line));
      has_sessions = has_sessions || line.find("session(s) max") != std::string_view::npos;
    }
  }
  if (out.version.empty() || !has_sessions) {
    return lacks("status", out.version.empty() ? "version" : "sessions");
  }
  return out;
}

Result<SwitchStatus> read_heartbeat(const EslEvent& event) {
  const auto sessions = event.fields.count("Session-Count");
  const auto most = event.fields.count("Max-Sessions");
  if (event.name() != "HEARTBEAT" || !sessions || !most) {
    return Error(Code::Corrupt, "an event " + in_quotes(event.name()) + " that is no HEARTBEAT");
  }
  constexpr std::uint64_t kCenturyMs = std::uint64_t{100} * 365 * 24 * 3'600'000;
  SwitchStatus out;
  out.is_ready = event.text("Event-Info") == "System Ready";
  out.version = event.text("FreeSWITCH-Version");
  out.up = std::chrono::milliseconds(std::min(event.fields.count("Uptime-msec").value_or(0), kCenturyMs));
  out.sessions = *sessions;
  out.sessions_max = *most;
  out.sessions_since_start = event.fields.count("Session-Since-Startup").value_or(0);
  out.per_second = event.fields.count("Session-Per-Sec-Last").value_or(0);
  out.idle_cpu_percent = decimal_number(event.text("Idle-CPU")).value_or(0);
  return out;
}

Result<std::uint64_t> read_total(const EslAnswer& answer) {
  HA_CHECK(answer.check());
  for (std::string_view line : split(answer.text, '\n')) {
    line = trimmed(line);
    const auto total = take_number(line);
    if (total && line == " total.") {
      return *total;
    }
  }
  return lacks("show", "total: " + in_quotes(std::string_view(answer.text).substr(0, 80)));
}

Result<std::vector<Gateway>> read_gateways(const EslAnswer& answer) {
  HA_CHECK(answer.check());
  std::vector<Gateway> out;
  bool has_end = false;
  for (const std::string_view line : split(answer.text, '\n')) {
    const auto columns = split(line, '\t');
    if (columns.size() >= 3 && columns[0].find("::") != std::string_view::npos &&
        trimmed(columns[0]) != "Profile::Gateway-Name") {
      out.push_back(named_gateway(columns[0]));
      set_state(out.back(), columns[2]);
    }
    std::string_view rest = line;
    has_end = has_end || (take_number(rest) && rest.starts_with(" gateway"));
  }
  if (!has_end) {
    return lacks("sofia status gateway", "number of gateways");
  }
  return out;
}

Result<Gateway> read_gateway(const EslAnswer& answer) {
  HA_CHECK(answer.check());
  if (trimmed(answer.text) == "Invalid Gateway!") {
    return Error(Code::NotFound, "FreeSWITCH has no such gateway", "api sofia status gateway lists them");
  }
  Gateway out;
  for (const std::string_view line : split(answer.text, '\n')) {
    const auto columns = split(line, '\t');
    const std::string_view name = trimmed(columns.front());
    const std::string_view value = trimmed(columns.back());
    if (columns.size() != 2) {
      continue;
    }
    if (name == "Name") {
      out.name = value;
    } else if (name == "Profile") {
      out.profile = value;
    } else if (name == "State") {
      set_state(out, value);
    } else if (name == "Status") {
      out.is_up = value.starts_with("UP");
      out.is_pinged = value.ends_with("(ping)");
    }
  }
  if (out.name.empty() || out.state.empty()) {
    return lacks("sofia status gateway", out.name.empty() ? "name" : "state");
  }
  return out;
}

std::optional<std::string_view> our_custom_event(const EslEvent& event) {
  return event.name() == "CUSTOM" && event.subclass().starts_with(kEslSubclassPrefix)
             ? std::optional(event.subclass().substr(kEslSubclassPrefix.size()))
             : std::nullopt;
}

}  // namespace ha::pbx
