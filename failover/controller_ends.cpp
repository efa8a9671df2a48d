// What comes back to the controller, what it remembers, and what operators ask of it: controller.h.
#include <algorithm>
#include <utility>

#include "common/base/units.h"
#include "failover/action/fence.h"
#include "failover/controller.h"

namespace ha::failover {
namespace {

constexpr Duration kFollowAgain = std::chrono::seconds(1);
constexpr Duration kRolesWait = std::chrono::seconds(15);
constexpr Duration kReviveAgain = std::chrono::seconds(10);

}  // namespace

// ---------------------------------------------------------------- what comes back

void Controller::on_answer(const std::string& service, const Answer& answer) {
  if (answer.verdict == Verdict::Refused || answer.verdict == Verdict::Unknown ||
      answer.verdict == Verdict::Silent) {
    log_.warn("arbiter.trouble", {{"service", service}, {"reason", answer.why}});
  } else if (answer.verdict == Verdict::Won && !answer.why.empty()) {
    log_.error("state.failed", {{"service", service}, {"error", answer.why}});
  }
  core_.on_answer(service, answer, loop_.now().steady);
  turn();
}

void Controller::on_job_end(const JobWish& wish, const JobEnd& end) {
  if (!end.good) {
    note("pbx.failed", {{"service", wish.service}, {"reason", end.why}});
  }
  if (wish.revive) {
    return;
  }
  Served& served = served_.at(wish.service);
  core_.on_job(wish.service, end, loop_.now().steady);
  if (wish.job == Job::Promote && end.good && served.claimed && !book_.facts().moves.empty()) {
    const Duration took = loop_.now().steady - *served.claimed;
    const Status saved = save([&](StateFacts& facts) {
      for (Move& move : facts.moves) {
        move.took = move.service == wish.service && move.epoch == end.epoch ? took : move.took;
      }
    });
    if (!saved.ok()) {
      log_.error("state.failed", saved.error());
    }
    served.claimed.reset();
  }
  turn();
}

void Controller::on_follow(const std::string& service, const std::vector<FollowAnswer>& found) {
  Served& served = served_.at(service);
  std::string behind;
  std::string differs;
  for (const FollowAnswer& each : found) {
    if (!each.done && each.why) {
      behind = (each.place.empty() ? "" : each.place + ": ") + each.why->what();
    }
    for (const std::string& difference : each.differences) {
      differs = difference;
    }
  }
  if (behind.empty() && served.follow_due) {
    note("dns.updated", {{"service", service}});
    if (!differs.empty()) {
      note("dns.mismatch", {{"service", service}, {"what", differs}});
    }
  } else if (!behind.empty() && behind != served.behind) {
    note("dns.failed", {{"service", service}, {"reason", behind}});
  }
  served.behind = behind.empty() ? differs : behind;
  // Only the owner leads callers.
  served.follow_due =
      !behind.empty() && core_.turns().at(service).sight().is_owner(config_.cluster().self().name);
  served.follow_at = served.follow_due ? std::optional(loop_.now().steady + kFollowAgain) : std::nullopt;
}

void Controller::on_roles(const Result<std::vector<RoleSeen>>& seen) {
  if (!seen.ok()) {
    if (replicator_trouble_ != seen.error().what()) {
      log_.warn("replicator.silent", seen.error());
    }
    replicator_trouble_ = seen.error().what();
    for (auto& [service, served] : served_) {
      served.seen.reset();
      if (served.has_sets) {
        findings_.lag.erase(service);  // not known: behind
      }
    }
    if (loop_.now().steady - begun_ > kRolesWait) {  // both may have been started just now
      begin_claims();
    }
    return;
  }
  replicator_trouble_.clear();
  for (auto& [service, served] : served_) {
    const auto found = std::find_if(seen->begin(), seen->end(),
                                    [&name = service](const RoleSeen& each) { return each.service == name; });
    served.seen = found == seen->end() ? std::nullopt : std::optional(*found);
    if (!served.seen) {
      findings_.lag[service] = Lag::InSync;  // it has no sets
    } else if (served.seen->in_sync) {
      findings_.lag[service] = Lag::InSync;
    } else {
      const bool far = served.seen->behind && *served.seen->behind > config_.service(service)->max_lag;
      findings_.lag[service] = far ? Lag::TooFar : Lag::Behind;
    }
  }
  begin_claims();
}

void Controller::begin_claims() {
  roles_known_ = true;
  for (auto& [service, served] : served_) {
    if (served.asked) {
      send_ask(service, served);
    }
  }
}

void Controller::on_calls(const Result<std::uint64_t>& calls) {
  for (const auto& [service, served] : served_) {
    if (calls.ok() && served.role.holder) {
      findings_.calls[service] = *calls;
    } else if (calls.ok()) {
      findings_.calls.erase(service);
    }
  }
  if (!calls.ok()) {
    log_.warn("pbx.calls_unknown", calls.error());
  }
}

// ---------------------------------------------------------------- what follows from all of it

void Controller::tell_replicator() {
  const std::string& self = config_.cluster().self().name;
  std::vector<RoleWish> wishes;
  const bool healthy = level_of(findings_.score) < HealthLevel::Critical;
  for (const auto& [service, turn] : core_.turns()) {
    const Role& role = served_.at(service).role;
    RoleWish wish{service, "", turn.sight().highest(), {}, false};
    const auto& record = turn.sight().record();
    if (role.holder && role.until) {
      wish = {service, self, role.epoch, *role.until, healthy};
    } else if (record && !turn.sight().is_free() && record->owner != self) {
      wish.holder = record->owner;
      wish.epoch = record->version.epoch;
    }
    wishes.push_back(std::move(wish));
  }
  if (replicator_) {
    replicator_->set(std::move(wishes));
  }
}

void Controller::notice_move(const std::string& service, const Turn& turn) {
  const Sight& sight = turn.sight();
  Served& served = served_.at(service);
  const auto answered = sight.answered();
  const bool reached = answered && loop_.now().steady - *answered < config_.timing().renew;
  if (served.local && reached && !turn.engaged()) {
    served.local = false;  // the arbiter answers again, and it is not ours
    static_cast<void>(guard_ ? guard_->close(service) : ok());
    jobs_->run({service, Job::Demote, sight.highest(), "others can be reached again"});
  }
  if (!sight.known() || sight.regressed()) {
    return;
  }
  const std::string owner = sight.is_free() ? "" : sight.record()->owner;
  const std::uint64_t epoch = sight.highest();
  const bool moved = served.noticed && (owner != served.owner || (!owner.empty() && epoch != served.epoch));
  if (moved) {
    Move move{loop_.now().wall, service, epoch, served.owner, owner, turn.why(), {}};
    note("service.moved", {{"service", service},
                           {"epoch", std::to_string(epoch)},
                           {"from", served.owner.empty() ? "nobody" : served.owner},
                           {"to", owner.empty() ? "nobody" : owner},
                           {"why", turn.why()}});
    if (const Status saved = save([&](StateFacts& facts) { facts.moves.push_back(move); }); !saved.ok()) {
      log_.error("state.failed", saved.error());
    }
  }
  served.noticed = true;
  served.owner = owner;
  served.epoch = epoch;
}

void Controller::remember() {
  bool news = false;
  for (const auto& [service, turn] : core_.turns()) {
    const auto known = book_.facts().highest.find(service);
    const std::uint64_t before = known == book_.facts().highest.end() ? 0 : known->second;
    news = news || turn.sight().highest() > before;
  }
  if (!news) {
    return;
  }
  const Status saved = save([&](StateFacts& facts) {
    for (const auto& [service, turn] : core_.turns()) {
      facts.highest[service] = std::max(facts.highest[service], turn.sight().highest());
    }
  });
  if (!saved.ok()) {
    log_.error("state.failed", saved.error());
  }
}

Status Controller::save(const std::function<void(StateFacts&)>& change) {
  StateFacts facts = book_.facts();
  change(facts);
  return book_.put(std::move(facts));
}

// The first of those who could take it switches off an owner that nobody hears, once for each version.
void Controller::fence_owners(SteadyTime now) {
  const std::string& self = config_.cluster().self().name;
  for (const auto& [service, its] : core_.turns()) {
    const auto& record = its.sight().record();
    const auto answered = its.sight().answered();
    if (config_.fence().empty() || !record || its.sight().is_free() || record->owner == self || !answered ||
        now - *answered > config_.timing().renew * 2 || core_.is_paused() || !its.is_settled(now) ||
        !core_.detector().all_suspect(record->owner, now)) {
      continue;
    }
    const auto standings = core_.standings(service, now);
    const std::string version = record->owner + " " + std::to_string(record->version.epoch) + "." +
                                std::to_string(record->version.seq);
    Served& served = served_.at(service);
    if (standings.empty() || standings.front().site != self || !standings.front().why_not.empty() ||
        served.fence_tried == version) {
      continue;
    }
    if (served.fence_wanted != version) {
      served.fence_wanted = version;
      served.fence_wanted_at = now;
    }
    if (its.sight().asked() < served.fence_wanted_at) {
      core_.look(service);  // somebody else may have fenced it, and have taken the service
      continue;
    }
    served.fence_tried = version;
    const FenceWish wish{record->owner, service, record->version.epoch, "nobody hears it", self};
    note("fence.started", {{"service", service}, {"site", wish.site}});
    Strand(*fences_).post([this, wish, command = config_.fence()] {
      const FenceOutcome outcome = fence(command, wish);
      later([this, wish, outcome] {
        note(outcome.confirmed ? "fence.succeeded" : "fence.failed",
             {{"service", wish.service}, {"site", wish.site}, {"words", outcome.words}});
        if (outcome.confirmed) {
          core_.on_fenced(wish.site);
          turn();
        }
      });
    });
  }
}

// Nobody else can take it: what died is started again here.
void Controller::revive(const Now& now) {
  for (const auto& [service, its] : core_.turns()) {
    Served& served = served_.at(service);
    const bool ill = its.state() == State::Holding && level_of(findings_.score) >= HealthLevel::Failed;
    if (!ill) {
      served.revived.reset();
    } else if (!served.revived || now.steady - *served.revived >= kReviveAgain) {
      // The first time a moment is left for handing it over.
      if (served.revived) {
        JobWish wish{service, Job::Promote, its.lease().epoch(),
                     "it has failed, and nobody else can take it"};
        wish.revive = true;
        jobs_->run(wish);
      }
      served.revived = served.revived ? now.steady : now.steady - kReviveAgain + std::chrono::seconds(1);
    }
  }
}

// ---------------------------------------------------------------- operators

Status Controller::switchover(const std::string& service, const std::string& target,
                              std::optional<Duration> drain, const std::string& by) {
  HA_CHECK(core_.switchover(service, target, drain, loop_.now().steady));
  note("failover.switchover", {{"service", service}, {"to", target}, {"by", by}});
  turn();
  return ok();
}

Status Controller::takeover(const std::string& service, const std::string& by) {
  HA_CHECK(core_.takeover(service, loop_.now().steady));
  note("failover.takeover", {{"service", service}, {"by", by}});
  turn();
  return ok();
}

Status Controller::pause(bool on, const std::string& by) {
  HA_CHECK(save([&](StateFacts& facts) {
    facts.paused = on;
    facts.paused_by = on ? by : "";
  }));
  core_.pause(on);
  note(on ? "failover.paused" : "failover.resumed", {{"by", by}});
  turn();
  return ok();
}

Status Controller::maintenance(bool on, std::optional<Duration> drain, const std::string& by) {
  HA_CHECK(core_.maintenance(on, drain, loop_.now().steady));
  HA_CHECK(save([&](StateFacts& facts) {
    facts.maintenance = on;
    facts.maintenance_by = on ? by : "";
  }));
  note(on ? "maintenance.started" : "maintenance.stopped", {{"by", by}});
  turn();
  return ok();
}

Status Controller::mute(const std::string& sensor, std::optional<Duration> length) {
  const Now now = loop_.now();
  auto changes =
      length ? health_.mute(sensor, now.steady + *length, now.steady) : health_.unmute(sensor, now.steady);
  if (!changes.ok()) {
    return std::move(changes).error();
  }
  const Status saved = save([&](StateFacts& facts) {
    if (length) {
      facts.muted[sensor] = now.wall + std::chrono::duration_cast<WallTime::duration>(*length);
    } else {
      facts.muted.erase(sensor);
    }
  });
  note_health(*changes);
  turn();
  return saved;
}

Status Controller::fenced(const std::string& site, const std::string& by) {
  if (config_.cluster().site(site) == nullptr) {
    return replicator::unknown_site(config_.cluster(), site);
  }
  if (!core_.detector().suspects(site, loop_.now().steady)) {
    return Error(Code::Refused, site + " is heard: it is not off", "failover status");
  }
  note("fence.confirmed", {{"site", site}, {"by", by}});
  core_.on_fenced(site);
  turn();
  return ok();
}

Status Controller::acknowledge(const std::string& by) {
  note("failover.acknowledged", {{"by", by}});
  core_.acknowledge(loop_.now().steady);
  turn();
  return ok();
}

void Controller::accept(const std::string& service, std::uint64_t beyond,
                        std::function<void(const Status&)> done) {
  if (config_.service(service) == nullptr) {
    done(Error(Code::NotFound, "no service is called " + service, "failover status"));
    return;
  }
  desk_->accept(service, beyond, [this, service, done = std::move(done)](const Status& status) {
    if (status.ok()) {
      core_.accept(service);
      // What was seen before counts no more, after a restart neither.
      if (const Status saved = save([&](StateFacts& facts) { facts.highest.erase(service); }); !saved.ok()) {
        log_.error("state.failed", saved.error());
      }
      note("epoch.accepted", {{"service", service}});
      turn();
    }
    done(status);
  });
}

// ---------------------------------------------------------------- for status

std::string Controller::names_behind(const std::string& service) const {
  return served_.at(service).behind;
}

std::string Controller::sets_trouble(const std::string& service) const {
  const Served& served = served_.at(service);
  const bool held = served.role.holder && served.seen && !served.seen->in_place;
  return held ? served.seen->reason : "";
}

std::string Controller::replication_of(const std::string& service) const {
  const Served& served = served_.at(service);
  if (!replicator_trouble_.empty()) {
    return replicator_trouble_;
  }
  if (!served.seen) {
    return "no sets";
  }
  if (!served.seen->reason.empty()) {
    return served.seen->reason;
  }
  return served.seen->in_sync  ? "in sync"
         : served.seen->behind ? show_age(*served.seen->behind) + " behind"
                               : "not known how far behind";
}

BudgetFacts Controller::budget_facts(const std::string& service) const {
  const ServiceSettings& settings = *config_.service(service);
  BudgetFacts out;
  out.mode = settings.rules.mode;
  out.timing = config_.timing();
  out.start_within = config_.pbx().start_within;
  out.stop_within = config_.pbx().stop_within;
  out.swap = desk_->swap_time();
  out.start = jobs_->start_time();
  out.stop = jobs_->stop_time();
  out.ttl = settings.ttl;
  out.reregister = settings.reregister;
  return out;
}

}  // namespace ha::failover
