#include "failover/action/events.h"

#include <algorithm>
#include <array>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/glob.h"
#include "common/base/suggest.h"

namespace ha::failover {
namespace {

constexpr std::array kEvents{
    EventName{"node.warning", Asked::Never, "The health of this site has come to warning."},
    EventName{"node.critical", Asked::Never, "To critical: nothing is replicated from here any more."},
    EventName{"node.failed", Asked::Never,
              "To failed: its services are handed over if somebody better can take them."},
    EventName{"node.recovered", Asked::Never, "It is below warning again."},
    EventName{"peer.suspected", Asked::Never, "Another site is not heard on any path."},
    EventName{"peer.heard", Asked::Never, "It is heard again."},
    EventName{"arbiter.silent", Asked::Never, "The arbiter has not answered for as long as a lease."},
    EventName{"arbiter.answers", Asked::Never, "It does again."},
    EventName{"replicator.not_in_place", Asked::Never, "Sets were not in place when a service was taken."},
    EventName{"sensor.changed", Asked::Never, "A sensor counts as something else than before."},
    EventName{"service.state", Asked::Never, "A service is in another state at this site."},
    EventName{"service.moved", Asked::Never, "A service has another holder, or another epoch."},
    EventName{"service.local_only", Asked::Never, "This site is cut off, and serves local_networks alone."},
    EventName{"role.promoting", Asked::MayRefuse, "This site is about to serve a service that it has."},
    EventName{"role.promoted", Asked::Never, "It serves it."},
    EventName{"role.demoting", Asked::IsHeard, "It is about to stop serving it."},
    EventName{"role.demoted", Asked::Never, "It does not serve it any more."},
    EventName{"demote.failed", Asked::Never, "It could not be stopped in time."},
    EventName{"takeover.claimed", Asked::Never, "This site has taken a service."},
    EventName{"takeover.lost_race", Asked::Never, "Another was first."},
    EventName{"lease.ended", Asked::Never, "A lease was not renewed in time."},
    EventName{"lease.lost", Asked::Never, "A lease is another site's."},
    EventName{"epoch.regression", Asked::Never, "The arbiter's record has gone back in time."},
    EventName{"epoch.accepted", Asked::Never, "An operator has said that it is right so."},
    EventName{"clock.jump", Asked::Never, "This machine stood still, or its clock was set."},
    EventName{"guard.failed", Asked::Never, "The kernel guard could not be set."},
    EventName{"pbx.starting", Asked::MayRefuse, "The PBX is about to be started."},
    EventName{"pbx.stopping", Asked::IsHeard, "It is about to be stopped."},
    EventName{"pbx.failed", Asked::Never, "It did not start or stop, or a hook or handler of it has failed."},
    EventName{"dns.updated", Asked::Never, "Names lead to this site now."},
    EventName{"dns.mismatch", Asked::Never, "A name server says something else than it should."},
    EventName{"dns.failed", Asked::Never, "Names could not be changed."},
    EventName{"fence.started", Asked::Never, "Another site is being switched off."},
    EventName{"fence.succeeded", Asked::Never, "It is off."},
    EventName{"fence.failed", Asked::Never, "It is not known to be off."},
    EventName{"fence.confirmed", Asked::Never, "An operator has said that it is off."},
    EventName{"failover.switchover", Asked::Never, "An operator moves a service."},
    EventName{"failover.takeover", Asked::Never, "An operator takes a service."},
    EventName{"failover.paused", Asked::Never, "Nothing is moved by itself, by an operator's order."},
    EventName{"failover.resumed", Asked::Never, "It is again."},
    EventName{"failover.acknowledged", Asked::Never, "An operator has seen what failed."},
    EventName{"maintenance.started", Asked::Never, "This site takes nothing, and gives away what it has."},
    EventName{"maintenance.stopped", Asked::Never, "It takes services again."},
};

template <typename Where>
bool any_matches(const std::string& pattern, Where where) {
  return std::any_of(kEvents.begin(), kEvents.end(),
                     [&](const EventName& each) { return where(each) && glob_match(pattern, each.name); });
}

}  // namespace

std::span<const EventName> event_names() noexcept {
  return kEvents;
}

Status check_event_pattern(const std::string& pattern) {
  if (any_matches(pattern, [](const EventName&) { return true; })) {
    return ok();
  }
  std::vector<std::string> names;
  names.reserve(kEvents.size());
  for (const EventName& each : kEvents) {
    names.emplace_back(each.name);
  }
  return Error(Code::Invalid, "there is no event " + in_quotes(pattern) + did_you_mean(pattern, names),
               "docs/handlers.md has them all");
}

Status check_blocking_pattern(const std::string& pattern) {
  if (any_matches(pattern, [](const EventName& each) { return each.asked != Asked::Never; })) {
    return ok();
  }
  return Error(Code::Invalid, "nobody is waited for at " + in_quotes(pattern),
               "blocking = false, in a handler of its own");
}

bool is_blocking_event(std::string_view name) noexcept {
  return std::any_of(kEvents.begin(), kEvents.end(),
                     [&](const EventName& each) { return each.asked != Asked::Never && each.name == name; });
}

}  // namespace ha::failover
