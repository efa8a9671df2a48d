// Whole clusters of coordinators: never two that serve (lease), never two owners of an epoch, and served
// again when all is well. With rules broken on purpose each must be found out.
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
  return plan;
}

struct Sum {
  unsigned long long claims = 0;
  unsigned long long moves = 0;
  unsigned long long overlaps = 0;
  unsigned long long faults = 0;
  void add(const FailoverOutcome& one) {
    claims += one.claims;
    moves += one.moves;
    overlaps += one.overlaps;
    faults += one.faults;
  }
};

// How many of the seeds find out that a rule is broken.
unsigned long long found_out(const FailoverFlaws& flaws, unsigned long long seeds) {
  unsigned long long found = 0;
  for (unsigned long long seed = 1; seed <= seeds && found == 0; ++seed) {
    FailoverPlan plan;
    plan.sites = 2 + static_cast<unsigned>(seed % 3);
    plan.flaws = flaws;
    plan.operators = false;
    plan.health = false;
    found += FailoverWorld(plan, seed).run().violation.empty() ? 0U : 1U;
  }
  return found;
}

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
  BOOST_TEST_MESSAGE(played.count << " seeds from " << played.first << ": " << sum.faults << " faults, "
                                  << sum.claims << " claims, " << sum.moves << " epochs, " << sum.overlaps
                                  << " looks at two that serve a fast service, " << played.failed
                                  << " failed");
  if (played.count >= 30) {
    BOOST_TEST(sum.moves > played.count * 5);
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

BOOST_AUTO_TEST_CASE(each_rule_is_needed) {
  constexpr unsigned long long kSeeds = 500;
  const auto needed = [&](const char* what, bool FailoverFlaws::*flaw) {
    FailoverFlaws flaws;
    flaws.*flaw = true;
    BOOST_CHECK_MESSAGE(found_out(flaws, kSeeds) > 0, what << " was not found out");
  };
  needed("a wait that is too short", &FailoverFlaws::short_wait);
  needed("no kernel guard", &FailoverFlaws::no_guard);
  needed("no look at the clock after a freeze", &FailoverFlaws::no_resume_check);
  needed("a lease that counts from the answer", &FailoverFlaws::from_reply);
  needed("a swap that does not compare seq", &FailoverFlaws::no_seq);
  needed("one promise short of all", &FailoverFlaws::one_short);
  needed("a promise that is not kept", &FailoverFlaws::promise_void);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::sim
