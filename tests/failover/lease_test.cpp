#include "failover/model/lease.h"

#include <boost/test/unit_test.hpp>

#include "failover/model/promise.h"
#include "tests/failover/samples.h"

using namespace ha::failover;
using std::chrono::milliseconds;
using std::chrono::seconds;

BOOST_AUTO_TEST_SUITE(failover_lease)

BOOST_AUTO_TEST_CASE(it_counts_from_the_send_not_from_the_answer) {
  Lease lease{Timing{}};
  BOOST_TEST(lease.grant(3, at(seconds(1)), at(seconds(4))));
  BOOST_TEST((lease.until() == at(seconds(11))));
  BOOST_TEST((lease.stop_at() == at(milliseconds(10'500))));
  BOOST_TEST((lease.renew_at() == at(seconds(3))));
  BOOST_TEST(lease.held(at(milliseconds(10'999))));
  BOOST_TEST(!lease.held(at(seconds(11))));
}

BOOST_AUTO_TEST_CASE(a_confirmation_that_comes_after_its_lease_gives_nothing) {
  Lease lease{Timing{}};
  BOOST_TEST(!lease.grant(3, at(seconds(1)), at(seconds(11))));
  BOOST_TEST(!lease.until());
}

BOOST_AUTO_TEST_CASE(an_older_confirmation_does_not_shorten_it) {
  Lease lease{Timing{}};
  BOOST_TEST(lease.grant(3, at(seconds(5)), at(seconds(5))));
  BOOST_TEST(lease.grant(3, at(seconds(4)), at(seconds(6))));
  BOOST_TEST((lease.until() == at(seconds(15))));
  BOOST_TEST((lease.renew_at() == at(seconds(7))));
}

BOOST_AUTO_TEST_CASE(nothing_of_another_turn_counts) {
  Lease lease{Timing{}};
  BOOST_TEST(lease.grant(3, at(seconds(9)), at(seconds(9))));
  BOOST_TEST(lease.grant(5, at(seconds(7)), at(seconds(10))));
  BOOST_TEST((lease.until() == at(seconds(17))));
  BOOST_TEST(lease.epoch() == 5U);
}

BOOST_AUTO_TEST_CASE(promises_extend_it_and_never_bring_it_back) {
  Lease lease{Timing{}};
  BOOST_TEST(!lease.extend(at(seconds(1)), at(seconds(1))));
  BOOST_TEST(lease.grant(3, at(seconds(1)), at(seconds(1))));
  BOOST_TEST(lease.extend(at(seconds(4)), at(seconds(5))));
  BOOST_TEST((lease.until() == at(seconds(14))));
  BOOST_TEST(lease.by_promises());
  BOOST_TEST(!lease.extend(at(seconds(13)), at(seconds(14))));
  BOOST_TEST(!lease.held(at(seconds(14))));
}

BOOST_AUTO_TEST_CASE(a_promise_binds_for_its_whole_length_and_only_gets_longer) {
  GivenPromise promise;
  BOOST_TEST(!promise.binds(at(seconds(0))));
  promise.give("fra", seconds(10), at(seconds(1)));
  promise.give("fra", seconds(3), at(seconds(2)));
  BOOST_TEST(promise.binds(at(milliseconds(10'999))));
  BOOST_TEST(!promise.binds(at(seconds(11))));
}

BOOST_AUTO_TEST_CASE(a_round_is_complete_when_all_candidates_have_promised_in_it) {
  const std::vector<std::string> both{"a", "b"};
  PromiseRound round;
  BOOST_TEST(!round.complete({}));
  round.begin(1, both, at(seconds(1)));
  round.on_promise(1, "a");
  round.on_promise(1, "a");
  round.on_promise(1, "stranger");
  BOOST_TEST(!round.complete(both));
  BOOST_TEST((round.missing() == std::vector<std::string>{"b"}));
  round.begin(2, both, at(seconds(2)));
  round.on_promise(1, "a");  // of the round before
  round.on_promise(2, "b");
  BOOST_TEST(!round.complete(both));
  round.on_promise(2, "a");
  BOOST_TEST(round.complete(both));
  BOOST_TEST(!round.complete({"a", "b", "c"}));  // became a candidate since
  round.end();
  BOOST_TEST(!round.complete(both));
}

BOOST_AUTO_TEST_SUITE_END()
