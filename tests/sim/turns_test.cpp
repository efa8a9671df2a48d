// Clusters whose holder changes again and again, in virtual time, one run for each seed (seeds.h).
#include <boost/test/unit_test.hpp>
#include <cstdio>

#include "tests/sim/seeds.h"
#include "tests/sim/turns.h"

namespace ha::sim {
namespace {

TurnsOutcome run(std::uint64_t seed) {
  TurnsOutcome outcome = Turns(seed).run();
  check_seed(seed, outcome.violation, "sim_turns/nothing_is_lost");
  return outcome;
}

}  // namespace
}  // namespace ha::sim

BOOST_AUTO_TEST_SUITE(sim_turns)

using namespace ha::sim;

BOOST_AUTO_TEST_CASE(nothing_is_lost) {
  unsigned long long turns = 0, events = 0, faults = 0, writes = 0, deletions = 0, stranded = 0, undone = 0;
  const SeedsPlayed played = play_seeds(200, run, [&](const TurnsOutcome& one) {
    turns += one.turns;
    events += one.events;
    faults += one.faults;
    writes += one.counts.writes;
    deletions += one.counts.deletions;
    stranded += one.counts.stranded;
    undone += one.counts.undone;
  });
  std::printf(
      "sim_turns: %llu seeds from %llu, %llu failed; %llu turns, %llu events, %llu faults, %llu writes,"
      " %llu deletions, %llu contents put aside, %llu deletions undone; the longest healing took %lld s\n",
      played.count, played.first, played.failed, turns, events, faults, writes, deletions, stranded, undone,
      played.longest_healing_s);
}

// What was found, once.
BOOST_AUTO_TEST_CASE(what_a_holder_that_was_passed_over_knew_is_not_known) {
  run(4);
}

BOOST_AUTO_TEST_CASE(what_could_not_be_applied_is_not_known) {
  run(547);
}

BOOST_AUTO_TEST_CASE(a_deletion_is_not_forgotten_for_what_was_acknowledged_in_a_former_turn) {
  run(242);
}

BOOST_AUTO_TEST_CASE(what_is_deleted_here_while_it_is_fetched_is_not_taken_over) {
  run(2840);
}

BOOST_AUTO_TEST_CASE(a_deletion_that_a_third_site_undoes_is_listed) {
  run(1660);
}

BOOST_AUTO_TEST_CASE(a_deletion_of_what_the_next_holder_never_had_is_listed_when_a_third_site_undoes_it) {
  run(414);
}

BOOST_AUTO_TEST_SUITE_END()
