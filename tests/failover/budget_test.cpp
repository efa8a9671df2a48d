#include "failover/model/budget.h"

#include <boost/test/unit_test.hpp>

using namespace ha::failover;
using ha::Duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

BudgetFacts facts() {
  BudgetFacts out;
  out.swap = milliseconds(250);
  out.start = milliseconds(1500);
  out.ttl = seconds(30);
  return out;
}

Duration length(const std::vector<BudgetPart>& parts, const std::string& name) {
  for (const BudgetPart& each : parts) {
    if (each.name == name) {
      return each.length;
    }
  }
  return Duration(-1);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(failover_budget)

BOOST_AUTO_TEST_CASE(a_dead_site_costs_the_wait_which_hides_the_start) {
  const auto parts = budget(facts(), Loss::SiteDies);
  BOOST_TEST((length(parts, "lease") == Timing{}.wait() + seconds(2)));
  BOOST_TEST((length(parts, "start") == Duration::zero()));
  BOOST_TEST((total(parts) == Timing{}.wait() + milliseconds(32'250)));
}

BOOST_AUTO_TEST_CASE(without_prewarming_the_start_is_added) {
  BudgetFacts cold = facts();
  cold.prewarmed = false;
  BOOST_TEST((length(budget(cold, Loss::SiteDies), "start") == milliseconds(1500)));
}

BOOST_AUTO_TEST_CASE(fast_costs_silence_and_probes) {
  BudgetFacts fast = facts();
  fast.mode = Mode::Fast;
  const auto parts = budget(fast, Loss::SiteDies);
  BOOST_TEST((length(parts, "silence") == milliseconds(360)));
  BOOST_TEST((length(parts, "start") == seconds(1)));
  BOOST_TEST((length(parts, "lease") == Duration(-1)));
}

BOOST_AUTO_TEST_CASE(what_was_never_measured_counts_with_its_limit_and_says_so) {
  BudgetFacts unknown = facts();
  unknown.swap.reset();
  const auto parts = budget(unknown, Loss::SwitchOver);
  BOOST_TEST((length(parts, "swap") == seconds(2)));
  BOOST_TEST((length(parts, "renewal") == seconds(2)));
  BOOST_TEST(parts[1].at_most);
  BOOST_TEST(is_at_most(parts));
  BOOST_TEST(!is_at_most(budget(facts(), Loss::PbxDies)));
  unknown.stop = unknown.start = Duration::zero();
  BOOST_TEST(budget_text(budget(unknown, Loss::SwitchOver)) ==
             "up to 2.0 s swap + up to 2.0 s renewal + 30 s TTL = up to 34 s");
}

BOOST_AUTO_TEST_CASE(a_limit_that_is_hidden_is_not_spoken_of) {
  BudgetFacts unknown = facts();
  unknown.start.reset();
  unknown.start_within = seconds(5);
  const auto parts = budget(unknown, Loss::SiteDies);
  BOOST_TEST((length(parts, "start") == Duration::zero()));
  BOOST_TEST(!is_at_most(parts));
}

BOOST_AUTO_TEST_CASE(the_sum_is_shown_with_its_parts) {
  BudgetFacts dead = facts();
  dead.start = Duration::zero();
  BOOST_TEST(budget_text(budget(dead, Loss::PbxDies)) ==
             "1.0 s detection + 0.2 s swap + 0.2 s renewal + 30 s TTL = 32 s");
  BOOST_TEST(budget_text({}) == "0 s");
}

BOOST_AUTO_TEST_SUITE_END()
