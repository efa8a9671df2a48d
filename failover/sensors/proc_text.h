// What the kernel says in the files of /proc, as values. Whatever the text is: a value or nothing.
//
// Pure: the files are read by bounded_file.h. Thread safety: plain functions.
// Source: proc(5), Documentation/accounting/psi.rst and admin-guide/iostats.rst of Linux 6.1.
#pragma once

#include <bitset>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ha::failover {

inline constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

// A whole number, and nothing else.
[[nodiscard]] std::optional<std::uint64_t> whole_number(std::string_view text);
// What stands between blanks.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view line);
// Calls `each(line)` for every line, until that says false.
template <typename Each>
void for_lines(std::string_view text, Each each) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (!each(text.substr(0, end))) {
      return;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// loadavg: of the last minute.
[[nodiscard]] std::optional<double> load_average(std::string_view text);
// stat: how many "cpuN" there are.
[[nodiscard]] unsigned cpu_count(std::string_view text);
struct CpuTimes {
  std::uint64_t total = 0;  // ticks of all processors together
  std::uint64_t steal = 0;
};
[[nodiscard]] std::optional<CpuTimes> cpu_times(std::string_view text);

// pressure/*: per cent of the last 10 s in which some, or all, waited.
struct Pressure {
  double some = 0;
  std::optional<double> full;
};
[[nodiscard]] std::optional<Pressure> pressure_of(std::string_view text);

// meminfo, vmstat, status: the first number of the line that begins with this name.
[[nodiscard]] std::optional<std::uint64_t> named_number(std::string_view text, std::string_view name);

// PID/stat.
struct ProcessStat {
  std::string command;
  char state = '?';
  std::int64_t parent = 0;
  std::uint64_t start_ticks = 0;  // after boot
};
[[nodiscard]] std::optional<ProcessStat> process_stat(std::string_view text);
// PID/limits: "Max open files"; kUnlimited.
[[nodiscard]] std::optional<std::uint64_t> soft_limit(std::string_view text, std::string_view name);
// PID/cgroup: of the unified hierarchy, "/system.slice/asterisk.service".
[[nodiscard]] std::optional<std::string> unified_cgroup(std::string_view text);

// diskstats.
struct DiskTimes {
  std::uint64_t done = 0;      // reads and writes
  std::uint64_t spent_ms = 0;  // waiting for them
  std::uint64_t waiting = 0;   // begun and not done
};
[[nodiscard]] std::optional<DiskTimes> disk_times(std::string_view text, std::string_view device);
[[nodiscard]] std::optional<DiskTimes> disk_times(std::string_view text, unsigned major, unsigned minor);

// net/snmp: "Udp", "RcvbufErrors".
[[nodiscard]] std::optional<std::uint64_t> snmp_counter(std::string_view text, std::string_view protocol,
                                                        std::string_view counter);
// net/udp and net/udp6: the local ports, added to `ports`.
using PortSet = std::bitset<65536>;
void add_udp_ports(std::string_view text, PortSet& ports);
// net/route: the default routes, each gateway once.
struct Gateway {
  std::string interface;
  std::string address;

  bool operator==(const Gateway&) const = default;
};
[[nodiscard]] std::vector<Gateway> default_gateways(std::string_view text);
// net/arp: whether the kernel knows the address's hardware.
[[nodiscard]] bool is_in_arp(std::string_view text, std::string_view address);

}  // namespace ha::failover
