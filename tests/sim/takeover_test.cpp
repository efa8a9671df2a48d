// Takeovers over two zones, with kills: docs/dns.md, "Takeover".
#include <boost/test/unit_test.hpp>

#include "tests/sim/dns_takeover.h"
#include "tests/sim/seeds.h"

using namespace ha::sim;

BOOST_AUTO_TEST_SUITE(sim_dns_takeover)

BOOST_AUTO_TEST_CASE(records_follow_the_lease_through_kills_and_are_never_those_of_another) {
  DnsTakeoverOutcome all;
  const SeedsPlayed played = play_seeds(
      100,
      [](unsigned long long seed) {
        // Two zones, but for each fourth seed.
        DnsTakeoverOutcome one = run_dns_takeover(seed, static_cast<unsigned>(2 + seed % 3), seed % 4 != 0);
        check_seed(seed, one.violation,
                   "sim_dns_takeover/records_follow_the_lease_through_kills_and_are_never_those_of_another");
        return one;
      },
      [&](const DnsTakeoverOutcome& one) {
        all.claims += one.claims;
        all.transfers += one.transfers;
        all.renewals += one.renewals;
        all.lost += one.lost;
        all.halves += one.halves;
        all.resumed += one.resumed;
        all.late += one.late;
        all.kills += one.kills;
      });
  BOOST_TEST_MESSAGE(played.count << " seeds: " << all.claims << " claims, " << all.transfers
                                  << " transfers, " << all.renewals << " renewals, " << all.lost << " lost, "
                                  << all.kills << " kills, " << all.halves << " second halves, of which "
                                  << all.resumed << " resumed after a kill and " << all.late << " came late");
  // Of a single seed, replayed, nothing of this has to happen.
  const bool many = played.count > 9;
  BOOST_TEST((!many || (all.claims > 0U && all.transfers > 0U && all.lost > 0U)));
  BOOST_TEST((!many || (all.resumed > 0U && all.late > 0U)));
}

BOOST_AUTO_TEST_SUITE_END()
