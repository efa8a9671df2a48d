// How long something took the last times, for estimates that people see.
//
// Pure; a value. Thread safety: one thread, or its owner's lock.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "common/base/clock.h"

namespace ha::failover {

class Times {
 public:
  static constexpr std::size_t kKept = 16;

  void add(Duration took) {
    times_.push_back(took);
    if (times_.size() > kKept) {
      times_.pop_front();
    }
  }
  // None: it was never measured.
  [[nodiscard]] std::optional<Duration> median() const {
    std::vector<Duration> sorted(times_.begin(), times_.end());
    std::sort(sorted.begin(), sorted.end());
    return sorted.empty() ? std::nullopt : std::optional(sorted[sorted.size() / 2]);
  }

 private:
  std::deque<Duration> times_;
};

}  // namespace ha::failover
