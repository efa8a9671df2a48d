#include "tests/sim/turns.h"

#include <algorithm>
#include <utility>

namespace ha::sim {

using namespace ha::replicator;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr const char* kSet = "set0";
constexpr std::size_t kTagBytes = 12;  // of random content: no two writes are alike

}  // namespace

Turns::Turns(std::uint64_t seed) : world_(seed), invariants_(world_), oracle_(world_) {
  choose_options();
  make_sites();
  make_links();
  fill_trees();
  for (auto& site : sites_) {
    start(*site);
  }
}

Turns::~Turns() {
  for (auto& site : sites_) {
    stop(*site);
  }
}

// ---------------------------------------------------------------- making
void Turns::choose_options() {
  Random& random = world_.random();
  options_.work_max = random.duration(milliseconds(1), milliseconds(60));
  options_.settle = random.duration(milliseconds(20), milliseconds(800));
  options_.check = random.duration(seconds(5), seconds(30));
  options_.window_bytes = random.between(2'000, 200'000);
  options_.frame_bytes = random.between(200, 4'000);
  options_.ask_permille = random.chance(300) ? 200 : 0;
  options_.wrong_basis_permille = random.chance(300) ? 100 : 0;
  options_.drop_permille = random.chance(200) ? 50 : 0;
  base_path_.latency = random.duration(milliseconds(1), milliseconds(200));
  base_path_.jitter = base_path_.latency / 4;
  base_path_.bytes_per_s = random.between(10'000, 10'000'000);
  base_path_.lose_permille = random.chance(200) ? 5 : 0;
  base_path_.repeat_permille = random.chance(200) ? 20 : 0;
  base_path_.overtake_permille = random.chance(200) ? 50 : 0;
  keys_ = random.chance(500) ? random.between(3, 15) : random.between(15, 200);
  content_max_ = random.chance(200) ? 10'000 : 600;
  lose_indexes_ = random.chance(150);
  poison_ = random.chance(200);
  change_every_ = random.duration(milliseconds(100), seconds(5));
  fault_every_ = random.duration(seconds(4), seconds(40));
  turn_every_ = random.duration(seconds(2), seconds(60));
}

void Turns::make_sites() {
  Random& random = world_.random();
  const std::size_t count = random.chance(700) ? 3 : random.chance(500) ? 2 : 4;
  for (std::size_t i = 0; i < count; ++i) {
    sites_.push_back(std::make_unique<Site>());
    sites_.back()->name = "site" + std::to_string(i);
  }
  holder_ = sites_[random.below(count)]->name;
  for (auto& site : sites_) {
    StoreOptions options{site->name, kSet, false, {}, ":memory:", 1};
    for (const auto& other : sites_) {
      if (other != site) {
        options.peers.push_back(other->name);
      }
    }
    site->holder = holder_;
    site->store = std::make_unique<SimStore>(world_, invariants_, std::move(options));
    site->store->redo_permille = random.chance(100) ? 30 : 0;
  }
}

void Turns::make_links() {
  for (const auto& origin : sites_) {
    for (const auto& replica : sites_) {
      if (replica == origin) {
        continue;
      }
      links_.push_back(std::make_unique<Link>(world_, origin->name, replica->name, base_path_));
    }
  }
}

void Turns::fill_trees() {
  for (auto& site : sites_) {
    for (std::size_t i = 0; site->name == holder_ && i < keys_; ++i) {
      change_something(*site);
    }
  }
}

// ---------------------------------------------------------------- programs
void Turns::start(Site& starting) {
  const bool holds = starting.holder == starting.name;
  starting.store->set_role(holds, starting.epoch);
  if (!starting.store->open().ok()) {
    world_.trace(starting.name + " does not start: its epoch is over");
    return;
  }
  starting.up = true;
  std::vector<Link*> incoming;
  std::map<std::string, SimStore*> replicas;
  if (holds) {
    starting.origin_set = std::make_unique<OriginSetSim>(world_, *starting.store, options_);
  } else {
    replicas[kSet] = starting.store.get();
  }
  for (auto& link : links_) {
    if (link->origin == starting.name && holds) {
      starting.peers.push_back(std::make_unique<OriginEnd>(world_, invariants_, *link, "cluster", options_,
                                                           std::vector{starting.origin_set.get()}));
      link->path.origin_up = true;
    } else if (link->replica == starting.name) {
      incoming.push_back(link.get());
      link->path.replica_up = true;
    }
  }
  starting.replica = std::make_unique<ReplicaEnd>(world_, starting.name, "cluster", options_,
                                                  std::move(replicas), std::move(incoming), starting.holder);
  world_.trace(starting.name + " started, holder " + starting.holder + " epoch " +
               std::to_string(starting.epoch));
  if (holds) {
    starting.origin_set->start();
    starting.users = faulty_;
  }
}

void Turns::stop(Site& stopping) {
  stopping.up = false;
  if (stopping.origin_set) {
    stopping.origin_set->peers.clear();
  }
  stopping.peers.clear();
  stopping.origin_set.reset();
  stopping.replica.reset();
  for (auto& link : links_) {
    if (link->origin == stopping.name || link->replica == stopping.name) {
      (link->origin == stopping.name ? link->path.origin_up : link->path.replica_up) = false;
      link->reset();
    }
  }
  stopping.store->stop();
}

void Turns::die(Site& dying) {
  if (!dying.up) {
    return;
  }
  world_.trace(dying.name + " dies");
  for (const std::uint64_t batch : dying.store->open_batches()) {
    if (world_.random().chance(500)) {
      dying.store->close_and_die(batch, world_.random().below(4));
    }
  }
  stop(dying);
}

void Turns::restart(Site& target, Duration down) {
  die(target);
  world_.after(down, [this, &target] {
    if (!target.up) {
      start(target);
    }
  });
}

// The users of a site that is not the holder any more go, or have gone, before it starts.
void Turns::learn(Site& site) {
  if (site.epoch == epoch_ && site.up) {
    return;
  }
  cut(site, false);
  die(site);
  site.holder = holder_;
  site.epoch = epoch_;
  site.users = false;
  restart(site, world_.random().duration(milliseconds(10), seconds(5)));
}

// ---------------------------------------------------------------- turns
void Turns::plan_turn() {
  world_.after(world_.random().duration(milliseconds(100), 2 * turn_every_), [this] {
    if (faulty_) {
      turn();
      plan_turn();
    }
  });
}

void Turns::turn() {
  Random& random = world_.random();
  ++turns_;
  ++epoch_;
  const auto old =
      std::find_if(sites_.begin(), sites_.end(), [&](auto& each) { return each->name == holder_; });
  holder_ = sites_[random.below(sites_.size())]->name;
  world_.trace("now " + holder_ + " is to be the holder, epoch " + std::to_string(epoch_));
  if ((*old)->name != holder_) {
    depose(**old);
  }
  for (auto& each : sites_) {
    if (random.chance(100)) {
      die(*each);
    }
    const bool soon = each->name == holder_ || random.chance(500);
    const Duration most = each == *old ? seconds(90) : soon ? seconds(3) : seconds(60);
    world_.after(random.duration(milliseconds(1), each->name == holder_ ? Duration(seconds(3)) : most),
                 [this, &site = *each] { learn(site); });
  }
}

void Turns::depose(Site& old) {
  switch (world_.random().below(5)) {
    case 0:  // with its users
      die(old);
      old.users = false;
      break;
    case 1:  // its users go on, and it as well
      world_.trace(old.name + " is cut off");
      cut(old, true);
      break;
    case 2:  // its users go on
      die(old);
      break;
    case 3:  // in good order
      old.users = false;
      break;
    default:  // it goes on and nobody has told it
      break;
  }
}

void Turns::cut(const Site& site, bool off) {
  for (auto& link : links_) {
    if (link->origin == site.name || link->replica == site.name) {
      link->path.cut = off;
    }
  }
}

// ---------------------------------------------------------------- users
void Turns::change_something(Site& site) {
  Random& random = world_.random();
  SimStore& store = *site.store;
  const std::uint64_t number = random.below(keys_);
  const Bytes key = "d" + std::to_string(number % 5) + "/" + std::to_string(number);
  const auto here = store.tree.find(key);
  const std::uint64_t what = random.below(100);
  if (what < 25 && here != store.tree.end()) {
    oracle_.erase(store, key);
  } else if (what < 32 && here != store.tree.end()) {
    Item item = here->second;
    item.meta = random.bytes(random.below(12));
    oracle_.write(store, key, std::move(item));
  } else {
    oracle_.write(store, key,
                  {Rank::Content, random.bytes(kTagBytes + random.below(content_max_)), random.bytes(2)});
  }
  if (site.origin_set) {
    site.origin_set->changed(key);
  }
}

void Turns::write_now_and_then(Site& site) {
  if (!faulty_) {
    return;
  }
  if (site.users) {
    for (std::uint64_t i = world_.random().below(4); i < 4; ++i) {
      change_something(site);
    }
  }
  world_.after(world_.random().duration(milliseconds(1), 2 * change_every_),
               [this, &site] { write_now_and_then(site); });
}

// ---------------------------------------------------------------- faults
void Turns::plan_fault() {
  world_.after(world_.random().duration(milliseconds(10), 2 * fault_every_), [this] {
    if (faulty_) {
      ++faults_;
      world_.random().chance(600) ? fault_path() : fault_site();
      plan_fault();
    }
  });
}

void Turns::fault_path() {
  Random& random = world_.random();
  Link& link = *links_[random.below(links_.size())];
  switch (random.below(4)) {
    case 0:
      link.lanes[random.below(link.lanes.size())]->reset();
      break;
    case 1:
      link.reset();
      break;
    case 2:
      link.path.cut = true;
      world_.after(random.duration(milliseconds(100), seconds(40)), [&link] {
        link.path.cut = false;
        link.reset();
      });
      break;
    default:
      for (auto& lane : link.lanes) {
        lane->stall(random.duration(milliseconds(10), seconds(25)));
      }
      break;
  }
}

void Turns::fault_site() {
  Random& random = world_.random();
  Site& target = *sites_[random.below(sites_.size())];
  if (!target.up) {
    return;
  }
  const std::uint64_t what = random.below(6);
  if (what == 0 && poison_ && !target.store->tree.empty()) {
    const Bytes key = std::next(target.store->tree.begin(),
                                static_cast<std::ptrdiff_t>(random.below(target.store->tree.size())))
                          ->first;
    world_.trace(target.name + " cannot apply " + key);
    target.store->poisoned.insert(key);
    world_.after(random.duration(seconds(5), seconds(60)),
                 [poisoned = &target.store->poisoned, key] { poisoned->erase(key); });
  } else if (what == 1 && lose_indexes_) {
    lose_index(target);
  } else {
    restart(target, random.duration(milliseconds(50), seconds(20)));
  }
}

void Turns::lose_index(Site& site) {
  restart(site, world_.random().duration(milliseconds(50), seconds(20)));
  world_.trace(site.name + " loses its index");
  site.store->lose_index();
  oracle_.lose_index();
}

void Turns::watch() {
  for (auto& each : sites_) {
    for (auto& peer : each->peers) {
      peer->observe(invariants_);
    }
  }
  world_.after(seconds(5), [this] { watch(); });
}

// ---------------------------------------------------------------- the run
TurnsOutcome Turns::run() {
  for (auto& site : sites_) {
    write_now_and_then(*site);
  }
  plan_fault();
  plan_turn();
  watch();
  world_.run_for(world_.random().duration(seconds(60), seconds(400)));
  heal();
  // Longer than a check takes to come round.
  const Duration healed_in = world_.settle(
      10, [this] { return difference(); }, [this] { return describe(); });
  std::vector<SimStore*> stores;
  for (auto& each : sites_) {
    stores.push_back(each->store.get());
  }
  for (auto& each : sites_) {
    if (each->name == holder_ && world_.violation().empty()) {
      oracle_.verify(each->store->tree, stores);
    }
  }
  TurnsOutcome outcome;
  outcome.violation = world_.violation();
  outcome.turns = turns_;
  outcome.events = world_.events();
  outcome.faults = faults_;
  outcome.counts = oracle_.counts;
  outcome.healed_in = healed_in;
  return outcome;
}

void Turns::heal() {
  world_.trace("healing");
  faulty_ = false;
  invariants_.quiet();
  for (auto& link : links_) {
    link->path.cut = false;
    link->path.lose_permille = link->path.repeat_permille = link->path.overtake_permille = 0;
  }
  for (auto& each : sites_) {
    each->store->poisoned.clear();
    each->store->redo_permille = 0;
    each->users = false;
    if (each->epoch != epoch_) {
      learn(*each);
    } else if (!each->up) {
      start(*each);
    }
    if (each->origin_set) {
      each->origin_set->scan_everything();
    }
  }
}

std::string Turns::difference() {
  const auto holder =
      std::find_if(sites_.begin(), sites_.end(), [&](const auto& each) { return each->name == holder_; });
  SimStore& truth = *(*holder)->store;
  for (auto& to : sites_) {
    if (to == *holder) {
      continue;
    }
    if (to->store->tree != truth.tree) {
      return to->name + " has not the tree of " + holder_;
    }
    if (to->store->index().sum() != truth.index().sum()) {
      return to->name + " has another sum";
    }
  }
  for (auto& each : sites_) {
    if (each->store->failed() > 0 || !each->store->open_batches().empty()) {
      return each->name + " has something left over";
    }
  }
  for (auto& peer : (*holder)->peers) {
    if (std::string different = peer->difference(); !different.empty()) {
      return different;
    }
  }
  return (*holder)->peers.size() + 1 == sites_.size() ? "" : holder_ + " is not up";
}

std::string Turns::describe() {
  std::string out;
  for (auto& each : sites_) {
    for (auto& peer : each->peers) {
      out += peer->describe();
    }
  }
  return out;
}

}  // namespace ha::sim
