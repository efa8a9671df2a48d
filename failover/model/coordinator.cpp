#include "failover/model/coordinator.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/units.h"

namespace ha::failover {
namespace {

// Who is silent for longer is dropped from `eligible`, so that the promises of the others are enough.
constexpr Duration kDropAfter = std::chrono::minutes(1);

}  // namespace

Coordinator::Coordinator(SiteRules rules, const std::map<std::string, std::uint64_t>& highest,
                         std::uint64_t boot, SteadyTime now)
    : rules_(std::move(rules)), detector_(rules_.paths, rules_.timing, now), boot_(boot) {
  for (const ServiceRules& service : rules_.services) {
    const auto seen = highest.find(service.name);
    turns_.emplace(service.name, Turn({service.name, rules_.self, service.sites, service.mode, rules_.timing,
                                       rules_.config},
                                      seen == highest.end() ? 0 : seen->second, boot, now));
  }
}

const ServiceRules& Coordinator::rules_of(const std::string& service) const {
  const auto found = std::find_if(rules_.services.begin(), rules_.services.end(),
                                  [&](const ServiceRules& each) { return each.name == service; });
  HA_ASSERT(found != rules_.services.end());
  return *found;
}

// ---------------------------------------------------------------- what comes in

void Coordinator::on_heartbeat(const std::string& peer, unsigned path, const Heartbeat& heartbeat,
                               SteadyTime now) {
  if (!detector_.on_beat(peer, path, heartbeat.beat, now)) {
    return;
  }
  reports_[peer] = heartbeat.report;
  for (const auto& [service, said] : heartbeat.report.services) {
    if (const auto turn = turns_.find(service); is_serving(said.state) && turn != turns_.end()) {
      turn->second.on_version(peer, {said.epoch, said.seq});
    }
  }
}

void Coordinator::on_word(const std::string& peer, const std::string& service, const Word& word,
                          SteadyTime now) {
  const auto turn = turns_.find(service);
  if (turn == turns_.end() || rules_.paths.count(peer) == 0) {
    return;
  }
  if (const auto* look = std::get_if<Look>(&word); look != nullptr && look->health) {
    flaps_[service].on_move(now);
  }
  turn->second.on_word(peer, word, now);
}

void Coordinator::on_answer(const std::string& service, const Answer& answer, SteadyTime now) {
  if (const auto turn = turns_.find(service); turn != turns_.end()) {
    turn->second.on_answer(answer, now);
  }
}

void Coordinator::on_job(const std::string& service, const JobEnd& end, SteadyTime now) {
  if (const auto turn = turns_.find(service); turn != turns_.end()) {
    turn->second.on_job(end, now);
  }
}

void Coordinator::on_jump(SteadyTime now) {
  for (auto& [service, turn] : turns_) {
    turn.on_jump(now);
  }
}

void Coordinator::on_fenced(const std::string& site) {
  for (auto& [service, turn] : turns_) {
    turn.on_fenced(site);
  }
}

void Coordinator::acknowledge(SteadyTime /*now*/) {
  flaps_.clear();
  for (auto& [service, turn] : turns_) {
    turn.acknowledge();
  }
}

Status Coordinator::switchover(const std::string& service, const std::string& target,
                               std::optional<Duration> drain, SteadyTime now) {
  const auto turn = turns_.find(service);
  if (turn == turns_.end()) {
    return Error(Code::NotFound, "no service is called " + service, "failover status");
  }
  if (!is_serving(turn->second.state())) {
    const auto& record = turn->second.sight().record();
    const std::string owner = record && !record->owner.empty() ? record->owner : "nobody";
    return Error(Code::Refused, service + " is not held here but by " + owner,
                 owner == "nobody" ? "failover why " + service
                                   : "on " + owner + ": failover switchover " + service + " --to " + target);
  }
  const std::vector<std::string> able = ranked({service, turn->second.rules().sites}, candidates(now));
  if (target == rules_.self || std::find(able.begin(), able.end(), target) == able.end()) {
    return Error(Code::Refused, target + " cannot take " + service, "failover why " + service);
  }
  orders_[service] = {target, drain ? std::optional(now + *drain) : std::nullopt, "asked for by an operator"};
  return ok();
}

Status Coordinator::takeover(const std::string& service, SteadyTime now) {
  const auto turn = turns_.find(service);
  if (turn == turns_.end()) {
    return Error(Code::NotFound, "no service is called " + service, "failover status");
  }
  const Sight& sight = turn->second.sight();
  if (is_serving(turn->second.state())) {
    return Error(Code::Refused, service + " is held here already", "failover status");
  }
  if (sight.regressed()) {
    return Error(Code::Refused, "the arbiter has gone back in time", "failover arbiter accept " + service);
  }
  const std::vector<std::string>& sites = rules_of(service).sites;
  if (std::find(sites.begin(), sites.end(), rules_.self) == sites.end()) {
    return Error(Code::Refused, rules_.self + " is not among the sites of " + service,
                 "sites of [[service]] in cluster.toml");
  }
  if (sight.record() && !sight.is_free() && sight.record()->owner != rules_.self &&
      !detector_.suspects(sight.record()->owner, now)) {
    const std::string& owner = sight.record()->owner;
    return Error(Code::Refused, owner + " holds " + service + " and is alive",
                 "on " + owner + ": failover switchover " + service + " --to " + rules_.self);
  }
  turn->second.take();
  return ok();
}

void Coordinator::accept(const std::string& service) {
  if (const auto turn = turns_.find(service); turn != turns_.end()) {
    turn->second.accept();
  }
}

void Coordinator::look(const std::string& service) {
  if (const auto turn = turns_.find(service); turn != turns_.end()) {
    turn->second.look();
  }
}

std::vector<Coordinator::Standing> Coordinator::standings(const std::string& service, SteadyTime now) const {
  const Wanted wanted{service, rules_of(service).sites};
  std::vector<Candidate> all = candidates(now);
  for (const std::string& site : wanted.sites) {
    if (std::none_of(all.begin(), all.end(), [&](const auto& each) { return each.site == site; })) {
      all.push_back({site, "it was never heard"});
    }
  }
  const std::vector<std::string> able = ranked(wanted, all);
  std::vector<Standing> out;
  out.reserve(all.size());
  for (const std::string& site : able) {
    out.push_back({site});
  }
  for (const Candidate& each : all) {
    if (std::find(able.begin(), able.end(), each.site) == able.end() &&
        std::find(wanted.sites.begin(), wanted.sites.end(), each.site) != wanted.sites.end()) {
      out.push_back({each.site, why_not(wanted, each)});
    }
  }
  for (Standing& standing : out) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.site == standing.site; });
    const auto lag = found->lag.find(service);
    standing.lag = lag == found->lag.end() ? Lag::Behind : lag->second;
  }
  return out;
}

