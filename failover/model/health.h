// How well this site is: readings of sensors in, a score and who contributes how much out.
//
// Pure: measuring is failover/sensors. A sensor counts only after `rise` bad readings in a row, and until
// `fall` good ones; one that does not come in time is a tripped one. The score is the sum of what counts: 0
// is perfect. It rises at once and falls by at most 10 points a second. What a level leads to is for others.
// Thread safety: values. Source: docs/failover.md, "Health".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha::failover {

inline constexpr unsigned kWarningScore = 40;
inline constexpr unsigned kCriticalScore = 70;
inline constexpr unsigned kFailedScore = 100;
inline constexpr Duration kPointFalls =
    std::chrono::milliseconds(100);  // the score, by one, at most so often
// A reading's way from the worker to here; one that is later than that has not come.
inline constexpr Duration kReadingWay = std::chrono::milliseconds(100);
inline constexpr Duration kMuteMax = std::chrono::hours(30 * 24);
inline constexpr unsigned kSensorWeightMax = 100;
inline constexpr unsigned kSensorRunMax = 100;  // of rise and fall
inline constexpr std::size_t kSensorsMax = 128;
inline constexpr std::size_t kReadingTextMax = 256;  // bytes; more is cut

enum class Grade {
  Ok,
  Warn,
  Trip,
  Unknown,  // it could not be measured: counts as Warn, and as no sign of recovery
};
[[nodiscard]] std::string_view grade_text(Grade grade) noexcept;

enum class HealthLevel { Ok, Warning, Critical, Failed };
[[nodiscard]] std::string_view level_text(HealthLevel level) noexcept;
[[nodiscard]] HealthLevel level_of(unsigned score) noexcept;

enum class Worse { Above, Below };  // which way a value gets worse

struct SensorLevels {
  std::optional<double> warn;  // none: there is no such level
  double trip = 1;
  Worse worse = Worse::Above;

  bool operator==(const SensorLevels&) const = default;
};
// A value at a level has reached it. What is no number is Unknown.
[[nodiscard]] Grade grade_of(const SensorLevels& levels, double value) noexcept;

// When a sensor counts. A standby's PBX is stopped, and none the worse for it.
enum class CountsWhen {
  Always,
  Serving,  // only while this site serves: see Health::set_serving()
};

struct SensorSpec {
  std::string name;
  Duration every = std::chrono::seconds(5);
  Duration timeout = std::chrono::seconds(2);
  unsigned weight = 0;  // points when tripped; 0: it is only shown
  SensorLevels levels;
  unsigned rise = 3;
  unsigned fall = 2;
  CountsWhen when = CountsWhen::Always;

  bool operator==(const SensorSpec&) const = default;
};
// Invalid, saying which field and what is allowed.
[[nodiscard]] Status check_spec(const SensorSpec& spec);

struct Reading {
  double value = 0;
  std::string unit;
  Grade grade = Grade::Unknown;
  std::string text;  // one sentence for people

  bool operator==(const Reading&) const = default;
};

// A sensor as it counts now.
struct SensorView {
  const SensorSpec* spec;  // lives as long as the Health, until reload()
  Grade counted = Grade::Ok;
  unsigned points = 0;
  const Reading* last = nullptr;  // null: none has come yet
  SteadyTime begun{};             // of `last`: when measuring it began
  unsigned missed = 0;            // readings in a row that did not come
  std::optional<SteadyTime> muted_until;
  bool counts = true;  // false: it is measured and shown only, as nothing is served here

  // "disk.space: 4 % of /var is free", "ping: no reading for 12 s".
  [[nodiscard]] std::string text(SteadyTime now) const;
};

struct SensorChanged {
  std::string name;
  Grade from;
  Grade to;  // as they count
  std::string text;
};
struct LevelChanged {
  HealthLevel from;
  HealthLevel to;
  unsigned score;
};
using HealthChange = std::variant<SensorChanged, LevelChanged>;
using HealthChanges = std::vector<HealthChange>;

class Health {
 public:
  // Invalid for a wrong spec or a name that is there twice, Exhausted above kSensorsMax.
  [[nodiscard]] static Result<Health> make(std::vector<SensorSpec> specs, SteadyTime now);
  // Sensors that stay the same keep what they have counted. On an error nothing has changed.
  [[nodiscard]] Result<HealthChanges> reload(std::vector<SensorSpec> specs, SteadyTime now);

  // `begun`: when measuring it began. A reading that is older than what is known, or so old that it has been
  // counted as missing, or of no sensor of ours, is dropped; dropped() counts them.
  [[nodiscard]] HealthChanges on_reading(std::string_view sensor, Reading reading, SteadyTime begun,
                                         SteadyTime now);
  // However late it comes, it counts at most one missing reading a sensor.
  [[nodiscard]] HealthChanges on_tick(SteadyTime now);
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const;

  // Whether this site serves any service now: its PBX has been started, and is not being stopped. False at
  // first. Sensors that count while serving alone begin anew: nothing of before counts.
  [[nodiscard]] HealthChanges set_serving(bool serving, SteadyTime now);

  // It adds nothing until then, but is measured and shown. NotFound; Invalid unless `until` is within
  // kMuteMax from now.
  [[nodiscard]] Result<HealthChanges> mute(std::string_view sensor, SteadyTime until, SteadyTime now);
  [[nodiscard]] Result<HealthChanges> unmute(std::string_view sensor, SteadyTime now);

  [[nodiscard]] unsigned score(SteadyTime now) const;
  [[nodiscard]] HealthLevel level(SteadyTime now) const { return level_of(score(now)); }
  // Those that add points, most first, then by name; at most `count_max`.
  [[nodiscard]] std::vector<SensorView> contributions(std::size_t count_max = kSensorsMax) const;
  // One of them; none: there is no such sensor.
  [[nodiscard]] std::optional<SensorView> sensor(std::string_view name) const;
  // All, in the order of the specs.
  [[nodiscard]] std::vector<SensorView> sensors() const;
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  struct Sensor {
    SensorSpec spec;
    SteadyTime due;  // later than that the next reading has not come
    Grade counted = Grade::Ok;
    // In a row: tripped; warn, unknown or tripped; ok or warn; ok. They stop at kSensorRunMax.
    unsigned tripped = 0;
    unsigned bad = 0;
    unsigned below = 0;
    unsigned good = 0;
    unsigned missed = 0;
    std::optional<Reading> last = std::nullopt;
    SteadyTime begun{};
    std::optional<SteadyTime> muted_until = std::nullopt;
    bool counts = true;

    [[nodiscard]] unsigned points() const;
    [[nodiscard]] SensorView view() const;
  };

  Health() = default;
  [[nodiscard]] Sensor* find(std::string_view name);
  [[nodiscard]] bool counts(const SensorSpec& spec) const {
    return serving_ || spec.when == CountsWhen::Always;
  }
  void count(Sensor& sensor, Grade grade, SteadyTime now, HealthChanges& out);
  void settle(SteadyTime now, HealthChanges& out);
  [[nodiscard]] unsigned sum() const;

  std::vector<Sensor> sensors_;
  bool serving_ = false;
  // The score falls from `top_`, where it stood at `top_at_`, to `sum_`.
  unsigned sum_ = 0;
  unsigned top_ = 0;
  SteadyTime top_at_{};
  HealthLevel level_ = HealthLevel::Ok;  // as it was said last
  std::uint64_t dropped_ = 0;
};

}  // namespace ha::failover
