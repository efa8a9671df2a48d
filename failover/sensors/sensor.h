// A sensor: measures one thing of this host or of the PBX, and says in a sentence what it has found.
//
// The interface, and what a sensor is made from. Kinds are in registry.h, what their readings add up to is
// failover/model/health.h. A sensor whose subject is broken trips; one that could not look says Unknown.
// Thread safety: a sensor is used by one thread at a time. Source: docs/failover.md, "Health" and "Sensors".
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/config.h"
#include "common/base/result.h"
#include "failover/model/health.h"

namespace ha::failover {

// One measurement: when it began, until when it has to be over, and what ends it before (readable: end).
struct MeasureTurn {
  Now now;
  SteadyTime until;
  int cancel_fd = -1;
};

class Sensor {
 public:
  Sensor() = default;
  Sensor(const Sensor&) = delete;
  Sensor& operator=(const Sensor&) = delete;
  virtual ~Sensor() = default;

  // Blocks, for workers. What it keeps from one turn to the next (counters, since when) is its own.
  [[nodiscard]] virtual Reading measure(const MeasureTurn& turn) = 0;
  // Readable: measure now, not at the next interval. -1: there is no such thing. Asked after each turn.
  [[nodiscard]] virtual int wake_fd() const noexcept { return -1; }
};

// What a sensor is made from: its spec, and the options of its kind that have a value, checked.
struct SensorSetup {
  SensorSpec spec;
  std::string kind;
  std::map<std::string, ConfigData, std::less<>> options;
  // Where the kernel shows itself; tests have their own.
  std::string proc = "/proc";
  std::string sys = "/sys";

  [[nodiscard]] bool has(std::string_view key) const { return options.find(key) != options.end(); }
  // Of an option that has no value: empty.
  [[nodiscard]] std::string text(std::string_view key) const { return get<std::string>(key); }
  [[nodiscard]] std::int64_t integer(std::string_view key) const { return get<std::int64_t>(key); }
  [[nodiscard]] Duration span(std::string_view key) const { return get<Duration>(key); }
  [[nodiscard]] bool flag(std::string_view key) const { return get<bool>(key); }
  [[nodiscard]] std::vector<std::string> list(std::string_view key) const {
    return get<std::vector<std::string>>(key);
  }

 private:
  template <typename T>
  [[nodiscard]] T get(std::string_view key) const {
    const auto found = options.find(key);
    return found == options.end() ? T{} : std::get<T>(found->second);
  }
};

using SensorMade = Result<std::unique_ptr<Sensor>>;

// A value as the levels of its sensor grade it.
[[nodiscard]] Reading graded(const SensorSpec& spec, double value, std::string unit, std::string text);
// Yes or no: 0 is good, 1 is not.
[[nodiscard]] Reading good(std::string text);
[[nodiscard]] Reading warned(std::string text);
[[nodiscard]] Reading tripped(std::string text);
[[nodiscard]] Reading unknown(std::string text);
[[nodiscard]] Reading unknown(const Error& error);
// Of a conversation that has failed: tripped, but trouble of our own (a secret that cannot be read, a right
// that we lack) is not the other end's, and not known.
[[nodiscard]] Reading failed(const Error& error);

// "37", "2.5", "0.04": as many digits as say something.
[[nodiscard]] std::string show_number(double value);

}  // namespace ha::failover
