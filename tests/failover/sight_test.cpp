#include "failover/model/sight.h"

#include <boost/test/unit_test.hpp>

#include "tests/failover/samples.h"

using namespace ha::failover;
using std::chrono::seconds;

BOOST_AUTO_TEST_SUITE(failover_sight)

BOOST_AUTO_TEST_CASE(a_version_is_seen_from_its_first_answer_on) {
  Sight sight;
  BOOST_TEST(!sight.known());
  sight.on_record(held_by("fra"), at(seconds(1)), at(seconds(2)));
  sight.on_record(held_by("fra"), at(seconds(5)), at(seconds(6)));
  BOOST_TEST((sight.since() == at(seconds(2))));
  BOOST_TEST((sight.answered() == at(seconds(6))));
  sight.on_record(held_by("fra", 1, 2), at(seconds(7)), at(seconds(8)));
  BOOST_TEST((sight.since() == at(seconds(8))));
}

BOOST_AUTO_TEST_CASE(an_answer_to_an_older_question_changes_nothing) {
  Sight sight;
  sight.on_record(held_by("fra", 1, 5), at(seconds(3)), at(seconds(4)));
  sight.on_record(held_by("fra", 1, 4), at(seconds(2)), at(seconds(5)));
  BOOST_TEST(sight.version()->seq == 5U);
  BOOST_TEST((sight.since() == at(seconds(4))));
}

BOOST_AUTO_TEST_CASE(silence_keeps_what_was_seen_and_since_when) {
  Sight sight;
  sight.on_record(held_by("fra"), at(seconds(1)), at(seconds(1)));
  sight.on_silence(at(seconds(3)));
  sight.on_silence(at(seconds(4)));
  BOOST_TEST((sight.since() == at(seconds(1))));
  BOOST_TEST((sight.silent_since() == at(seconds(3))));
  sight.on_record(held_by("fra"), at(seconds(5)), at(seconds(5)));
  BOOST_TEST(!sight.silent_since());
}

BOOST_AUTO_TEST_CASE(an_epoch_below_what_was_ever_seen_is_a_regression_until_a_person_accepts) {
  Sight sight(7);
  sight.on_record(held_by("fra", 6), at(seconds(1)), at(seconds(1)));
  BOOST_TEST(sight.regressed());
  sight.on_record(held_by("fra", 6, 2), at(seconds(2)), at(seconds(2)));
  BOOST_TEST(sight.regressed());
  sight.accept();
  BOOST_TEST(!sight.regressed());
  BOOST_TEST(sight.highest() == 6U);
  sight.on_record(std::nullopt, at(seconds(3)), at(seconds(3)));
  BOOST_TEST(sight.regressed());
}

BOOST_AUTO_TEST_CASE(after_a_jump_what_was_seen_says_nothing_about_time) {
  Sight sight;
  sight.on_record(held_by("fra"), at(seconds(1)), at(seconds(1)));
  sight.forget_time();
  BOOST_TEST(!sight.known());
  BOOST_TEST(sight.is_owner("fra"));
  sight.on_record(held_by("fra"), at(seconds(9)), at(seconds(9)));
  BOOST_TEST((sight.since() == at(seconds(9))));
}

BOOST_AUTO_TEST_SUITE_END()
