#include "tests/sim/cluster.h"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace ha::sim {

using namespace ha::replicator;
using std::chrono::milliseconds;
using std::chrono::seconds;

Cluster::Cluster(std::uint64_t seed, std::string directory)
    : world_(seed), invariants_(world_), directory_(std::move(directory)) {
  choose_options();
  make_sites();
  make_links();
  fill_trees();
  for (auto& site : sites_) {
    start(*site);
  }
}

Cluster::~Cluster() {
  for (auto& site : sites_) {
    stop(*site);
  }
}

// ---------------------------------------------------------------- making
void Cluster::choose_options() {
  Random& random = world_.random();
  options_.work_max = random.duration(milliseconds(1), milliseconds(60));
  options_.settle = random.duration(milliseconds(20), milliseconds(800));
  options_.check = random.duration(seconds(5), seconds(30));
  options_.window_bytes = random.between(2'000, 200'000);
  options_.frame_bytes = random.between(200, 4'000);
  options_.padding = random.chance(60) ? 300'000 : 0;
  options_.ask_permille = random.chance(500) ? 200 : 0;
  options_.wrong_basis_permille = random.chance(400) ? 100 : 0;
  options_.drop_permille = random.chance(300) ? 50 : 0;
  redo_permille_ = random.chance(200) ? 30 : 0;
  base_path_.latency = random.duration(milliseconds(1), milliseconds(200));
  base_path_.jitter = base_path_.latency / 4;
  base_path_.bytes_per_s = random.between(30'000, 20'000'000);
  base_path_.lose_permille = random.chance(250) ? 5 : 0;
  base_path_.repeat_permille = random.chance(250) ? 20 : 0;
  base_path_.overtake_permille = random.chance(250) ? 50 : 0;
  tree_items_ = random.chance(40) ? random.between(2'000, 3'500) : random.between(0, 120);
  content_max_ = random.chance(200) ? 20'000 : 1'500;
  if (tree_items_ > 1'000) {
    content_max_ = 40;
    base_path_.bytes_per_s = std::max<std::uint64_t>(base_path_.bytes_per_s, 1'000'000);
    options_.window_bytes = std::max<std::uint64_t>(options_.window_bytes, 50'000);
  }
  if (options_.padding > 0) {
    base_path_.bytes_per_s = std::max<std::uint64_t>(base_path_.bytes_per_s, 5'000'000);
  }
  weight_ = random.chance(300) ? 200 : 1;
  restorable_ = random.chance(250);
  change_every_ = random.duration(milliseconds(200), seconds(6));
  fault_every_ = random.duration(seconds(3), seconds(40));
}

void Cluster::make_sites() {
  Random& random = world_.random();
  const std::size_t count = random.chance(700) ? random.between(2, 3) : random.between(4, 5);
  for (std::size_t i = 0; i < count; ++i) {
    sites_.push_back(std::make_unique<Site>());
    sites_.back()->name = "site" + std::to_string(i);
  }
  const std::size_t sets = random.chance(600) ? 1 : random.between(2, 3);
  for (std::size_t i = 0; i < sets; ++i) {
    const std::string set = "set" + std::to_string(i);
    origins_[set] = sites_[random.below(count)]->name;
    for (auto& site : sites_) {
      StoreOptions options{site->name, set, site->name == origins_[set], {}, ":memory:", weight_};
      for (const auto& other : sites_) {
        if (other != site) {
          options.peers.push_back(other->name);
        }
      }
      if (restorable_) {
        options.index_path = directory_ + "/" + site->name + "." + set;
      }
      site->stores[set] = std::make_unique<SimStore>(world_, invariants_, std::move(options));
      site->stores[set]->redo_permille = redo_permille_;
    }
  }
}

void Cluster::make_links() {
  std::set<std::string> origin_sites;
  for (const auto& [set, origin] : origins_) {
    origin_sites.insert(origin);
  }
  for (const std::string& origin : origin_sites) {
    for (const auto& replica : sites_) {
      if (replica->name == origin) {
        continue;
      }
      links_.push_back(std::make_unique<Link>(world_, origin, replica->name, base_path_));
    }
  }
}

Item Cluster::make_item() {
  Random& random = world_.random();
  Item item;
  item.rank = random.chance(150) ? Rank::Container : random.chance(100) ? Rank::Link : Rank::Content;
  item.meta = random.bytes(random.below(12));
  item.content = item.rank == Rank::Content ? random.bytes(random.below(content_max_)) : Bytes();
  return item;
}

// Keys are few, so that they are used again; some trees begin alike at all sites.
void Cluster::fill_trees() {
  for (const auto& [set, origin] : origins_) {
    Tree& tree = site(origin).stores[set]->tree;
    for (std::size_t i = 0; i < tree_items_; ++i) {
      tree["d" + std::to_string(i % 7) + "/" + std::to_string(i)] = make_item();
    }
    for (auto& replica : sites_) {
      if (replica->name != origin && world_.random().chance(250)) {
        Tree& copy = replica->stores[set]->tree;
        copy = tree;
        copy["only here"] = make_item();
        if (!tree.empty()) {
          copy.erase(tree.begin()->first);
        }
      }
    }
  }
}

Cluster::Site& Cluster::site(const std::string& name) {
  return **std::find_if(sites_.begin(), sites_.end(), [&](const auto& each) { return each->name == name; });
}

Cluster::Site& Cluster::origin_of(const std::string& set) {
  return site(origins_.at(set));
}

// ---------------------------------------------------------------- programs
void Cluster::start(Site& starting) {
  std::map<std::string, SimStore*> replicas;
  std::vector<OriginSetSim*> sets;
  for (auto& [set, store] : starting.stores) {
    if (!store->open().ok()) {
      return;  // the configured epoch is an old one; the operator will see to it
    }
    if (store->options().is_origin) {
      starting.origin_sets[set] = std::make_unique<OriginSetSim>(world_, *store, options_);
      sets.push_back(starting.origin_sets[set].get());
    } else {
      replicas[set] = store.get();
    }
  }
  starting.up = true;
  std::vector<Link*> incoming;
  for (auto& link : links_) {
    if (link->origin == starting.name) {
      starting.peers.push_back(
          std::make_unique<OriginEnd>(world_, invariants_, *link, "cluster", options_, sets));
      link->path.origin_up = true;
    } else if (link->replica == starting.name) {
      incoming.push_back(link.get());
      link->path.replica_up = true;
    }
  }
  starting.replica = std::make_unique<ReplicaEnd>(world_, starting.name, "cluster", options_,
                                                  std::move(replicas), std::move(incoming));
  for (OriginSetSim* set : sets) {
    set->start();
  }
  world_.trace(starting.name + " started");
}

void Cluster::stop(Site& stopping) {
  stopping.up = false;
  for (auto& [set, origin_set] : stopping.origin_sets) {
    origin_set->peers.clear();
  }
  stopping.peers.clear();
  stopping.origin_sets.clear();
  stopping.replica.reset();
  for (auto& link : links_) {
    if (link->origin == stopping.name || link->replica == stopping.name) {
      (link->origin == stopping.name ? link->path.origin_up : link->path.replica_up) = false;
      link->reset();
    }
  }
  for (auto& [set, store] : stopping.stores) {
    store->stop();
  }
}

void Cluster::restart(Site& target, Duration down) {
  if (!target.up) {
    return;
  }
  world_.trace(target.name + " stops");
  for (auto& [set, store] : target.stores) {
    for (const std::uint64_t batch : store->open_batches()) {
      if (!store->options().is_origin && world_.random().chance(500)) {
        store->close_and_die(batch, world_.random().below(4));
      }
    }
  }
  stop(target);
  world_.after(down, [this, &target] {
    if (!target.up) {
      start(target);
    }
  });
}

// ---------------------------------------------------------------- users
void Cluster::change_something(const std::string& set) {
  Random& random = world_.random();
  Site& origin = origin_of(set);
  Tree& tree = origin.stores[set]->tree;
  std::vector<Bytes> keys;
  const auto pick = [&]() -> Bytes {
    if (tree.empty() || random.chance(300)) {
      const std::uint64_t number = random.below(2 * tree_items_ + 10);
      return "d" + std::to_string(number % 7) + "/" + std::to_string(number);
    }
    return std::next(tree.begin(), static_cast<std::ptrdiff_t>(random.below(tree.size())))->first;
  };
  const std::uint64_t what = random.below(100);
  if (what < 3) {  // many at once
    const std::string prefix = "d" + std::to_string(random.below(7));
    for (const auto& [key, item] : tree) {
      if (key.compare(0, prefix.size(), prefix) == 0) {
        keys.push_back(key);
      }
    }
    for (const Bytes& key : keys) {
      tree.erase(key);
    }
  } else if (what < 25) {
    keys.push_back(pick());
    tree.erase(keys.back());
  } else if (what < 35 &&
             tree.size() > 4) {  // renumbered: the first is gone, and each takes the name before it
    const auto first = random.below(tree.size() - 3);
    auto to = std::next(tree.begin(), static_cast<std::ptrdiff_t>(first));
    for (auto from = std::next(to); from != tree.end() && keys.size() < 10; to = from++) {
      keys.push_back(to->first);
      to->second = from->second;
    }
    keys.push_back(to->first);
    tree.erase(to);
  } else {
    for (std::uint64_t i = random.below(4); i < 4; ++i) {
      keys.push_back(pick());
      tree[keys.back()] = make_item();
    }
  }
  if (origin.up) {
    for (const Bytes& key : keys) {
      origin.origin_sets.at(set)->changed(key);
    }
  }
}

void Cluster::change_now_and_then(const std::string& set) {
  if (!faulty_) {
    return;
  }
  change_something(set);
  world_.after(world_.random().duration(milliseconds(1), 2 * change_every_),
               [this, set] { change_now_and_then(set); });
}

// ---------------------------------------------------------------- the run
Outcome Cluster::run() {
  for (const auto& [set, origin] : origins_) {
    change_now_and_then(set);
  }
  plan_fault();
  take_snapshots();
  watch();
  world_.run_for(world_.random().duration(seconds(60), seconds(300)));
  heal();
  const Duration healed_in = world_.settle(
      5, [this] { return difference(); }, [this] { return describe(); });
  Outcome outcome;
  outcome.violation = world_.violation();
  outcome.events = world_.events();
  outcome.applied = invariants_.counts.applied;
  outcome.commits = invariants_.counts.commits;
  outcome.data_bytes = invariants_.counts.data_bytes;
  outcome.faults = faults_;
  outcome.held = held_;
  outcome.healed_in = healed_in;
  return outcome;
}

std::string Cluster::difference() {
  for (const auto& [set, origin] : origins_) {
    Site& from = origin_of(set);
    SimStore& truth = *from.stores[set];
    for (auto& to : sites_) {
      if (to->name == origin) {
        continue;
      }
      const SimStore& copy = *to->stores[set];
      if (copy.tree != truth.tree) {
        return set + " at " + to->name + " is not the tree of " + origin;
      }
      if (to->stores[set]->index().sum() != truth.index().sum()) {
        return set + " at " + to->name + " has another sum";
      }
      const Receiver* receiver = to->replica ? to->replica->receiver(set) : nullptr;
      if (receiver == nullptr || receiver->fresh_at(world_.now()) != world_.now()) {
        return set + " at " + to->name + " does not know that it is equal";
      }
    }
    for (auto& peer : from.peers) {
      if (std::string different = peer->difference(); !different.empty()) {
        return different;
      }
    }
  }
  return {};
}

std::string Cluster::describe() {
  std::string out;
  for (auto& each : sites_) {
    for (auto& peer : each->peers) {
      out += peer->describe();
    }
  }
  return out;
}

}  // namespace ha::sim
