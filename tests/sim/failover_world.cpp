#include "tests/sim/failover_world.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tests/sim/failover_site.h"

namespace ha::sim {

using failover::Job;
using failover::State;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration kStep = milliseconds(300);   // a message to the arbiter is given up after that
constexpr Duration kCall = milliseconds(1200);  // and a call after that

}  // namespace

FailoverWorld::FailoverWorld(const FailoverPlan& plan, std::uint64_t seed)
    : plan_(plan), random_(seed), now_(SteadyTime(std::chrono::hours(1))) {
  for (unsigned i = 0; i < plan.sites; ++i) {
    auto site = std::make_unique<Site>();
    site->name = "s" + std::to_string(i);
    site->rate = 1 + (random_.unit() * 2 - 1) * plan.drift_ppm / 1'000'000;
    site->base_local = SteadyTime(seconds(random_.between(1'000, 1'000'000)));
    site->base_global = now_;
    sites_.push_back(std::move(site));
  }
  for (unsigned i = 0; i < plan.services; ++i) {
    services_.push_back("v" + std::to_string(i));
    if (plan.fast && i % 2 == 0) {
      fast_.insert(services_.back());
    }
  }
  arbiter_.flaws.epoch_only = plan.flaws.no_seq;
  arbiter_.applied = [this](const std::string& service, const std::optional<Stored>& before,
                            const Stored& now) { on_applied(service, before, now); };
}

FailoverWorld::~FailoverWorld() = default;

// ---------------------------------------------------------------- time

void FailoverWorld::at(SteadyTime when, std::function<void()> work) {
  std::size_t place = works_.size();
  if (free_.empty()) {
    works_.push_back(std::move(work));
  } else {
    place = free_.back();
    free_.pop_back();
    works_[place] = std::move(work);
  }
  events_.push({std::max(when, now_), ++number_, place});
}

SteadyTime FailoverWorld::local(const Site& site) const {
  if (site.frozen) {
    return site.base_local;
  }
  return site.base_local + Duration(static_cast<std::int64_t>(
                               static_cast<double>((now_ - site.base_global).count()) * site.rate));
}

SteadyTime FailoverWorld::global(const Site& site, SteadyTime at) const {
  return now_ +
         Duration(static_cast<std::int64_t>(static_cast<double>((at - local(site)).count()) / site.rate));
}

void FailoverWorld::on(Site& site, std::function<void()> work) {
  if (!site.powered || !site.running) {
    return;
  }
  if (site.paused || site.frozen) {
    if (site.backlog.size() < 10'000) {
      site.backlog.push_back(std::move(work));
    }
    return;
  }
  work();
}

Duration FailoverWorld::trip(double late) {
  const auto ms = static_cast<std::int64_t>(random_.between(5, 160));
  if (random_.chance(late)) {
    return milliseconds(random_.between(200, 60'000));
  }
  return milliseconds(ms) / 2;
}

bool FailoverWorld::linked(const Site& from, const Site& to) const {
  return from.powered && to.powered && from.cut.count(to.name) == 0;
}

bool FailoverWorld::is_traced() {
  static const bool wanted = std::getenv("HA_SIM_TRACE") != nullptr;
  return wanted;
}

void FailoverWorld::trace(const std::string& what) const {
  if (is_traced()) {
    std::fprintf(stderr, "%9.3f %s\n", static_cast<double>(now_.time_since_epoch().count()) / 1e9 - 3600,
                 what.c_str());
  }
}

void FailoverWorld::violate(const std::string& what) {
  trace("VIOLATION " + what);
  if (out_.violation.empty()) {
    const double at = static_cast<double>(now_.time_since_epoch().count()) / 1e9 - 3600;
    out_.violation = "at " + std::to_string(at) + " s: " + what;
  }
}

// ---------------------------------------------------------------- a site

void FailoverWorld::start(Site& site) {
  ++site.incarnation;
  site.running = true;
  site.backlog.clear();
  failover::SiteRules rules;
  rules.self = site.name;
  rules.capacity = capacity();
  for (const auto& other : sites_) {
    if (other.get() != &site) {
      rules.paths[other->name] = plan_.paths;
    }
  }
  rules.timing.lease = plan_.lease;
  rules.timing.renew = plan_.lease / 5;
  if (plan_.flaws.short_wait) {
    rules.timing.lease = site.name == "s0" ? seconds(10) : seconds(8);
    rules.timing.renew = seconds(2);
  }
  for (unsigned i = 0; i < plan_.services; ++i) {
    failover::ServiceRules service;
    service.name = services_[i];
    if (plan_.fallback) {
      service.fallback = {failover::Fallback::When::Always, plan_.lease * 2};
    }
    for (unsigned k = 0; k < plan_.sites; ++k) {
      service.sites.push_back(sites_[(i + k) % plan_.sites]->name);
    }
    service.mode = fast_.count(service.name) != 0 ? failover::Mode::Fast : failover::Mode::Lease;
    rules.services.push_back(std::move(service));
  }
  site.core =
      std::make_unique<failover::Coordinator>(std::move(rules), site.highest, random_.next(), local(site));
  site.held_off.clear();
  site.knows.clear();
  for (const std::string& each : services_) {
    site.unable[each] = now_;
  }
  if (site.maintenance) {
    site.core->resume_maintenance();
  }
  site.core->pause(site.takeovers_paused);
  // What a site does when its coordinator starts: nothing that it does not hold may run.
  turn(site);
  beat(site);
}

void FailoverWorld::turn(Site& site) {
  if (!site.core) {
    return;
  }
  failover::Findings& findings = site.findings;
  findings.score = site.score;
  findings.worst = "broken on purpose";
  for (const std::string& service : services_) {
    findings.lag[service] = failover::Lag::InSync;
    findings.calls[service] = random_.below(4);
    const Stored* owner = arbiter_.find(service);
    // A probe of the owner's PBX from here.
    const auto found = std::find_if(sites_.begin(), sites_.end(), [&](const auto& each) {
      return owner != nullptr && each->name == owner->record.owner;
    });
    findings.probe_failed[service] = found == sites_.end() || !serves(**found, service) ||
                                     !linked(site, **found) || !linked(**found, site);
  }
  for (auto& [service, step] : site.core->tick(findings, local(site))) {
    carry_out(site, service, step);
  }
  for (const auto& [service, each] : site.core->turns()) {
    site.highest[service] = std::max(site.highest[service], each.sight().highest());
  }
  wake(site);
}

void FailoverWorld::wake(Site& site) {
  const std::uint64_t number = ++site.wake;
  const std::uint64_t incarnation = site.incarnation;
  const SteadyTime next = site.core->next_wakeup(local(site));
  at(global(site, next) + milliseconds(random_.below(10)), [this, &site, number, incarnation] {
    if (site.incarnation == incarnation && site.wake == number) {
      on(site, [this, &site] { turn(site); });
    }
  });
}

void FailoverWorld::beat(Site& site) {
  const auto heartbeat = std::make_shared<const failover::Heartbeat>(site.core->heartbeat(local(site)));
  for (const auto& other : sites_) {
    if (other.get() == &site || !linked(site, *other)) {
      continue;
    }
    for (unsigned path = 0; path < plan_.paths; ++path) {
      if (lost()) {
        continue;
      }
      ++out_.messages;
      std::size_t place = flights_.size();
      if (landed_.empty()) {
        flights_.push_back({other.get(), &site, path, heartbeat, now_});
      } else {
        place = landed_.back();
        landed_.pop_back();
        flights_[place] = {other.get(), &site, path, heartbeat, now_};
      }
      in(trip(0), [this, place] { deliver(place); });
    }
  }
  const std::uint64_t number = ++site.beat;
  at(global(site, local(site) + milliseconds(100)), [this, &site, number] {
    on(site, [this, &site, number] {
      if (site.beat == number) {
        beat(site);
      }
    });
  });
}

void FailoverWorld::deliver(std::size_t place) {
  const Flight flight = std::move(flights_[place]);
  landed_.push_back(place);
  Site& to = *flight.to;
  if (to.powered && to.running && !to.paused && !to.frozen) {
    heard(to, flight);
  } else {
    on(to, [this, flight] { heard(*flight.to, flight); });
  }
}

void FailoverWorld::heard(Site& to, const Flight& flight) {
  if (!plan_.flaws.no_resume_check) {
    can_tell(to, flight);
    to.core->on_heartbeat(flight.from->name, flight.path, *flight.what, local(to));
    return;
  }
  failover::Heartbeat blind = *flight.what;
  blind.beat.clock = local(to).time_since_epoch();
  to.core->on_heartbeat(flight.from->name, flight.path, blind, local(to));
}

void FailoverWorld::carry_out(Site& site, const std::string& service, const failover::Step& step) {
  if (const auto* wish = std::get_if<failover::Ask>(&step)) {
    ask(site, service, *wish);
  } else if (const auto* run = std::get_if<failover::Run>(&step)) {
    run_job(site, service, *run);
  } else if (const auto* guard = std::get_if<failover::GuardUntil>(&step)) {
    site.serving[service].guard_until = guard->until;
    check_serving(service);
  } else if (const auto* role = std::get_if<failover::Role>(&step)) {
    site.serving[service].epoch = role->epoch;
  } else if (const auto* word = std::get_if<failover::Tell>(&step)) {
    tell(site, service, *word);
  } else if (const auto* note = std::get_if<failover::Note>(&step); note != nullptr && is_traced()) {
    std::string text = site.name + " " + service + " " + note->event;
    for (const auto& [key, value] : note->fields) {
      text += key == "service" ? "" : " " + key + "=" + value;
    }
    trace(text);
  }
}

// A job runs on a worker; it goes on while the coordinator is dead, but not while it is stopped.
void FailoverWorld::run_job(Site& site, const std::string& service, const failover::Run& run) {
  const std::uint64_t number = ++site.jobs[service];
  const std::uint64_t incarnation = site.incarnation;
  const bool lucky = peace_ || !random_.chance(0.02);
  if (run.job == Job::Promote) {
    site.serving[service].pbx = true;  // from now on callers may be answered
    check_serving(service);
  }
  const Duration length = run.job == Job::Demote || run.job == Job::Cool
                              ? milliseconds(random_.between(20, 350))
                              : milliseconds(random_.between(200, 1500));
  in(length, [this, &site, service, run, number, incarnation, lucky] {
    on(site, [this, &site, service, run, number, incarnation, lucky] {
      if (site.incarnation != incarnation || site.jobs[service] != number) {
        return;
      }
      const bool good = lucky || peace_;
      if (run.job == Job::Promote && !good) {
        site.held_off.insert(service);
      }
      if (run.job == Job::Demote && good) {
        site.serving[service].pbx = false;
      }
      site.core->on_job(service, {run.job, run.epoch, good, good ? "" : "it broke"}, local(site));
      turn(site);
    });
  });
}

void FailoverWorld::tell(Site& site, const std::string& service, const failover::Tell& tell) {
  for (const auto& other : sites_) {
    if (other.get() == &site || (!tell.to.empty() && other->name != tell.to) || !linked(site, *other) ||
        lost()) {
      continue;
    }
    ++out_.messages;
    in(trip(plan_.late / 4), [this, &to = *other, from = site.name, service, word = tell.word] {
      on(to, [this, &to, from, service, word] {
        const auto* asked = std::get_if<failover::PromiseAsk>(&word);
        const bool forced = plan_.flaws.forced_unbound && to.core->turns().at(service).is_forced();
        if (asked != nullptr &&
            (forced || plan_.flaws.promise_void || (plan_.flaws.one_short && to.name == "s1"))) {
          // The answer of somebody who does not keep it.
          this->tell(to, service, {from, failover::PromiseAnswer{asked->round, true, {}}});
          return;
        }
        to.core->on_word(from, service, word, local(to));
        turn(to);
      });
    });
  }
}

// ---------------------------------------------------------------- the arbiter

void FailoverWorld::ask(Site& site, const std::string& service, const failover::Ask& ask) {
  if (ask.act == failover::Act::Claim) {
    ++out_.claims;
  }
  const bool forced = plan_.flaws.forced_dropped && site.core->turns().at(service).is_forced();
  go_on(site, service,
        std::make_shared<ArbiterCall>(ask, Asker{site.name, forced}, site.seen[service], local(site), kCall));
}

void FailoverWorld::go_on(Site& site, const std::string& service, std::shared_ptr<ArbiterCall> call) {
  const ArbiterCall::Message message = call->next(random_.next(), local(site));
  const std::uint64_t number = call->number();
  const std::uint64_t incarnation = site.incarnation;
  const auto heard = [this, &site, service, call, number, incarnation](std::function<bool()> what) {
    on(site, [this, &site, service, call, number, incarnation, what = std::move(what)] {
      if (site.incarnation != incarnation || call->number() != number) {
        return;
      }
      if (what()) {
        answered(site, service, call->answer());
      } else {
        in(milliseconds(20), [this, &site, service, call, number, incarnation] {
          on(site, [this, &site, service, call, number, incarnation] {
            if (site.incarnation == incarnation && call->number() == number) {
              go_on(site, service, call);
            }
          });
        });
      }
    });
  };
  at(global(site, local(site) + kStep),
     [this, &site, heard, call] { heard([this, &site, call] { return call->on_silence(local(site)); }); });
  if (site.cut_arbiter || lost()) {
    return;
  }
  in(trip(plan_.late), [this, &site, service, call, message, heard, life = arbiter_life_] {
    if (!arbiter_up_ || life != arbiter_life_) {
      return;
    }
    std::function<bool()> reply;
    if (const auto* send = std::get_if<ArbiterCall::Send>(&message)) {
      static_cast<void>(arbiter_.swap(service, send->expected, send->wanted));
      reply = [call] {
        call->on_sent();
        return false;
      };
    } else {
      reply = [this, &site, call, found = arbiter_.read(service)] {
        return call->on_read(found, local(site));
      };
    }
    if (site.cut_arbiter || lost()) {
      return;
    }
    in(trip(0), [heard, reply] { heard(reply); });
  });
}

void FailoverWorld::answered(Site& site, const std::string& service, failover::Answer answer) {
  if (plan_.flaws.from_reply && answer.sent) {
    answer.sent = local(site);
  }
  if (plan_.flaws.forced_dropped && answer.record && site.core->turns().at(service).is_forced()) {
    answer.record->terms.eligible.clear();
  }
  site.core->on_answer(service, answer, local(site));
  turn(site);
}

unsigned FailoverWorld::capacity() const {
  const unsigned least = (plan_.services + plan_.sites - 2) / std::max(1U, plan_.sites - 1);
  return std::max({1U, least, plan_.capacity});
}

std::string FailoverWorld::first_of(const std::string& service) const {
  const auto place = std::find(services_.begin(), services_.end(), service) - services_.begin();
  return sites_[static_cast<std::size_t>(place) % sites_.size()]->name;
}

FailoverOutcome FailoverWorld::run() {
  for (auto& site : sites_) {
    start(*site);
  }
  const SteadyTime begin = now_;
  in(plan_.calm, [this] { nemesis(); });
  in(plan_.calm, [this] { burst(); });
  in(plan_.trouble, [this] { heal(); });
  watch();
  const SteadyTime end = begin + plan_.trouble + plan_.peace;
  while (!events_.empty() && out_.violation.empty()) {
    const Event first = events_.top();
    if (first.when > end) {
      break;
    }
    events_.pop();
    now_ = first.when;
    const std::function<void()> work = std::move(works_[first.place]);
    works_[first.place] = nullptr;
    free_.push_back(first.place);
    work();
  }
  if (out_.violation.empty() && plan_.peace != Duration::zero()) {
    check_healed();
  }
  out_.healed_in = plan_.peace;
  return out_;
}

}  // namespace ha::sim
