// Whether this host's clock stood still, by what only the host can tell: a suspend, or a frozen machine.
//
// Pure. Not here: what peers' clocks show (detector.h). Somebody who sets the wall clock, by hours even, is
// no jump: nothing is counted on it. Thread safety: one thread. Source: docs/failover.md, "Time".
#pragma once

#include <optional>
#include <string>

#include "common/base/clock.h"

namespace ha::failover {

// Readings of one moment. A suspend is known to the kernel; a machine that was frozen from outside shows it
// in the clock of the hardware alone, which goes on.
struct ClockReadings {
  Now now;
  Duration slept{};                       // since the host was started
  std::optional<WallTime> hardware = {};  // whole seconds; none: it has no such clock, or was not asked
};

class JumpWatch {
 public:
  static constexpr Duration kSleptMin = std::chrono::milliseconds(10);
  static constexpr Duration kLeapMin = std::chrono::seconds(2);

  // Why it jumped since the last reading, in a sentence; empty: it did not.
  [[nodiscard]] std::string on_readings(const ClockReadings& readings);

 private:
  std::optional<ClockReadings> last_;
  std::optional<ClockReadings> last_hardware_;
};

}  // namespace ha::failover
