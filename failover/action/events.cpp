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
    EventName{"node.starting", false, "The coordinator has its configuration and begins."},
    EventName{"node.started", false, "It has read every record and hears others."},
    EventName{"node.stopping", false, "It has been told to end."},
    EventName{"node.warning", false, "The health of this site has come to warning."},
    EventName{"node.critical", false, "To critical: its data goes to nobody any more."},
    EventName{"node.failed", false, "To failed: its services are handed over if somebody better can."},
    EventName{"node.recovered", false, "It is below warning again."},
    EventName{"sensor.changed", false, "A sensor counts as something else than before."},
    EventName{"role.promoting", true, "This site is about to serve a service that it has."},
    EventName{"role.promoted", false, "It serves it."},
    EventName{"role.demoting", true, "It is about to stop serving, by a planned move."},
    EventName{"role.demoted", false, "It does not serve it any more."},
    EventName{"role.refused", false, "A promotion or demotion was refused, or has failed."},
    EventName{"takeover.claimed", false, "This site has taken a service over from another."},
    EventName{"takeover.lost", false, "Another was first."},
    EventName{"lease.late", false, "A renewal was confirmed late."},
    EventName{"lease.lost", false, "The lease has ended, or is another's."},
    EventName{"failsafe.begun", false, "The arbiter is out of reach, and all others have promised."},
    EventName{"failsafe.ended", false, "It is not needed any more, or somebody did not promise."},
    EventName{"arbiter.lost", false, "The arbiter does not answer."},
    EventName{"arbiter.regained", false, "It answers again."},
    EventName{"epoch.regression", false, "The arbiter's record has gone back in time."},
    EventName{"clock.jump", false, "This machine stood still, or its clock was set."},
    EventName{"clock.off", false, "The clocks of two sites differ by more than a second."},
    EventName{"peer.suspected", false, "A site is heard on no path."},
    EventName{"peer.heard", false, "It is heard again."},
    EventName{"peer.auth_failed", false, "Somebody with a wrong key has tried to speak to this site."},
    EventName{"peer.config_differs", false, "A site has another cluster.toml."},
    EventName{"link.up", false, "A path to a site works."},
    EventName{"link.down", false, "A path is silent."},
    EventName{"link.degraded", false, "A path loses much."},
    EventName{"fence.started", true, "Another site is about to be switched off."},
    EventName{"fence.succeeded", false, "It is off."},
    EventName{"fence.failed", false, "It is not known to be off."},
    EventName{"flap.blocked", false, "A service is not moved again for the same cause."},
    EventName{"failover.paused", false, "Nothing is moved by itself, by an operator's order."},
    EventName{"failover.resumed", false, "It is again."},
    EventName{"fallback.scheduled", false, "A service will go back to its first site."},
    EventName{"fallback.started", false, "It goes."},
    EventName{"fallback.done", false, "It is there."},
    EventName{"dns.updating", true, "Names are about to be changed."},
    EventName{"dns.updated", false, "They were changed."},
    EventName{"dns.failed", false, "They could not be changed."},
    EventName{"dns.mismatch", false, "A name server says something else than it should."},
    EventName{"maintenance.starting", true, "This site is about to go into maintenance."},
    EventName{"maintenance.started", false, "It takes nothing, and gives away what it has."},
    EventName{"maintenance.drained", false, "No call is up any more."},
    EventName{"maintenance.stopped", false, "It takes services again."},
    EventName{"pbx.starting", true, "The PBX is about to be started."},
    EventName{"pbx.started", false, "It runs."},
    EventName{"pbx.stopping", true, "It is about to be stopped."},
    EventName{"pbx.stopped", false, "It does not run any more."},
    EventName{"pbx.crashed", false, "It has ended by itself."},
    EventName{"config.loaded", false, "A new configuration is in force."},
    EventName{"config.rejected", false, "It is wrong; the old one stays."},
    EventName{"handler.failed", false, "A handler or hook has failed, or was ended at its limit."},
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
  for (const EventName& each : kEvents) {
    names.emplace_back(each.name);
  }
  return Error(Code::Invalid, "there is no event " + in_quotes(pattern) + did_you_mean(pattern, names),
               "docs/handlers.md has them all");
}

Status check_blocking_pattern(const std::string& pattern) {
  if (any_matches(pattern, [](const EventName& each) { return each.blocking; })) {
    return ok();
  }
  return Error(Code::Invalid, in_quotes(pattern) + " cannot be vetoed",
               "blocking = false, in a handler of its own");
}

bool is_blocking_event(std::string_view name) noexcept {
  return std::any_of(kEvents.begin(), kEvents.end(),
                     [&](const EventName& each) { return each.blocking && each.name == name; });
}

}  // namespace ha::failover
