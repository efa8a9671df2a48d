// What FreeSWITCH is asked over its event socket, and what its answers mean.
//
// Every read_* begins with EslAnswer::check(); Corrupt where an answer lacks what it always has. Pure.
// Source: docs/pbx.md, "What is read"; FreeSWITCH 1.10.12 as seen (`status`, `show … count`, HEARTBEAT),
// mod_sofia.c for gateways.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/pbx/esl.h"
#include "common/pbx/esl_session.h"

namespace ha::pbx {

struct SwitchStatus {
  bool is_ready = false;
  std::string version;  // "1.10.12-release 64bit"
  Duration up{};
  std::uint64_t sessions = 0;
  std::uint64_t sessions_max = 0;
  std::uint64_t sessions_since_start = 0;
  std::uint64_t per_second = 0;                 // new sessions in the last second
  std::optional<std::uint64_t> per_second_max;  // not in a HEARTBEAT, whose Session-Per-Sec is what was left
  double idle_cpu_percent = 0;
};
inline constexpr std::string_view kAskStatus = "status";
[[nodiscard]] Result<SwitchStatus> read_status(const EslAnswer& answer);
// The same of an event HEARTBEAT, every 20 s.
[[nodiscard]] Result<SwitchStatus> read_heartbeat(const EslEvent& event);

inline constexpr std::string_view kAskCalls = "show calls count";
inline constexpr std::string_view kAskChannels = "show channels count";
inline constexpr std::string_view kAskRegistrations = "show registrations count";
[[nodiscard]] Result<std::uint64_t> read_total(const EslAnswer& answer);

struct Gateway {
  std::string profile;
  std::string name;
  std::string
      state;  // "REGED", "NOREG" (it does not register), "UNREGED", "TRYING", "FAILED", "FAIL_WAIT", …
  bool is_registered = false;  // REGED
  std::optional<bool> is_up;   // what its OPTIONS say; of one gateway only
  bool is_pinged = false;      // at this moment; of one gateway only
};
inline constexpr std::string_view kAskGateways = "sofia status gateway";
[[nodiscard]] Result<std::vector<Gateway>> read_gateways(const EslAnswer& answer);
// "sofia status gateway <name>". NotFound: there is no such gateway.
[[nodiscard]] Result<Gateway> read_gateway(const EslAnswer& answer);

// The name without hareplicate::, if this is an event of ours.
[[nodiscard]] std::optional<std::string_view> our_custom_event(const EslEvent& event);

}  // namespace ha::pbx
