// ReplicaSide when holders change: whose sets are taken in. docs/failover.md, "The replicator follows".
#include <algorithm>
#include <utility>

#include "replicator/replica_side.h"

namespace ha::replicator {

void ReplicaSide::told(const std::string& set, const std::string& origin, std::uint64_t epoch,
                       const Now& now) {
  Told& known = told_[set];
  if (known.origin == origin && known.epoch == epoch) {
    return;
  }
  known = {origin, epoch};
  if (const auto found = sets_.find(set); found != sets_.end()) {
    found->second.origin = origin;
  }
  end_sessions(set);
  take_early(set, now);
}

void ReplicaSide::add(const std::string& set, ReplicaSet about, const Now& now) {
  sets_[set] = std::move(about);
  take_early(set, now);
}

void ReplicaSide::remove(const std::string& set) {
  end_sessions(set);
  sets_.erase(set);
}

void ReplicaSide::end_sessions(const std::string& set) {
  for (auto& [site, origin] : origins_) {
    for (auto session = origin.sessions.begin(); session != origin.sessions.end();) {
      if (session->second.set != set) {
        ++session;
        continue;
      }
      if (const auto fresh = session->second.receiver.fresh_at(origin.last_heard)) {
        options_.fresh.note(set, *fresh);
      }
      session->second.receiver.on_link_down();
      advance(origin, session->first);
      session = origin.sessions.erase(session);
    }
  }
}

// The batches of two would mix in one tree. False: it is this one that is over.
bool ReplicaSide::end_older_session(Origin& origin, const std::string& set, std::uint32_t number) {
  const auto other = std::find_if(origin.sessions.begin(), origin.sessions.end(),
                                  [&](const auto& each) { return each.second.set == set; });
  if (other == origin.sessions.end()) {
    return true;
  }
  if (other->first > number) {
    return false;
  }
  end_sessions(set);
  return true;
}

// ---------------------------------------------------------------- offers
// The coordinators of two sites do not hear of a new holder in the same moment.
bool ReplicaSide::is_early(const Origin& origin, const Offer& offer) const {
  const auto told = told_.find(offer.set);
  if (told == told_.end()) {
    return false;
  }
  const bool is_holder = told->second.origin == origin.site && told->second.epoch == offer.position.epoch;
  return offer.position.epoch > told->second.epoch || (is_holder && !sets_.contains(offer.set));
}

std::optional<Refusal> ReplicaSide::refusal_of(const Origin& origin, const Offer& offer) const {
  const std::string set = "set \"" + escape(offer.set) + "\"";
  const auto found = sets_.find(offer.set);
  if (const auto told = told_.find(offer.set); told != told_.end()) {
    if (offer.position.epoch < told->second.epoch) {
      return Refusal{Code::Refused,
                     "epoch " + std::to_string(offer.position.epoch) + " of " + set +
                         " is over: this site has been told of epoch " + std::to_string(told->second.epoch),
                     "the service has moved on: this origin must not send"};
    }
    if (told->second.origin != origin.site) {
      return Refusal{Code::Refused,
                     "epoch " + std::to_string(offer.position.epoch) + " of " + set + " is " +
                         (told->second.origin.empty() ? "nobody" : told->second.origin) + "'s, not " +
                         origin.site + "'s",
                     "failover arbiter check"};
    }
  } else if (found == sets_.end() || found->second.origin != origin.site) {
    return Refusal{Code::Refused,
                   found == sets_.end()
                       ? "this site keeps no " + set
                       : "the origin of " + set + " is " + found->second.origin + ", not " + origin.site,
                   "compare cluster.toml on both sites"};
  }
  if (const std::string paused = pause_of(origin, offer.set); !paused.empty()) {
    return Refusal{Code::Refused, paused, "hareplicate config diff " + options_.facts.site};
  }
  return std::nullopt;
}

// It may begin now, if it is of the holder of whom this site has been told.
void ReplicaSide::take_early(const std::string& set, const Now& now) {
  const auto found = early_.find(set);
  if (found == early_.end() || is_early(origins_[found->second.site], found->second.offer)) {
    return;
  }
  Early early = std::move(found->second);
  early_.erase(found);
  wire::EnvelopeHeader header;
  header.set = early.number;
  header.attempt = early.attempt;
  on_set_message(origins_[early.site], header, std::move(early.offer), now);
}

void ReplicaSide::refuse_late(const Now& now) {
  for (auto each = early_.begin(); each != early_.end();) {
    const Early& early = each->second;
    if (early.until > now.steady) {
      ++each;
      continue;
    }
    const Told& told = told_[each->first];
    const bool opening = told.origin == early.site && told.epoch == early.offer.position.epoch;
    send_set(origins_[early.site], early.number, early.attempt,
             Refusal{Code::Unavailable,
                     opening ? "set " + each->first + " is still being put in place at this site"
                             : "this site has not been told yet that " + early.site + " sends set " +
                                   each->first + " at epoch " + std::to_string(early.offer.position.epoch),
                     "on " + options_.facts.site + ": failover status"});
    each = early_.erase(each);
  }
}

}  // namespace ha::replicator
