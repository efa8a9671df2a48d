// Threads in real time; nothing is waited for that is not sure to come.
#include "failover/sensors/runner.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <latch>

#include "common/base/bounded_queue.h"
#include "tests/sys/temp_directory.h"

namespace ha::failover {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using sys::must;

using Results = BoundedQueue<SensorResult>;

class Scripted final : public Sensor {
 public:
  explicit Scripted(std::function<Reading(const MeasureTurn&)> measure, int wake = -1)
      : measure_(std::move(measure)), wake_(wake) {}
  Reading measure(const MeasureTurn& turn) override { return measure_(turn); }
  [[nodiscard]] int wake_fd() const noexcept override { return wake_; }

 private:
  std::function<Reading(const MeasureTurn&)> measure_;
  int wake_;
};

SensorToRun sensor(std::string name, Duration every, Duration timeout,
                   std::function<Reading(const MeasureTurn&)> measure, int wake = -1) {
  return {{std::move(name), every, timeout, 10, {}}, std::make_unique<Scripted>(std::move(measure), wake)};
}

std::unique_ptr<SensorRunner> start(Results& results, std::vector<SensorToRun> sensors) {
  return must(SensorRunner::start(std::move(sensors),
                                  [&](SensorResult result) { static_cast<void>(results.try_push(result)); }));
}

BOOST_AUTO_TEST_SUITE(sensors_runner)

BOOST_AUTO_TEST_CASE(each_is_measured_at_once_and_then_at_its_interval) {
  Results results(1000);
  std::vector<SensorToRun> sensors;
  sensors.push_back(sensor("often", milliseconds(20), seconds(1), [](const MeasureTurn& turn) {
    return good(turn.until - turn.now.steady == seconds(1) ? "a second" : "?");
  }));
  sensors.push_back(
      sensor("once", minutes(60), seconds(1), [](const MeasureTurn&) { return warned("once"); }));
  const auto runner = start(results, std::move(sensors));
  int once = 0;
  std::vector<SteadyTime> often;
  while (often.size() < 5) {
    const SensorResult result = *results.pop();
    if (result.name == "once") {
      ++once;
      BOOST_TEST((result.reading == warned("once")));
    } else {
      often.push_back(result.begun);
      BOOST_TEST((result.reading == good("a second")));
    }
  }
  BOOST_TEST(once == 1);
  for (std::size_t i = 1; i < often.size(); ++i) {
    BOOST_TEST((often[i] - often[i - 1] >= milliseconds(20)));
  }
  BOOST_TEST(runner->hung(read_clocks().steady).empty());
}

BOOST_AUTO_TEST_CASE(one_that_hangs_is_named_and_holds_up_nobody_else) {
  Results results(1000);
  std::latch release(1);
  std::atomic<int> begun = 0;
  std::vector<SensorToRun> sensors;
  sensors.push_back(sensor("hangs", milliseconds(10), milliseconds(10), [&](const MeasureTurn&) {
    ++begun;
    release.wait();
    return good("at last");
  }));
  for (int i = 0; i < 5; ++i) {
    sensors.push_back(
        sensor("fine", milliseconds(10), seconds(1), [](const MeasureTurn&) { return good(""); }));
  }
  const auto runner = start(results, std::move(sensors));
  for (int i = 0; i < 100; ++i) {
    BOOST_TEST(results.pop()->name == "fine");
  }
  const auto hung = runner->hung(read_clocks().steady + seconds(1));
  BOOST_REQUIRE(hung.size() == 1U);
  BOOST_TEST(hung[0].name == "hangs");
  BOOST_TEST((hung[0].since > seconds(1)));
  BOOST_TEST(begun == 1);  // the next turn does not begin before this one ends
  release.count_down();
  while (results.pop()->name != "hangs") {
  }
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_is_readable_brings_the_next_turn) {
  Results results(1000);
  const sys::FileHandle wake(::eventfd(0, EFD_CLOEXEC), "eventfd");
  std::vector<SensorToRun> sensors;
  sensors.push_back(sensor(
      "waits", minutes(60), seconds(1),
      [&](const MeasureTurn&) {
        pollfd look{wake.fd(), POLLIN, 0};
        if (::poll(&look, 1, 0) != 1) {
          return good("");
        }
        eventfd_t count = 0;
        ::eventfd_read(wake.fd(), &count);
        return tripped("woken");
      },
      wake.fd()));
  const auto runner = start(results, std::move(sensors));
  BOOST_TEST((results.pop()->reading == good("")));
  BOOST_REQUIRE(::eventfd_write(wake.fd(), 1) == 0);
  BOOST_TEST((results.pop()->reading == tripped("woken")));
}

BOOST_AUTO_TEST_CASE(stop_cancels_what_can_be_cancelled_and_leaves_the_rest) {
  Results results(1000);
  static std::latch begun(1);  // both outlive the sensor that is left behind
  static std::latch release(1);
  std::vector<SensorToRun> sensors;
  sensors.push_back(sensor("listens", minutes(60), minutes(60), [](const MeasureTurn& turn) {
    pollfd wait{turn.cancel_fd, POLLIN, 0};
    ::poll(&wait, 1, -1);
    return good("cancelled");
  }));
  sensors.push_back(sensor("deaf", minutes(60), minutes(60), [&](const MeasureTurn&) {
    begun.count_down();
    release.wait();
    return good("too late");
  }));
  sensors.push_back(sensor("idle", minutes(60), seconds(1), [](const MeasureTurn&) { return good("idle"); }));
  const auto runner = start(results, std::move(sensors));
  begun.wait();
  BOOST_TEST(runner->stop(milliseconds(200)) == (std::vector<std::string>{"deaf"}),
             boost::test_tools::per_element());
  BOOST_TEST(runner->stop(milliseconds(1)).empty());
  release.count_down();
  results.close();
  std::string seen;
  while (const auto result = results.pop()) {
    seen += result->reading.text + " ";
  }
  BOOST_TEST((seen == "cancelled idle " || seen == "idle cancelled "), seen);
}

BOOST_AUTO_TEST_CASE(more_sensors_than_threads_are_allowed_are_refused) {
  std::vector<SensorToRun> sensors;
  for (std::size_t i = 0; i <= kSensorsMax; ++i) {
    sensors.push_back(sensor("s", seconds(1), seconds(1), [](const MeasureTurn&) { return good(""); }));
  }
  const auto runner = SensorRunner::start(std::move(sensors), [](const SensorResult&) {});
  BOOST_TEST((!runner.ok() && runner.error().code() == Code::Exhausted));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
