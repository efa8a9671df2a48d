// Back to the site that comes first, when it is well again: coordinator.h, policy.h.
#include "failover/model/coordinator.h"

namespace ha::failover {

// Why the preferred site could not have it back, from the holder's seat; empty: it could.
std::string Coordinator::home_doubt(const ServiceRules& service, const View& view) const {
  if (turns_.at(service.name).state() != State::Holding) {
    return "it is not held here";
  }
  if (service.sites.empty() || service.sites[0] == rules_.self) {
    return "this is its first site";
  }
  const Candidate* home = view.find(service.sites[0]);
  if (home == nullptr) {
    return "it was never heard";
  }
  if (std::string why = failover::why_not({service.name, service.sites}, *home); !why.empty()) {
    return why;
  }
  if (home->score >= rules_.warning) {
    return "its health is " + std::to_string(home->score) + ", warning is " + std::to_string(rules_.warning);
  }
  const auto lag = home->lag.find(service.name);
  const Lag known = lag == home->lag.end() ? Lag::Behind : lag->second;
  return known == Lag::InSync ? "" : "its copies are " + std::string(lag_text(known));
}

void Coordinator::look_at_fallback(const View& view, SteadyTime now) {
  for (const ServiceRules& service : rules_.services) {
    if (service.fallback.when != Fallback::When::Never) {
      fallbacks_[service.name].on_look(home_doubt(service, view), now);
    }
  }
}

// Why it does not go home by itself just now; empty: it does.
std::string Coordinator::why_not_home(const std::string& service, SteadyTime now) const {
  const auto watch = fallbacks_.find(service);
  if (watch == fallbacks_.end()) {
    return "it was not looked at yet";
  }
  const auto calls = findings_.calls.find(service);
  const auto minute = findings_.minute_of_day.find(service);
  return watch->second.why_not(rules_of(service).fallback, calls == findings_.calls.end() ? 0 : calls->second,
                               minute == findings_.minute_of_day.end() ? 0 : minute->second, now);
}

std::string Coordinator::fallback_text(const std::string& service, SteadyTime now) const {
  const ServiceRules& rules = rules_of(service);
  if (!is_serving(turns_.at(service).state()) || rules.sites.empty() || rules.sites[0] == rules_.self) {
    return "";
  }
  const std::string& home = rules.sites[0];
  if (rules.fallback.when == Fallback::When::Never) {
    return "It stays here when " + home +
           " is well again: fallback = \"never\". To move it: failover fallback " + service;
  }
  const std::string why_not = why_not_home(service, now);
  return "It goes back to " + home + " by itself" + (why_not.empty() ? "" : ", not yet: " + why_not) + ".";
}

}  // namespace ha::failover
