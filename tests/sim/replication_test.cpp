// Whole clusters in virtual time, one run for each seed. A failing seed is printed with the command that
// plays it again; HA_SIM_TRACE=1 shows what happens in it.
//
// HA_SIM_SEED: the first seed (1). HA_SIM_COUNT: how many (100).
#include <stdlib.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <filesystem>
#include <string>

#include "tests/sim/cluster.h"

namespace ha::sim {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = ::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

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
  const Outcome outcome = Cluster(seed, directory.path()).run();
  BOOST_CHECK_MESSAGE(
      outcome.violation.empty(),
      "seed " << seed << ": " << outcome.violation << "\n  HA_SIM_SEED=" << seed
              << " HA_SIM_COUNT=1 sim_tests --run_test=sim_replication/replicas_become_equal");
  return outcome;
}

}  // namespace
}  // namespace ha::sim

BOOST_AUTO_TEST_SUITE(sim_replication)

using namespace ha::sim;

BOOST_AUTO_TEST_CASE(replicas_become_equal) {
  const std::uint64_t first = from_environment("HA_SIM_SEED", 1);
  const std::uint64_t count = from_environment("HA_SIM_COUNT", 100);
  Outcome all;
  std::uint64_t failed = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const Outcome one = run(seed);
    failed += one.violation.empty() ? 0U : 1U;
    all.events += one.events;
    all.applied += one.applied;
    all.commits += one.commits;
    all.data_bytes += one.data_bytes;
    all.faults += one.faults;
    all.held += one.held;
    all.healed_in = std::max(all.healed_in, one.healed_in);
  }
  std::printf(
      "sim_replication: %llu seeds from %llu, %llu failed; %llu events, %llu faults, %llu items applied,"
      " %llu commits, %llu bytes of frames, held %llu times; the longest healing took %lld s\n",
      static_cast<unsigned long long>(count), static_cast<unsigned long long>(first),
      static_cast<unsigned long long>(failed), static_cast<unsigned long long>(all.events),
      static_cast<unsigned long long>(all.faults), static_cast<unsigned long long>(all.applied),
      static_cast<unsigned long long>(all.commits), static_cast<unsigned long long>(all.data_bytes),
      static_cast<unsigned long long>(all.held),
      static_cast<long long>(std::chrono::duration_cast<std::chrono::seconds>(all.healed_in).count()));
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
