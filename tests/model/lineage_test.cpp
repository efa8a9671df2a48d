#include "replicator/model/lineage.h"

#include <boost/test/unit_test.hpp>

using namespace ha::replicator;

BOOST_AUTO_TEST_SUITE(model_lineage)

namespace {
// Epoch 2 went on from change 100 of index 7, epoch 5 from change 30 of index 8.
const Lineage kLineage = {{5, {8, 2, 30, {}}}, {2, {7, 1, 100, {}}}};
}  // namespace

BOOST_AUTO_TEST_CASE(what_the_holder_had_is_not_beyond) {
  BOOST_TEST(!is_beyond({7, 1}, 100, kLineage, 5));
  BOOST_TEST(!is_beyond({8, 2}, 30, kLineage, 5));
}

BOOST_AUTO_TEST_CASE(what_came_later_in_an_old_epoch_is) {
  BOOST_TEST(is_beyond({7, 1}, 101, kLineage, 5));
  BOOST_TEST(is_beyond({8, 2}, 31, kLineage, 5));
}

BOOST_AUTO_TEST_CASE(the_turn_that_is_going_on_is_never_beyond) {
  BOOST_TEST(!is_beyond({9, 5}, 1'000'000, kLineage, 5));
  BOOST_TEST(!is_beyond({8, 2}, 31, {}, 2));
}

BOOST_AUTO_TEST_CASE(an_unknown_turn_is_taken_for_unseen) {
  BOOST_TEST(is_beyond({9, 1}, 1, kLineage, 5));
  BOOST_TEST(is_beyond({7, 3}, 1, kLineage, 5));
  BOOST_TEST(is_beyond({7, 1}, 1, {}, 5));
}

BOOST_AUTO_TEST_CASE(a_start_of_a_later_epoch_says_nothing) {
  BOOST_TEST(is_beyond({8, 2}, 1, kLineage, 4));
}

BOOST_AUTO_TEST_CASE(drift_is_nobodys) {
  BOOST_TEST(!is_beyond({}, 7, kLineage, 5));
}

BOOST_AUTO_TEST_SUITE_END()
