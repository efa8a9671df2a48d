// Clusters of coordinators with a rule that is broken on purpose: two serve, or an epoch has two owners.
#include <boost/test/unit_test.hpp>

#include "tests/sim/failover_world.h"

namespace ha::sim {
namespace {

// Where a broken rule shows: the default is what all else is tried with.
struct Where {
  Plot plot = Plot::None;
  double lose = 0.01;
  Duration between = std::chrono::seconds(4);
};

// The first of the seeds that finds out that a rule is broken, and how. A gap in which nobody serves is not
// it.
void needed(const char* what, bool FailoverFlaws::*flaw, const Where& where = {}) {
  constexpr unsigned long long kSeeds = 500;
  for (unsigned long long seed = 1; seed <= kSeeds; ++seed) {
    FailoverPlan plan;
    plan.sites = 2 + static_cast<unsigned>(seed % 3);
    plan.flaws.*flaw = true;
    plan.plot = where.plot;
    plan.lose = where.lose;
    plan.between = where.between;
    plan.operators = false;
    plan.health = false;
    plan.peace = Duration::zero();
    const std::string found = FailoverWorld(plan, seed).run().violation;
    if (!found.empty() && found.find("nobody serves") == std::string::npos) {
      BOOST_TEST_MESSAGE(what << ": seed " << seed << ", " << found);
      return;
    }
  }
  BOOST_ERROR(what << " was not found out");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sim_failover_rules)

BOOST_AUTO_TEST_CASE(each_rule_is_needed) {
  needed("a wait that is too short", &FailoverFlaws::short_wait);
  needed("no kernel guard", &FailoverFlaws::no_guard);
  needed("no look at the clock after a freeze", &FailoverFlaws::no_resume_check);
  needed("a lease that counts from the answer", &FailoverFlaws::from_reply,
         {.plot = Plot::Stall, .lose = 0.2});
  needed("a swap that does not compare seq", &FailoverFlaws::no_seq);
  needed("one promise short of all", &FailoverFlaws::one_short);
  needed("a promise that is not kept", &FailoverFlaws::promise_void);
  needed("a forced takeover that no promise binds", &FailoverFlaws::forced_unbound, {.plot = Plot::Siege});
  needed("a forced takeover by a dropped site", &FailoverFlaws::forced_dropped,
         {.plot = Plot::Exile, .between = std::chrono::seconds(15)});
  needed("an epoch once more after an accept", &FailoverFlaws::epoch_again, {.plot = Plot::Rollback});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::sim
