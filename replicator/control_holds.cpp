#include "replicator/control_holds.h"

#include <algorithm>
#include <utility>

#include "common/base/units.h"

namespace ha::replicator {
namespace {

bool is_wanted(const HoldOrder& order, const OriginPeer& peer) {
  return (order.peer.empty() || order.peer == peer.name()) && peer.sender_status(order.set);
}

bool is_held(const SenderStatus& status) {
  return status.state == SenderState::Held;
}

// Null: another site sends it.
OriginSet* find_set(Pipeline& pipeline, const std::string& name) {
  for (const auto& set : pipeline.origin_sets()) {
    if (set->config().name == name) {
      return set.get();
    }
  }
  return nullptr;
}

std::string reason_of(const HoldOrder& order, const Now& now) {
  return (order.reason.empty() ? "by hand" : order.reason) + " (" +
         (order.user.empty() ? "somebody" : order.user) + ", " + show_utc(now.wall) + ")";
}

}  // namespace

Holds::Holds(Pipeline& pipeline, Logger& log, HoldBook book)
    : pipeline_(pipeline), log_(log), book_(std::move(book)) {
  for (const auto& [key, reason] : book_.holds()) {
    if (key.second == pipeline_.config().self().name) {
      hold_here(key.first, reason);
    }
    for (const auto& peer : pipeline_.peers()) {
      if (peer->name() == key.second) {
        peer->hold(key.first, reason, read_clocks());
      }
    }
  }
}

void Holds::again(const std::string& set) {
  const Now now = read_clocks();
  for (const auto& [key, reason] : book_.holds()) {
    if (key.first != set) {
      continue;
    }
    if (key.second == pipeline_.config().self().name) {
      hold_here(set, reason);
    }
    for (const auto& peer : pipeline_.peers()) {
      if (peer->name() == key.second) {
        peer->hold(set, reason, now);
      }
    }
  }
}

Result<std::vector<HeldPair>> Holds::run(const HoldOrder& order, const Now& now) {
  if (pipeline_.config().set(order.set) == nullptr) {
    return unknown_set(pipeline_.config(), order.set);
  }
  if (order.reason.size() > kHoldReasonBytesMax) {
    return Error(Code::Invalid, "--reason is longer than " + std::to_string(kHoldReasonBytesMax) + " bytes",
                 "say it in fewer words");
  }
  OriginSet* const set = find_set(pipeline_, order.set);
  if (set == nullptr) {
    return run_here(order, now);
  }
  const auto& peers = pipeline_.peers();
  if (std::none_of(peers.begin(), peers.end(), [&](const auto& peer) { return is_wanted(order, *peer); })) {
    return Error(Code::Invalid, "set " + order.set + " is not sent to a site \"" + escape(order.peer) + "\"",
                 "hareplicate status " + order.set);
  }
  return order.release ? release(order, *set, now) : hold(order, now);
}

// ---------------------------------------------------------------- at a replica
Result<std::vector<HeldPair>> Holds::run_here(const HoldOrder& order, const Now& now) {
  const std::string self = pipeline_.config().self().name;
  const std::string origin = pipeline_.origin_of(order.set);
  const HoldBook::Key key{order.set, self};
  const auto held = book_.holds().find(key);
  if (!order.peer.empty() && order.peer != self) {
    return not_sent_here(order.set, origin);
  }
  if (order.release && held == book_.holds().end()) {
    return Error(Code::NotFound, "set " + order.set + " is not held by hand at this site",
                 "what a guard holds is released where it is sent from: on " + origin +
                     ": hareplicate release " + order.set + " --to " + self);
  }
  const std::string reason = order.release ? held->second : reason_of(order, now);
  if (!order.dry_run) {
    HA_CHECK(order.release ? book_.remove(key) : book_.put(key, reason));
    hold_here(order.set, order.release ? std::nullopt : std::optional(reason));
    log_.warn(order.release ? "set.released" : "set.held_by_hand",
              {{"set", order.set}, {"peer", self}, {"user", order.user}, {"reason", reason}});
  }
  return std::vector<HeldPair>{{order.set, self, reason}};
}

void Holds::hold_here(const std::string& set, const std::optional<std::string>& reason) {
  const std::string self = pipeline_.config().self().name;
  std::optional<Error> why;
  if (reason) {
    why.emplace(Code::HeldByHand, "held at " + self + " by hand: " + *reason,
                "on " + self + ": hareplicate release " + set);
  }
  static_cast<void>(pipeline_.on_set(set, [why](SetStore* store) {
    if (store != nullptr) {
      store->hold(why);
    }
  }));
  static_cast<void>(pipeline_.on_replica(
      [set, why](Pipeline& pipeline, const Now& now) { pipeline.replica_side().hold(set, why, now); }));
}

// ---------------------------------------------------------------- at the origin
Result<std::vector<HeldPair>> Holds::hold(const HoldOrder& order, const Now& now) {
  std::vector<HeldPair> done;
  const std::string reason = reason_of(order, now);
  for (const auto& peer : pipeline_.peers()) {
    if (!is_wanted(order, *peer)) {
      continue;
    }
    if (!order.dry_run) {
      HA_CHECK(book_.put({order.set, peer->name()}, reason));
      peer->hold(order.set, reason, now);
      log_.warn("set.held_by_hand", {{"set", order.set}, {"peer", peer->name()}, {"reason", reason}});
    }
    done.push_back({order.set, peer->name(), reason});
  }
  return done;
}

Result<std::vector<HeldPair>> Holds::release(const HoldOrder& order, OriginSet& set, const Now& now) {
  std::vector<HeldPair> done;
  bool deletes = set.is_held();
  bool back = false;
  std::optional<Error> not_ours;
  const std::string self = pipeline_.config().self().name;
  if (const auto own = book_.holds().find({order.set, self}); own != book_.holds().end()) {
    done.push_back({order.set, self, own->second});  // from when it was a replica
  }
  if (set.is_held()) {
    done.push_back({order.set, "", set.problem()->what()});
  }
  for (const auto& peer : pipeline_.peers()) {
    const bool by_book = book_.holds().contains({order.set, peer->name()});
    if (!is_wanted(order, *peer) || !(by_book || is_held(*peer->sender_status(order.set)))) {
      continue;
    }
    const SenderStatus status = *peer->sender_status(order.set);
    if (status.hold == SenderHold::HandThere) {
      not_ours.emplace(Code::Refused, "set " + order.set + " is " + status.reason, status.hint);
      continue;
    }
    deletes = deletes || (is_held(status) && status.hold != SenderHold::ByHand);
    back = back || status.hold == SenderHold::BackInTime;
    done.push_back({order.set, peer->name(),
                    is_held(status) ? status.reason : book_.holds().at({order.set, peer->name()})});
  }
  if (done.empty() && not_ours) {
    return *not_ours;
  }
  if (done.empty()) {
    return Error(Code::NotFound, "set " + order.set + " is not held", "hareplicate status " + order.set);
  }
  if (order.dry_run) {
    return done;
  }
  if (deletes && !order.force_delete) {
    return Error(Code::Refused, done.front().reason + ": releasing this lets items be replaced or deleted",
                 "hareplicate diff " + order.set + "      and then: hareplicate release " + order.set +
                     (order.peer.empty() ? "" : " --to " + order.peer) + " --force-delete");
  }
  for (const HeldPair& held : done) {
    HA_CHECK(book_.remove({order.set, held.peer}));
    log_.warn("set.released",
              {{"set", order.set}, {"peer", held.peer}, {"user", order.user}, {"reason", held.reason}});
  }
  if (back) {
    set.renew(now);
  }
  for (const auto& peer : pipeline_.peers()) {
    if (is_wanted(order, *peer)) {
      peer->release(order.set, now);
    }
  }
  if (set.is_held()) {
    set.release(now);
  }
  return done;
}

}  // namespace ha::replicator
