// What looks like an accident: too few items at the origin, or too many that a replica would lose.
//
// Judges counts only. It neither finds them out nor stops anything: the sender does at the origin, the set's
// store at a replica, with the same words. Pure. Thread safety: values. Source: docs/guards.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/clock.h"

namespace ha::replicator {

struct GuardLimits {
  std::uint64_t items_min = 0;  // of the set at its origin; 0: any number is good
  double delete_percent_max = 100;
};

inline constexpr std::uint64_t kDeletesAlways = 20;  // so many may go whatever the percentage
inline constexpr Duration kLossWindow = std::chrono::minutes(5);

class LossGuard {
 public:
  explicit LossGuard(const GuardLimits& limits = {}) : limits_(limits) {}

  // The replica has so many items: at least those can be lost.
  void has(std::uint64_t items, SteadyTime now);
  // Both have so many, and are equal. Fewer than before count only when the measure is kLossWindow old.
  void equal(std::uint64_t items, SteadyTime now);
  // An operator has seen that there will be so many, and lets it be.
  void accept(std::uint64_t items, SteadyTime now);

  // Why a set whose origin has `items` must not go on, as a sentence with the counts; nothing: it may.
  [[nodiscard]] std::optional<std::string> judge(std::uint64_t items) const;

 private:
  GuardLimits limits_;
  std::optional<std::uint64_t> measure_;
  SteadyTime measured_at_{};
};

// The same for items_min.
[[nodiscard]] std::optional<std::string> too_few(const GuardLimits& limits, std::uint64_t items);

}  // namespace ha::replicator
