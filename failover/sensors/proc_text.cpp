#include "failover/sensors/proc_text.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace ha::failover {
namespace {

template <typename T>
std::optional<T> parse(std::string_view text, int base) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                   : std::nullopt;
}

// "12.34"; no sign, no exponent.
std::optional<double> decimal(std::string_view text) {
  if (text.empty() || text.size() > 32 || text.find_first_not_of("0123456789.") != text.npos) {
    return std::nullopt;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// The line that begins with `begin`; what comes after that.
std::optional<std::string_view> after(std::string_view text, std::string_view begin) {
  std::optional<std::string_view> out;
  for_lines(text, [&](std::string_view line) {
    if (line.starts_with(begin)) {
      out = line.substr(begin.size());
    }
    return !out;
  });
  return out;
}

// Words from `at` on as numbers; nothing if one is none.
std::optional<std::vector<std::uint64_t>> numbers(const std::vector<std::string_view>& words,
                                                  std::size_t at) {
  std::vector<std::uint64_t> out;
  for (std::size_t i = at; i < words.size(); ++i) {
    const auto number = whole_number(words[i]);
    if (!number) {
      return std::nullopt;
    }
    out.push_back(*number);
  }
  return out;
}

template <typename Is>
std::optional<DiskTimes> find_disk(std::string_view text, Is is) {
  std::optional<DiskTimes> out;
  for_lines(text, [&](std::string_view line) {
    const auto words = words_of(line);
    if (words.size() < 12 || !is(words)) {
      return true;
    }
    const auto counts = numbers(words, 3);
    if (counts) {
      out = DiskTimes{(*counts)[0] + (*counts)[4], (*counts)[3] + (*counts)[7], (*counts)[8]};
    }
    return false;
  });
  return out;
}

}  // namespace

std::optional<std::uint64_t> whole_number(std::string_view text) {
  return parse<std::uint64_t>(text, 10);
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == line.npos) {
      return out;
    }
    const std::size_t end = std::min(line.find_first_of(" \t", begin), line.size());
    out.push_back(line.substr(begin, end - begin));
    line.remove_prefix(end);
  }
}

std::optional<double> load_average(std::string_view text) {
  return decimal(text.substr(0, text.find(' ')));
}

unsigned cpu_count(std::string_view text) {
  unsigned count = 0;
  for_lines(text, [&](std::string_view line) {
    count += line.starts_with("cpu") && line.size() > 3 && line[3] != ' ' ? 1U : 0U;
    return true;
  });
  return count;
}

std::optional<CpuTimes> cpu_times(std::string_view text) {
  const auto line = after(text, "cpu ");
  const auto ticks = line ? numbers(words_of(*line), 0) : std::nullopt;
  if (!ticks || ticks->size() < 8) {
    return std::nullopt;
  }
  CpuTimes out;
  for (std::size_t i = 0; i < 8; ++i) {  // what follows, guests, is in user and nice already
    out.total += (*ticks)[i];
  }
  out.steal = (*ticks)[7];
  return out;
}

std::optional<Pressure> pressure_of(std::string_view text) {
  const auto average = [&](std::string_view begin) -> std::optional<double> {
    const auto line = after(text, begin);
    return line ? decimal(line->substr(0, line->find(' '))) : std::nullopt;
  };
  const auto some = average("some avg10=");
  return some ? std::optional(Pressure{*some, average("full avg10=")}) : std::nullopt;
}

std::optional<std::uint64_t> named_number(std::string_view text, std::string_view name) {
  std::optional<std::uint64_t> out;
  for_lines(text, [&](std::string_view line) {
    const auto words = words_of(line);
    if (words.size() < 2 || words[0] != name) {
      return true;
    }
    out = whole_number(words[1]);
    return false;
  });
  return out;
}

