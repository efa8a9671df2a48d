// Virtual time; what a sensor measures is tests/sensors.
#include "failover/model/health.h"

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <limits>

#include "common/base/random.h"

namespace ha::failover {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

SensorSpec spec(std::string name, unsigned weight, unsigned rise = 3, unsigned fall = 2) {
  return {std::move(name), seconds(5), seconds(2), weight, {.warn = 80, .trip = 90}, rise, fall};
}

// A Health with a clock of its own, and what it has said.
struct Site {
  explicit Site(std::vector<SensorSpec> specs) : health(must(Health::make(std::move(specs), now))) {}

  template <typename T>
  static T must(Result<T> result) {
    if (!result.ok()) {
      BOOST_FAIL(result.error().what());
    }
    return std::move(result).value();
  }
  void note(const HealthChanges& changes) {
    for (const HealthChange& change : changes) {
      if (const auto* sensor = std::get_if<SensorChanged>(&change)) {
        said.push_back(sensor->name + " " + std::string(grade_text(sensor->to)));
      } else {
        const auto& level = std::get<LevelChanged>(change);
        said.push_back(std::string(level_text(level.to)) + " at " + std::to_string(level.score));
      }
    }
  }
  // Lets time pass, waking when it is asked to.
  void pass(Duration time) {
    const SteadyTime until = now + time;
    while (true) {
      const auto next = health.next_wakeup();
      if (!next || *next > until) {
        break;
      }
      BOOST_REQUIRE(*next >= now);
      now = *next;
      note(health.on_tick(now));
      BOOST_REQUIRE((!health.next_wakeup() || *health.next_wakeup() > now));
    }
    now = until;
    note(health.on_tick(now));
  }
  void read(const std::string& name, Grade grade) {
    note(health.on_reading(name, {0, "", grade, "it is " + std::string(grade_text(grade))}, now, now));
  }
  // Readings a second apart, of one character each: o w t u.
  void read(const std::string& name, std::string_view grades) {
    for (const char each : grades) {
      pass(seconds(1));
      read(name, each == 'o'   ? Grade::Ok
                 : each == 'w' ? Grade::Warn
                 : each == 't' ? Grade::Trip
                               : Grade::Unknown);
    }
  }
  [[nodiscard]] unsigned score() const { return health.score(now); }
  [[nodiscard]] Grade counted(std::size_t index) const { return health.sensors().at(index).counted; }

