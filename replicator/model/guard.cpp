#include "replicator/model/guard.h"

#include <algorithm>
#include <cmath>

#include "common/base/units.h"

namespace ha::replicator {

void LossGuard::has(std::uint64_t items, SteadyTime now) {
  if (!measure_ || items > *measure_) {
    accept(items, now);
  }
}

void LossGuard::equal(std::uint64_t items, SteadyTime now) {
  if (!measure_ || items >= *measure_ || now - measured_at_ >= kLossWindow) {
    accept(items, now);
  }
}

void LossGuard::accept(std::uint64_t items, SteadyTime now) {
  measure_ = items;
  measured_at_ = now;
}

std::optional<std::string> LossGuard::judge(std::uint64_t items) const {
  if (!measure_ || items >= *measure_) {
    return std::nullopt;
  }
  const std::uint64_t lost = *measure_ - items;
  const double percent = 100.0 * static_cast<double>(lost) / static_cast<double>(*measure_);
  if (lost <= kDeletesAlways || percent <= limits_.delete_percent_max) {
    return std::nullopt;
  }
  return "this would delete " + show_count(lost) + " of " + show_count(*measure_) + " items (" +
         write_percent(std::floor(percent)) + ", max_delete is " + write_percent(limits_.delete_percent_max) +
         ")";
}

std::optional<std::string> too_few(const GuardLimits& limits, std::uint64_t items) {
  if (items >= limits.items_min) {
    return std::nullopt;
  }
  return "the set has " + show_count(items) +
         " items at its origin, fewer than min_items = " + show_count(limits.items_min);
}

}  // namespace ha::replicator