std::optional<ProcessStat> process_stat(std::string_view text) {
  // The command may hold blanks and parentheses; the last one ends it.
  const std::size_t begin = text.find('(');
  const std::size_t end = text.rfind(')');
  if (begin == text.npos || end == text.npos || end < begin) {
    return std::nullopt;
  }
  const auto words = words_of(text.substr(end + 1));
  const auto start = words.size() > 19 ? whole_number(words[19]) : std::nullopt;
  const auto parent = start ? parse<std::int64_t>(words[1], 10) : std::nullopt;
  if (!parent || words[0].size() != 1) {
    return std::nullopt;
  }
  return ProcessStat{std::string(text.substr(begin + 1, end - begin - 1)), words[0][0], *parent, *start};
}

std::optional<std::uint64_t> soft_limit(std::string_view text, std::string_view name) {
  const auto line = after(text, name);
  const auto words = line ? words_of(*line) : std::vector<std::string_view>{};
  if (words.empty()) {
    return std::nullopt;
  }
  return words[0] == "unlimited" ? std::optional(kUnlimited) : whole_number(words[0]);
}

std::optional<std::string> unified_cgroup(std::string_view text) {
  const auto path = after(text, "0::");
  return path ? std::optional(std::string(*path)) : std::nullopt;
}

std::optional<DiskTimes> disk_times(std::string_view text, std::string_view device) {
  return find_disk(text, [&](const auto& words) { return words[2] == device; });
}

std::optional<DiskTimes> disk_times(std::string_view text, unsigned major, unsigned minor) {
  return find_disk(text, [&](const auto& words) {
    return whole_number(words[0]) == major && whole_number(words[1]) == minor;
  });
}

std::optional<std::uint64_t> snmp_counter(std::string_view text, std::string_view protocol,
                                          std::string_view counter) {
  std::vector<std::string_view> names;
  std::optional<std::uint64_t> out;
  for_lines(text, [&](std::string_view line) {
    const auto words = words_of(line);
    if (words.empty() || words[0].size() != protocol.size() + 1 || !words[0].starts_with(protocol)) {
      return true;
    }
    if (names.empty()) {
      names = words;
      return true;
    }
    const auto found = std::find(names.begin(), names.end(), counter);
    const auto at = static_cast<std::size_t>(found - names.begin());
    out = found != names.end() && at < words.size() ? whole_number(words[at]) : std::nullopt;
    return false;
  });
  return out;
}

void add_udp_ports(std::string_view text, PortSet& ports) {
  for_lines(text, [&](std::string_view line) {
    const auto words = words_of(line);
    const std::size_t colon = words.size() > 1 ? words[1].rfind(':') : line.npos;
    if (colon != line.npos) {
      if (const auto port = parse<std::uint16_t>(words[1].substr(colon + 1), 16)) {
        ports.set(*port);
      }
    }
    return true;
  });
}

std::vector<Gateway> default_gateways(std::string_view text) {
  constexpr std::uint32_t kHasGateway = 0x2;
  constexpr std::size_t kGatewaysMax = 64;
  std::vector<Gateway> out;
  for_lines(text, [&](std::string_view line) {
    const auto words = words_of(line);
    if (words.size() < 8 || words[1] != "00000000" || words[7] != "00000000") {
      return true;
    }
    const auto address = parse<std::uint32_t>(words[2], 16);  // as it lies in memory
    const auto flags = parse<std::uint32_t>(words[3], 16);
    if (!address || !flags || (*flags & kHasGateway) == 0) {
      return true;
    }
    Gateway gateway{std::string(words[0]), ""};
    for (unsigned shift = 0; shift < 32; shift += 8) {
      gateway.address += (shift == 0 ? "" : ".") + std::to_string(*address >> shift & 0xffU);
    }
    if (std::find(out.begin(), out.end(), gateway) == out.end()) {
      out.push_back(std::move(gateway));
    }
    return out.size() < kGatewaysMax;
  });
  return out;
}

bool is_in_arp(std::string_view text, std::string_view address) {
  constexpr std::uint32_t kComplete = 0x2;
  bool found = false;
  for_lines(text, [&](std::string_view line) {
    const auto words = words_of(line);
    if (words.size() > 2 && words[0] == address && words[2].starts_with("0x")) {
      const auto flags = parse<std::uint32_t>(words[2].substr(2), 16);
      found = found || (flags && (*flags & kComplete) != 0);
    }
    return !found;
  });
  return found;
}

}  // namespace ha::failover