std::optional<SteadyTime> Coordinator::held_until(const std::string& service, SteadyTime now) const {
  const auto found = flaps_.find(service);
  return found == flaps_.end() ? std::nullopt : found->second.held_until(now);
}

Status Coordinator::maintenance(bool on, std::optional<Duration> drain, SteadyTime now) {
  const View seen(*this, now);
  for (const auto& [service, turn] : turns_) {
    if (on && turn.engaged() && best_other(turn, seen).empty()) {
      return Error(Code::Refused, "no other site can take " + service, "failover why " + service);
    }
  }
  maintenance_ = on;
  drain_until_ = on && drain ? std::optional(now + *drain) : std::nullopt;
  return ok();
}

// ---------------------------------------------------------------- what follows from it

std::vector<ServiceStep> Coordinator::tick(const Findings& findings, SteadyTime now) {
  findings_ = findings;
  detector_.on_turn(now);
  if (detector_.stood_still(now)) {
    on_jump(now);
  }
  const View seen(*this, now);
  look_at_fallback(seen, now);
  std::vector<ServiceStep> steps;
  for (const ServiceRules& service : rules_.services) {  // what matters most is decided first
    Turn& turn = turns_.at(service.name);
    const bool served = is_serving(turn.state());
    for (Step& step : turn.tick(around(turn, seen, now), now)) {
      steps.push_back({service.name, std::move(step)});
    }
    if (served && turn.state() == State::Demoting) {
      orders_.erase(service.name);
      if (turn.leaving() && turn.leaving()->health) {
        flaps_[service.name].on_move(now);
        steps.push_back({service.name, Tell{"", Look{true}}});
      }
    }
  }
  return steps;
}

SteadyTime Coordinator::next_wakeup(SteadyTime now) const {
  SteadyTime next = detector_.next_wakeup(now);
  for (const auto& [service, turn] : turns_) {
    next = std::min(next, turn.next_wakeup(now));
  }
  return next;
}

Heartbeat Coordinator::heartbeat(SteadyTime now) const {
  Heartbeat out;
  out.beat = {boot_, now.time_since_epoch(), detector_.heard(now)};
  out.report.score = findings_.score;
  out.report.unfit = unfit();
  out.report.room = room();
  out.report.config = rules_.config;
  for (const auto& [service, turn] : turns_) {
    const auto lag = findings_.lag.find(service);
    const auto calls = findings_.calls.find(service);
    out.report.services[service] = {turn.state(),
                                    turn.lease().epoch(),
                                    turn.sight().version().value_or(Version{}).seq,
                                    lag == findings_.lag.end() ? Lag::Behind : lag->second,
                                    calls == findings_.calls.end() ? 0 : calls->second,
                                    probe_failed(service),
                                    turn.is_unable(now)};
  }
  return out;
}

