#include "tests/sim/oracle.h"

namespace ha::sim {
namespace {

std::string shown(const Bytes& key, const Bytes& content) {
  return key + " " + hex(BytesView(content).substr(0, 4));
}

}  // namespace

void Oracle::supersede(const SimStore& store, const Bytes& key) {
  if (const auto here = store.tree.find(key); here != store.tree.end()) {
    superseded_.insert({key, here->second.content});
  }
}

void Oracle::write(SimStore& store, const Bytes& key, Item item) {
  ++counts.writes;
  world_.trace(store.options().site + " user writes " + shown(key, item.content));
  const auto here = store.tree.find(key);
  if (here == store.tree.end() || here->second.content != item.content) {
    supersede(store, key);
  }
  written_.emplace(Write{key, item.content}, store.options().site);
  if (here == store.tree.end()) {
    // Deleted and written anew: this write is what has to be found.
    std::erase_if(deletions_, [&](const Deletion& each) { return each.what.first == key; });
  }
  store.tree[key] = std::move(item);
}

void Oracle::erase(SimStore& store, const Bytes& key) {
  const auto here = store.tree.find(key);
  if (here == store.tree.end()) {
    return;
  }
  ++counts.deletions;
  world_.trace(store.options().site + " user deletes " + shown(key, here->second.content));
  supersede(store, key);
  // What an index has never had it cannot miss: put here by a run that was killed before it could say so.
  const auto entry = store.index().get(key);
  if (!entry.ok() || !*entry || (*entry)->deleted) {
    world_.trace("  which no index knows");
    store.tree.erase(here);
    return;
  }
  deletions_.push_back({store.options().site, {key, here->second.content}});
  store.tree.erase(here);
}

void Oracle::lose_index() {
  index_lost_ = true;
}

void Oracle::verify(const Tree& holder, const std::vector<SimStore*>& stores) {
  std::set<Write> kept;
  std::set<Bytes> undone;
  for (const SimStore* store : stores) {
    for (const Stranded& each : store->stranded) {
      if (each.deleted) {
        undone.insert(each.key);
      } else {
        kept.insert({each.key, each.content});
        ++counts.stranded;
      }
    }
  }
  for (const auto& [key, item] : holder) {
    kept.insert({key, item.content});
  }
  for (const auto& [write, site] : written_) {
    if (!kept.contains(write) && !superseded_.contains(write)) {
      world_.violate("lost: " + shown(write.first, write.second) + ", which was written at " + site);
    }
  }
  for (const Deletion& each : deletions_) {
    const auto here = holder.find(each.what.first);
    if (here == holder.end() || here->second.content != each.what.second) {
      continue;
    }
    ++counts.undone;
    if (!index_lost_ && !undone.contains(each.what.first)) {
      world_.violate("listed nowhere: the deletion of " + shown(each.what.first, each.what.second) + " at " +
                     each.site + ", which was undone");
    }
  }
}

}  // namespace ha::sim
