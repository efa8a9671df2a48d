// Whole clusters in virtual time, one run for each seed (seeds.h).
#include <stdlib.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <filesystem>
#include <string>

#include "tests/sim/cluster.h"
#include "tests/sim/seeds.h"

namespace ha::sim {
namespace {

// In memory where there is such a place: indexes are synced all the time.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    const std::filesystem::path memory = "/dev/shm";
    const auto base = std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
    path_ = (base / "ha-sim-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(path_.data()) != nullptr);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(TemporaryDirectory&&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

Outcome run(std::uint64_t seed) {
  const TemporaryDirectory directory;
  Outcome outcome = Cluster(seed, directory.path()).run();
  check_seed(seed, outcome.violation, "sim_replication/replicas_become_equal");
  return outcome;
}

}  // namespace
}  // namespace ha::sim

BOOST_AUTO_TEST_SUITE(sim_replication)

using namespace ha::sim;

BOOST_AUTO_TEST_CASE(replicas_become_equal) {
  unsigned long long events = 0, faults = 0, applied = 0, commits = 0, data_bytes = 0, held = 0;
  const SeedsPlayed played = play_seeds(100, run, [&](const Outcome& one) {
    events += one.events;
    faults += one.faults;
    applied += one.applied;
    commits += one.commits;
    data_bytes += one.data_bytes;
    held += one.held;
  });
  std::printf(
      "sim_replication: %llu seeds from %llu, %llu failed; %llu events, %llu faults, %llu items applied,"
      " %llu commits, %llu bytes of frames, held %llu times; the longest healing took %lld s\n",
      played.count, played.first, played.failed, events, faults, applied, commits, data_bytes, held,
      played.longest_healing_s);
}

// What was found, once.
BOOST_AUTO_TEST_CASE(an_answer_that_is_lost_ends_the_attempt) {
  run(121);
}

BOOST_AUTO_TEST_CASE(an_old_mark_that_comes_late_is_not_committed) {
  run(61);
}

BOOST_AUTO_TEST_CASE(an_old_greeting_that_comes_late_does_not_deafen_the_replica) {
  run(339);
}

BOOST_AUTO_TEST_SUITE_END()