  SteadyTime now{seconds(1000)};
  std::vector<std::string> said;
  Health health;
};

bool says(const Status& status, std::string_view what) {
  return !status.ok() && status.error().what().find(what) != std::string::npos;
}

BOOST_AUTO_TEST_SUITE(failover_health)

BOOST_AUTO_TEST_CASE(a_value_is_graded_by_levels_that_it_reaches_from_either_side) {
  const SensorLevels above{.warn = 80, .trip = 90};
  BOOST_TEST((grade_of(above, 79.9) == Grade::Ok));
  BOOST_TEST((grade_of(above, 80) == Grade::Warn));
  BOOST_TEST((grade_of(above, 90) == Grade::Trip));
  const SensorLevels below{.warn = 10, .trip = 5, .worse = Worse::Below};
  BOOST_TEST((grade_of(below, 10.1) == Grade::Ok));
  BOOST_TEST((grade_of(below, 10) == Grade::Warn));
  BOOST_TEST((grade_of(below, 0) == Grade::Trip));
  BOOST_TEST((grade_of({.warn = std::nullopt, .trip = 1}, 0.5) == Grade::Ok));
  BOOST_TEST((grade_of(above, std::numeric_limits<double>::quiet_NaN()) == Grade::Unknown));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_spec_is_said) {
  BOOST_TEST(check_spec(spec("a", 30)).ok());
  BOOST_TEST(says(check_spec(spec("", 30)), "without a name"));
  BOOST_TEST(says(check_spec(spec("a", 101)), "sensor \"a\": weight is 101, it can be 0 to 100"));
  BOOST_TEST(says(check_spec(spec("a", 1, 0)), "rise is 0"));
  BOOST_TEST(says(check_spec(spec("a", 1, 1, 1)), "one good reading clears nothing"));
  SensorSpec other = spec("a", 1);
  other.every = milliseconds(99);
  BOOST_TEST(says(check_spec(other), "every is 99ms"));
  other = spec("a", 1);
  other.timeout = Duration::zero();
  BOOST_TEST(says(check_spec(other), "timeout is 0"));
  other = spec("a", 1);
  other.levels.warn = 91;
  BOOST_TEST(says(check_spec(other), "it would trip before it warns"));
  other.levels = {.warn = 91, .trip = 90, .worse = Worse::Below};
  BOOST_TEST(check_spec(other).ok());
  other.levels.trip = std::numeric_limits<double>::infinity();
  BOOST_TEST(says(check_spec(other), "have to be numbers"));
  const auto twice = Health::make({spec("a", 1), spec("b", 1), spec("a", 2)}, SteadyTime{});
  BOOST_TEST((!twice.ok() && twice.error().what() == "sensor \"a\": the name is there twice"));
  std::vector<SensorSpec> many;
  for (std::size_t i = 0; i <= kSensorsMax; ++i) {
    many.push_back(spec("s" + std::to_string(i), 1));
  }
  const auto too_many = Health::make(many, SteadyTime{});
  BOOST_TEST((!too_many.ok() && too_many.error().code() == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(a_sensor_counts_after_rise_bad_readings_and_until_fall_good_ones) {
  Site site({spec("cpu", 50)});
  site.read("cpu", "tt");
  BOOST_TEST(site.score() == 0U);
  site.read("cpu", "t");
  BOOST_TEST(site.score() == 50U);
  site.read("cpu", "o");
  BOOST_TEST(site.score() == 50U);
  site.read("cpu", "t");
  site.read("cpu", "o");
  BOOST_TEST(site.score() == 50U);
  site.read("cpu", "o");
  site.pass(milliseconds(0));
  BOOST_TEST((site.counted(0) == Grade::Ok));
  BOOST_TEST(site.said == (std::vector<std::string>{"cpu trip", "warning at 50", "cpu ok"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(warnings_add_half_and_a_trip_comes_down_by_way_of_them) {
  Site site({spec("cpu", 31)});
  site.read("cpu", "wtw");
  BOOST_TEST(site.score() == 16U);
  site.read("cpu", "tt");
  BOOST_TEST((site.counted(0) == Grade::Warn));
  site.read("cpu", "t");
  BOOST_TEST(site.score() == 31U);
  site.read("cpu", "wo");  // both below trip, one of them good
  BOOST_TEST((site.counted(0) == Grade::Warn));
  site.read("cpu", "o");
  BOOST_TEST((site.counted(0) == Grade::Ok));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_measured_counts_as_a_warning_and_never_as_recovery) {
  Site site({spec("plugin", 40)});
  site.read("plugin", "uuu");
  BOOST_TEST((site.counted(0) == Grade::Warn));
  BOOST_TEST(site.score() == 20U);
  site.read("plugin", "ttt");
  BOOST_TEST(site.score() == 40U);
  site.read("plugin", "uuuuwuuuo");
  BOOST_TEST(site.score() == 40U);
  site.read("plugin", "o");
  BOOST_TEST((site.counted(0) == Grade::Ok));
}

BOOST_AUTO_TEST_CASE(the_score_rises_at_once_and_falls_ten_points_a_second) {
  Site site({spec("a", 100, 1), spec("b", 30, 1)});
  site.read("a", Grade::Trip);
  site.read("b", Grade::Trip);
  BOOST_TEST(site.score() == 130U);
  BOOST_TEST((site.health.level(site.now) == HealthLevel::Failed));
  site.read("b", "o");
  site.read("a", "oo");  // from now on 30 is the sum
  BOOST_TEST(site.score() == 130U);
  site.pass(milliseconds(950));
  site.read("b", Grade::Ok);  // no step is lost by a reading within it
  BOOST_TEST(site.score() == 121U);
  site.pass(milliseconds(50));
  BOOST_TEST(site.score() == 120U);
  site.pass(seconds(1));
  site.read("b", Grade::Ok);
  BOOST_TEST(site.score() == 110U);
  site.read("a", Grade::Trip);  // back at 100, the score is above it
  BOOST_TEST(site.score() == 110U);
  site.pass(seconds(1));
  BOOST_TEST(site.score() == 100U);
  BOOST_TEST((site.health.level(site.now) == HealthLevel::Failed));
}

BOOST_AUTO_TEST_CASE(each_level_is_said_when_the_score_reaches_it_up_and_down) {
  Site site({spec("a", 100, 1)});
  site.read("a", Grade::Trip);
  site.read("a", "oo");
  const SteadyTime begin = site.now;
  site.said.clear();
  for (int i = 0; i < 12; ++i) {
    site.read("a", "o");
  }
  const std::vector<std::string> wanted{"critical at 99", "warning at 69", "ok at 39"};
  BOOST_TEST(site.said == wanted, boost::test_tools::per_element());
  BOOST_TEST(site.score() == 0U);
  BOOST_TEST((site.now - begin == seconds(12)));
}

BOOST_AUTO_TEST_CASE(a_reading_that_does_not_come_is_a_tripped_one) {
  Site site({spec("disk", 100), spec("idle", 10)});
  site.read("disk", Grade::Ok);
  const SteadyTime last = site.now;
  const auto until = [&](Duration time) {
    while (site.now < last + time) {
      site.pass(std::min<Duration>(seconds(2), last + time - site.now));
      site.read("idle", Grade::Ok);
    }
  };
  until(seconds(7) + kReadingWay);  // every + timeout: the first one is missed
  BOOST_TEST(site.health.sensors()[0].missed == 1U);
  BOOST_TEST(site.score() == 0U);
  until(seconds(16));
  BOOST_TEST(site.score() == 0U);
  until(seconds(18));
  BOOST_TEST(site.score() == 100U);
  const auto views = site.health.contributions();
  BOOST_REQUIRE(views.size() == 1U);
  BOOST_TEST(views[0].text(site.now) == "disk: no reading for 18 s");
  site.read("disk", Grade::Ok);
  BOOST_TEST(site.score() == 100U);
  site.read("disk", "o");
  BOOST_TEST((site.counted(0) == Grade::Ok));
}

BOOST_AUTO_TEST_CASE(a_sensor_that_never_came_counts_and_a_late_tick_counts_once) {
  Site site({spec("disk", 100, 2)});
  site.now += std::chrono::minutes(10);  // nobody has looked for so long
  site.note(site.health.on_tick(site.now));
  BOOST_TEST(site.score() == 0U);
  site.pass(seconds(5));
  BOOST_TEST(site.score() == 100U);
  BOOST_TEST(site.health.sensors()[0].text(site.now) == "disk: no reading yet");
}

BOOST_AUTO_TEST_CASE(stale_readings_and_those_of_strangers_are_dropped) {
  Site site({spec("disk", 100, 1)});
  site.read("disk", Grade::Ok);
  const SteadyTime begun = site.now;
  site.pass(seconds(5));
  site.read("disk", Grade::Ok);
  site.note(site.health.on_reading("disk", {0, "", Grade::Trip, "old"}, begun, site.now));
  const SteadyTime hung = site.now + seconds(1);
  site.pass(seconds(3) + kReadingWay + milliseconds(1));
  site.note(site.health.on_reading("disk", {0, "", Grade::Trip, "later than its timeout"}, hung, site.now));
  site.note(site.health.on_reading("nobody", {0, "", Grade::Trip, "?"}, site.now, site.now));
  BOOST_TEST(site.health.dropped() == 3U);
  BOOST_TEST(site.score() == 0U);
}

BOOST_AUTO_TEST_CASE(a_muted_sensor_adds_nothing_until_its_time_is_over) {
  Site site({spec("cpu", 60, 1)});
  site.read("cpu", Grade::Trip);
  site.note(Site::must(site.health.mute("cpu", site.now + seconds(30), site.now)));
  BOOST_TEST(site.health.sensor("cpu")->muted_until.has_value());
  BOOST_TEST(!site.health.sensor("nobody").has_value());
  site.read("cpu", std::string(28, 't'));
  BOOST_TEST(site.score() == 0U);
  BOOST_TEST((site.counted(0) == Grade::Trip));
  BOOST_TEST(site.health.contributions().empty());
  site.said.clear();
  site.read("cpu", "tt");
  BOOST_TEST(site.score() == 60U);
  BOOST_TEST(site.said == (std::vector<std::string>{"warning at 60"}), boost::test_tools::per_element());
  site.note(Site::must(site.health.mute("cpu", site.now + seconds(30), site.now)));
  site.note(Site::must(site.health.unmute("cpu", site.now)));
  BOOST_TEST(site.score() == 60U);
  const auto mute = [&](std::string_view name, Duration time) {
    return site.health.mute(name, site.now + time, site.now);
  };
  BOOST_TEST((mute("no", seconds(1)).error().code() == Code::NotFound));
  BOOST_TEST((site.health.unmute("no", site.now).error().code() == Code::NotFound));
  BOOST_TEST((mute("cpu", seconds(0)).error().code() == Code::Invalid));
  BOOST_TEST((mute("cpu", kMuteMax + seconds(1)).error().code() == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(what_is_of_the_pbx_counts_while_it_serves_and_begins_anew_each_time) {
  SensorSpec pbx = spec("pbx", 100, 1);
  pbx.when = CountsWhen::Serving;
  Site site({pbx, spec("disk", 60, 1)});
  site.read("pbx", "ttttt");
  BOOST_TEST((site.score() == 0 && site.counted(0) == Grade::Ok && site.said.empty()));
  BOOST_TEST((!site.health.sensors()[0].counts && site.health.sensors()[1].counts));
  BOOST_TEST((site.health.sensors()[0].last->grade == Grade::Trip));  // it is shown
  site.pass(seconds(1));
  site.note(site.health.set_serving(true, site.now));
  site.note(site.health.set_serving(true, site.now));
  BOOST_TEST((site.score() == 0 && site.health.sensors()[0].counts));
  site.read("pbx", "t");
  site.note(site.health.set_serving(false, site.now));
  const std::vector<std::string> wanted{"pbx trip", "failed at 100", "pbx ok"};
  BOOST_TEST(site.said == wanted, boost::test_tools::per_element());
  site.read("disk", "ooooooooooo");
  BOOST_TEST(site.score() == 0U);
  // What was counted before the PBX was stopped does not help to trip it when it is started again.
  SensorSpec slow = pbx;
  slow.rise = 3;
  Site other({slow});
  site.note(other.health.set_serving(true, other.now));
  other.read("pbx", "tt");
  site.note(other.health.set_serving(false, other.now));
  site.note(other.health.set_serving(true, other.now));
  other.read("pbx", "tt");
  BOOST_TEST(other.score() == 0U);
  other.read("pbx", "t");
  BOOST_TEST(other.score() == 100U);
}

BOOST_AUTO_TEST_CASE(contributions_come_with_the_largest_first) {
  Site site({spec("a", 10, 1), spec("c", 30, 1), spec("b", 30, 1), spec("d", 70, 1), spec("shown", 0, 1)});
  for (const char* name : {"a", "b", "c", "shown"}) {
    site.read(name, Grade::Trip);
  }
  site.read("d", Grade::Warn);
  std::string seen;
  for (const SensorView& view : site.health.contributions(3)) {
    seen += view.spec->name + std::to_string(view.points) + " ";
  }
  BOOST_TEST(seen == "d35 b30 c30 ");
  BOOST_TEST(site.health.contributions().size() == 4U);
  BOOST_TEST(site.score() == 105U);
}

BOOST_AUTO_TEST_CASE(a_reload_keeps_what_stays_the_same) {
  Site site({spec("a", 50, 1), spec("b", 50, 1)});
  site.read("a", Grade::Trip);
  site.read("b", Grade::Trip);
  site.note(Site::must(site.health.reload({spec("c", 9), spec("b", 50, 1), spec("a", 20, 1)}, site.now)));
  BOOST_TEST((site.counted(0) == Grade::Ok));
  BOOST_TEST((site.counted(1) == Grade::Trip));
  BOOST_TEST((site.counted(2) == Grade::Ok));
  BOOST_TEST(site.score() == 100U);  // it falls slowly also then
  BOOST_TEST(!site.health.reload({spec("b", 50, 0)}, site.now).ok());
  BOOST_TEST(site.health.sensors().size() == 3U);
  site.note(Site::must(site.health.reload({}, site.now)));
  site.pass(seconds(10));
  BOOST_TEST(site.score() == 0U);
  BOOST_TEST(!site.health.next_wakeup().has_value());
}

BOOST_AUTO_TEST_CASE(a_text_without_end_is_cut) {
  Site site({spec("a", 50)});
  site.note(site.health.on_reading("a", {0, "", Grade::Ok, std::string(100'000, 'x')}, site.now, site.now));
  BOOST_TEST(site.health.sensors()[0].last->text.size() == kReadingTextMax);
}

// ---------------------------------------------------------------- any readings
// What counts, from all readings that ever came: the rules in their plainest form.
Grade counted_of(const std::vector<Grade>& all, const SensorSpec& spec) {
  Grade now = Grade::Ok;
  const auto last = [&](std::size_t end, unsigned count, auto is) {
    std::size_t run = 0;
    while (run < count && run < end && is(all[end - 1 - run])) {
      ++run;
    }
    return run == count;
  };
  const auto trip = [](Grade grade) { return grade == Grade::Trip; };
  const auto bad = [](Grade grade) { return grade != Grade::Ok; };
  const auto good = [](Grade grade) { return grade == Grade::Ok; };
  const auto below = [](Grade grade) { return grade == Grade::Ok || grade == Grade::Warn; };
  for (std::size_t end = 1; end <= all.size(); ++end) {
    if (last(end, spec.rise, trip)) {
      now = Grade::Trip;
    } else if (last(end, spec.fall, good)) {
      now = Grade::Ok;
    } else if (now == Grade::Trip ? last(end, spec.fall, below)
                                  : now == Grade::Ok && last(end, spec.rise, bad)) {
      now = Grade::Warn;
    }
  }
  return now;
}

struct AnyReadings {
  explicit AnyReadings(std::uint64_t seed) : random(seed) {
    for (std::uint64_t i = random.between(1, 6); i > 0; --i) {
      specs.push_back(spec("s" + std::to_string(i), static_cast<unsigned>(random.below(101)),
                           static_cast<unsigned>(random.between(1, 5)),
                           static_cast<unsigned>(random.between(2, 5))));
      largest += specs.back().weight;
    }
  }
  void run() {
    Site site(specs);
    std::vector<std::vector<Grade>> came(specs.size());
    for (int step = 0; step < 400; ++step) {
      const unsigned before = site.score();
      unsigned sum_max = 0;
      const SteadyTime began = site.now;
      site.pass(milliseconds(random.between(1, 400)));
      const std::size_t index = random.below(specs.size());
      const auto grade = static_cast<Grade>(random.chance(0.7) ? 0 : random.below(4));
      for (std::size_t i = 0; i < specs.size(); ++i) {  // the others come as before, so that none is missed
        came[i].push_back(i == index || came[i].empty() ? grade : came[i].back());
        site.read(specs[i].name, came[i].back());
        BOOST_REQUIRE((site.counted(i) == counted_of(came[i], specs[i])));
        sum_max = std::max(sum_max, sum_of(site));
      }
      const unsigned now = site.score();
      BOOST_REQUIRE(now >= sum_of(site));
      BOOST_REQUIRE(now <= std::max(before, sum_max));
      BOOST_REQUIRE(now <= largest);
      const auto fallen = static_cast<unsigned>((site.now - began + kPointFalls) / kPointFalls);
      BOOST_REQUIRE(now + fallen >= before);
      const HealthLevel level = site.health.level(site.now);
      BOOST_REQUIRE((level == level_of(now) && (now >= kWarningScore) == (level >= HealthLevel::Warning)));
    }
  }
  [[nodiscard]] static unsigned sum_of(const Site& site) {
    unsigned sum = 0;
    for (const SensorView& view : site.health.sensors()) {
      sum += view.points;
    }
    return sum;
  }

  Random random;
  std::vector<SensorSpec> specs;
  unsigned largest = 0;
};

BOOST_AUTO_TEST_CASE(whatever_is_read_the_score_is_bounded_and_follows_the_rules) {
  const char* given = std::getenv("HA_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : random_seed();
  BOOST_TEST_CONTEXT("HA_TEST_SEED=" << seed) {
    for (std::uint64_t i = 0; i < 50; ++i) {
      AnyReadings(seed + i).run();
    }
  }
}

BOOST_AUTO_TEST_CASE(no_single_reading_turns_anything) {
  const std::vector<Grade> grades{Grade::Ok, Grade::Warn, Grade::Trip, Grade::Unknown};
  for (const Grade steady : grades) {
    for (const Grade odd : grades) {
      Site site({spec("s", 100, 2, 2)});
      for (int i = 0; i < 30; ++i) {
        site.pass(seconds(1));
        site.read("s", steady);
      }
      site.said.clear();
      site.pass(seconds(1));
      site.read("s", odd);
      for (int i = 0; i < 10; ++i) {
        site.pass(seconds(1));
        site.read("s", steady);
      }
      BOOST_TEST(site.said.empty(), grade_text(steady) << " with one " << grade_text(odd));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
