// How long to wait before the next try: exponential, with jitter, up to a named limit.
//
// Pure: it neither sleeps nor reads a clock, and draws from the Random that is passed. It does not decide
// what is worth retrying; Code does (Unavailable, TimedOut). Thread safety: a plain value.
#pragma once

#include <algorithm>
#include <chrono>

#include "common/base/clock.h"
#include "common/base/random.h"

namespace ha {

struct BackoffLimits {
  Duration first = std::chrono::milliseconds(200);
  Duration longest = std::chrono::seconds(30);
  double factor = 2.0;  // at least 1
  double jitter = 0.5;  // share of each wait that is random, 0 to 1: a wait is in [(1-jitter)*w, w]
};

class Backoff {
 public:
  explicit Backoff(BackoffLimits limits = {}) noexcept : limits_(limits), next_(limits.first) {}

  // The wait before the coming try; the one after that will be longer.
  [[nodiscard]] Duration next(Random& random) noexcept {
    const double whole = static_cast<double>(std::min(next_, limits_.longest).count());
    const double grown = whole * std::max(limits_.factor, 1.0);
    next_ = grown < static_cast<double>(limits_.longest.count()) ? Duration(static_cast<Duration::rep>(grown))
                                                                 : limits_.longest;
    ++attempts_;
    const double jitter = std::clamp(limits_.jitter, 0.0, 1.0);
    return Duration(static_cast<Duration::rep>(whole * (1.0 - jitter * random.unit())));
  }

  // After a success: the next wait is the first one again.
  void reset() noexcept {
    next_ = limits_.first;
    attempts_ = 0;
  }

  // Waits handed out since the last reset().
  [[nodiscard]] unsigned attempts() const noexcept { return attempts_; }

 private:
  BackoffLimits limits_;
  Duration next_;
  unsigned attempts_ = 0;
};

}  // namespace ha
