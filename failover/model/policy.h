// When a service goes back to the site it prefers, and when moving it once more would only be flapping.
//
// Pure. Thread safety: one thread. Source: docs/failover.md, "Capacity, maintenance, fallback, flapping".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "common/base/clock.h"

namespace ha::failover {

struct Fallback {
  enum class When {
    Never,
    WhenIdle,  // no calls are up
    Always,
  };
  When when = When::Never;
  Duration stable_for = std::chrono::minutes(30);  // the preferred site has been healthy that long
  // Minutes of the day, local; from == to: at any time. May go over midnight.
  int from_minute = 0;
  int to_minute = 0;

  bool operator==(const Fallback&) const = default;
};
[[nodiscard]] bool in_window(const Fallback& fallback, int minute_of_day) noexcept;

// Since when the preferred site could have it.
class FallbackWatch {
 public:
  // `why_not`: empty while it is heard, healthy and caught up.
  void on_look(std::string why_not, SteadyTime now);
  // Why it does not go back yet, in words; empty: it does.
  [[nodiscard]] std::string why_not(const Fallback& fallback, std::uint64_t calls, int minute_of_day,
                                    SteadyTime now) const;

 private:
  std::string why_not_;
  std::optional<SteadyTime> good_since_;
};

// Moves that were made because of health: the next one for that reason waits. Other reasons do not ask here.
class FlapBook {
 public:
  void on_move(SteadyTime now) noexcept;
  void acknowledge() noexcept { *this = {}; }
  // Until when the next one waits; none: it need not.
  [[nodiscard]] std::optional<SteadyTime> held_until(SteadyTime now) const noexcept;

 private:
  std::optional<SteadyTime> last_;
  unsigned in_a_row_ = 0;
};

}  // namespace ha::failover
