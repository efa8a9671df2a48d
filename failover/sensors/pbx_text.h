// What PBXs print that only sensors read: queues of Asterisk's task processors, its limit of calls, profiles
// of FreeSWITCH.
//
// Pure; what both daemons read is common/pbx. Thread safety: plain functions. Errors: Corrupt where an answer
// lacks what it always has. Source: Asterisk 16.28 and 22.10 as seen; mod_sofia.c of FreeSWITCH 1.10.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/pbx/ami_session.h"

namespace ha::failover {

struct TaskQueue {
  std::string name;
  std::uint64_t waiting = 0;
  std::uint64_t high_water = 0;  // from here on Asterisk says that it is overloaded; at least 1

  [[nodiscard]] double percent() const noexcept {
    return 100.0 * static_cast<double>(waiting) / static_cast<double>(high_water);
  }
};
// The lines of "core show taskprocessors": the one that is fullest.
[[nodiscard]] Result<TaskQueue> fullest_queue(const std::vector<std::string>& lines);

// The answer to CoreSettings: maxcalls of asterisk.conf; 0: no limit.
[[nodiscard]] Result<std::uint64_t> read_max_calls(const pbx::AmiAnswer& answer);

struct SipProfile {
  std::string name;
  std::string state;  // "RUNNING (0)"

  [[nodiscard]] bool is_running() const noexcept { return state.starts_with("RUNNING"); }
};
inline constexpr std::size_t kSipProfilesMax = 256;
// The output of "sofia status"; each profile once, Exhausted above kSipProfilesMax. One that could not bind
// its port is not there at all.
[[nodiscard]] Result<std::vector<SipProfile>> read_profiles(std::string_view text);

}  // namespace ha::failover