std::string Coordinator::unfit() const {
  if (maintenance_) {
    return "this site is in maintenance";
  }
  if (findings_.score >= rules_.failed) {
    return "its health is " + std::to_string(findings_.score) + ", failed is " +
           std::to_string(rules_.failed) + ": " + findings_.worst;
  }
  if (!findings_.unwritten.empty()) {
    return "it could not remember what it takes: " + findings_.unwritten;
  }
  return "";
}

unsigned Coordinator::room() const {
  const auto used =
      std::count_if(turns_.begin(), turns_.end(), [](const auto& each) { return each.second.engaged(); });
  return rules_.capacity > used ? rules_.capacity - static_cast<unsigned>(used) : 0;
}

std::vector<Candidate> Coordinator::candidates(SteadyTime now) const {
  std::vector<Candidate> out;
  out.reserve(1 + rules_.paths.size());
  out.push_back({rules_.self, unfit(), findings_.score, room(), false, findings_.lag});
  for (const auto& [service, turn] : turns_) {
    if (turn.is_unable(now)) {
      out.back().unable.insert(service);
    }
  }
  for (const auto& [peer, report] : reports_) {
    Candidate candidate{peer, report.unfit, report.score, report.room, report.config != rules_.config, {}};
    if (detector_.suspects(peer, now)) {
      candidate.unfit = "it is silent";
    }
    for (const auto& [service, said] : report.services) {
      candidate.lag[service] = said.lag;
      if (said.unable) {
        candidate.unable.insert(service);
      }
    }
    out.push_back(std::move(candidate));
  }
  for (const auto& [peer, paths] : rules_.paths) {
    if (reports_.count(peer) == 0 && !detector_.suspects(peer, now)) {
      out.push_back({peer, "", 0, 1});  // just started: it will be heard, or suspected, soon
      for (const ServiceRules& service : rules_.services) {
        out.back().lag[service.name] = Lag::InSync;
      }
    }
  }
  return out;
}

// Nobody serves it, as far as can be seen from here.
bool Coordinator::is_wanted(const Turn& turn, SteadyTime now) const {
  const Sight& sight = turn.sight();
  const auto silent = [&] { return sight.record() && detector_.suspects(sight.record()->owner, now); };
  const auto late = [&] { return now - *sight.since() > rules_.timing.lease; };
  return sight.known() && (sight.is_free() || late() || silent());
}

std::vector<Wanted> Coordinator::wanted(SteadyTime now) const {
  std::vector<Wanted> out;
  for (const ServiceRules& service : rules_.services) {
    if (is_wanted(turns_.at(service.name), now)) {
      out.push_back({service.name, service.sites});
    }
  }
  return out;
}

Coordinator::View::View(const Coordinator& core, SteadyTime now) : core_(core), now_(now) {
  const std::vector<Wanted> wanted = core_.wanted(now_);
  if (!wanted.empty()) {
    plan_ = assigned(wanted, candidates());
  }
}

const std::vector<Candidate>& Coordinator::View::candidates() const {
  if (!candidates_) {
    candidates_ = core_.candidates(now_);
  }
  return *candidates_;
}

const Candidate* Coordinator::View::find(const std::string& site) const {
  const auto found = std::find_if(candidates().begin(), candidates().end(),
                                  [&](const Candidate& candidate) { return candidate.site == site; });
  return found == candidates().end() ? nullptr : &*found;
}

unsigned Coordinator::rank_for(const Turn& turn, const View& view) const {
  const std::string& service = turn.rules().service;
  const auto mine = view.plan().find(service);
  if (mine != view.plan().end() && mine->second == rules_.self) {
    return 0;
  }
  const std::vector<std::string> order = ranked({service, turn.rules().sites}, view.candidates());
  const auto place = std::find(order.begin(), order.end(), rules_.self);
  return 1 + static_cast<unsigned>(place - order.begin());
}

std::string Coordinator::best_other(const Turn& turn, const View& view) const {
  for (const std::string& site : ranked({turn.rules().service, turn.rules().sites}, view.candidates())) {
    const Candidate* found = view.find(site);
    if (site != rules_.self && (found->score <= findings_.score || found->score < rules_.warning)) {
      return site;
    }
  }
  return "";
}

