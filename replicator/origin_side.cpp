#include "replicator/origin_side.h"

#include <algorithm>
#include <utility>

namespace ha::replicator {

Acknowledged acknowledged_by_all(SetStore& store) {
  Acknowledged out;
  for (const std::string& peer : store.options().peers) {
    if (const auto position = store.acknowledged(peer); position.ok() && *position) {
      out[peer] = **position;
    }  // else everything is compared
  }
  return out;
}

Status OriginSide::open_peer(wire::Context& context, const wire::KeyPair& keys, OriginPeerOptions options) {
  HA_TRY(std::unique_ptr<OriginPeer> peer,
         OriginPeer::open(loop_, context, keys, std::move(options), workers_, log_));
  peers_.push_back(std::move(peer));
  return ok();
}

OriginSet& OriginSide::add(SetStore& store, Strand& strand, const Acknowledged& acknowledged, bool told,
                           const Now& now) {
  OriginSet::Calls calls;
  calls.on_facts = [this](OriginSet& changed) {
    for (auto& peer : peers_) {
      peer->on_facts(changed, loop_.now());
    }
  };
  calls.on_reading = [this](OriginSet& reading, const Bytes& key) {
    for (auto& peer : peers_) {
      peer->expect(reading, key, loop_.now());
    }
  };
  calls.on_right = [this](OriginSet& set) {
    for (auto& peer : peers_) {
      peer->on_right(set, loop_.now());
    }
  };
  sets_.push_back(std::make_unique<OriginSet>(loop_, store, strand, log_, std::move(calls)));
  OriginSet& set = *sets_.back();
  if (told) {
    set.allow(rights_[set.config().service], now);
  }
  for (auto& peer : peers_) {
    const auto known = acknowledged.find(peer->name());
    peer->add(set, known == acknowledged.end() ? std::nullopt : std::optional(known->second), now);
  }
  return set;
}

void OriginSide::leave(const std::string& name, std::function<void()> done) {
  const auto found =
      std::find_if(sets_.begin(), sets_.end(), [&](const auto& set) { return set->config().name == name; });
  if (found == sets_.end()) {
    done();
    return;
  }
  const auto leaving = leaving_.insert(leaving_.end(), {std::move(*found), 1, std::move(done)});
  sets_.erase(found);
  leaving->set->retire();
  for (auto& peer : peers_) {
    leaving->busy += peer->retire(name, [this, leaving] { drained(leaving); }) ? 1U : 0U;
  }
  leaving->set->drain([this, leaving] { drained(leaving); });
}

void OriginSide::drained(std::list<Leaving>::iterator leaving) {
  if (--leaving->busy > 0) {
    return;
  }
  for (auto& peer : peers_) {
    peer->bury(leaving->set->config().name);
  }
  const auto done = std::move(leaving->done);
  leaving_.erase(leaving);
  done();
}

void OriginSide::allow(const std::string& service, const SendRight& right, const Now& now) {
  rights_[service] = right;
  for (auto& set : sets_) {
    if (set->config().service == service) {
      set->allow(right, now);
    }
  }
}

}  // namespace ha::replicator
