// What operators do to the cluster of failover_world.h, rightly and wrongly, and plots of several faults.
#include <algorithm>

#include "tests/sim/failover_site.h"

namespace ha::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

void FailoverWorld::operate(Site& site, Site& other) {
  on(site, [this, &site, &other] {
    const std::string& service = services_[random_.below(services_.size())];
    const auto drain = random_.chance(0.5) ? std::optional<Duration>(seconds(2)) : std::nullopt;
    const std::uint64_t what = random_.below(8);
    if (what < 2) {
      static_cast<void>(site.core->maintenance(!site.core->in_maintenance(), drain, local(site)));
      site.maintenance = site.core->in_maintenance();
    } else if (what < 3) {
      site.takeovers_paused = !site.takeovers_paused;
      site.core->pause(site.takeovers_paused);
    } else if (what < 5) {
      take_over(site, service);
    } else if (site.core->switchover(service, other.name, drain, local(site)).ok()) {
      trace(site.name + " hands " + service + " to " + other.name);
    }
    turn(site);
  });
}

void FailoverWorld::take_over(Site& site, const std::string& service) {
  on(site, [this, &site, service] {
    if (site.core->takeover(service, local(site)).ok()) {
      trace(site.name + " is told to take " + service);
      ++out_.forced;
      turn(site);
    }
  });
}

// Only of a site that is off: of another it would be a lie.
void FailoverWorld::confirm_fence(Site& site) {
  const auto off =
      std::find_if(sites_.begin(), sites_.end(), [](const auto& each) { return !each->powered; });
  if (off == sites_.end() || !site.core) {
    return;
  }
  on(site, [this, &site, &fenced = **off] {
    if (!fenced.powered) {
      trace(site.name + " is told that " + fenced.name + " is off");
      ++out_.fenced;
      site.core->on_fenced(fenced.name);
      turn(site);
    }
  });
}

// ---------------------------------------------------------------- plots

void FailoverWorld::play(Plot plot) {
  if (plot == Plot::Rollback) {
    arbiter_.keep();
    in(milliseconds(random_.between(2'000, 40'000)), [this] { roll_back(20); });
    return;
  }
  const std::string& service = services_[random_.below(services_.size())];
  const Stored* record = arbiter_.find(service);
  const auto holder = std::find_if(sites_.begin(), sites_.end(), [&](const auto& each) {
    return record != nullptr && each->name == record->record.owner;
  });
  Site& site = *sites_[random_.below(sites_.size())];
  if (holder == sites_.end() || holder->get() == &site) {
    return;
  }
  if (plot == Plot::Stall) {
    return stop(**holder, plan_.lease + milliseconds(random_.below(20'000)), false);
  }
  plot == Plot::Siege ? siege(**holder, site, service) : exile(**holder, site, service);
}

void FailoverWorld::siege(Site& holder, Site& site, const std::string& service) {
  cut_arbiter(holder, milliseconds(random_.between(12'000, 40'000)));
  in(milliseconds(random_.below(8'000)), [this, &holder, &site, service] {
    cut(holder, site, true, milliseconds(random_.between(500, 9'000)));
    in(milliseconds(random_.between(450, 2'000)), [this, &site, service] {
      if (!peace_) {
        take_over(site, service);
      }
    });
  });
}

void FailoverWorld::exile(Site& holder, Site& site, const std::string& service) {
  const Duration length = milliseconds(random_.between(75'000, 110'000));
  for (const auto& each : sites_) {
    cut(site, *each, true, length);
  }
  in(milliseconds(random_.between(62'000, 72'000)), [this, &holder, &site, service] {
    if (!peace_) {
      cut_arbiter(holder, milliseconds(random_.between(15'000, 40'000)));
      take_over(site, service);
    }
  });
}

// ---------------------------------------------------------------- the arbiter goes back

// Every site has seen the epochs that get lost. Who had not would take the older ones for the newest, and
// nothing here could tell: the second half of the promise is the arbiter's.
bool FailoverWorld::have_all_seen() const {
  return std::all_of(services_.begin(), services_.end(), [&](const std::string& service) {
    const Stored* now = arbiter_.find(service);
    return now == nullptr || std::all_of(sites_.begin(), sites_.end(), [&](const auto& site) {
             const auto seen = site->seen.find(service);
             return seen != site->seen.end() && seen->second.highest.epoch >= now->record.version.epoch;
           });
  });
}

void FailoverWorld::roll_back(unsigned tries) {
  if (peace_ || tries == 0 || !rolled_.empty()) {
    return;
  }
  if (!have_all_seen()) {
    in(seconds(1), [this, tries] { roll_back(tries - 1); });
    return;
  }
  bool back = false;
  for (const std::string& service : services_) {
    const Stored* now = arbiter_.find(service);
    const auto kept = arbiter_.kept(service);
    if (now != nullptr && (!kept || kept->record.version.epoch < now->record.version.epoch)) {
      rolled_.insert(service);
      back = true;
    }
  }
  if (!back) {
    return;
  }
  trace("the arbiter goes back");
  ++out_.rolled_back;
  ++arbiter_life_;
  arbiter_.roll_back(rolled_);
  for (const auto& site : sites_) {
    in(milliseconds(random_.between(3'000, 30'000)), [this, &site = *site] { accept(site); });
  }
}

// A person at each site; once more wherever it is still refused.
void FailoverWorld::accept(Site& site) {
  on(site, [this, &site] {
    for (const std::string& service : services_) {
      if (!site.core->turns().at(service).sight().regressed()) {
        continue;
      }
      trace(site.name + " accepts what the arbiter shows of " + service);
      Seen& seen = site.seen[service];
      seen = {{}, plan_.flaws.epoch_again ? failover::Version{} : std::max(seen.highest, seen.beyond)};
      site.core->accept(service);
    }
    turn(site);
  });
  const auto is_over = [this](const std::string& service) {
    const Stored* now = arbiter_.find(service);
    return std::all_of(sites_.begin(), sites_.end(), [&](const auto& each) {
      const Seen& seen = each->seen[service];
      return each->core && !each->core->turns().at(service).sight().regressed() && now != nullptr &&
             now->record.version >= std::max(seen.highest, seen.beyond);
    });
  };
  std::erase_if(rolled_, is_over);
  if (!rolled_.empty()) {
    in(seconds(3), [this, &site] { accept(site); });
  }
}

}  // namespace ha::sim
