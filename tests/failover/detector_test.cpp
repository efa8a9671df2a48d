#include "failover/model/detector.h"

#include <boost/test/unit_test.hpp>

#include "tests/failover/samples.h"

using namespace ha::failover;
using ha::Duration;
using ha::SteadyTime;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration kBeat = milliseconds(100);

// A peer whose clock is ahead of ours by an hour.
Beat beat(SteadyTime now, Duration extra = {}, std::uint64_t boot = 1, std::vector<std::string> hears = {}) {
  return {boot, now.time_since_epoch() + std::chrono::hours(1) + extra, std::move(hears)};
}

struct Fixture {
  Detector detector{{{"nyc", 2}, {"syd", 1}}, Timing{}, at({})};
  SteadyTime now = at({});

  // Turns and beats of both for that long.
  void run(Duration length, bool nyc = true, bool syd = true, Duration extra = {}) {
    for (const SteadyTime end = now + length; now < end;) {
      now += kBeat;
      if (nyc) {
        detector.on_beat("nyc", 0, beat(now, extra), now);
      }
      if (syd) {
        detector.on_beat("syd", 0, beat(now, extra), now);
      }
      detector.on_turn(now);
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(failover_detector, Fixture)

BOOST_AUTO_TEST_CASE(who_is_silent_on_all_paths_is_suspected_until_the_next_heartbeat) {
  run(seconds(2));
  BOOST_TEST(!detector.suspects("nyc", now));
  run(milliseconds(300), false);
  BOOST_TEST(!detector.suspects("nyc", now));
  run(milliseconds(100), false);
  BOOST_TEST(detector.suspects("nyc", now));
  BOOST_TEST((detector.heard(now) == std::vector<std::string>{"syd"}));
  detector.on_beat("nyc", 1, beat(now), now);
  BOOST_TEST(!detector.suspects("nyc", now));
  BOOST_TEST(detector.path_up("nyc", 1, now));
  BOOST_TEST(!detector.path_up("nyc", 0, now));
}

BOOST_AUTO_TEST_CASE(a_stall_of_ours_makes_nobody_look_dead) {
  run(seconds(2));
  now += seconds(5);
  detector.on_turn(now);
  BOOST_TEST(!detector.suspects("nyc", now));
  run(milliseconds(400), false, false);
  BOOST_TEST(detector.suspects("nyc", now));
}

BOOST_AUTO_TEST_CASE(whom_another_still_hears_not_all_suspect) {
  run(seconds(2));
  run(milliseconds(400), false);
  now += milliseconds(1);
  detector.on_beat("syd", 0, beat(now, {}, 1, {"nyc"}), now);
  BOOST_TEST(detector.suspects("nyc", now));
  BOOST_TEST(!detector.all_suspect("nyc", now));
  now += milliseconds(1);
  BOOST_TEST(detector.on_beat("syd", 0, beat(now, {}, 1, {}), now));
  BOOST_TEST(detector.all_suspect("nyc", now));
}

BOOST_AUTO_TEST_CASE(only_the_newest_heartbeat_counts_and_that_of_a_snapshot) {
  run(seconds(20));
  const Beat late = beat(now - seconds(1), {}, 1, {"syd"});
  run(milliseconds(400), true, false);
  BOOST_TEST(detector.all_suspect("syd", now));
  BOOST_TEST(!detector.on_beat("nyc", 1, late, now));
  BOOST_TEST(detector.path_up("nyc", 1, now));
  BOOST_TEST(detector.all_suspect("syd", now));
  BOOST_TEST(detector.on_beat("nyc", 0, beat(now - seconds(12), {}, 1, {"syd"}), now));
  BOOST_TEST(!detector.all_suspect("syd", now));
}

BOOST_AUTO_TEST_CASE(strangers_and_paths_that_are_not_there_are_ignored) {
  detector.on_beat("mars", 0, beat(now), now);
  detector.on_beat("nyc", 7, beat(now), now);
  BOOST_TEST(detector.heard(now).empty());
}

BOOST_AUTO_TEST_CASE(when_all_clocks_leap_ours_stood_still) {
  run(seconds(2));
  run(milliseconds(100), true, true, seconds(3));
  BOOST_TEST(detector.stood_still(now));
  BOOST_TEST(!detector.stood_still(now));  // said once
}

BOOST_AUTO_TEST_CASE(when_one_clock_leaps_it_is_that_ones) {
  run(seconds(2));
  now += kBeat;
  detector.on_beat("nyc", 0, beat(now, seconds(3)), now);
  detector.on_turn(now);
  BOOST_TEST(!detector.stood_still(now));  // syd has not spoken yet
  now += milliseconds(1);
  detector.on_beat("syd", 0, beat(now), now);  // may have been on its way for long
  BOOST_TEST(!detector.stood_still(now));
  now += kBeat;
  detector.on_beat("syd", 0, beat(now), now);
  BOOST_TEST(!detector.stood_still(now));
  now += seconds(1);
  BOOST_TEST(!detector.stood_still(now));
}

// Seed 112526 of the simulator: none of the messages that waited is ahead of the one before by much.
BOOST_AUTO_TEST_CASE(what_waited_while_ours_stood_still_is_a_leap_although_it_comes_in_small_steps) {
  run(seconds(2));
  for (int i = 1; i <= 12; ++i) {
    detector.on_beat("nyc", 0, beat(now, kBeat * i), now);
    detector.on_beat("syd", 0, beat(now, kBeat * std::min(i, 2)), now + milliseconds(1));  // then cut off
  }
  now += milliseconds(2);
  detector.on_turn(now);
  BOOST_TEST(!detector.stood_still(now));
  bool said = false;
  for (int i = 0; i < 4; ++i) {
    now += kBeat;
    detector.on_beat("nyc", 0, beat(now, kBeat * 12), now);
    detector.on_turn(now);
    said = said || detector.stood_still(now);
  }
  BOOST_TEST(said);
}

// After a reload the first heartbeats of all peers waited for as long as it took.
BOOST_AUTO_TEST_CASE(a_detector_that_goes_on_takes_no_late_beginning_for_a_leap) {
  run(seconds(2));
  for (const bool goes_on : {false, true}) {
    Detector next{{{"nyc", 2}, {"syd", 1}}, Timing{}, now};
    if (goes_on) {
      next.go_on_with(detector.clocks());
    }
    const auto hear = [&](Duration late) {
      now += kBeat;
      next.on_beat("nyc", 0, beat(now - late), now);
      next.on_beat("syd", 0, beat(now - late), now);
      next.on_turn(now);
      return next.stood_still(now);
    };
    BOOST_TEST(!hear(seconds(1)));
    BOOST_TEST(hear({}) == !goes_on);
    if (goes_on) {  // and it finds out that ours stood still from the first one on
      Detector third{{{"nyc", 2}, {"syd", 1}}, Timing{}, now};
      third.go_on_with(next.clocks());
      std::swap(next, third);
      BOOST_TEST(hear(-seconds(3)));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_way_that_gets_faster_little_by_little_is_no_leap) {
  run(seconds(2));
  for (int i = 1; i <= 8; ++i) {
    run(seconds(1), true, true, milliseconds(100) * i);
    BOOST_TEST(!detector.stood_still(now));
  }
}

BOOST_AUTO_TEST_CASE(who_was_started_meanwhile_cannot_deny_it) {
  run(seconds(2));
  now += kBeat;
  detector.on_beat("nyc", 0, beat(now, seconds(3)), now);
  detector.on_beat("syd", 0, beat(now, -seconds(9), 2), now + milliseconds(1));
  detector.on_turn(now);
  BOOST_TEST(detector.stood_still(now + milliseconds(2)));
}

BOOST_AUTO_TEST_CASE(messages_that_were_held_up_are_no_leap) {
  run(seconds(2));
  run(seconds(1), true, true, -milliseconds(800));  // slower by that much
  run(seconds(1));
  BOOST_TEST(!detector.stood_still(now));
}

BOOST_AUTO_TEST_CASE(clocks_that_drift_apart_for_an_hour_are_no_leap) {
  bool leapt = false;
  for (int i = 0; i < 36'000; ++i) {
    now += kBeat;
    for (const char* peer : {"nyc", "syd"}) {
      const int ppm = peer[0] == 'n' ? 1'000 : -1'000;
      detector.on_beat(peer, 0, beat(now, kBeat * i * ppm / 1'000'000), now);
    }
    detector.on_turn(now);
    leapt = leapt || detector.stood_still(now);
  }
  BOOST_TEST(!leapt);
}

BOOST_AUTO_TEST_SUITE_END()
