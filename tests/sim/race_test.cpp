// Swaps that race over a bad network: docs/dns.md.
#include "tests/sim/dns_race.h"

#include <boost/test/unit_test.hpp>

#include "tests/sim/seeds.h"

using namespace ha::sim;

BOOST_AUTO_TEST_SUITE(sim_dns_race)

BOOST_AUTO_TEST_CASE(one_winner_for_each_epoch_and_never_a_wrong_verdict) {
  DnsRaceOutcome all;
  const SeedsPlayed played = play_seeds(
      100,
      [](unsigned long long seed) {
        const auto sites = static_cast<unsigned>(2 + seed % 3);
        DnsRaceOutcome one = run_dns_race(seed, sites, 40);
        check_seed(seed, one.violation, "sim_dns_race/one_winner_for_each_epoch_and_never_a_wrong_verdict");
        return one;
      },
      [&](const DnsRaceOutcome& one) {
        all.epochs += one.epochs;
        all.won += one.won;
        all.lost += one.lost;
        all.overtaken += one.overtaken;
        all.unknown += one.unknown;
        all.unknown_applied += one.unknown_applied;
      });
  BOOST_TEST_MESSAGE(played.count << " seeds: " << all.epochs << " epochs, " << all.won << " won, "
                                  << all.lost << " lost, " << all.overtaken << " overtaken, " << all.unknown
                                  << " unknown, of which " << all.unknown_applied << " were there");
  BOOST_TEST(all.won > 0U);
  BOOST_TEST(all.lost > 0U);
}

BOOST_AUTO_TEST_SUITE_END()
