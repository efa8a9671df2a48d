#include "failover/model/policy.h"

#include <algorithm>
#include <utility>

#include "common/base/units.h"

namespace ha::failover {
namespace {

constexpr Duration kHoldDownFirst = std::chrono::minutes(5);
constexpr Duration kHoldDownMost = std::chrono::hours(1);
constexpr Duration kQuiet = std::chrono::hours(24);

std::string clock_text(int minute_of_day) {
  constexpr int kHour = 60;
  const auto two = [](int number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  return two(minute_of_day / kHour) + ":" + two(minute_of_day % kHour);
}

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

void FallbackWatch::on_look(std::string why_not, SteadyTime now) {
  good_since_ = why_not.empty() ? std::optional(good_since_.value_or(now)) : std::nullopt;
  why_not_ = std::move(why_not);
}

std::string FallbackWatch::why_not(const Fallback& fallback, std::uint64_t calls, int minute_of_day,
                                   SteadyTime now) const {
  if (!good_since_) {
    return why_not_;
  }
  if (now - *good_since_ < fallback.stable_for) {
    return "it has been well for " + show_age(now - *good_since_) + ", " + show_age(fallback.stable_for) +
           " are asked for";
  }
  if (!in_window(fallback, minute_of_day)) {
    return "only from " + clock_text(fallback.from_minute) + " to " + clock_text(fallback.to_minute);
  }
  if (fallback.when == Fallback::When::WhenIdle && calls > 0) {
    return std::to_string(calls) + " calls are up";
  }
  return "";
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
