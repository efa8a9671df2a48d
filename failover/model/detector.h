// Who is heard, on which path, and who is suspected to be dead.
//
// Pure. Silence counts only while our own loop was on time: else everybody would look dead after a stall of
// ours. A suspicion is cheap and goes away with the next heartbeat; what may follow from it is decided
// elsewhere (turn.h). Thread safety: one thread. Source: docs/failover.md, "Suspicion"; the design's
// section 3.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "failover/model/timing.h"

namespace ha::failover {

// Of a heartbeat, what the detector needs.
struct Beat {
  std::uint64_t boot = 0;          // random, new with every start of its sender
  Duration clock{};                // of its sender's monotonic clock, when it was sent
  std::vector<std::string> hears;  // whom its sender does not suspect
};

// How a peer's clock stood to ours. A detector that begins in the same process goes on with it: the first
// heartbeats that it gets may all be late by the same stall, and what comes after them would look like a
// leap.
struct KnownClock {
  std::uint64_t boot = 0;
  SteadyTime since;
  Duration clock{};
  Duration offset{};
};

class Detector {
 public:
  // `paths`: of every peer. A peer that was never heard is suspected suspect_after() after the start.
  Detector(std::map<std::string, unsigned> paths, const Timing& timing, SteadyTime now);

  [[nodiscard]] std::map<std::string, KnownClock> clocks() const;
  // Before the first heartbeat. Peers that are not configured any more are ignored.
  void go_on_with(const std::map<std::string, KnownClock>& clocks);

  // Clocks that leap by less than that are not worth a word.
  [[nodiscard]] Duration leap_min() const noexcept;

  // From a peer on one of its paths; one that is not configured is ignored. True: it is the newest of its
  // sender, what it says counts; the same one comes on every path, and a slow path brings it late.
  bool on_beat(const std::string& peer, unsigned path, const Beat& beat, SteadyTime now);
  // Each turn of the loop. A turn that comes late by more than two heartbeats is a stall: silence begins
  // anew.
  void on_turn(SteadyTime now);

  [[nodiscard]] bool suspects(const std::string& peer, SteadyTime now) const;
  // How long it has not been heard, on any path.
  [[nodiscard]] Duration silence(const std::string& peer, SteadyTime now) const;
  [[nodiscard]] bool path_up(const std::string& peer, unsigned path, SteadyTime now) const;
  [[nodiscard]] std::vector<std::string> heard(SteadyTime now) const;
  // Every site that we hear has said in its newest heartbeat that it does not hear `peer`, and we do not.
  [[nodiscard]] bool all_suspect(const std::string& peer, SteadyTime now) const;
  // The clocks of all peers that we hear went ahead of ours by more than leap_min() at once: ours stood
  // still. Asked once a turn; says so once. Who is not suspected gets suspect_after() to say otherwise, by
  // what comes more than a heartbeat later: what was held up meanwhile says nothing.
  [[nodiscard]] bool stood_still(SteadyTime now);
  [[nodiscard]] SteadyTime next_wakeup(SteadyTime now) const;

 private:
  struct Path {
    std::optional<SteadyTime> heard;
  };
  struct Risen {
    Duration offset;
    SteadyTime since;
  };
  struct Peer {
    std::vector<Path> paths;
    std::optional<SteadyTime> heard;
    std::uint64_t boot = 0;
    SteadyTime known_since;         // this boot of it
    std::optional<Duration> clock;  // of the newest heartbeat of this boot
    std::vector<std::string> hears;
    // Its clock minus ours: the highest is that of the fastest message. What is higher now becomes it when it
    // has lasted.
    std::optional<Duration> offset;
    std::optional<Risen> risen;
    std::optional<SteadyTime> leapt;  // its clock went ahead of that by more than can be
  };
  [[nodiscard]] SteadyTime since(std::optional<SteadyTime> heard) const noexcept;
  void compare_clocks(Peer& known, Duration offset, SteadyTime now) const;

  Timing timing_;
  std::map<std::string, Peer> peers_;
  SteadyTime on_time_since_;  // the start, or the end of the last stall
  SteadyTime turned_;
};

}  // namespace ha::failover
