// The part of process.h that speaks to systemd.
#include <systemd/sd-daemon.h>

#include <chrono>
#include <string>

#include "common/sys/process.h"

namespace ha::sys {
namespace {

// An unreachable systemd is not our failure: it restarts us if it misses the message.
void notify(const std::string& state) noexcept {
  static_cast<void>(::sd_notify(0, state.c_str()));
}

}  // namespace

void notify_ready() noexcept {
  notify("READY=1");
}

void notify_reloading(SteadyTime now) noexcept {
  const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
  notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now_us.count()));
}

void notify_stopping() noexcept {
  notify("STOPPING=1");
}
void notify_watchdog() noexcept {
  notify("WATCHDOG=1");
}

std::optional<Duration> watchdog_interval() noexcept {
  std::uint64_t interval_us = 0;
  if (::sd_watchdog_enabled(0, &interval_us) <= 0) {
    return std::nullopt;
  }
  return std::chrono::microseconds(interval_us);
}

}  // namespace ha::sys
