// Sites, sets and links of one simulated run, what users do to the trees, and what goes wrong.
//
// Everything is drawn from the world's seed. Thread safety: none.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/origin_end.h"
#include "tests/sim/replica_end.h"

namespace ha::sim {

struct Outcome {
  std::string violation;  // empty: all went well
  std::uint64_t events = 0;
  std::uint64_t applied = 0;
  std::uint64_t commits = 0;
  std::uint64_t data_bytes = 0;
  std::uint64_t faults = 0;
  std::uint64_t held = 0;
  Duration healed_in{};  // virtual
};

class Cluster {
 public:
  // `directory`: for indexes that can be restored.
  Cluster(std::uint64_t seed, std::string directory);
  ~Cluster();

  // The whole run: faults, healing, comparison.
  Outcome run();

 private:
  struct Site {
    std::string name;
    bool up = false;
    std::map<std::string, std::unique_ptr<SimStore>> stores;           // outlive the program
    std::map<std::string, std::unique_ptr<OriginSetSim>> origin_sets;  // the program
    std::vector<std::unique_ptr<OriginEnd>> peers;
    std::unique_ptr<ReplicaEnd> replica;
  };

  // ---- making
  void choose_options();
  void make_sites();
  void make_links();
  void fill_trees();
  Site& site(const std::string& name);
  Site& origin_of(const std::string& set);

  // ---- programs
  void start(Site& site);
  void stop(Site& site);
  void restart(Site& site, Duration down);

  // ---- users
  void change_something(const std::string& set);
  void change_now_and_then(const std::string& set);
  Item make_item();

  // ---- faults
  void plan_fault();
  void fault();
  void fault_path();
  void fault_site();
  void fault_store(Site& site, const std::string& set);
  void raise_epoch();
  void watch();
  void release_held();
  void take_snapshots();

  // ---- the end
  void heal();
  [[nodiscard]] std::string difference();
  [[nodiscard]] std::string describe();

  World world_;
  Invariants invariants_;
  std::string directory_;
  EndOptions options_;
  std::vector<std::unique_ptr<Site>> sites_;
  std::map<std::string, std::string> origins_;  // set → site
  std::vector<std::unique_ptr<Link>> links_;
  PathProfile base_path_;
  std::size_t tree_items_ = 30;
  std::size_t content_max_ = 3000;
  std::uint64_t weight_ = 1;
  std::uint64_t redo_permille_ = 0;
  bool restorable_ = false;
  bool faulty_ = true;
  Duration change_every_ = std::chrono::seconds(2);
  Duration fault_every_ = std::chrono::seconds(15);
  std::map<std::string, SteadyTime> held_since_;
  std::uint64_t faults_ = 0;
  std::uint64_t held_ = 0;
};

}  // namespace ha::sim
