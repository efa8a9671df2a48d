#include "tests/sim/invariants.h"

#include <algorithm>

namespace ha::sim {
namespace {

// Longer than any timeout, retry or slow disk of the simulation.
constexpr Duration kProgressWithin = std::chrono::seconds(150);

constexpr int kComparedMax = 40;  // with restarts of all sites among them

}  // namespace

std::string shown(const replicator::Position& position) {
  return std::to_string(position.index_id % 10'000) + "/" + std::to_string(position.epoch) + "/" +
         std::to_string(position.sequence) + " " + hex(position.sum).substr(0, 6);
}

void Invariants::sent(const std::string& set, const Bytes& key, const Digest& hash) {
  sent_.emplace(set + '\0' + key, hash);
}

void Invariants::applied(const std::string& site, const std::string& set, const Bytes& key,
                         const Digest& hash) {
  ++counts.applied;
  if (!sent_.contains({set + '\0' + key, hash})) {
    world_.violate(site + " applied a version of " + set + ":" + key + " that nobody sent");
  }
}

void Invariants::epoch_applied(const std::string& site, const std::string& set, std::uint64_t epoch) {
  std::uint64_t& seen = epochs_[site + "/" + set];
  if (epoch < seen) {
    world_.violate(site + "/" + set + " applied epoch " + std::to_string(epoch) + " after " +
                   std::to_string(seen));
  }
  seen = std::max(seen, epoch);
}

void Invariants::confirmed(const std::string& site, const std::string& set,
                           const replicator::Position& position) {
  ++counts.commits;
  world_.trace(site + "/" + set + " confirms " + shown(position));
  replicator::Position& last = confirmed_[site + "/" + set];
  const bool same = position.index_id == last.index_id && position.epoch == last.epoch;
  if (same && position.sequence < last.sequence) {
    world_.violate(site + "/" + set + " confirmed " + shown(position) + " after " + shown(last));
  }
  last = position;
}

void Invariants::forget(const std::string& site, const std::string& set) {
  confirmed_.erase(site + "/" + set);
  epochs_.erase(site + "/" + set);
}

void Invariants::in_flight(std::uint64_t all_sessions, std::uint64_t this_session, std::uint64_t frame,
                           std::uint64_t window) {
  counts.data_bytes += frame;
  if (all_sessions > window && this_session > frame) {
    world_.violate("in flight: " + std::to_string(all_sessions) + " bytes, window " + std::to_string(window));
  }
}

void Invariants::waiting_output(std::uint64_t bytes, std::uint64_t frame_max) {
  if (bytes > replicator::kOutputBytesMax + 4 * frame_max) {
    world_.violate("waiting frames: " + std::to_string(bytes) + " bytes");
  }
}

void Invariants::told(const std::string& session, const std::string& event) {
  if (quiet_ && event == "session.comparing" && ++compared_[session] > kComparedMax) {
    world_.violate(session + " compares without end");
  }
}

void Invariants::progress(const std::string& session, std::uint64_t attempt,
                          const replicator::SenderStatus& status) {
  using replicator::SenderState;
  Progress now{
      attempt,      status.items_sent, status.bytes_sent, status.bytes_in_flight, status.frames_fetched,
      status.state, world_.now()};
  Progress& last = progress_[session];
  const bool moved = now.attempt != last.attempt || now.items != last.items || now.bytes != last.bytes ||
                     now.in_flight != last.in_flight || now.fetched != last.fetched ||
                     now.state != last.state;
  const bool at_rest = now.state == SenderState::Down || now.state == SenderState::Equal ||
                       now.state == SenderState::Held || now.state == SenderState::Incomplete;
  if (moved || at_rest) {
    last = now;
  } else if (now.since - last.since > kProgressWithin) {
    world_.violate(session + " does not get on: state " + std::to_string(static_cast<int>(now.state)) + ", " +
                   status.reason);
  }
}

}  // namespace ha::sim
