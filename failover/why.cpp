// Sentences for a tired person: why it is as it is, and what to type next. Pure: verbs.h.
#include <algorithm>

#include "common/base/units.h"
#include "failover/verbs.h"
#include "schemas/coordinator.pb.h"

namespace ha::failover {
namespace {

namespace pb = ha::schemas::coordinator;

const pb::Standing* standing_of(const pb::Service& service, std::string_view site) {
  const auto found = std::find_if(service.standings().begin(), service.standings().end(),
                                  [&](const pb::Standing& each) { return each.site() == site; });
  return found == service.standings().end() ? nullptr : &*found;
}

std::string epoch_text(const pb::Service& service) {
  return "epoch " + std::to_string(service.epoch());
}

std::string holds(const pb::Status& status, const pb::Service& service) {
  if (!service.known()) {
    return "It is not known yet who holds " + service.name() + ": " + service.why() + ".";
  }
  if (service.holder().empty()) {
    return "Nobody holds " + service.name() + ".";
  }
  if (service.holder() != status.site()) {
    return service.holder() + " holds " + service.name() + ", " + epoch_text(service) + ".";
  }
  std::string out = "This site holds " + service.name() + ", " + epoch_text(service) + ": " + service.state();
  if (service.has_lease_left_ns()) {
    out += ", its lease counts for another " + show_age(Duration(service.lease_left_ns()));
    out += service.by_promises() ? ", by promises of all other sites, as the arbiter is silent" : "";
  }
  return out + ".";
}

void add_next(const pb::Status& status, const pb::Service& service, std::vector<std::string>& out) {
  for (const pb::Standing& standing : service.standings()) {
    if (standing.site() == service.holder()) {
      continue;
    }
    if (standing.able()) {
      out.push_back(standing.site() + " could take it; its copies are " + standing.lag() + ".");
    } else {
      out.push_back(standing.site() + " cannot take it: " + standing.why_not() + ". See: failover why " +
                    standing.site());
    }
  }
  if (status.paused()) {
    out.push_back("Takeovers by this site are paused by " + status.paused_by() + ". Next: failover resume");
  }
}

}  // namespace

std::string total_text(const pb::Budget& budget, std::string_view about) {
  return std::string(budget.at_most() ? "up to " : about) + show_age(Duration(budget.total_ns()));
}

std::string can_take_over(const pb::Service& service, std::string_view site) {
  const pb::Standing* standing = standing_of(service, site);
  if (standing == nullptr) {
    return "no: not among its sites";
  }
  if (!standing->able()) {
    return "no: " + standing->why_not();
  }
  return "yes, in " + total_text(service.site_dies(), "about ") +
         (standing->lag() == "in sync" ? ", losing nothing that has arrived" : ", " + standing->lag());
}

std::vector<std::string> why_service(const pb::Status& status, const pb::Service& service) {
  std::vector<std::string> out{holds(status, service)};
  if (service.known()) {
    out.push_back("Here it is " + service.state() + ": " + service.why() + ".");
  }
  if (!service.promised().empty()) {
    out.push_back("This site has promised not to take it from " + service.promised() + ".");
  }
  if (service.has_arbiter_silent_ns()) {
    out.push_back("The arbiter has not answered for " + show_age(Duration(service.arbiter_silent_ns())) +
                  ": nobody can take it over meanwhile. Next: failover arbiter check");
  }
  if (service.has_held_ns()) {
    out.push_back("It was moved because of health: the next such move waits for another " +
                  show_age(Duration(service.held_ns())) + ". Next, to let it go: failover ack");
  }
  if (service.state() == "failed") {
    out.push_back("See that its PBX does not run here, then: failover ack");
  }
  if (!service.fallback().empty()) {
    out.push_back(service.fallback());
  }
  add_next(status, service, out);
  out.push_back("If its site died now, calls would come back in about " + service.site_dies().text() + ".");
  out.push_back(service.mode() == "fast"
                    ? "takeover = \"fast\": a holder that only seems dead may serve beside "
                      "the new one until it reads the higher epoch."
                    : "takeover = \"lease\": never two at a time.");
  if (!service.names().empty()) {
    out.push_back("Callers are not led as the record says: " + service.names() + ". Next: dnsupdater show");
  }
  out.push_back("Copies at this site: " + service.replication() + ".");
  return out;
}

std::vector<std::string> why_site(const pb::Status& status, const pb::Site& site) {
  std::vector<std::string> out;
  const std::string name = site.self() ? "This site" : site.name();
  if (site.paths() == 0 && !site.self()) {
    return {site.name() + " has no heartbeat in cluster.toml: it keeps copies, and takes nothing."};
  }
  if (!site.heard()) {
    out.push_back(site.name() + " was not heard for " + show_age(Duration(site.silence_ns())) +
                  ", on any of " + std::to_string(site.paths()) + " paths: it is dead, or cut off. " +
                  "If it is certainly off: failover fence confirm " + site.name());
  } else {
    out.push_back(name + ": health " + std::to_string(site.score()) + " (" + site.level() + ")" +
                  (site.self() ? "."
                               : ", heard on " + std::to_string(site.paths_up()) + " of " +
                                     std::to_string(site.paths()) + " paths."));
    for (const std::string& text : site.worst()) {
      out.push_back("Adds to it: " + text);
    }
    if (!site.unfit().empty()) {
      out.push_back(name + " takes nothing: " + site.unfit() + ".");
    } else if (site.room() == 0) {
      out.push_back(name + " holds as many services as its capacity allows.");
    }
    if (!site.config_equal()) {
      out.push_back(site.name() + " has another cluster.toml: its rank is behind all others. Next: " +
                    "hareplicate config diff " + site.name());
    }
  }
  for (const pb::Service& service : status.services()) {
    if (service.holder() == site.name()) {
      out.push_back(name + " holds " + service.name() + ", " + epoch_text(service) + ".");
    } else if (standing_of(service, site.name()) != nullptr) {
      out.push_back(name + " could take " + service.name() + ": " + can_take_over(service, site.name()) +
                    ".");
    }
  }
  return out;
}

}  // namespace ha::failover
