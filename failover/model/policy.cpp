#include "failover/model/policy.h"

#include <algorithm>

namespace ha::failover {
namespace {

constexpr Duration kHoldDownFirst = std::chrono::minutes(5);
constexpr Duration kHoldDownMost = std::chrono::hours(1);
constexpr Duration kQuiet = std::chrono::hours(24);

}  // namespace

bool in_window(const Fallback& fallback, int minute_of_day) noexcept {
  if (fallback.from_minute == fallback.to_minute) {
    return true;
  }
  if (fallback.from_minute < fallback.to_minute) {
    return minute_of_day >= fallback.from_minute && minute_of_day < fallback.to_minute;
  }
  return minute_of_day >= fallback.from_minute || minute_of_day < fallback.to_minute;
}

void FallbackWatch::on_look(bool good, SteadyTime now) noexcept {
  good_since_ = good ? std::optional(good_since_.value_or(now)) : std::nullopt;
}

bool FallbackWatch::due(const Fallback& fallback, std::uint64_t calls, int minute_of_day,
                        SteadyTime now) const noexcept {
  return fallback.when != Fallback::When::Never && good_since_ && now - *good_since_ >= fallback.stable_for &&
         in_window(fallback, minute_of_day) && (fallback.when == Fallback::When::Always || calls == 0);
}

void FlapBook::on_move(SteadyTime now) noexcept {
  in_a_row_ = last_ && now - *last_ < kQuiet ? in_a_row_ + 1 : 1;
  last_ = now;
}

std::optional<SteadyTime> FlapBook::held_until(SteadyTime now) const noexcept {
  if (!last_ || now - *last_ >= kQuiet) {
    return std::nullopt;
  }
  Duration hold = kHoldDownFirst;
  for (unsigned i = 1; i < in_a_row_ && hold < kHoldDownMost; ++i) {
    hold *= 2;
  }
  const SteadyTime until = *last_ + std::min<Duration>(hold, kHoldDownMost);
  return until > now ? std::optional(until) : std::nullopt;
}

}  // namespace ha::failover
