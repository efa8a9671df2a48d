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

Result<OriginSet*> find_set(Pipeline& pipeline, const std::string& name) {
  for (const auto& set : pipeline.origin_sets()) {
    if (set->config().name == name) {
      return set.get();
    }
  }
  const SetConfig* known = pipeline.config().set(name);
  if (known == nullptr) {
    return Error(Code::NotFound, "there is no set \"" + escape(name) + "\"", "hareplicate status");
  }
  const std::string origin = pipeline.config().origin_of(*known).name;
  return Error(Code::NotFound, "set " + name + " is sent by " + origin + ", not by this site",
               "run it on " + origin);
}

}  // namespace

Holds::Holds(Pipeline& pipeline, Logger& log, HoldBook book)
    : pipeline_(pipeline), log_(log), book_(std::move(book)) {
  for (const auto& [key, reason] : book_.holds()) {
    for (const auto& peer : pipeline_.peers()) {
      if (peer->name() == key.second) {
        peer->hold(key.first, reason, read_clocks());
      }
    }
  }
}

Result<std::vector<HeldPair>> Holds::run(const HoldOrder& order, const Now& now) {
  HA_TRY(OriginSet * set, find_set(pipeline_, order.set));
  const auto& peers = pipeline_.peers();
  if (std::none_of(peers.begin(), peers.end(), [&](const auto& peer) { return is_wanted(order, *peer); })) {
    return Error(Code::NotFound, "set " + order.set + " is not sent to a site \"" + escape(order.peer) + "\"",
                 "hareplicate status " + order.set);
  }
  return order.release ? release(order, *set, now) : hold(order, *set, now);
}

Result<std::vector<HeldPair>> Holds::hold(const HoldOrder& order, OriginSet& set, const Now& now) {
  std::vector<HeldPair> done;
  const std::string reason = (order.reason.empty() ? "by hand" : order.reason) + " (" +
                             (order.user.empty() ? "somebody" : order.user) + ", " + show_utc(now.wall) + ")";
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
  static_cast<void>(set);
  return done;
}

Result<std::vector<HeldPair>> Holds::release(const HoldOrder& order, OriginSet& set, const Now& now) {
  std::vector<HeldPair> done;
  bool deletes = set.is_held();
  bool back = false;
  if (set.is_held()) {
    done.push_back({order.set, "", set.problem()->what()});
  }
  for (const auto& peer : pipeline_.peers()) {
    const bool by_book = book_.holds().contains({order.set, peer->name()});
    if (!is_wanted(order, *peer) || !(by_book || is_held(*peer->sender_status(order.set)))) {
      continue;
    }
    const SenderStatus status = *peer->sender_status(order.set);
    deletes = deletes || (is_held(status) && status.hold != SenderHold::ByHand);
    back = back || status.hold == SenderHold::BackInTime;
    done.push_back({order.set, peer->name(),
                    is_held(status) ? status.reason : book_.holds().at({order.set, peer->name()})});
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
