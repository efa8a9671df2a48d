#include "common/base/random.h"

#include <array>
#include <limits>

#include <boost/test/unit_test.hpp>

namespace {

BOOST_AUTO_TEST_SUITE(base_random)

BOOST_AUTO_TEST_CASE(a_seed_gives_the_same_numbers_everywhere) {
  ha::Random random(0);
  // splitmix64(0) as the state of xoshiro256**: fixed for ever, or old seeds replay nothing.
  BOOST_TEST(random.next() == 0x99ec5f36cb75f2b4U);
  ha::Random one(42);
  ha::Random other(42);
  for (int i = 0; i < 100; ++i) {
    BOOST_TEST(one.next() == other.next());
  }
}

BOOST_AUTO_TEST_CASE(numbers_stay_below_their_limit_and_reach_all_of_it) {
  ha::Random random(5);
  std::array<int, 7> seen{};
  for (int i = 0; i < 7000; ++i) {
    ++seen.at(random.below(7));
  }
  for (const int count : seen) {
    BOOST_TEST(count > 800);
  }
  BOOST_TEST(random.below(0) == 0U);
  BOOST_TEST(random.below(1) == 0U);
}

BOOST_AUTO_TEST_CASE(both_ends_of_a_range_are_drawn) {
  ha::Random random(6);
  bool low = false;
  bool high = false;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t value = random.between(3, 5);
    BOOST_TEST(value >= 3U);
    BOOST_TEST(value <= 5U);
    low = low || value == 3;
    high = high || value == 5;
  }
  BOOST_TEST(low);
  BOOST_TEST(high);
  (void)random.between(0, std::numeric_limits<std::uint64_t>::max());
}

BOOST_AUTO_TEST_CASE(units_are_from_zero_to_one) {
  ha::Random random(7);
  double sum = 0;
  for (int i = 0; i < 1000; ++i) {
    const double value = random.unit();
    BOOST_TEST(value >= 0.0);
    BOOST_TEST(value < 1.0);
    sum += value;
  }
  BOOST_TEST(sum > 450.0);
  BOOST_TEST(sum < 550.0);
  BOOST_TEST(!random.chance(0.0));
  BOOST_TEST(random.chance(1.0));
}

BOOST_AUTO_TEST_CASE(seeds_from_the_kernel_differ) {
  BOOST_TEST(ha::random_seed() != ha::random_seed());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
