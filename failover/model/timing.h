// How long everything counts, and the relations without which the promises do not hold.
//
// Pure. All durations are of the monotonic clock of whoever counts. Thread safety: values.
// Source: docs/failover.md, "Time"; the design's sections 3 and 4.
#pragma once

#include <chrono>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha::failover {

// Beyond what heartbeats in a row may be late: a turn of both loops, and the kernel's queues.
inline constexpr Duration kSuspectSlack = std::chrono::milliseconds(60);
// Two clocks that run apart by that much at most, and what a loop may be late when it looks.
inline constexpr int kDriftPpm = 500;
inline constexpr Duration kTick = std::chrono::milliseconds(50);
// What a swap needs beside the stop of the PBX.
inline constexpr Duration kStopMargin = std::chrono::milliseconds(100);

struct Timing {
  Duration heartbeat = std::chrono::milliseconds(100);    // i: on every path
  unsigned misses = 3;                                    // M
  Duration lease = std::chrono::seconds(10);              // L: from the first send of what was confirmed
  Duration renew = std::chrono::seconds(2);               // R: the holder renews, a standby reads
  Duration stop_before = std::chrono::milliseconds(500);  // F: begins to stop that long before the end
  Duration stagger = std::chrono::milliseconds(200);      // D: the r-th standby waits r times that

  // Silence of a path that counts.
  [[nodiscard]] Duration suspect_after() const noexcept { return heartbeat * misses + kSuspectSlack; }
  // W: how long a challenger must have seen the same version.
  [[nodiscard]] Duration wait() const noexcept;

  bool operator==(const Timing&) const = default;
};

// Invalid: names the relation that is broken, both values, and what to change. `stop_within`: of the PBX.
[[nodiscard]] Status check(const Timing& timing, Duration stop_within);

}  // namespace ha::failover
