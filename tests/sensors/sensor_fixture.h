// Sensors with a /proc and a /sys of the test's own, and a clock that passes only when it is told to.
#pragma once

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "failover/sensors/registry.h"
#include "tests/sys/temp_directory.h"

namespace ha::failover {

using std::chrono::milliseconds;
using std::chrono::seconds;
using sys::must;

using Options = std::map<std::string, ConfigData>;
using Texts = std::vector<std::string>;

struct Host {
  sys::TempDirectory folder;
  SteadyTime now{seconds(1000)};

  // Below the folder; directories are made.
  void put(const std::string& rel, const std::string& content) const {
    const std::filesystem::path path = std::filesystem::path(folder.path) / rel;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }
  void remove(const std::string& rel) const { std::filesystem::remove_all(folder.path + "/" + rel); }
  [[nodiscard]] std::string path(const std::string& rel) const { return folder.path + "/" + rel; }

  [[nodiscard]] SensorSetup setup(const std::string& kind, const Options& options = {}) const {
    SensorSetup out = must(sensor_setup("it", kind, options));
    out.proc = path("proc");
    out.sys = path("sys");
    return out;
  }
  [[nodiscard]] std::unique_ptr<Sensor> sensor(const std::string& kind, const Options& options = {}) const {
    return must(make_sensor(setup(kind, options)));
  }
  // At the test's time, for sensors that only look; they have a second of real time.
  [[nodiscard]] Reading read(Sensor& sensor) const {
    return sensor.measure({{now, WallTime(seconds(1'800'000'000))}, now + seconds(1), -1});
  }
};

// For sensors that talk to others: in real time.
inline Reading read_now(Sensor& sensor, Duration timeout = seconds(2)) {
  const Now now = read_clocks();
  return sensor.measure({now, now.steady + timeout, -1});
}

// One function, as the checks of Boost.Test take long to compile.
inline void check_reading(int line, const Reading& reading, Grade wanted, std::string_view part) {
  BOOST_CHECK_MESSAGE(reading.grade == wanted && reading.text.find(part) != std::string::npos,
                      "line " << line << ": " << grade_text(reading.grade) << ": " << reading.text);
}

}  // namespace ha::failover

// The reading of an expression: its grade, and a part of its sentence.
#define HA_READS(reading, wanted, part) \
  ::ha::failover::check_reading(__LINE__, reading, ::ha::failover::Grade::wanted, part)
