#include "common/base/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <limits>
#include <span>

#include "common/base/bytes.h"

namespace ha {
namespace {

struct UnitName {
  std::string_view name;
  std::uint64_t factor;  // of the smallest: nanoseconds or bytes
};

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::array<UnitName, 5> kSpans{{{"ms", kSecond / 1000},
                                          {"s", kSecond},
                                          {"m", 60 * kSecond},
                                          {"h", 3600 * kSecond},
                                          {"d", 86400 * kSecond}}};
constexpr std::array<UnitName, 9> kSizes{{{"B", 1},
                                          {"kB", 1000},
                                          {"MB", 1000'000},
                                          {"GB", 1000'000'000},
                                          {"TB", 1000'000'000'000},
                                          {"KiB", 1ULL << 10},
                                          {"MiB", 1ULL << 20},
                                          {"GiB", 1ULL << 30},
                                          {"TiB", 1ULL << 40}}};
constexpr std::uint64_t kSpanMax = 36500ULL * 86400 * kSecond;
constexpr std::uint64_t kSizeMax = std::numeric_limits<std::int64_t>::max();
constexpr std::string_view kSpanUnits = "units: ms s m h d";
constexpr std::string_view kSizeUnits = "units: B kB MB GB TB, KiB MiB GiB TiB";

// "1.5 MB" → "1.5" and "MB": digits and a point, then blanks, then the rest.
struct Parts {
  std::string_view number;
  std::string_view unit;
};
Parts split(std::string_view text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::size_t unit = std::min(text.find_first_not_of(' ', end), text.size());
  return {text.substr(0, end), text.substr(unit)};
}

const UnitName* find_unit(std::span<const UnitName> units, std::string_view name) {
  for (const UnitName& unit : units) {
    if (unit.name == name) {
      return &unit;
    }
  }
  return nullptr;
}

// number × factor, exact for up to 19 digits and a fraction that comes out even; false past `limit`.
bool scale(std::string_view number, std::uint64_t factor, std::uint64_t limit, std::uint64_t& out) {
  const std::size_t point = std::min(number.find('.'), number.size());
  const std::string_view whole_text = number.substr(0, point);
  std::uint64_t whole = 0;
  const auto [end, error] = std::from_chars(whole_text.data(), whole_text.data() + whole_text.size(), whole);
  if (error != std::errc{} || end != whole_text.data() + whole_text.size() || whole > limit / factor) {
    return false;
  }
  out = whole * factor;
  std::uint64_t share = factor;
  for (const char digit : number.substr(std::min(point + 1, number.size()))) {
    if (digit < '0' || digit > '9' || share % 10 != 0) {
      // Powers of two run out of tens: 1.5MiB is exact, 1.55MiB is not; sizes are whole bytes anyway.
      return digit == '0';
    }
    share /= 10;
    out += share * static_cast<std::uint64_t>(digit - '0');
  }
  return out <= limit && point + 1 != number.size();
}

// What people write for our units: "5 minutes", "16 mb", "10 sec".
std::string_view usual_unit(std::string_view written) {
  struct Alias {
    std::string_view written;
    std::string_view unit;
  };
  constexpr std::array<Alias, 30> kAliases{{{"msec", "ms"},   {"millis", "ms"}, {"milliseconds", "ms"},
                                            {"sec", "s"},     {"secs", "s"},    {"second", "s"},
                                            {"seconds", "s"}, {"S", "s"},       {"min", "m"},
                                            {"mins", "m"},    {"minute", "m"},  {"minutes", "m"},
                                            {"M", "MB"},      {"hour", "h"},    {"hours", "h"},
                                            {"H", "h"},       {"day", "d"},     {"days", "d"},
                                            {"D", "d"},       {"b", "B"},       {"k", "kB"},
                                            {"K", "kB"},      {"KB", "kB"},     {"kb", "kB"},
                                            {"mb", "MB"},     {"Mb", "MB"},     {"G", "GB"},
                                            {"gb", "GB"},     {"T", "TB"},      {"bytes", "B"}}};
  for (const Alias& alias : kAliases) {
    if (alias.written == written) {
      return alias.unit;
    }
  }
  return {};
}

Error not_understood(std::string_view text, std::span<const UnitName> units, std::string_view bare_unit,
                     std::string_view suffix, std::string_view allowed) {
  const Parts parts = split(text);
  std::uint64_t ignored = 0;
  const bool number = scale(parts.number, 1000, kSizeMax, ignored);
  std::string_view unit = parts.unit;
  if (!suffix.empty() && unit.ends_with(suffix)) {
    unit.remove_suffix(suffix.size());
  }
  std::string_view meant = unit.empty() ? bare_unit : usual_unit(unit);
  if (meant.empty() && find_unit(units, unit) != nullptr) {
    meant = unit;
  }
  const std::string what =
      number && parts.unit.empty() ? in_quotes(text) + " has no unit" : "cannot read " + in_quotes(text);
  if (!number || find_unit(units, meant) == nullptr) {
    return Error(Code::Invalid, what, std::string(allowed));
  }
  return Error(Code::Invalid, what,
               "use \"" + std::string(parts.number) + std::string(meant) + std::string(suffix) + "\" (" +
                   std::string(allowed) + ")");
}

struct Kind {
  std::span<const UnitName> units;
  std::string_view bare_unit;
  std::string_view suffix;
  std::string_view allowed;
  std::uint64_t limit;
};

Result<std::uint64_t> parse(std::string_view text, const Kind& kind) {
  std::string_view rest = text;
  const bool suffixed = rest.ends_with(kind.suffix);
  rest.remove_suffix(suffixed ? kind.suffix.size() : 0);
  const Parts parts = split(rest);
  const UnitName* unit = find_unit(kind.units, parts.unit);
  const bool tight = parts.number.size() + parts.unit.size() == rest.size();
  if (!suffixed || !tight || unit == nullptr || parts.number.empty()) {
    return not_understood(text, kind.units, kind.bare_unit, kind.suffix, kind.allowed);
  }
  std::uint64_t value = 0;
  if (!scale(parts.number, unit->factor, kind.limit, value)) {
    return Error(Code::Invalid, in_quotes(text) + " is not a number in range", std::string(kind.allowed));
  }
  return value;
}

// The largest unit that divides the value, so that it reads back the same.
std::string write(std::uint64_t value, std::span<const UnitName> units, const UnitName& zero) {
  const UnitName* best = &zero;
  for (const UnitName& unit : units) {
    if (value != 0 && value % unit.factor == 0 && unit.factor > best->factor) {
      best = &unit;
    }
  }
  return std::to_string(value / best->factor) + std::string(best->name);
}

// With so many digits behind the point, then the unit.
std::string print(double number, int decimals, std::string_view unit) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f ", decimals, number);
  return text.data() + std::string(unit);
}

std::string two_units(std::uint64_t value, std::uint64_t small, const char* large_name,
                      const char* small_name) {
  std::string out = std::to_string(value / small) + " " + large_name;
  if (value % small != 0) {
    out += " " + std::to_string(value % small) + " " + small_name;
  }
  return out;
}

std::tm split_time(WallTime time, bool local) {
  const std::time_t seconds =
      std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
  std::tm parts{};
  if (local) {
    ::localtime_r(&seconds, &parts);
  } else {
    ::gmtime_r(&seconds, &parts);
  }
  return parts;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  HA_TRY(const std::uint64_t value, parse(text, {kSpans, "s", "", kSpanUnits, kSpanMax}));
  return Duration(static_cast<Duration::rep>(value));
}

Result<std::uint64_t> parse_size(std::string_view text) {
  return parse(text, {kSizes, "MB", "", kSizeUnits, kSizeMax});
}

Result<std::uint64_t> parse_rate(std::string_view text) {
  return parse(text, {kSizes, "MB", "/s", "bytes per second, e.g. \"20MB/s\"", kSizeMax});
}

Result<double> parse_percent(std::string_view text) {
  const std::string_view number = text.substr(0, text.empty() ? 0 : text.size() - 1);
  std::uint64_t thousandths = 0;
  if (!text.ends_with('%')) {
    const bool bare = scale(text, 1000, 100'000, thousandths);
    return Error(Code::Invalid, in_quotes(text) + (bare ? " has no unit" : " is not a share"),
                 bare ? "use \"" + std::string(text) + "%\"" : "0% to 100%");
  }
  if (!scale(number, 1000, 100'000, thousandths)) {
    return Error(Code::Invalid, in_quotes(text) + " is not a share", "0% to 100%");
  }
  return static_cast<double>(thousandths) / 1000.0;
}

std::string write_duration(Duration value) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(value).count();
  return write(static_cast<std::uint64_t>(std::max<std::int64_t>(milliseconds, 0)) * kSpans[0].factor, kSpans,
               milliseconds == 0 ? kSpans[1] : kSpans[0]);
}

std::string write_size(std::uint64_t bytes) {
  return write(bytes, kSizes, kSizes[0]);
}

std::string write_rate(std::uint64_t bytes_per_second) {
  return write_size(bytes_per_second) + "/s";
}

std::string write_percent(double percent) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.6g%%", percent);
  return text.data();
}

std::string show_age(Duration age) {
  const double seconds = std::max(0.0, std::chrono::duration<double>(age).count());
  if (seconds == 0.0) {
    return "0 s";
  }
  if (seconds < 0.0995) {
    return print(seconds * 1000, seconds < 0.00095 ? 1 : 0, "ms");
  }
  if (seconds < 9.95) {
    return print(seconds, 1, "s");
  }
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  if (whole < 60) {
    return std::to_string(whole) + " s";
  }
  if (whole < 3600) {
    return two_units(whole, 60, "m", "s");
  }
  if (whole < 86400) {
    return two_units(whole / 60, 60, "h", "m");
  }
  return two_units(whole / 3600, 24, "d", "h");
}

std::string show_size(std::uint64_t bytes) {
  if (bytes < 1000) {
    return std::to_string(bytes) + " B";
  }
  constexpr std::array<const char*, 6> kNames{{"kB", "MB", "GB", "TB", "PB", "EB"}};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kNames.size()) {
    value /= 1000;
    ++unit;
  }
  return print(value, value < 9.95 ? 1 : 0, kNames[unit]);
}

std::string show_rate(std::uint64_t bytes_per_second) {
  return show_size(bytes_per_second) + "/s";
}

std::string show_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3; at -= 3) {
    digits.insert(at - 3, 1, ',');
  }
  return digits;
}

std::string show_utc(WallTime time, bool milliseconds) {
  const std::tm parts = split_time(time, false);
  std::array<char, 40> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::string out = text.data();
  if (milliseconds) {
    const auto since = time - std::chrono::floor<std::chrono::seconds>(time);
    const auto part = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
    std::snprintf(text.data(), text.size(), ".%03d", static_cast<int>(part));
    out += text.data();
  }
  return out + "Z";
}

std::string show_local(WallTime time) {
  const std::tm parts = split_time(time, true);
  std::array<char, 48> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S %z", &parts);
  std::string out = text.data();
  return out.insert(out.size() - 2, ":");
}

}  // namespace ha
