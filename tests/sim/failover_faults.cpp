// Who breaks the cluster of failover_world.h, and mends it.
#include <algorithm>

#include "tests/sim/failover_site.h"

namespace ha::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// The machine's real-time clock goes on while it is frozen, and has whole seconds: a freeze of two is seen
// within one. A shorter one is seen only by what peers say.
constexpr Duration kSeenFrom = seconds(2);
constexpr Duration kSeenWithin = milliseconds(900);
// By what peers say: longer than Detector::leap_min() and the slowest heartbeat.
constexpr Duration kToldFrom = milliseconds(350);

}  // namespace

void FailoverWorld::nemesis() {
  if (peace_ || plan_.between == Duration::zero()) {
    return;
  }
  fault();
  ++out_.faults;
  in(milliseconds(random_.between(50, static_cast<std::uint64_t>(plan_.between / milliseconds(1)) * 2)),
     [this] { nemesis(); });
}

void FailoverWorld::burst() {
  if (peace_ || plan_.bursts == Duration::zero()) {
    return;
  }
  bursts_ = !bursts_;
  in(bursts_ ? milliseconds(random_.between(50, 2'000))
             : milliseconds(random_.below(static_cast<std::uint64_t>(plan_.bursts / milliseconds(1)) * 2)),
     [this] { burst(); });
}

void FailoverWorld::cut(Site& from, Site& to, bool both, Duration length) {
  if (&from == &to) {
    return;
  }
  trace("cut " + from.name + " -> " + to.name + (both ? " both ways" : ""));
  from.cut.insert(to.name);
  if (both) {
    to.cut.insert(from.name);
  }
  in(length, [&from, &to] {
    from.cut.erase(to.name);
    to.cut.erase(from.name);
  });
}

void FailoverWorld::cut_arbiter(Site& site, Duration length) {
  trace(site.name + " loses the arbiter");
  site.cut_arbiter = true;
  in(length, [&site] { site.cut_arbiter = false; });
}

void FailoverWorld::fault() {
  Site& site = *sites_[random_.below(sites_.size())];
  Site& other = *sites_[random_.below(sites_.size())];
  const Duration length = milliseconds(random_.between(200, 40'000));
  if (plan_.plot != Plot::None && random_.chance(0.2)) {
    return play(plan_.plot);
  }
  switch (random_.below(16)) {
    case 0:
      return cut(site, other, true, length);
    case 1:
      return cut(site, other, false, length);
    case 2:
      return cut_arbiter(site, length);
    case 3:  // alone
      cut_arbiter(site, length);
      for (const auto& each : sites_) {
        cut(site, *each, true, length);
      }
      return;
    case 4:
      return power_off(site);
    case 5:
      return kill(site);
    case 6:
      return stop(site, length, false);
    case 7:
      return stop(site, length, true);
    case 8:
      trace("the arbiter is down");
      arbiter_up_ = false;
      in(length, [this] { arbiter_up_ = true; });
      return;
    case 9:
      if (plan_.health) {
        site.score = random_.chance(0.5) ? 120 : 50;
        trace(site.name + " has a score of " + std::to_string(site.score));
        in(length, [&site] { site.score = 0; });
      }
      return;
    case 10:
    case 11:
    case 12:
      if (plan_.operators) {
        operate(site, other);
      }
      return;
    case 13:
      if (plan_.operators) {
        confirm_fence(site);
      }
      return;
    case 14:
      if (plan_.operators) {
        play(random_.chance(0.8) ? Plot::Siege : Plot::Exile);
      }
      return;
    default:
      if (plan_.operators) {
        play(Plot::Rollback);
      }
  }
}

void FailoverWorld::power_off(Site& site) {
  if (!site.powered) {
    return;
  }
  trace(site.name + " is off");
  site.powered = false;
  site.running = false;
  site.paused = false;
  site.frozen = false;
  ++site.incarnation;
  site.core.reset();
  site.serving.clear();
  site.unseen.clear();
  site.base_local = SteadyTime(seconds(random_.between(10, 100)));  // a new boot, a new clock
  site.base_global = now_;
  in(milliseconds(random_.between(500, 60'000)), [this, &site] {
    if (!site.powered) {
      trace(site.name + " is on");
      site.powered = true;
      start(site);
    }
  });
}

// Whoever was frozen must have the moment in which it finds out: docs/failover.md, "Time".
bool FailoverWorld::can_be_stopped(const Site& site) const {
  return site.powered && site.running && !site.paused && !site.frozen && now_ >= site.grace_until;
}

// The coordinator alone: guard and PBX stay.
void FailoverWorld::kill(Site& site) {
  if (!can_be_stopped(site)) {
    return;
  }
  trace(site.name + " coordinator killed");
  site.running = false;
  ++site.incarnation;
  site.core.reset();
  const std::uint64_t incarnation = site.incarnation;
  in(milliseconds(random_.between(100, 12'000)), [this, &site, incarnation] {
    if (site.powered && site.incarnation == incarnation) {
      start(site);
    }
  });
}

void FailoverWorld::stop(Site& site, Duration length, bool frozen) {
  if (!can_be_stopped(site)) {
    return;
  }
  trace(site.name + (frozen ? " is frozen" : " is stopped"));
  if (frozen) {
    site.base_local = local(site);
    site.frozen_at = now_;
    site.frozen = true;
  } else {
    site.paused = true;
  }
  const std::uint64_t pause = ++site.pause;
  in(length, [this, &site, pause] {
    if (site.pause == pause) {
      resume(site);
    }
  });
}

void FailoverWorld::resume(Site& site) {
  if (!site.paused && !site.frozen) {
    return;
  }
  trace(site.name + " goes on");
  if (site.frozen) {
    site.base_global = now_;
    site.frozen = false;
    const Duration length = now_ - site.frozen_at;
    give_grace(site, length >= kSeenFrom ? seconds(1) : length + kSeenWithin);
    if (length < kSeenFrom) {
      site.unseen.push_back({site.base_local, length, now_, site.incarnation, site.knows});
    }
    if (length >= kSeenFrom && !plan_.flaws.no_resume_check) {
      const std::uint64_t incarnation = site.incarnation;
      in(milliseconds(random_.below(900)), [this, &site, incarnation] {
        if (site.incarnation == incarnation) {
          on(site, [this, &site] {
            site.core->on_jump(local(site));
            turn(site);
          });
        }
      });
    }
  }
  site.paused = false;
  std::deque<std::function<void()>> backlog = std::move(site.backlog);
  site.backlog.clear();
  for (auto& work : backlog) {
    on(site, std::move(work));
  }
  if (site.core) {
    turn(site);
    beat(site);
  }
}

// Whoever still serves after it has not noticed.
void FailoverWorld::give_grace(Site& site, Duration length) {
  site.grace_until = std::max(site.grace_until, now_ + length);
  at(site.grace_until + milliseconds(1), [this] {
    for (const std::string& service : services_) {
      check_serving(service);
    }
  });
}

// A peer whose clock this run knew before it stood still says how late it is.
void FailoverWorld::can_tell(Site& site, const Flight& flight) {
  const std::string& peer = flight.from->name;
  const auto told = std::remove_if(site.unseen.begin(), site.unseen.end(), [&](const Site::Freeze& freeze) {
    const auto known = freeze.knew.find(peer);
    return freeze.length >= kToldFrom && flight.sent > freeze.over &&
           freeze.incarnation == site.incarnation && known != freeze.knew.end() &&
           known->second == flight.what->beat.boot;
  });
  if (told != site.unseen.end()) {
    give_grace(site, kSeenWithin);
    site.unseen.erase(told, site.unseen.end());
  }
  site.knows[peer] = flight.what->beat.boot;
}

void FailoverWorld::heal() {
  trace("peace");
  peace_ = true;
  bursts_ = false;
  plan_.lose = 0;
  plan_.late = 0;
  arbiter_up_ = true;
  for (const auto& site : sites_) {
    site->cut.clear();
    site->cut_arbiter = false;
    site->score = 0;
    resume(*site);
    if (!site->powered || !site->running) {
      site->powered = true;
      start(*site);
    }
    site->maintenance = false;
    site->takeovers_paused = false;
    static_cast<void>(site->core->maintenance(false, std::nullopt, local(*site)));
    site->core->pause(false);
    site->core->acknowledge(local(*site));
    site->held_off.clear();
  }
}

}  // namespace ha::sim
