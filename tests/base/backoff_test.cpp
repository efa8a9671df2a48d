#include "common/base/backoff.h"

#include <boost/test/unit_test.hpp>

namespace {

using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(base_backoff)

BOOST_AUTO_TEST_CASE(waits_double_up_to_the_longest) {
  ha::Random random(1);
  ha::Backoff backoff({100ms, 500ms, 2.0, 0.0});
  for (const ha::Duration expected : {100ms, 200ms, 400ms, 500ms, 500ms}) {
    BOOST_TEST(backoff.next(random).count() == expected.count());
  }
  BOOST_TEST(backoff.attempts() == 5U);
}

BOOST_AUTO_TEST_CASE(jitter_shortens_but_never_lengthens) {
  ha::Random random(2);
  ha::Backoff backoff({1s, 1s, 2.0, 0.25});
  bool differs = false;
  for (int i = 0; i < 1000; ++i) {
    const ha::Duration wait = backoff.next(random);
    BOOST_TEST(wait <= 1s);
    BOOST_TEST(wait >= 750ms);
    differs = differs || wait != 1s;
  }
  BOOST_TEST(differs);
}

BOOST_AUTO_TEST_CASE(a_success_starts_again) {
  ha::Random random(3);
  ha::Backoff backoff({100ms, 10s, 3.0, 0.0});
  (void)backoff.next(random);
  (void)backoff.next(random);
  backoff.reset();
  BOOST_TEST(backoff.attempts() == 0U);
  BOOST_TEST(backoff.next(random).count() == ha::Duration(100ms).count());
}

BOOST_AUTO_TEST_CASE(silly_limits_do_no_harm) {
  ha::Random random(4);
  ha::Backoff shrinking({100ms, 10s, 0.5, 7.0});
  ha::Backoff above({1h, 1s, 2.0, 0.0});
  for (int i = 0; i < 10; ++i) {
    const ha::Duration wait = shrinking.next(random);
    BOOST_TEST(wait >= 0ms);
    BOOST_TEST(wait <= 100ms);
    BOOST_TEST(above.next(random) <= 1s);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
