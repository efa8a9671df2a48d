// Clusters whose holder changes again and again, in virtual time, one run for each seed. A failing seed is
// printed with the command that plays it again; HA_SIM_TRACE=1 shows what happens in it.
//
// HA_SIM_SEED: the first seed (1). HA_SIM_COUNT: how many (200).
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstdlib>

#include "tests/sim/turns.h"

namespace ha::sim {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TurnsOutcome run(std::uint64_t seed) {
  const TurnsOutcome outcome = Turns(seed).run();
  BOOST_CHECK_MESSAGE(outcome.violation.empty(),
                      "seed " << seed << ": " << outcome.violation << "\n  HA_SIM_SEED=" << seed
                              << " HA_SIM_COUNT=1 sim_tests --run_test=sim_turns/nothing_is_lost");
  return outcome;
}

}  // namespace
}  // namespace ha::sim

BOOST_AUTO_TEST_SUITE(sim_turns)

using namespace ha::sim;

BOOST_AUTO_TEST_CASE(nothing_is_lost) {
  const std::uint64_t first = from_environment("HA_SIM_SEED", 1);
  const std::uint64_t count = from_environment("HA_SIM_COUNT", 200);
  TurnsOutcome all;
  std::uint64_t failed = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const TurnsOutcome one = run(seed);
    failed += one.violation.empty() ? 0U : 1U;
    all.turns += one.turns;
    all.events += one.events;
    all.faults += one.faults;
    all.counts.writes += one.counts.writes;
    all.counts.deletions += one.counts.deletions;
    all.counts.stranded += one.counts.stranded;
    all.counts.undone += one.counts.undone;
    all.healed_in = std::max(all.healed_in, one.healed_in);
  }
  std::printf(
      "sim_turns: %llu seeds from %llu, %llu failed; %llu turns, %llu events, %llu faults, %llu writes,"
      " %llu deletions, %llu contents put aside, %llu deletions undone; the longest healing took %lld s\n",
      static_cast<unsigned long long>(count), static_cast<unsigned long long>(first),
      static_cast<unsigned long long>(failed), static_cast<unsigned long long>(all.turns),
      static_cast<unsigned long long>(all.events), static_cast<unsigned long long>(all.faults),
      static_cast<unsigned long long>(all.counts.writes),
      static_cast<unsigned long long>(all.counts.deletions),
      static_cast<unsigned long long>(all.counts.stranded),
      static_cast<unsigned long long>(all.counts.undone),
      static_cast<long long>(std::chrono::duration_cast<std::chrono::seconds>(all.healed_in).count()));
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
