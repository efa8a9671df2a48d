// What goes wrong in a run, and how it ends.
#include <algorithm>

#include "tests/sim/cluster.h"

namespace ha::sim {

using namespace ha::replicator;
using std::chrono::milliseconds;
using std::chrono::seconds;

void Cluster::plan_fault() {
  if (!faulty_) {
    return;
  }
  world_.after(world_.random().duration(milliseconds(10), 2 * fault_every_), [this] {
    if (faulty_) {
      fault();
      plan_fault();
    }
  });
}

void Cluster::fault() {
  ++faults_;
  if (world_.random().chance(600)) {
    fault_path();
  } else {
    fault_site();
  }
}

void Cluster::fault_path() {
  Random& random = world_.random();
  Link& link = *links_[random.below(links_.size())];
  const std::string name = link.origin + ">" + link.replica;
  switch (random.below(5)) {
    case 0:  // one connection
      link.lanes[random.below(link.lanes.size())]->reset();
      break;
    case 1:  // all of them
      link.reset();
      break;
    case 2:  // no way through, for a while; noticed or not
      world_.trace(name + " cut");
      link.path.cut = true;
      world_.after(random.duration(milliseconds(100), seconds(60)), [this, &link, name] {
        world_.trace(name + " whole again");
        link.path.cut = false;
        if (world_.random().chance(800)) {
          link.reset();
        }
      });
      break;
    case 3:
      for (auto& lane : link.lanes) {
        lane->stall(random.duration(milliseconds(10), seconds(25)));
      }
      break;
    default:  // one lane alone
      link.lanes[random.below(link.lanes.size())]->stall(random.duration(milliseconds(10), seconds(40)));
      break;
  }
}

void Cluster::fault_site() {
  Random& random = world_.random();
  Site& target = *sites_[random.below(sites_.size())];
  if (!target.up) {
    return;
  }
  auto store = target.stores.begin();
  std::advance(store, random.below(target.stores.size()));
  switch (random.below(6)) {
    case 0:
    case 1:
      restart(target, random.duration(milliseconds(50), seconds(20)));
      break;
    case 2:  // an item that cannot be applied, for some time
      if (!store->second->options().is_origin && !store->second->tree.empty()) {
        const Bytes key = store->second->tree.begin()->first;
        store->second->poisoned.insert(key);
        world_.after(random.duration(seconds(5), seconds(60)),
                     [poisoned = &store->second->poisoned, key] { poisoned->erase(key); });
      }
      break;
    case 3:
      raise_epoch();
      break;
    default:
      fault_store(target, store->first);
      break;
  }
}

// While the program is down.
void Cluster::fault_store(Site& target, const std::string& set) {
  Random& random = world_.random();
  SimStore& store = *target.stores[set];
  restart(target, random.duration(milliseconds(50), seconds(20)));
  const std::uint64_t what = random.below(4);
  if (what == 0) {
    world_.trace(target.name + "/" + set + " loses its index");
    store.lose_index();
  } else if (what == 1 && !store.options().is_origin) {
    world_.trace(target.name + "/" + set + " drifts");
    store.tree["drift"] = make_item();
    if (store.tree.size() > 1) {
      store.tree.erase(store.tree.begin());
    }
  } else if (store.can_restore()) {
    const bool with_tree = random.chance(500);
    world_.trace(target.name + "/" + set + " is restored" + (with_tree ? ", with its tree" : ""));
    store.restore(with_tree);
    if (store.options().is_origin) {
      // Sometimes the configuration is an old one as well: this origin must not send.
      store.epoch = random.chance(500) ? store.index().epoch() : store.epoch;
    }
  }
}

void Cluster::raise_epoch() {
  auto origin = origins_.begin();
  std::advance(origin, world_.random().below(origins_.size()));
  Site& holder = origin_of(origin->first);
  if (holder.up) {
    ++holder.stores[origin->first]->epoch;
    world_.trace(origin->first + " has epoch " + std::to_string(holder.stores[origin->first]->epoch));
    restart(holder, world_.random().duration(milliseconds(50), seconds(5)));
  }
}

void Cluster::take_snapshots() {
  if (!restorable_ || !faulty_) {
    return;
  }
  for (auto& each : sites_) {
    for (auto& [set, store] : each->stores) {
      if (world_.random().chance(300)) {
        store->take_snapshot();
      }
    }
  }
  world_.after(seconds(10), [this] { take_snapshots(); });
}

// Every few seconds: does everything get on, and does the operator have to release something?
void Cluster::watch() {
  for (auto& each : sites_) {
    for (auto& peer : each->peers) {
      peer->observe(invariants_);
    }
  }
  release_held();
  world_.after(seconds(5), [this] { watch(); });
}

void Cluster::release_held() {
  for (auto& each : sites_) {
    for (auto& peer : each->peers) {
      for (auto& session : peer->sessions()) {
        if (session->sender.state() != SenderState::Held) {
          held_since_.erase(session->name);
          continue;
        }
        const auto since = held_since_.try_emplace(session->name, world_.now()).first->second;
        if (world_.now() - since > seconds(20)) {
          ++held_;
          world_.trace(session->name + " is released");
          held_since_.erase(session->name);
          session->set->renew();
        }
      }
    }
  }
}

void Cluster::heal() {
  world_.trace("healing");
  faulty_ = false;
  for (auto& link : links_) {
    link->path.cut = false;
    link->path.lose_permille = link->path.repeat_permille = link->path.overtake_permille = 0;
  }
  for (auto& each : sites_) {
    for (auto& [set, store] : each->stores) {
      store->poisoned.clear();
      store->redo_permille = 0;
    }
  }
  for (const auto& [set, name] : origins_) {
    std::uint64_t epoch = 0;
    for (auto& each : sites_) {
      epoch = std::max(epoch, each->stores[set]->index().epoch());
    }
    Site& origin = origin_of(set);
    if (origin.stores[set]->epoch < epoch) {
      origin.stores[set]->epoch = epoch;
      stop(origin);
    }
  }
  for (auto& each : sites_) {
    if (!each->up) {
      start(*each);
    }
    for (auto& [set, origin] : each->origin_sets) {
      origin->scan_everything();
    }
  }
}

}  // namespace ha::sim
