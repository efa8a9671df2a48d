#include "failover/model/timing.h"

#include <string>

#include "common/base/units.h"

namespace ha::failover {
namespace {

std::string shown(std::string_view name, Duration value) {
  return std::string(name) + " = " + write_duration(value);
}

Error broken(const std::string& what, const std::string& hint) {
  return Error(Code::Invalid, what, hint);
}

}  // namespace

// L(1+ρ)/(1−ρ), rounded up, and one tick.
Duration Timing::wait() const noexcept {
  constexpr std::int64_t kMillion = 1'000'000;
  const std::int64_t ns = lease.count();
  const std::int64_t slow = kMillion - kDriftPpm;
  // In two parts, so that days do not overflow.
  const std::int64_t whole = ns / slow * (kMillion + kDriftPpm);
  const std::int64_t rest = (ns % slow * (kMillion + kDriftPpm) + slow - 1) / slow;
  return Duration(whole + rest) + kTick;
}

Status check(const Timing& timing, Duration stop_within) {
  if (timing.renew * 3 > timing.lease) {
    return broken(shown("renew", timing.renew) + " is more than a third of " + shown("lease", timing.lease) +
                      ": one lost renewal would end it",
                  shown("renew", timing.lease / 5));
  }
  if (timing.stop_before < stop_within + kStopMargin) {
    return broken(shown("stop_before", timing.stop_before) + " is less than " +
                      shown("stop_within", stop_within) + " and " + write_duration(kStopMargin) +
                      ": the lease would run out before the PBX has stopped",
                  shown("stop_before", stop_within + kStopMargin));
  }
  if (timing.stop_before + timing.renew >= timing.lease) {
    return broken(shown("stop_before", timing.stop_before) + " and " + shown("renew", timing.renew) +
                      " fill " + shown("lease", timing.lease) + ": it would stop before it can renew",
                  shown("lease", (timing.stop_before + timing.renew) * 2));
  }
  if (timing.suspect_after() >= timing.wait()) {
    return broken("silence counts after " + write_duration(timing.suspect_after()) +
                      " (heartbeat times misses), which is not less than the wait for a lease, " +
                      write_duration(timing.wait()),
                  "a shorter heartbeat, or a longer lease");
  }
  return ok();
}

}  // namespace ha::failover
