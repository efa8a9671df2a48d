#include "failover/model/timing.h"

#include <boost/test/unit_test.hpp>

using namespace ha::failover;
using ha::Duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

BOOST_AUTO_TEST_SUITE(failover_timing)

BOOST_AUTO_TEST_CASE(the_wait_outlasts_a_lease_on_a_slow_clock_seen_by_a_fast_one) {
  for (const auto length : {seconds(1), seconds(3), seconds(10), seconds(3600), seconds(86'400 * 30)}) {
    Timing timing;
    timing.lease = length;
    // What the holder's slow clock takes for L, in true time; what the challenger's fast one takes for W.
    const double ns = static_cast<double>(timing.lease.count());
    const double holder = ns / (1 - kDriftPpm / 1e6);
    const double challenger = static_cast<double>(timing.wait().count()) / (1 + kDriftPpm / 1e6);
    BOOST_TEST(challenger > holder);
    BOOST_TEST(challenger - holder < static_cast<double>((kTick * 2).count()));
  }
}

BOOST_AUTO_TEST_CASE(defaults_are_the_tables) {
  const Timing timing;
  BOOST_TEST((timing.suspect_after() == milliseconds(360)));
  BOOST_TEST((timing.wait() > milliseconds(10'060) && timing.wait() < milliseconds(10'061)));
  BOOST_TEST(check(timing, milliseconds(400)).ok());
}

BOOST_AUTO_TEST_CASE(each_broken_relation_is_named_with_what_to_change) {
  const auto said = [](const Timing& timing, Duration stop_within) {
    const ha::Status status = check(timing, stop_within);
    return status.ok() ? std::string() : status.error().what() + " | " + status.error().hint();
  };
  Timing timing;
  timing.renew = seconds(4);
  BOOST_TEST(said(timing, {}) ==
             "renew = 4s is more than a third of lease = 10s: one lost renewal would end it "
             "| renew = 2s");
  timing = {};
  BOOST_TEST(
      said(timing, seconds(5)) ==
      "stop_before = 500ms is less than stop_within = 5s and 100ms: the lease would run out before the "
      "PBX has stopped | stop_before = 5100ms");
  timing.stop_before = seconds(8);
  BOOST_TEST(said(timing, seconds(5)) ==
             "stop_before = 8s and renew = 2s fill lease = 10s: it would stop before it can renew | lease = "
             "20s");
  timing = {};
  timing.misses = 200;
  BOOST_TEST(said(timing, {}).find("silence counts after 20060ms") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
