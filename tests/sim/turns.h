// A cluster whose holder changes again and again, by hand, while users write and everything goes wrong.
//
// One set, 2 to 4 sites; each has the configuration that an operator gave it last: who is the holder, and the
// epoch. A holder dies, is cut off, or is stopped while its users go on; another site is promoted; the others
// learn of it at their own time. Everything is drawn from the world's seed. Thread safety: none.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/oracle.h"
#include "tests/sim/origin_end.h"
#include "tests/sim/replica_end.h"

namespace ha::sim {

struct TurnsOutcome {
  std::string violation;  // empty: all went well
  std::uint64_t turns = 0;
  std::uint64_t events = 0;
  std::uint64_t faults = 0;
  Oracle::Counts counts;
  Duration healed_in{};  // virtual
};

class Turns {
 public:
  explicit Turns(std::uint64_t seed);
  ~Turns();

  // The whole run: turns and faults, healing, comparison.
  TurnsOutcome run();

 private:
  struct Site {
    std::string name;
    std::unique_ptr<SimStore> store;  // outlives the program
    std::string holder;               // as it is configured
    std::uint64_t epoch = 1;
    bool up = false;
    bool users = false;  // the PBX writes here
    std::unique_ptr<OriginSetSim> origin_set;
    std::vector<std::unique_ptr<OriginEnd>> peers;
    std::unique_ptr<ReplicaEnd> replica;
  };

  // ---- making
  void choose_options();
  void make_sites();
  void make_links();
  void fill_trees();

  // ---- programs
  void start(Site& site);
  void stop(Site& site);
  void die(Site& site);  // in the middle of what it does
  void restart(Site& site, Duration down);
  void learn(Site& site);  // the present configuration, and starts anew

  // ---- turns
  void plan_turn();
  void turn();
  void depose(Site& old);
  void cut(const Site& site, bool off);

  // ---- users
  void write_now_and_then(Site& site);
  void change_something(Site& site);

  // ---- faults
  void plan_fault();
  void fault_path();
  void fault_site();
  void lose_index(Site& site);
  void watch();

  // ---- the end
  void heal();
  [[nodiscard]] std::string difference();
  [[nodiscard]] std::string describe();

  World world_;
  Invariants invariants_;
  Oracle oracle_;
  EndOptions options_;
  std::vector<std::unique_ptr<Site>> sites_;
  std::vector<std::unique_ptr<Link>> links_;
  std::string holder_;  // as the operator wants it
  std::uint64_t epoch_ = 1;
  PathProfile base_path_;
  std::size_t keys_ = 30;
  std::size_t content_max_ = 1500;
  bool lose_indexes_ = false;
  bool poison_ = false;
  bool faulty_ = true;
  Duration change_every_ = std::chrono::seconds(2);
  Duration fault_every_ = std::chrono::seconds(15);
  Duration turn_every_ = std::chrono::seconds(40);
  std::uint64_t turns_ = 0;
  std::uint64_t faults_ = 0;
};

}  // namespace ha::sim
