// Whole clusters of coordinators: never two that serve (lease), never two owners of an epoch, and served
// again when all is well.
#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "tests/sim/failover_world.h"
#include "tests/sim/seeds.h"

namespace ha::sim {
namespace {

// Different clusters, by seed.
FailoverPlan plan_of(std::uint64_t seed) {
  FailoverPlan plan;
  plan.sites = 2 + static_cast<unsigned>(seed % 6);
  plan.services = 1 + static_cast<unsigned>(seed / 6 % 4);
  plan.fast = seed / 24 % 2 == 1;
  plan.capacity = 1 + static_cast<unsigned>(seed / 5 % 2);
  plan.fallback = seed / 3 % 2 == 1;
  return plan;
}

// A short life with a short lease: many of them.
FailoverPlan short_plan(std::uint64_t seed) {
  FailoverPlan plan = plan_of(seed / 4);
  plan.sites = 2 + static_cast<unsigned>(seed % 4);
  plan.paths = 1;
  plan.lease = std::chrono::seconds(3);
  plan.calm = std::chrono::seconds(6);
  plan.between = std::chrono::milliseconds(1500);
  plan.trouble = std::chrono::seconds(seed % 16 == 0 ? 100 : 60);
  plan.peace = std::chrono::seconds(60);
  plan.plot = static_cast<Plot>(seed % 16 == 0 ? 2 : seed / 16 % 4);
  return plan;
}

struct Sum {
  unsigned long long claims = 0;
  unsigned long long moves = 0;
  unsigned long long overlaps = 0;
  unsigned long long faults = 0;
  unsigned long long forced = 0;
  unsigned long long fenced = 0;
  unsigned long long rolled_back = 0;
  Duration longest_gap{};
  [[nodiscard]] std::string text() const {
    return std::to_string(faults) + " faults, " + std::to_string(claims) + " claims, " +
           std::to_string(moves) + " epochs, " + std::to_string(overlaps) +
           " looks at two that serve a fast service, " + std::to_string(forced) + " forced takeovers, " +
           std::to_string(fenced) + " fences, " + std::to_string(rolled_back) + " rollbacks, longest gap " +
           std::to_string(longest_gap / std::chrono::milliseconds(1)) + " ms";
  }
  void add(const FailoverOutcome& one) {
    claims += one.claims;
    moves += one.moves;
    overlaps += one.overlaps;
    faults += one.faults;
    forced += one.forced;
    fenced += one.fenced;
    rolled_back += one.rolled_back;
    longest_gap = std::max(longest_gap, one.longest_gap);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(sim_failover_coordinators)

BOOST_AUTO_TEST_CASE(never_two_that_serve_and_always_one_in_the_end) {
  Sum sum;
  const SeedsPlayed played = play_seeds(
      30,
      [](unsigned long long seed) {
        FailoverOutcome one = FailoverWorld(plan_of(seed), seed).run();
        BOOST_CHECK_MESSAGE(one.violation.empty(), "seed " << seed << ": " << one.violation
                                                           << "\n  HA_SIM_SEED=" << seed
                                                           << " HA_SIM_COUNT=1 sim_failover_tests");
        return one;
      },
      [&](const FailoverOutcome& one) { sum.add(one); });
  BOOST_TEST_MESSAGE(played.count << " seeds from " << played.first << ": " << sum.text() << ", "
                                  << played.failed << " failed");
  if (played.count >= 30) {
    BOOST_TEST(sum.moves > played.count * 5);
  }
}

// HA_SIM_BULK: how many (40), from HA_SIM_SEED on; one line every 1,000.
BOOST_AUTO_TEST_CASE(the_same_in_many_short_lives) {
  const auto first = from_environment("HA_SIM_SEED", 1);
  const auto count = from_environment("HA_SIM_BULK", 40);
  Sum sum;
  unsigned long long failed = 0;
  for (auto seed = first; seed < first + count; ++seed) {
    const FailoverOutcome one = FailoverWorld(short_plan(seed), seed).run();
    BOOST_CHECK_MESSAGE(one.violation.empty(),
                        "seed " << seed << ": " << one.violation << "\n  HA_SIM_SEED=" << seed
                                << " HA_SIM_BULK=1 sim_failover_tests -t '*/the_same*'");
    failed += one.violation.empty() ? 0U : 1U;
    sum.add(one);
    if ((seed - first + 1) % 1000 == 0 || seed - first + 1 == count) {
      BOOST_TEST_MESSAGE(seed - first + 1 << " short lives: " << sum.text() << ", " << failed << " failed");
    }
  }
}

// Machines that stood still between a restart and the first renewal, or while peers' messages waited; and a
// service that was given back to who still tried to renew an earlier turn; and one that was given up by whom
// an arbiter named that had gone back, while its holder stood still.
BOOST_AUTO_TEST_CASE(lives_that_were_not_survived_once) {
  const FailoverOutcome longer = FailoverWorld(plan_of(5'055), 5'055).run();
  BOOST_TEST(longer.violation.empty(), longer.violation);
  for (const unsigned long long seed : {80'670ULL, 112'526ULL, 194'995ULL}) {
    const FailoverOutcome one = FailoverWorld(short_plan(seed), seed).run();
    BOOST_TEST(one.violation.empty(), "seed " << seed << ": " << one.violation);
  }
}

BOOST_AUTO_TEST_CASE(loss_and_bursts_take_nothing_from_a_live_holder) {
  const bool full = std::getenv("HA_FULL") != nullptr;
  for (const bool fast : {false, true}) {
    FailoverPlan plan;
    plan.sites = 3;
    plan.fast = fast;
    plan.late = 0.001;
    plan.between = Duration::zero();
    plan.bursts = std::chrono::minutes(1);
    plan.trouble = std::chrono::hours(full ? 24 * 30 : 1);
    const FailoverOutcome one = FailoverWorld(plan, fast ? 2 : 1).run();
    BOOST_TEST(one.violation.empty(), one.violation);
    BOOST_TEST(one.moves == 1U);
    BOOST_TEST_MESSAGE((fast ? "fast: " : "lease: ")
                       << one.messages << " messages, " << one.moves << " epoch");
  }
}

// In the quick check a smaller one: twenty sites send 4,000 heartbeats a second.
BOOST_AUTO_TEST_CASE(twenty_sites_with_sixteen_services) {
  const bool full = std::getenv("HA_FULL") != nullptr;
  for (unsigned long long seed = 1; seed <= (full ? 50U : 1U); ++seed) {
    FailoverPlan plan;
    plan.sites = full ? 20 : 9;
    plan.services = full ? 16 : 8;
    plan.fast = seed % 2 == 0;
    plan.between = std::chrono::seconds(1);
    plan.paths = 1;
    plan.trouble = std::chrono::minutes(1);
    plan.peace = std::chrono::minutes(2);
    const FailoverOutcome one = FailoverWorld(plan, seed).run();
    BOOST_TEST(one.violation.empty(), "seed " << seed << ": " << one.violation);
    BOOST_TEST(one.moves >= plan.services);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::sim
