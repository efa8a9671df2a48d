// Which seeds a simulation plays, and what a failing one says.
//
// HA_SIM_SEED: the first seed (1). HA_SIM_COUNT: how many. A failing seed is printed with the command that
// plays it again; HA_SIM_TRACE=1 shows what happens in it. Thread safety: none.
#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <string>

#include "common/base/clock.h"

namespace ha::sim {

inline unsigned long long from_environment(const char* name, unsigned long long otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// The seed as one of the Boost test `test`, "suite/case".
inline void check_seed(unsigned long long seed, const std::string& violation, const char* test) {
  BOOST_CHECK_MESSAGE(violation.empty(), "seed " << seed << ": " << violation << "\n  HA_SIM_SEED=" << seed
                                                 << " HA_SIM_COUNT=1 sim_tests --run_test=" << test);
}

struct SeedsPlayed {
  unsigned long long first = 1;
  unsigned long long count = 0;
  unsigned long long failed = 0;
  long long longest_healing_s = 0;
};

// `run(seed)` returns an outcome, `add(outcome)` sums it up.
template <typename Run, typename Add>
SeedsPlayed play_seeds(unsigned long long count, const Run& run, const Add& add) {
  SeedsPlayed played{from_environment("HA_SIM_SEED", 1), from_environment("HA_SIM_COUNT", count)};
  Duration longest{};
  for (unsigned long long seed = played.first; seed < played.first + played.count; ++seed) {
    const auto one = run(seed);
    played.failed += one.violation.empty() ? 0U : 1U;
    longest = std::max(longest, one.healed_in);
    add(one);
  }
  played.longest_healing_s = std::chrono::duration_cast<std::chrono::seconds>(longest).count();
  return played;
}

}  // namespace ha::sim
