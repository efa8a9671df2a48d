#include "failover/model/ranking.h"

#include <boost/test/unit_test.hpp>

#include "failover/model/policy.h"
#include "tests/failover/samples.h"

using namespace ha::failover;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

using Names = std::vector<std::string>;

Candidate able(const std::string& site, unsigned room = 1) {
  Candidate out{site};
  out.room = room;
  out.lag = {{"v0", Lag::InSync}, {"v1", Lag::InSync}, {"v2", Lag::InSync}};
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(failover_ranking)

BOOST_AUTO_TEST_CASE(preference_decides_among_equals) {
  BOOST_TEST((ranked({"v0", {"c", "a", "b"}}, {able("a"), able("b"), able("c")}) == Names{"c", "a", "b"}));
}

BOOST_AUTO_TEST_CASE(who_is_behind_comes_later_and_who_is_too_far_behind_not_at_all) {
  Candidate a = able("a");
  Candidate b = able("b");
  a.lag["v0"] = Lag::Behind;
  b.lag["v0"] = Lag::TooFar;
  BOOST_TEST((ranked({"v0", {"a", "b", "c"}}, {a, b, able("c")}) == Names{"c", "a"}));
}

BOOST_AUTO_TEST_CASE(another_configuration_comes_last_but_comes) {
  Candidate a = able("a");
  a.other_config = true;
  BOOST_TEST((ranked({"v0", {"a", "b"}}, {a, able("b")}) == Names{"b", "a"}));
}

BOOST_AUTO_TEST_CASE(unfit_full_and_strange_sites_are_left_out) {
  Candidate a = able("a");
  a.unfit = "it is silent";
  Candidate d = able("d");
  d.unable = {"v0"};
  BOOST_TEST(ranked({"v0", {"d"}}, {d}).empty());
  BOOST_TEST(why_not({"v0", {"d"}}, d) == "its last start or stop there went wrong");
  BOOST_TEST(assigned({{"v1", {"d"}}}, {d}).size() == 1U);
  BOOST_TEST((ranked({"v0", {"a", "b", "c"}}, {a, able("b", 0), able("c"), able("mars")}) == Names{"c"}));
}

BOOST_AUTO_TEST_CASE(two_services_go_to_two_sites_and_a_third_waits) {
  const std::vector<Wanted> wanted{{"v0", {"a", "b"}}, {"v1", {"a", "b"}}, {"v2", {"a", "b"}}};
  const auto plan = assigned(wanted, {able("a"), able("b")});
  BOOST_TEST(plan.size() == 2U);
  BOOST_TEST(plan.at("v0") == "a");
  BOOST_TEST(plan.at("v1") == "b");
  BOOST_TEST(assigned(wanted, {able("a", 2), able("b")}).at("v2") == "b");
}

BOOST_AUTO_TEST_CASE(a_window_may_go_over_midnight) {
  Fallback fallback;
  fallback.from_minute = 22 * 60;
  fallback.to_minute = 5 * 60;
  BOOST_TEST(in_window(fallback, 23 * 60));
  BOOST_TEST(in_window(fallback, 4 * 60 + 59));
  BOOST_TEST(!in_window(fallback, 5 * 60));
  BOOST_TEST(!in_window(fallback, 12 * 60));
  fallback.to_minute = fallback.from_minute;
  BOOST_TEST(in_window(fallback, 0));
}

BOOST_AUTO_TEST_CASE(fallback_waits_until_all_of_its_conditions_hold) {
  Fallback fallback;
  FallbackWatch watch;
  fallback.when = Fallback::When::WhenIdle;
  watch.on_look("it is silent", at({}));
  BOOST_TEST(watch.why_not(fallback, 0, 0, at(hours(9))) == "it is silent");
  watch.on_look("", at({}));
  BOOST_TEST(watch.why_not(fallback, 0, 0, at(minutes(29))) ==
             "it has been well for 29 m, 30 m are asked for");
  BOOST_TEST(watch.why_not(fallback, 0, 0, at(minutes(30))) == "");
  BOOST_TEST(watch.why_not(fallback, 2, 0, at(minutes(30))) == "2 calls are up");
  fallback.when = Fallback::When::Always;
  BOOST_TEST(watch.why_not(fallback, 2, 0, at(minutes(30))) == "");
  fallback.from_minute = 22 * 60;
  fallback.to_minute = 5 * 60;
  BOOST_TEST(watch.why_not(fallback, 2, 23 * 60, at(minutes(30))) == "");
  BOOST_TEST(watch.why_not(fallback, 2, 12 * 60, at(minutes(30))) == "only from 22:00 to 05:00");
  fallback.to_minute = fallback.from_minute;
  watch.on_look("it is silent", at(minutes(31)));
  watch.on_look("", at(minutes(32)));
  BOOST_TEST(watch.why_not(fallback, 0, 0, at(minutes(61))) != "");
  BOOST_TEST(watch.why_not(fallback, 0, 0, at(minutes(62))) == "");
}

BOOST_AUTO_TEST_CASE(each_move_for_health_holds_the_next_one_longer_until_a_quiet_day) {
  FlapBook book;
  BOOST_TEST(!book.held_until(at({})));
  book.on_move(at({}));
  BOOST_TEST((book.held_until(at(seconds(1))) == at(minutes(5))));
  BOOST_TEST(!book.held_until(at(minutes(5))));
  book.on_move(at(minutes(6)));
  BOOST_TEST((book.held_until(at(minutes(7))) == at(minutes(16))));
  for (int i = 0; i < 20; ++i) {
    book.on_move(at(minutes(20)));
  }
  BOOST_TEST((book.held_until(at(minutes(21))) == at(minutes(80))));
  BOOST_TEST(!book.held_until(at(hours(25))));
  book.on_move(at(hours(26)));
  BOOST_TEST((book.held_until(at(hours(26))) == at(hours(26) + minutes(5))));
  book.acknowledge();
  BOOST_TEST(!book.held_until(at(hours(26))));
}

BOOST_AUTO_TEST_SUITE_END()
