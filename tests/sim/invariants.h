// What has to be true at every moment of a simulated run; a breach ends the run.
//
// - A replica applies only what its origin has sent, whole and unaltered.
// - Within one (index id, epoch), the position a replica confirms never goes back, unless its own index was
//   lost or restored. (An origin that loses its index, makes a new one and is then given the old one back is
//   not seen: with the new digest key the replica has forgotten the old index. Everything is compared.)
// - Nothing of an older epoch than the one seen is applied.
// - Bytes in flight stay within the window, or are one frame; frames waiting stay within their limit.
// - Every attempt gets on or ends; in quiet time two sites are soon done with comparing.
// Thread safety: none.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "replicator/model/position.h"
#include "replicator/session/sender.h"
#include "tests/sim/world.h"

namespace ha::sim {

// For the trace.
[[nodiscard]] std::string shown(const replicator::Position& position);

class Invariants {
 public:
  explicit Invariants(World& world) : world_(world) {}

  void sent(const std::string& set, const Bytes& key, const Digest& hash);
  void applied(const std::string& site, const std::string& set, const Bytes& key, const Digest& hash);
  void epoch_applied(const std::string& site, const std::string& set, std::uint64_t epoch);
  void confirmed(const std::string& site, const std::string& set, const replicator::Position& position);
  // Its index was lost or is an older one now.
  void forget(const std::string& site, const std::string& set);

  void in_flight(std::uint64_t all_sessions, std::uint64_t this_session, std::uint64_t frame,
                 std::uint64_t window);
  void waiting_output(std::uint64_t bytes, std::uint64_t frame_max);
  // To be called again and again.
  void progress(const std::string& session, std::uint64_t attempt, const replicator::SenderStatus& status);
  // A sender's event. In quiet time (see quiet()) comparing has to come to an end.
  void told(const std::string& session, const std::string& event);
  // Nothing goes wrong any more, and nobody writes.
  void quiet() { quiet_ = true; }
  void session_ended(const std::string& session) { progress_.erase(session); }

  struct Counts {
    std::uint64_t applied = 0;
    std::uint64_t commits = 0;
    std::uint64_t data_bytes = 0;
  };
  Counts counts;

 private:
  struct Progress {
    std::uint64_t attempt = 0;
    std::uint64_t items = 0;
    std::uint64_t bytes = 0;
    std::uint64_t in_flight = 0;
    std::uint64_t fetched = 0;
    replicator::SenderState state = replicator::SenderState::Down;
    SteadyTime since{};
  };
  World& world_;
  std::set<std::pair<Bytes, Digest>> sent_;
  std::map<std::string, replicator::Position> confirmed_;
  std::map<std::string, std::uint64_t> epochs_;
  std::map<std::string, Progress> progress_;
  bool quiet_ = false;
  std::map<std::string, int> compared_;  // times, since it is quiet
};

}  // namespace ha::sim
