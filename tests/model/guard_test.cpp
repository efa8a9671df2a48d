#include "replicator/model/guard.h"

#include <boost/test/unit_test.hpp>

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_SUITE(model_guard)

namespace {
SteadyTime at(int seconds) {
  return SteadyTime(std::chrono::hours(1) + std::chrono::seconds(seconds));
}
LossGuard ten_percent(std::uint64_t items) {
  LossGuard guard({0, 10});
  guard.equal(items, at(0));
  return guard;
}
}  // namespace

BOOST_AUTO_TEST_CASE(nothing_is_judged_before_anything_is_known) {
  BOOST_TEST(!LossGuard({0, 10}).judge(0).has_value());
}

BOOST_AUTO_TEST_CASE(the_percentage_itself_may_go_and_one_more_may_not) {
  const LossGuard guard = ten_percent(1000);
  BOOST_TEST(!guard.judge(900).has_value());
  BOOST_TEST(guard.judge(899).value() == "this would delete 101 of 1,000 items (10%, max_delete is 10%)");
  BOOST_TEST(guard.judge(0).value() == "this would delete 1,000 of 1,000 items (100%, max_delete is 10%)");
}

BOOST_AUTO_TEST_CASE(twenty_may_always_go) {
  BOOST_TEST(!ten_percent(20).judge(0).has_value());
  BOOST_TEST(!ten_percent(30).judge(10).has_value());
  BOOST_TEST(ten_percent(30).judge(9).has_value());
}

BOOST_AUTO_TEST_CASE(more_items_raise_the_measure_at_once) {
  LossGuard guard = ten_percent(100);
  guard.has(1000, at(1));
  BOOST_TEST(guard.judge(100).has_value());
  guard.has(10, at(2));
  BOOST_TEST(guard.judge(100).has_value());
}

BOOST_AUTO_TEST_CASE(a_slow_deletion_is_seen_as_one) {
  LossGuard guard = ten_percent(1000);
  for (int second = 1; second < 300; second += 30) {
    const std::uint64_t left = 1000 - static_cast<std::uint64_t>(second) / 30 * 5;
    BOOST_TEST(!guard.judge(left).has_value());
    guard.equal(left, at(second));
  }
  BOOST_TEST(guard.judge(890).has_value());
}

BOOST_AUTO_TEST_CASE(after_five_minutes_what_has_gone_is_forgotten) {
  LossGuard guard = ten_percent(1000);
  guard.equal(920, at(300));
  BOOST_TEST(!guard.judge(890).has_value());
  BOOST_TEST(guard.judge(820).has_value());
}

BOOST_AUTO_TEST_CASE(what_an_operator_accepts_is_the_new_measure) {
  LossGuard guard = ten_percent(1000);
  guard.accept(500, at(1));
  BOOST_TEST(!guard.judge(460).has_value());
  BOOST_TEST(guard.judge(440).has_value());
}

BOOST_AUTO_TEST_CASE(at_a_hundred_percent_everything_may_go) {
  LossGuard guard({0, 100});
  guard.equal(5000, at(0));
  BOOST_TEST(!guard.judge(0).has_value());
}

BOOST_AUTO_TEST_CASE(too_few_items_are_said_with_both_numbers) {
  BOOST_TEST(!too_few({40, 10}, 40).has_value());
  BOOST_TEST(too_few({1040, 10}, 1039).value() ==
             "the set has 1,039 items at its origin, fewer than min_items = 1,040");
  BOOST_TEST(!too_few({}, 0).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
