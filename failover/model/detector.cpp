#include "failover/model/detector.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ha::failover {
namespace {

// More than a peer's clock gains over a minute, and scheduling adds.
constexpr Duration kLeapMin = std::chrono::milliseconds(100);

}  // namespace

Detector::Detector(std::map<std::string, unsigned> paths, const Timing& timing, SteadyTime now)
    : timing_(timing), on_time_since_(now), turned_(now) {
  for (auto& [peer, count] : paths) {
    peers_[peer].paths.resize(count);
  }
}

std::map<std::string, KnownClock> Detector::clocks() const {
  std::map<std::string, KnownClock> out;
  for (const auto& [name, peer] : peers_) {
    if (peer.clock && peer.offset) {
      out[name] = {peer.boot, peer.known_since, *peer.clock, *peer.offset};
    }
  }
  return out;
}

void Detector::go_on_with(const std::map<std::string, KnownClock>& clocks) {
  for (auto& [name, peer] : peers_) {
    if (const auto found = clocks.find(name); found != clocks.end()) {
      peer.boot = found->second.boot;
      peer.known_since = found->second.since;
      peer.clock = found->second.clock;
      peer.offset = found->second.offset;
    }
  }
}

bool Detector::on_beat(const std::string& peer, unsigned path, const Beat& beat, SteadyTime now) {
  const auto found = peers_.find(peer);
  if (found == peers_.end() || path >= found->second.paths.size()) {
    return false;
  }
  Peer& known = found->second;
  known.paths[path].heard = now;
  known.heard = now;
  // Older by more than anything is late: its machine was put back to a snapshot.
  const Duration older = known.clock.value_or(beat.clock) - beat.clock;
  const bool newest =
      beat.boot != known.boot || !known.clock || older < Duration::zero() || older > timing_.lease;
  if (newest) {
    known.clock = beat.clock;
    known.hears = beat.hears;
  }
  const Duration offset = beat.clock - now.time_since_epoch();
  if (beat.boot != known.boot || !known.offset) {
    known.boot = beat.boot;
    known.known_since = now;
    known.offset = offset;
    known.risen.reset();
    known.leapt.reset();
  } else {
    compare_clocks(known, offset, now);
  }
  return newest;
}

// What waited while our clock stood still comes at once, each message ahead of the one before by no more than
// a heartbeat: so a rise counts as a whole, and is the way things are only when it has lasted.
void Detector::compare_clocks(Peer& known, Duration offset, SteadyTime now) const {
  if (known.risen && now - known.risen->since > timing_.suspect_after()) {
    known.offset = std::exchange(known.risen, std::nullopt)->offset;
  }
  if (offset <= *known.offset) {
    // Its clock may be slower than ours: what was the fastest message once must not stand for ever.
    known.offset = *known.offset - timing_.heartbeat * kDriftPpm * 2 / 1'000'000;
  } else if (offset - *known.offset > leap_min()) {
    known.leapt = now;
    known.offset = offset;
    known.risen.reset();
  } else {
    const Risen begun = known.risen.value_or(Risen{offset, now});
    known.risen = Risen{std::max(begun.offset, offset), begun.since};
  }
}

Duration Detector::leap_min() const noexcept {
  return std::max(timing_.stop_before / 2, kLeapMin);
}

void Detector::on_turn(SteadyTime now) {
  if (now - turned_ > timing_.heartbeat * 2) {
    on_time_since_ = now;
  }
  turned_ = now;
}

SteadyTime Detector::since(std::optional<SteadyTime> heard) const noexcept {
  return std::max(heard.value_or(on_time_since_), on_time_since_);
}

bool Detector::suspects(const std::string& peer, SteadyTime now) const {
  const auto found = peers_.find(peer);
  return found != peers_.end() && now - since(found->second.heard) > timing_.suspect_after();
}

Duration Detector::silence(const std::string& peer, SteadyTime now) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? Duration::zero() : now - since(found->second.heard);
}

bool Detector::path_up(const std::string& peer, unsigned path, SteadyTime now) const {
  const auto found = peers_.find(peer);
  return found != peers_.end() && path < found->second.paths.size() && found->second.paths[path].heard &&
         now - since(found->second.paths[path].heard) <= timing_.suspect_after();
}

std::vector<std::string> Detector::heard(SteadyTime now) const {
  std::vector<std::string> out;
  for (const auto& [name, peer] : peers_) {
    if (peer.heard && !suspects(name, now)) {
      out.push_back(name);
    }
  }
  return out;
}

bool Detector::all_suspect(const std::string& peer, SteadyTime now) const {
  if (!suspects(peer, now)) {
    return false;
  }
  const std::vector<std::string> others = heard(now);
  return std::none_of(others.begin(), others.end(), [&](const std::string& other) {
    const std::vector<std::string>& hears = peers_.at(other).hears;
    return std::find(hears.begin(), hears.end(), peer) != hears.end();
  });
}

bool Detector::stood_still(SteadyTime now) {
  std::optional<SteadyTime> first;
  for (const auto& [name, peer] : peers_) {
    if (peer.leapt) {
      first = std::min(*peer.leapt, first.value_or(*peer.leapt));
    }
  }
  if (!first) {
    return false;
  }
  bool waits = false;
  bool denied = false;
  for (const auto& [name, peer] : peers_) {
    if (peer.leapt || !peer.heard || suspects(name, now)) {
      continue;
    }
    // Who was started meanwhile cannot tell.
    if (peer.known_since < *first - timing_.heartbeat * 2) {
      (*peer.heard > *first + timing_.heartbeat ? denied : waits) = true;
    }
  }
  if (!denied && waits && now < *first + timing_.suspect_after()) {
    return false;
  }
  for (auto& [name, peer] : peers_) {
    peer.leapt.reset();
  }
  return !denied;
}

SteadyTime Detector::next_wakeup(SteadyTime now) const {
  SteadyTime next = now + timing_.heartbeat;
  for (const auto& [name, peer] : peers_) {
    const SteadyTime at = since(peer.heard) + timing_.suspect_after() + Duration(1);
    if (at > now) {
      next = std::min(next, at);
    }
  }
  return next;
}

}  // namespace ha::failover
