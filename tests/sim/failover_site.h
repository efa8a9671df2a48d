// A site of failover_world.h, for its own files only.
#pragma once

#include "tests/sim/failover_world.h"

namespace ha::sim {

struct FailoverWorld::Site {
  // That it stood still, and what could have told it.
  struct Freeze {
    SteadyTime at;  // on its own clock
    Duration length;
    SteadyTime over;
    std::uint64_t incarnation;
    std::map<std::string, std::uint64_t> knew;
  };

  std::string name;
  double rate = 1;
  SteadyTime base_local;  // at base_global
  SteadyTime base_global;
  bool powered = true;
  bool running = true;  // the coordinator
  bool paused = false;
  bool frozen = false;
  std::uint64_t incarnation = 0;
  std::uint64_t pause = 0;
  std::unique_ptr<failover::Coordinator> core;
  std::map<std::string, std::uint64_t> highest;
  std::map<std::string, Seen> seen;
  bool maintenance = false;  // as it was written down
  bool takeovers_paused = false;
  std::deque<std::function<void()>> backlog;
  std::map<std::string, Serving> serving;
  std::map<std::string, std::uint64_t> jobs;  // by service: the newest job's number
  std::set<std::string> cut;                  // peers, one way: what this site sends there is lost
  bool cut_arbiter = false;
  unsigned score = 0;
  failover::Findings findings;               // of its last turn
  std::set<std::string> held_off;            // services that could not be started here
  std::map<std::string, SteadyTime> unable;  // by service: the last moment in which it could not take it
  SteadyTime frozen_at;
  SteadyTime grace_until;                      // a freeze that nothing can tell yet
  std::map<std::string, std::uint64_t> knows;  // peers that this run has heard, and the boot of each
  std::vector<Freeze> unseen;
  std::uint64_t wake = 0;  // the newest of each: older ones do nothing
  std::uint64_t beat = 0;
};

}  // namespace ha::sim
