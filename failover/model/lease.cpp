#include "failover/model/lease.h"

#include <algorithm>

namespace ha::failover {

bool Lease::lengthen(SteadyTime sent, SteadyTime now) {
  const SteadyTime until = sent + timing_.lease;
  if (until <= now) {
    return false;
  }
  until_ = std::max(until, until_.value_or(until));
  return true;
}

bool Lease::grant(std::uint64_t epoch, SteadyTime sent, SteadyTime now) {
  if (epoch != epoch_) {  // of another turn: nothing of the one before counts
    until_.reset();
  }
  if (!lengthen(sent, now)) {
    return false;
  }
  epoch_ = epoch;
  sent_ = std::max(sent_, sent);
  by_promises_ = false;
  return true;
}

bool Lease::extend(SteadyTime sent, SteadyTime now) {
  if (!held(now) || !lengthen(sent, now)) {
    return false;
  }
  by_promises_ = true;
  return true;
}

std::optional<SteadyTime> Lease::stop_at() const noexcept {
  return until_ ? std::optional(*until_ - timing_.stop_before) : std::nullopt;
}

}  // namespace ha::failover
