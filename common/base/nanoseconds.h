// Times as numbers, as files and messages hold them: nanoseconds since 1970, or of the steady clock since
// its own beginning.
#pragma once

#include <cstdint>

#include "common/base/clock.h"

namespace ha {

[[nodiscard]] inline std::int64_t nanoseconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}
[[nodiscard]] inline std::int64_t nanoseconds(SteadyTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}
[[nodiscard]] inline WallTime wall_time(std::int64_t since_1970_ns) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(since_1970_ns)));
}

}  // namespace ha
