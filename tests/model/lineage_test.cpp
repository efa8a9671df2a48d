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

// Epoch 3 went on from epoch 1, of which it had less than epoch 2 had: nothing leads to epoch 2.
BOOST_AUTO_TEST_CASE(what_only_a_turn_that_was_passed_over_has_seen_is_unseen) {
  const Lineage lineage = {{3, {7, 1, 80, {}}}, {2, {7, 1, 100, {}}}};
  BOOST_TEST(!is_beyond({7, 1}, 80, lineage, 3));
  BOOST_TEST(is_beyond({7, 1}, 90, lineage, 3));
  BOOST_TEST(is_beyond({8, 2}, 1, lineage, 3));
}

BOOST_AUTO_TEST_CASE(how_much_of_a_turn_has_been_seen_is_a_number_or_nothing) {
  const Lineage lineage = {{3, {7, 1, 80, {}}}};
  BOOST_CHECK(seen_of({7, 1}, lineage, 3) == std::optional<std::uint64_t>(80));
  BOOST_CHECK(!seen_of({8, 2}, lineage, 3));
  BOOST_TEST(is_beyond({8, 2}, 0, lineage, 3));
  BOOST_CHECK(seen_of({8, 3}, lineage, 3) == ~std::uint64_t{0});
}

BOOST_AUTO_TEST_CASE(a_holder_that_does_not_know_where_it_started_has_seen_nothing) {
  BOOST_TEST(is_beyond({7, 1}, 1, {{2, {7, 1, 100, {}}}}, 3));
}

BOOST_AUTO_TEST_CASE(a_new_holder_goes_on_from_the_newest_turn_that_it_has_had_completely) {
  const Position own{5, 1, 10, {}};
  const Position equal{7, 2, 100, {}};
  BOOST_CHECK(goes_on_from({}, 50, equal) == equal);
  BOOST_CHECK(goes_on_from(own, 50, equal) == equal);
  BOOST_CHECK(goes_on_from(own, 50, {}) == (Position{5, 1, 50, {}}));
  BOOST_CHECK(goes_on_from(Position{5, 3, 10, {}}, 50, equal) == (Position{5, 3, 50, {}}));
  BOOST_CHECK(!goes_on_from({}, 50, {}));
}

BOOST_AUTO_TEST_CASE(drift_is_nobodys) {
  BOOST_TEST(!is_beyond({}, 7, kLineage, 5));
}

BOOST_AUTO_TEST_SUITE_END()
