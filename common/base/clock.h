// The clocks. The only place where the project asks what time it is.
//
// Steady time is for timeouts and measurement; wall time only for people and records, never to order events
// (positions and epochs do that). Loops read both once a turn and pass `now` on.
#pragma once

#include <time.h>

#include <chrono>

namespace ha {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;
using Duration = std::chrono::nanoseconds;

struct Now {
  SteadyTime steady;
  WallTime wall;
};

[[nodiscard]] inline Now read_clocks() {
  return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
}

// How long the host has slept since it was started: what its steady clock did not count.
[[nodiscard]] inline Duration read_slept() {
  timespec boot{};
  timespec steady{};
  clock_gettime(CLOCK_MONOTONIC, &steady);
  clock_gettime(CLOCK_BOOTTIME, &boot);
  return std::chrono::seconds(boot.tv_sec - steady.tv_sec) +
         std::chrono::nanoseconds(boot.tv_nsec - steady.tv_nsec);
}

}  // namespace ha
