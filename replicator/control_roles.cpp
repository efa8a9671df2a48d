#include "replicator/control_roles.h"

#include <algorithm>
#include <set>
#include <utility>

#include "replicator/config_parts.h"
#include "schemas/control.pb.h"

namespace ha::replicator {
namespace {

namespace pb = ha::schemas::control;

constexpr Duration kRetry = std::chrono::seconds(1);
constexpr const char* kCoordinator = "failover status";

bool same_role(const SetConfig& a, const SetConfig& b) {
  return a.origin == b.origin && a.epoch == b.epoch;
}

std::string nobody_known(const std::string& service) {
  return "nobody is known to hold " + service;
}

Error unknown_service(const Config& config, const std::string& service) {
  return Error(
      Code::Invalid,
      "no service is called " + in_quotes(service) + known_names(service, names_of(config.services())),
      "hareplicate config diff");
}

}  // namespace

RoleDesk::RoleDesk(wire::Loop& loop, Pipeline& pipeline, RoleKeeper& keeper, Logger& log)
    : loop_(loop), pipeline_(pipeline), keeper_(keeper), log_(log), config_(pipeline.config()) {
  for (const SetConfig& set : config_.sets()) {
    if (config_.has_failover() && config_.service(set.service) != nullptr) {
      sets_.emplace_back().about = &set;
    }
  }
  timer_ = loop_.add_timer(
      [this]() -> std::optional<SteadyTime> {
        std::optional<SteadyTime> next;
        for (const Set& set : sets_) {
          if (set.retry_at && !set.busy && (!next || *set.retry_at < *next)) {
            next = set.retry_at;
          }
        }
        return next;
      },
      [this](const Now&) { advance(); });
}

void RoleDesk::start() {
  for (const Set& set : sets_) {  // also of epochs that cluster.toml has said, before there was [failover]
    keeper_.raise(set.about->service, pipeline_.epoch_of_index(*set.about));
  }
  tell_all();
  advance();
}

RoleDesk::~RoleDesk() {
  loop_.remove(timer_);
}

// ---------------------------------------------------------------- orders
Status RoleDesk::take(const RoleOrder& order) {
  const ServiceConfig* const service = config_.service(order.service);
  if (service == nullptr) {
    return unknown_service(config_, order.service);
  }
  const auto& sites = service->sites;
  if (!order.holder.empty() && std::find(sites.begin(), sites.end(), order.holder) == sites.end()) {
    return Error(Code::Invalid,
                 in_quotes(order.holder) + " is not among the sites of " + order.service + " here" +
                     known_names(order.holder, sites),
                 "hareplicate config diff");
  }
  return keeper_.take(order, loop_.now().steady);
}

void RoleDesk::answer(wire::ControlServer& server, std::uint64_t client, const pb::Request& asked) {
  if (!config_.has_failover()) {
    server.fail(client, Error(Code::Unsupported,
                              "cluster.toml has no [failover] here: it says itself who holds "
                              "a service",
                              "hareplicate config diff"));
    return;
  }
  std::set<std::string> seen;
  for (const pb::RoleOrder& order : asked.roles()) {
    if (!seen.insert(order.service()).second || seen.size() > kRolesMax) {
      server.fail(client, Error(Code::Invalid, "the order names " + in_quotes(order.service()) + " twice"));
      return;
    }
  }
  for (const pb::RoleOrder& order : asked.roles()) {
    const Status taken =
        take({order.service(), order.holder(), order.epoch(), Duration(order.valid_ns()), order.send()});
    const auto before = refused_.find(order.service());
    if (taken.ok()) {
      refused_.erase(order.service());
    } else if (before == refused_.end() || before->second.what() != taken.error().what()) {
      log_.warn("role.refused", taken.error(), {{"service", order.service()}, {"holder", order.holder()}});
      refused_.insert_or_assign(order.service(), taken.error());
    }
  }
  tell_all();
  advance();
  const bool sent = pipeline_.on_replica([this, &server, client](Pipeline& pipeline, const Now& now) {
    SideReport replica;
    pipeline.replica_side().report(replica, now);
    loop_.post_or_wait(
        [this, &server, client, replica = std::move(replica)] { reply(server, client, replica); });
  });
  if (!sent) {
    server.fail(client, Error(Code::Unavailable, "the replicator is stopping"));
  }
}

// The other loops learn what the book says: from whom to receive, and until when to send.
void RoleDesk::tell_all() {
  for (const Set& set : sets_) {
    SetConfig now = wanted(set).value_or(*set.about);
    const auto known = told_.find(now.name);
    if ((known == told_.end() || !same_role(known->second, now)) && pipeline_.tell(now)) {
      told_.insert_or_assign(now.name, std::move(now));
    }
  }
  if (!config_.has_failover()) {
    return;
  }
  for (const ServiceConfig& service : config_.services()) {
    static_cast<void>(pipeline_.allow(service.name, keeper_.book().right(service.name)));  // or the next time
  }
}

// ---------------------------------------------------------------- turns
// A holder that the configuration does not know any more is none.
std::optional<SetConfig> RoleDesk::wanted(const Set& set) const {
  const Role role = keeper_.book().role(set.about->service);
  return config_.site(role.holder) != nullptr
             ? std::optional(config_.held_by(*set.about, role.holder, role.epoch))
             : std::nullopt;
}

bool RoleDesk::is_in_place(const Set& set) const {
  const std::optional<SetConfig> now = wanted(set);
  return !set.busy && (now ? set.open && same_role(*set.open, *now) : !set.open);
}

void RoleDesk::advance() {
  for (Set& set : sets_) {
    advance(set);
  }
}

void RoleDesk::advance(Set& set) {
  if (is_in_place(set)) {
    set.problem.reset();
    set.retry_at.reset();
  }
  if (set.busy || is_in_place(set) || (set.retry_at && loop_.now().steady < *set.retry_at)) {
    return;
  }
  set.retry_at.reset();
  const SetConfig now = wanted(set).value_or(*set.about);
  const std::string& self = config_.self().name;
  set.problem = in_the_way(set, now);
  if (set.problem) {
    return;
  }
  const auto again = [this, &set] {
    loop_.post_or_wait([this, &set] {
      set.busy = false;
      advance();
    });
  };
  if (set.open && set.open->origin != self && now.origin != self && set.open->shelved == now.shelved) {
    set.busy = pipeline_.follow_set(now, again);
    set.open = set.busy ? now : std::move(set.open);
  } else if (set.open) {
    set.busy = pipeline_.close_set(now.name, again);
    set.open = set.busy ? std::nullopt : std::move(set.open);
  } else {
    set.busy = pipeline_.open_set(now, [this, &set, now](const Status& opened) {
      loop_.post_or_wait([this, &set, now, opened] { on_opened(set, now, opened); });
    });
  }
  if (!set.busy) {
    set.problem.emplace(Code::Unavailable, "the replicator has too much to do");
    set.retry_at = loop_.now().steady + kRetry;
  }
}

void RoleDesk::on_opened(Set& set, const SetConfig& as, const Status& opened) {
  set.busy = false;
  if (opened.ok()) {
    set.open = as;
    set.live = !as.shelved;
    set.problem.reset();
    log_.info("set.turned", {{"set", as.name}, {"origin", as.origin}, {"epoch", as.epoch}, {"at", as.path}});
  } else {
    log_.error("set.not_turned", opened.error(), {{"set", set.about->name}});
    set.problem = opened.error();
    set.retry_at = loop_.now().steady + kRetry;
  }
  advance();
}

// What stands where the set is to stand. Of two that want there the first one in the file gets it.
std::optional<Error> RoleDesk::in_the_way(const Set& set, const SetConfig& wanted_now) const {
  if (wanted_now.shelved) {
    return std::nullopt;
  }
  bool before = true;
  for (const Set& other : sets_) {
    if (&other == &set) {
      before = false;
      continue;
    }
    const std::optional<SetConfig> theirs = wanted(other);
    const bool wants = theirs && !theirs->shelved;
    const bool elsewhere = !theirs && !other.open && !pipeline_.has_index(*other.about);  // never was here
    if (elsewhere || !paths_overlap(set.about->live_path, other.about->live_path) ||
        !other.live.value_or(!wants || before)) {
      continue;
    }
    const std::string both = "set " + other.about->name + " stands at " + other.about->live_path;
    return wants ? Error(Code::Conflict, both + ", too: this site can hold one of the services only",
                         "failover switchover " + set.about->service + " --to ANOTHER-SITE")
                 : Error(Code::Unavailable, both + " until it is on the shelf", kCoordinator);
  }
  return std::nullopt;
}

// ---------------------------------------------------------------- what is told of it
void RoleDesk::reply(wire::ControlServer& server, std::uint64_t client, const SideReport& replica) {
  for (const ServiceConfig& service : config_.services()) {
    pb::Reply message;
    put_report(service.name, replica, *message.mutable_role());
    server.reply(client, message.SerializeAsString());
  }
  server.end(client);
}

void RoleDesk::put_report(const std::string& service, const SideReport& replica, pb::RoleReport& out) const {
  const Role role = keeper_.book().role(service);
  const bool ours = role.holder == config_.self().name;
  const auto refused = refused_.find(service);
  std::string reason = refused != refused_.end() ? refused->second.what()
                       : role.holder.empty()     ? nobody_known(service)
                                                 : std::string();
  bool in_place = true;
  bool in_sync = !role.holder.empty();
  std::optional<Duration> behind = in_sync && !ours ? std::optional(Duration::zero()) : std::nullopt;
  for (const Set& set : sets_) {
    if (set.about->service != service) {
      continue;
    }
    if (!is_in_place(set)) {
      in_place = false;
      reason = !reason.empty() ? reason
               : set.problem   ? set.problem->what()
                               : "set " + set.about->name + " is being put in place";
    }
    if (ours) {
      continue;
    }
    const auto report = std::find_if(replica.sets.begin(), replica.sets.end(),
                                     [&](const SetReport& each) { return each.set == set.about->name; });
    const bool known = report != replica.sets.end();
    in_sync = in_sync && known && report->was_equal;
    behind =
        known && report->behind && behind ? std::optional(std::max(*behind, *report->behind)) : std::nullopt;
    reason = reason.empty() && known ? report->reason : reason;
  }
  out.set_service(service);
  out.set_holder(role.nobody ? "" : role.holder);
  out.set_epoch(role.highest);
  out.set_in_place(in_place);
  out.set_in_sync(in_sync);
  if (behind) {
    out.set_behind_ns(behind->count());
  }
  out.set_reason(reason);
}

void RoleDesk::put_status(pb::Status& to, const Now& now) const {
  if (!config_.has_failover()) {
    return;
  }
  for (pb::Service& service : *to.mutable_services()) {
    const Role role = keeper_.book().role(service.name());
    service.set_holder(role.nobody ? "" : role.holder);
    service.set_epoch(role.highest);
    const SendRight right = keeper_.book().right(service.name());
    const bool ours = role.holder == config_.self().name && !role.nobody;
    const auto refused = refused_.find(service.name());
    if (refused != refused_.end() || (ours && !right.may_send(now.steady))) {
      pb::Problem& problem = *to.add_problems();
      problem.set_id("R-" + service.name());
      problem.set_what(service.name() + " is not sent: " + right.silence(service.name(), now.steady));
      problem.set_next(kCoordinator);
      if (refused != refused_.end()) {
        problem.set_what(service.name() +
                         ": what the coordinator says was refused: " + refused->second.what());
        problem.set_next(refused->second.hint());
      }
    }
  }
  for (pb::Set& shown : *to.mutable_sets()) {
    const auto set = std::find_if(sets_.begin(), sets_.end(),
                                  [&](const Set& each) { return each.about->name == shown.set(); });
    if (set != sets_.end() && set->open) {
      shown.set_path(set->open->path);
      shown.set_shelved(set->open->shelved);
    }
  }
  for (const Set& set : sets_) {
    if (!set.open) {
      pb::Set& shown = *to.add_sets();
      shown.set_set(set.about->name);
      shown.set_kind("files");
      shown.set_state(wanted(set) ? "failed" : "waiting");
      shown.set_reason(wanted(set) ? "" : nobody_known(set.about->service));
      shown.set_path(set.about->live_path);
    }
    if (set.problem) {
      pb::Problem& problem = *to.add_problems();
      problem.set_id("R-" + set.about->name);
      problem.set_set(set.about->name);
      problem.set_what(set.about->name + " is not in place: " + set.problem->what());
      problem.set_next(set.problem->hint().empty() ? kCoordinator : set.problem->hint());
    }
  }
}

}  // namespace ha::replicator
