// What others say to sensors: plugins, PBXs, hosts that are pinged, time servers, the kernel's files.
// The first byte chooses who speaks.
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"
#include "common/pbx/fields.h"
#include "failover/sensors/icmp_message.h"
#include "failover/sensors/pbx_text.h"
#include "failover/sensors/plugin_output.h"
#include "failover/sensors/proc_text.h"
#include "failover/sensors/sntp_message.h"

namespace {

using namespace ha::failover;

void plugin(const ha::Bytes& text) {
  const PluginOutput said = parse_plugin_output(text);
  HA_ASSERT(said.text.size() <= 4 * kReadingTextMax);  // escaped
  HA_ASSERT(!said.score || (*said.score >= 0 && *said.score <= 100));
  HA_ASSERT(!said.first || std::isfinite(said.first->value));
}

void kernel(const ha::Bytes& text) {
  static_cast<void>(load_average(text));
  static_cast<void>(cpu_count(text));
  static_cast<void>(cpu_times(text));
  static_cast<void>(pressure_of(text));
  static_cast<void>(named_number(text, "MemTotal:"));
  static_cast<void>(process_stat(text));
  static_cast<void>(soft_limit(text, "Max open files"));
  static_cast<void>(unified_cgroup(text));
  static_cast<void>(disk_times(text, "vda"));
  static_cast<void>(disk_times(text, 254, 0));
  static_cast<void>(snmp_counter(text, "Udp", "RcvbufErrors"));
  PortSet ports;
  add_udp_ports(text, ports);
  HA_ASSERT(default_gateways(text).size() <= 64);
  static_cast<void>(is_in_arp(text, "192.0.2.1"));
}

void pbx(const ha::Bytes& text) {
  std::vector<std::string> lines;
  for (const std::string_view line : ha::pbx::split(text, '\n')) {
    lines.emplace_back(line);
  }
  if (const auto queue = fullest_queue(lines); queue.ok()) {
    HA_ASSERT(std::isfinite(queue->percent()) && queue->percent() >= 0);
  }
  if (const auto profiles = read_profiles(text); profiles.ok()) {
    HA_ASSERT(profiles->size() <= lines.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ha::Bytes input(reinterpret_cast<const char*>(data), size);
  const ha::Bytes text = input.substr(std::min<std::size_t>(1, size));
  switch (size == 0 ? 0 : data[0] % 5) {
    case 0:
      plugin(text);
      break;
    case 1:
      for (const bool v6 : {false, true}) {
        static_cast<void>(echo_answer(text, v6, !v6, 1));
      }
      break;
    case 2:
      static_cast<void>(sntp_offset(text, 1, ha::WallTime{}, ha::WallTime{}));
      break;
    case 3:
      kernel(text);
      break;
    case 4:
      pbx(text);
      break;
  }
  return 0;
}