std::string Coordinator::owner_doubt(const Turn& turn, SteadyTime now) const {
  const std::string& owner = turn.sight().record()->owner;
  const std::string& service = turn.rules().service;
  const auto answered = turn.sight().answered();
  if (!detector_.suspects(owner, now)) {
    return owner + " is heard";
  }
  if (!detector_.all_suspect(owner, now)) {
    return "another site hears " + owner;
  }
  if (findings_.score >= rules_.warning) {
    return "this site is not well itself: " + findings_.worst;
  }
  if (!answered || now - *answered > rules_.timing.renew * 2) {
    return "the arbiter does not answer: it may be this site that is cut off";
  }
  if (!probe_failed(service)) {
    return "its PBX has answered, or was not asked yet";
  }
  for (const std::string& peer : detector_.heard(now)) {
    const auto report = reports_.find(peer);
    if (report == reports_.end()) {
      return peer + " has not said what it sees";
    }
    const auto said = report->second.services.find(service);
    if (said == report->second.services.end() || !said->second.owner_dead) {
      return "its PBX has answered " + peer + ", or was not asked from there yet";
    }
  }
  return "";
}

bool Coordinator::probe_failed(const std::string& service) const {
  const auto probe = findings_.probe_failed.find(service);
  return probe != findings_.probe_failed.end() && probe->second;
}

std::optional<HandOver> Coordinator::hand_over(const Turn& turn, const View& view, SteadyTime now) const {
  const std::string& service = turn.rules().service;
  const auto order = orders_.find(service);
  if (order != orders_.end()) {
    return HandOver{order->second.target, order->second.drain_until, order->second.why};
  }
  if (maintenance_ || findings_.score >= rules_.failed) {
    const std::string other = best_other(turn, view);
    const auto flaps = flaps_.find(service);
    const bool held = flaps != flaps_.end() && flaps->second.held_until(now);
    if (other.empty() || (!maintenance_ && held)) {
      return std::nullopt;  // a bad holder is better than none
    }
    return maintenance_ ? HandOver{other, drain_until_, "this site goes into maintenance"}
                        : HandOver{other, std::nullopt, unfit(), true};
  }
  if (rules_of(service).fallback.when != Fallback::When::Never && why_not_home(service, now).empty()) {
    return HandOver{turn.rules().sites[0], std::nullopt, "fallback"};
  }
  return std::nullopt;
}

// What the record gives us already is given back only for what is served, or comes before it.
bool Coordinator::has_room(const Turn& turn, const View& view, SteadyTime now) const {
  unsigned used = 0;
  // What this site is to take first, can take, and what has missed a renewal already, has its place.
  for (const auto& [service, site] : view.plan()) {
    const auto since = turns_.at(service).sight().since();
    const bool due = since && now - *since > rules_.timing.renew * 2;
    const bool mine =
        site == rules_.self && service != turn.rules().service && turns_.at(service).may_come(now);
    used += due && mine && !turns_.at(service).engaged() && !turn.sight().is_owner(rules_.self) ? 1U : 0U;
  }
  bool before = true;
  for (const ServiceRules& service : rules_.services) {
    const Turn& other = turns_.at(service.name);
    if (&other == &turn) {
      before = false;
    } else if (other.engaged() &&
               (before || is_serving(other.state()) || !turn.sight().is_owner(rules_.self))) {
      ++used;
    }
  }
  return used < rules_.capacity;
}

Around Coordinator::around(const Turn& turn, const View& view, SteadyTime now) const {
  Around out;
  const Sight& sight = turn.sight();
  out.unfit = unfit();
  if (!maintenance_ && !out.unfit.empty() && best_other(turn, view).empty()) {
    out.unfit.clear();  // a bad holder is better than none
  }
  out.paused = paused_;
  out.room = has_room(turn, view, now);
  for (const auto& [peer, paths] : rules_.paths) {
    if (detector_.silence(peer, now) > kDropAfter) {
      out.silent.push_back(peer);
    }
  }
  if (is_serving(turn.state())) {
    out.hand_over = hand_over(turn, view, now);
  } else if (is_wanted(turn, now) || turn.has_ended()) {
    out.rank = rank_for(turn, view);
  }
  if (sight.record() && !sight.is_free() && sight.record()->owner != rules_.self) {
    out.owner_suspected = detector_.suspects(sight.record()->owner, now);
    if (turn.rules().mode == Mode::Fast) {
      out.owner_doubt = owner_doubt(turn, now);
      out.owner_sure = out.owner_doubt.empty();
    }
  }
  const auto calls = findings_.calls.find(turn.rules().service);
  out.calls = calls == findings_.calls.end() ? 0 : calls->second;
  return out;
}

}  // namespace ha::failover
