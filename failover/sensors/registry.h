// Every kind of sensor that is built in: what it measures, its defaults, its options.
//
// One constexpr table (kinds.cpp); the manual page is tested against it. A [[sensor]] of the configuration is
// a kind, the keys that all sensors have, and the kind's own. Thread safety: plain functions.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "common/base/config.h"
#include "failover/sensors/sensor.h"

namespace ha::failover {

// What warn, trip and readings are in, and how the levels are written.
enum class SensorUnit {
  State,    // 0 or 1; there are no levels to set
  Percent,  // "85%"
  Seconds,  // "500ms", "7d"
  Number,   // 2, 1.5
};
[[nodiscard]] std::string_view unit_text(SensorUnit unit) noexcept;  // "", "%", "s", ""

struct SensorKind {
  std::string_view name;
  std::string_view doc;  // what it measures, in one sentence
  std::string_view every;
  std::string_view timeout;
  unsigned weight;
  unsigned rise;
  SensorUnit unit;
  Worse worse;
  std::string_view warn;  // as it would be written; empty: no such level
  std::string_view trip;
  std::span<const ConfigKey> options;  // `table` is the kind's name
  SensorMade (*make)(const SensorSetup&);
  CountsWhen when = CountsWhen::Always;

  // "disk" of "disk.space"; a name without a dot is its own family.
  [[nodiscard]] std::string_view family() const noexcept { return name.substr(0, name.find('.')); }
};

// By family, as pages list them.
[[nodiscard]] std::span<const SensorKind> sensor_kinds() noexcept;
// NotFound, with the nearest name.
[[nodiscard]] Result<const SensorKind*> find_sensor_kind(std::string_view name);
// The keys that every sensor has: every, timeout, weight, warn, trip, rise, fall, when.
[[nodiscard]] std::span<const ConfigKey> sensor_keys() noexcept;

// One key of a [[sensor]] of this kind, as it stands in the file. Invalid: unknown (with the nearest one), of
// a wrong type or unit, or out of its range.
[[nodiscard]] Status check_sensor_key(const SensorKind& kind, const std::string& key,
                                      const ConfigData& written);
// `written`: the keys of a [[sensor]] beside its name and kind, as they stand in the file. Invalid for an
// unknown key (with the nearest one), a missing one, a wrong type or unit, or levels that make no sense.
[[nodiscard]] Result<SensorSetup> sensor_setup(std::string_view name, std::string_view kind,
                                               const std::map<std::string, ConfigData>& written);
// Invalid if its options do not go together. Nothing is opened or looked at before measure().
[[nodiscard]] SensorMade make_sensor(const SensorSetup& setup);

}  // namespace ha::failover
