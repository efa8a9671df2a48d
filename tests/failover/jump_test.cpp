#include "failover/model/jump.h"

#include <boost/test/unit_test.hpp>

namespace ha::failover {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Fixture {
  JumpWatch watch;
  ClockReadings readings{{SteadyTime(seconds(1000)), WallTime(seconds(5000))}, {}, WallTime(seconds(5000))};

  // What is said when all clocks have gone on by that.
  std::string after(Duration length) {
    readings.now.steady += std::chrono::duration_cast<SteadyTime::duration>(length);
    readings.now.wall += std::chrono::duration_cast<WallTime::duration>(length);
    *readings.hardware += std::chrono::duration_cast<WallTime::duration>(length);
    return watch.on_readings(readings);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(failover_jump, Fixture)

BOOST_AUTO_TEST_CASE(clocks_that_go_on_together_do_not_jump) {
  for (int i = 0; i < 100; ++i) {
    BOOST_TEST(after(milliseconds(500)) == "");
  }
  BOOST_TEST(after(seconds(3600)) == "");  // a loop that was late is not a clock that stood still
}

BOOST_AUTO_TEST_CASE(a_suspend_is_a_jump_once) {
  BOOST_TEST(after({}) == "");
  readings.slept = seconds(7);
  BOOST_TEST(after(milliseconds(500)) == "this host was suspended for 7.0 s");
  BOOST_TEST(after(milliseconds(500)) == "");
}

BOOST_AUTO_TEST_CASE(a_machine_that_was_frozen_shows_it_in_its_hardware_clock) {
  BOOST_TEST(after({}) == "");
  *readings.hardware += seconds(60);
  BOOST_TEST(after(milliseconds(500)) == "this machine stood still for 1 m");
  BOOST_TEST(after(milliseconds(500)) == "");
}

BOOST_AUTO_TEST_CASE(somebody_who_sets_the_wall_clock_by_an_hour_is_no_jump) {
  BOOST_TEST(after({}) == "");
  for (const Duration step : {Duration(seconds(3600)), Duration(-seconds(3600))}) {
    readings.now.wall += std::chrono::duration_cast<WallTime::duration>(step);
    BOOST_TEST(after(milliseconds(500)) == "");
    *readings.hardware += std::chrono::duration_cast<WallTime::duration>(step);  // it follows, later
    BOOST_TEST(after(seconds(660)) == "");
  }
}

BOOST_AUTO_TEST_CASE(whole_seconds_of_the_hardware_clock_are_no_leap) {
  BOOST_TEST(after({}) == "");
  *readings.hardware += seconds(1);
  BOOST_TEST(after(milliseconds(1)) == "");
}

BOOST_AUTO_TEST_CASE(without_a_hardware_clock_only_a_suspend_is_seen) {
  readings.hardware.reset();
  BOOST_TEST(watch.on_readings(readings) == "");
  readings.slept = seconds(1);
  BOOST_TEST(watch.on_readings(readings) == "this host was suspended for 1.0 s");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::failover
