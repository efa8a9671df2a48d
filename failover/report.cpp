#include "failover/report.h"

#include "common/base/nanoseconds.h"
#include "common/base/units.h"
#include "schemas/coordinator.pb.h"
#include "version.h"

namespace ha::failover {
namespace {

namespace pb = ha::schemas::coordinator;

constexpr Duration kClockOff = std::chrono::seconds(1);

void fill(const std::vector<BudgetPart>& parts, pb::Budget& out) {
  for (const BudgetPart& part : parts) {
    pb::Part& to = *out.add_parts();
    to.set_name(part.name);
    to.set_length_ns(part.length.count());
    to.set_at_most(part.at_most);
  }
  out.set_total_ns(total(parts).count());
  out.set_text(budget_text(parts));
  out.set_at_most(is_at_most(parts));
}

void fill(const Controller& from, const ServiceSettings& settings, SteadyTime now, pb::Service& out) {
  const std::string& name = settings.rules.name;
  const Turn& turn = from.core().turns().at(name);
  const Sight& sight = turn.sight();
  out.set_name(name);
  out.set_known(sight.known());
  out.set_holder(sight.is_free() ? "" : sight.record()->owner);
  out.set_epoch(sight.record() ? sight.record()->version.epoch : 0);
  out.set_seq(sight.record() ? sight.record()->version.seq : 0);
  out.set_draining(sight.record() && sight.record()->hold == Hold::Drain);
  out.set_mode(settings.rules.mode == Mode::Fast ? "fast" : "lease");
  out.set_state(std::string(state_text(turn.state())));
  out.set_why(turn.why());
  if (turn.lease().held(now)) {
    out.set_lease_left_ns((*turn.lease().until() - now).count());
    out.set_by_promises(turn.lease().by_promises());
  }
  if (turn.promise().binds(now)) {
    out.set_promised(turn.promise().holder() + ", for another " + show_age(*turn.promise().until() - now));
  }
  for (const Coordinator::Standing& standing : from.core().standings(name, now)) {
    pb::Standing& to = *out.add_standings();
    to.set_site(standing.site);
    to.set_able(standing.why_not.empty());
    to.set_why_not(standing.why_not);
    to.set_lag(std::string(lag_text(standing.lag)));
  }
  const BudgetFacts facts = from.budget_facts(name);
  fill(budget(facts, Loss::SiteDies), *out.mutable_site_dies());
  fill(budget(facts, Loss::PbxDies), *out.mutable_pbx_dies());
  fill(budget(facts, Loss::SwitchOver), *out.mutable_switchover());
  out.set_names(from.names_behind(name));
  out.set_replication(from.replication_of(name));
  if (const auto calls = from.findings().calls.find(name); calls != from.findings().calls.end()) {
    out.set_calls(calls->second);
  }
  out.set_fallback(from.core().fallback_text(name, now));
  if (const auto held = from.core().held_until(name, now)) {
    out.set_held_ns((*held - now).count());
  }
  if (sight.silent_since()) {
    out.set_arbiter_silent_ns((now - *sight.silent_since()).count());
  }
}

void fill(const SiteReport& report, pb::Site& out) {
  out.set_score(report.score);
  out.set_level(std::string(level_text(level_of(report.score))));
  out.set_unfit(report.unfit);
  out.set_room(report.room);
  for (const auto& [name, service] : report.services) {
    pb::SiteService& to = *out.add_services();
    to.set_name(name);
    to.set_state(std::string(state_text(service.state)));
    to.set_epoch(service.epoch);
    to.set_lag(std::string(lag_text(service.lag)));
    to.set_calls(service.calls);
  }
}

void fill_self(const Controller& from, SteadyTime now, pb::Site& out) {
  const Heartbeat own = from.core().heartbeat(now);
  fill(own.report, out);
  out.set_self(true);
  out.set_heard(true);
  out.set_config_equal(true);
  for (const SensorView& view : from.health().contributions(kWorstMax)) {
    out.add_worst(view.text(now));
  }
  for (const std::string& site : own.beat.hears) {
    out.add_hears(site);
  }
}

void fill_peer(const Controller& from, SteadyTime now, pb::Site& out) {
  const Detector& detector = from.core().detector();
  const std::string& name = out.name();
  const auto paths = from.config().rules().paths.find(name);
  if (paths == from.config().rules().paths.end()) {
    return;  // it has no coordinator: it only keeps copies
  }
  out.set_heard(!detector.suspects(name, now));
  out.set_silence_ns(detector.silence(name, now).count());
  out.set_paths(paths->second);
  for (unsigned path = 0; path < paths->second; ++path) {
    out.set_paths_up(out.paths_up() + (detector.path_up(name, path, now) ? 1 : 0));
  }
  const auto report = from.core().reports().find(name);
  if (report != from.core().reports().end()) {
    fill(report->second, out);
    out.set_config_equal(report->second.config == from.config().rules().config);
  }
  const auto facts = from.peers().find(name);
  if (facts == from.peers().end() || facts->second.heard == 0) {
    return;
  }
  for (const std::string& text : facts->second.worst) {
    out.add_worst(text);
  }
  if (facts->second.rtt) {
    out.set_rtt_ns(facts->second.rtt->count());
  }
  if (facts->second.clock_offset) {
    out.set_clock_offset_ns(facts->second.clock_offset->count());
  }
}

void add_problem(pb::Status& out, const std::string& what, const std::string& next) {
  pb::Problem& problem = *out.add_problems();
  problem.set_what(what);
  problem.set_next(next);
}

void find_problems(const Controller& from, pb::Status& out) {
  for (const pb::Service& service : out.services()) {
    const Sight& sight = from.core().turns().at(service.name()).sight();
    const std::string& name = service.name();
    if (sight.regressed()) {
      add_problem(out,
                  name + ": the arbiter has gone back in time; nobody takes it before a person has looked",
                  "failover arbiter accept " + name);
    } else if (service.has_arbiter_silent_ns()) {
      add_problem(
          out, name + ": the arbiter has not answered for " + show_age(Duration(service.arbiter_silent_ns())),
          "failover arbiter check");
    } else if (service.known() && service.holder().empty()) {
      add_problem(out, "nobody holds " + name, "failover why " + name);
    }
    const std::string copies = from.sets_trouble(name);
    if (!copies.empty()) {
      add_problem(out, name + ": its data does not flow from here: " + copies, "hareplicate status");
    }
    if (service.state() == "failed") {
      add_problem(out, name + ": " + service.why(), "failover ack");
    }
    if (!service.names().empty()) {
      add_problem(out, name + ": callers are not led as the record says: " + service.names(),
                  "dnsupdater show");
    }
  }
  for (const pb::Site& site : out.sites()) {
    if (!site.heard() && site.paths() > 0) {
      add_problem(out, site.name() + " is silent for " + show_age(Duration(site.silence_ns())),
                  "failover why " + site.name());
    } else if (site.heard() && !site.self() && !site.config_equal() && site.services_size() > 0) {
      add_problem(out, site.name() + " has another cluster.toml", "hareplicate config diff " + site.name());
    }
    if (site.heard() && site.has_clock_offset_ns() &&
        (site.clock_offset_ns() > kClockOff.count() || -site.clock_offset_ns() > kClockOff.count())) {
      add_problem(out,
                  "the clocks of this site and " + site.name() + " differ by " +
                      show_age(std::chrono::abs(Duration(site.clock_offset_ns()))),
                  "timedatectl");
    }
    if (site.level() != "ok" && !site.level().empty()) {
      add_problem(out,
                  site.name() + ": health " + site.level() + " (" + std::to_string(site.score()) + ")" +
                      (site.worst_size() > 0 ? ": " + site.worst(0) : ""),
                  site.self() ? "failover health" : "failover why " + site.name());
    }
  }
  if (!from.guard_trouble().empty()) {
    add_problem(out, "the kernel guard: " + from.guard_trouble(), "nft list table inet hareplicate");
  }
  if (out.paused()) {
    add_problem(out, "takeovers are paused by " + out.paused_by(), "failover resume");
  }
}

}  // namespace

void fill_status(const Controller& controller, const Now& now, pb::Status& out) {
  const FailoverConfig& config = controller.config();
  out.set_cluster(config.cluster().cluster_name());
  out.set_site(config.cluster().self().name);
  out.set_version(std::string(kVersion));
  out.set_config(hex(*config.rules().config));
  out.set_now_ns(nanoseconds(now.wall));
  out.set_paused(controller.core().is_paused());
  out.set_paused_by(controller.state().paused_by);
  out.set_maintenance(controller.core().in_maintenance());
  out.set_maintenance_by(controller.state().maintenance_by);
  out.set_lease_ns(config.timing().lease.count());
  for (const ServiceSettings& service : config.services()) {
    fill(controller, service, now.steady, *out.add_services());
  }
  for (const SiteSettings& site : config.sites()) {
    pb::Site& to = *out.add_sites();
    to.set_name(site.name);
    if (site.name == out.site()) {
      fill_self(controller, now.steady, to);
    } else {
      fill_peer(controller, now.steady, to);
    }
  }
  find_problems(controller, out);
}

}  // namespace ha::failover
