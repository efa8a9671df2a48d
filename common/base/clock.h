// The clocks. The only place where the project asks what time it is.
//
// Steady time is for timeouts and measurement; wall time only for people and records, never to order events
// (positions and epochs do that). Loops read both once a turn and pass `now` on.
#pragma once

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

}  // namespace ha
