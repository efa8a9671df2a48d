// What must be so in the cluster of failover_world.h, and what is watched while it is in trouble.
#include <algorithm>

#include "tests/sim/failover_site.h"

namespace ha::sim {

using failover::State;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration kLook = milliseconds(250);
// Beyond W: a standby's last look, lost messages and calls that came to nothing, and the start.
constexpr Duration kGapMore = seconds(8);

}  // namespace

void FailoverWorld::on_applied(const std::string& service, const std::optional<Stored>& before,
                               const Stored& now) {
  const std::uint64_t epoch = now.record.version.epoch;
  changed_[service] = now_;
  if (before && now.record.version <= before->record.version) {
    violate(service + ": the version went back");
  }
  if (now.record.hold != failover::Hold::Free) {
    std::string& owner = owners_[service][epoch];
    if (!owner.empty() && owner != now.record.owner) {
      violate(service + ": epoch " + std::to_string(epoch) + " has two owners");
    }
    owner = now.record.owner;
  }
  if (epoch > epochs_[service]) {
    epochs_[service] = epoch;
    ++out_.moves;
    trace(service + " epoch " + std::to_string(epoch) + " " + now.record.owner);
  }
}

bool FailoverWorld::serves(const Site& site, const std::string& service) const {
  const auto found = site.serving.find(service);
  if (found == site.serving.end() || !site.powered || site.frozen || !found->second.pbx) {
    return false;
  }
  if (plan_.flaws.no_guard) {
    return true;
  }
  return found->second.guard_until && local(site) < *found->second.guard_until;
}

// Its lease would be over if it had not stood still since it asked for it, when nothing could tell it:
// docs/failover.md, "Time".
bool FailoverWorld::is_misled(const Site& site, const std::string& service) const {
  const auto& guard = site.serving.at(service).guard_until;
  Duration stood{};
  for (const Site::Freeze& freeze : site.unseen) {
    stood += guard && freeze.at >= *guard - plan_.lease ? freeze.length : Duration::zero();
  }
  return stood > Duration::zero() && local(site) + stood >= *guard;
}

void FailoverWorld::check_serving(const std::string& service) {
  std::vector<const Site*> who;
  for (const auto& site : sites_) {
    if (serves(*site, service)) {
      who.push_back(site.get());
    }
  }
  if (who.size() < 2) {
    return;
  }
  if (fast_.count(service) != 0) {
    ++out_.overlaps;
    return;
  }
  // What was frozen serves for a moment when it thaws: docs/failover.md says so.
  for (const Site* site : who) {
    if ((now_ < site->grace_until || is_misled(*site, service)) && !plan_.flaws.no_resume_check) {
      return;
    }
  }
  violate(service + " is served by " + who[0]->name + " and " + who[1]->name);
}

void FailoverWorld::check_healed() {
  for (const std::string& service : services_) {
    std::vector<std::string> holders;
    for (const auto& site : sites_) {
      if (site->core->turns().at(service).state() == State::Holding && serves(*site, service)) {
        holders.push_back(site->name);
      }
    }
    if (holders.size() != 1) {
      std::string said;
      for (const auto& site : sites_) {
        const auto& each = site->core->turns().at(service);
        said += "; " + site->name + " " + std::string(failover::state_text(each.state())) + ": " + each.why();
      }
      violate(service + " is served by " + std::to_string(holders.size()) + " sites after all was well" +
              said);
    } else if (plan_.fallback) {
      check_preferred(service, holders[0]);
    }
  }
}

// Fallback always: the first of its sites has it, unless that one is full of others.
void FailoverWorld::check_preferred(const std::string& service, const std::string& holder) {
  const auto preferred = std::find_if(sites_.begin(), sites_.end(),
                                      [&](const auto& each) { return each->name == first_of(service); });
  const auto& turns = (*preferred)->core->turns();
  const auto used =
      std::count_if(turns.begin(), turns.end(), [](const auto& each) { return each.second.engaged(); });
  if (holder != (*preferred)->name && used < capacity()) {
    violate(service + " has not gone back from " + holder + " to " + (*preferred)->name);
  }
}

// ---------------------------------------------------------------- how long nobody serves

// Nothing is wrong with it, its links and the arbiter.
bool FailoverWorld::is_well(const Site& site) const {
  const bool runs = site.powered && site.running && !site.paused && !site.frozen && site.core;
  return runs && arbiter_up_ && !bursts_ && now_ >= site.grace_until && !site.cut_arbiter &&
         site.cut.empty() && site.score == 0 && !site.core->in_maintenance() && !site.takeovers_paused &&
         std::none_of(sites_.begin(), sites_.end(),
                      [&](const auto& other) { return other->cut.count(site.name) != 0; });
}

// It may take the service, and has room for it beside all that nobody serves.
bool FailoverWorld::is_able(const Site& site, const std::string& service,
                            const std::set<std::string>& unserved) const {
  const auto& turns = site.core->turns();
  const auto& turn = turns.at(service);
  if (turn.state() == State::Failed || turn.sight().regressed() || site.held_off.count(service) != 0 ||
      rolled_.count(service) != 0) {
    return false;
  }
  const Stored* record = arbiter_.find(service);
  const bool owned = record != nullptr && record->record.hold != failover::Hold::Free;
  if (owned && !record->record.terms.eligible.empty()) {
    const auto& eligible = record->record.terms.eligible;
    if (std::find(eligible.begin(), eligible.end(), site.name) == eligible.end()) {
      return false;
    }
  }
  const auto used = std::count_if(turns.begin(), turns.end(), [&](const auto& each) {
    return each.first != service && (each.second.engaged() || unserved.count(each.first) != 0);
  });
  return used < capacity();
}

void FailoverWorld::watch() {
  failover::Timing timing;
  timing.lease = plan_.lease;
  const Duration wait = timing.wait();
  std::set<std::string> unserved;
  for (const std::string& service : services_) {
    const bool served =
        std::any_of(sites_.begin(), sites_.end(), [&](const auto& site) { return serves(*site, service); });
    if (served) {
      served_[service] = now_;
    } else {
      unserved.insert(service);
    }
  }
  for (const auto& site : sites_) {
    const bool well = is_well(*site);
    for (const std::string& service : services_) {
      if (!well || !is_able(*site, service, unserved)) {
        site->unable[service] = now_;
      }
    }
  }
  for (const std::string& service : unserved) {
    const SteadyTime since = std::max(served_[service], changed_[service]);
    for (const auto& site : sites_) {
      const Duration gap = now_ - std::max(since, site->unable[service]);
      out_.longest_gap = std::max(out_.longest_gap, gap);
      if (gap > wait + kGapMore) {
        violate("nobody serves " + service + ", though " + site->name +
                " could: " + site->core->turns().at(service).why());
      }
    }
  }
  in(kLook, [this] { watch(); });
}

}  // namespace ha::sim
