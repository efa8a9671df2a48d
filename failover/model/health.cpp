#include "failover/model/health.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/units.h"

namespace ha::failover {
namespace {

void more(unsigned& run, bool goes_on) {
  run = goes_on ? std::min(run + 1, kSensorRunMax) : 0;
}

SteadyTime due_after(const SensorSpec& spec, SteadyTime begun) {
  return begun + spec.every + spec.timeout + kReadingWay;
}

Error wrong(const SensorSpec& spec, std::string_view what) {
  return Error(Code::Invalid, "sensor \"" + spec.name + "\": " + std::string(what));
}

Status check_all(const std::vector<SensorSpec>& specs) {
  if (specs.size() > kSensorsMax) {
    return Error(Code::Exhausted, std::to_string(specs.size()) + " sensors, at most " +
                                      std::to_string(kSensorsMax) + " can be");
  }
  for (auto each = specs.begin(); each != specs.end(); ++each) {
    HA_CHECK(check_spec(*each));
    if (std::any_of(specs.begin(), each, [&](const SensorSpec& other) { return other.name == each->name; })) {
      return wrong(*each, "the name is there twice");
    }
  }
  return ok();
}

// Where the sensor of that name is in a list of them.
template <typename Sensors>
auto position(Sensors& sensors, std::string_view name) {
  return std::find_if(sensors.begin(), sensors.end(),
                      [&](const auto& sensor) { return sensor.spec.name == name; });
}

}  // namespace

std::string_view grade_text(Grade grade) noexcept {
  switch (grade) {
    case Grade::Ok:
      return "ok";
    case Grade::Warn:
      return "warn";
    case Grade::Trip:
      return "trip";
    case Grade::Unknown:
      return "unknown";
  }
  return "?";
}

std::string_view level_text(HealthLevel level) noexcept {
  switch (level) {
    case HealthLevel::Ok:
      return "ok";
    case HealthLevel::Warning:
      return "warning";
    case HealthLevel::Critical:
      return "critical";
    case HealthLevel::Failed:
      return "failed";
  }
  return "?";
}

HealthLevel level_of(unsigned score) noexcept {
  return score >= kFailedScore     ? HealthLevel::Failed
         : score >= kCriticalScore ? HealthLevel::Critical
         : score >= kWarningScore  ? HealthLevel::Warning
                                   : HealthLevel::Ok;
}

Grade grade_of(const SensorLevels& levels, double value) noexcept {
  const auto reached = [&](double level) {
    return levels.worse == Worse::Above ? value >= level : value <= level;
  };
  return std::isnan(value)                      ? Grade::Unknown
         : reached(levels.trip)                 ? Grade::Trip
         : levels.warn && reached(*levels.warn) ? Grade::Warn
                                                : Grade::Ok;
}

Status check_spec(const SensorSpec& spec) {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  if (spec.name.empty()) {
    return Error(Code::Invalid, "a sensor without a name");
  }
  if (spec.every < milliseconds(100) || spec.every > hours(24)) {
    return wrong(spec, "every is " + write_duration(spec.every) + ", it can be 100ms to 24h");
  }
  if (spec.timeout < milliseconds(10) || spec.timeout > hours(1)) {
    return wrong(spec, "timeout is " + write_duration(spec.timeout) + ", it can be 10ms to 1h");
  }
  if (spec.weight > kSensorWeightMax) {
    return wrong(spec, "weight is " + std::to_string(spec.weight) + ", it can be 0 to 100");
  }
  if (spec.rise < 1 || spec.rise > kSensorRunMax) {
    return wrong(spec, "rise is " + std::to_string(spec.rise) + ", it can be 1 to 100");
  }
  if (spec.fall < 2 || spec.fall > kSensorRunMax) {
    return wrong(spec, "fall is " + std::to_string(spec.fall) +
                           ", it can be 2 to 100: one good reading clears nothing");
  }
  if (!std::isfinite(spec.levels.trip) || (spec.levels.warn && !std::isfinite(*spec.levels.warn))) {
    return wrong(spec, "warn and trip have to be numbers");
  }
  if (spec.levels.warn && (spec.levels.worse == Worse::Above ? *spec.levels.warn > spec.levels.trip
                                                             : *spec.levels.warn < spec.levels.trip)) {
    return wrong(spec, "it would trip before it warns");
  }
  return ok();
}

std::string SensorView::text(SteadyTime now) const {
  if (missed > 0) {
    return spec->name + ": " +
           (last == nullptr ? std::string("no reading yet") : "no reading for " + show_age(now - begun));
  }
  return spec->name + ": " + (last == nullptr ? std::string("not measured yet") : last->text);
}

// Half of an odd weight is rounded up.
unsigned Health::Sensor::points() const {
  if (muted_until) {
    return 0;
  }
  switch (counted) {
    case Grade::Ok:
      return 0;
    case Grade::Warn:
    case Grade::Unknown:
      return (spec.weight + 1) / 2;
    case Grade::Trip:
      return spec.weight;
  }
  return 0;
}

SensorView Health::Sensor::view() const {
  return {&spec, counted, points(), last ? &*last : nullptr, begun, missed, muted_until, counts};
}

Result<Health> Health::make(std::vector<SensorSpec> specs, SteadyTime now) {
  Health made;
  HA_TRY(const HealthChanges none, made.reload(std::move(specs), now));
  HA_ASSERT(none.empty());
  return made;
}

Result<HealthChanges> Health::reload(std::vector<SensorSpec> specs, SteadyTime now) {
  HA_CHECK(check_all(specs));
  std::vector<Sensor> sensors;
  for (SensorSpec& spec : specs) {
    Sensor* known = find(spec.name);
    if (known != nullptr && known->spec == spec) {
      sensors.push_back(std::move(*known));
    } else {
      const SteadyTime due = due_after(spec, now);
      const bool is_counted = counts(spec);
      sensors.push_back({.spec = std::move(spec), .due = due, .counts = is_counted});
    }
  }
  sensors_ = std::move(sensors);
  HealthChanges out;
  settle(now, out);
  return out;
}

HealthChanges Health::on_reading(std::string_view name, Reading reading, SteadyTime begun, SteadyTime now) {
  HealthChanges out;
  Sensor* sensor = find(name);
  if (sensor == nullptr || (sensor->last && begun <= sensor->begun) ||
      now > begun + sensor->spec.timeout + kReadingWay) {
    ++dropped_;
    return out;
  }
  if (reading.text.size() > kReadingTextMax) {
    reading.text.resize(kReadingTextMax);
  }
  const Grade grade = reading.grade;
  sensor->last = std::move(reading);
  sensor->begun = begun;
  sensor->due = due_after(sensor->spec, begun);
  sensor->missed = 0;
  count(*sensor, grade, now, out);
  settle(now, out);
  return out;
}

HealthChanges Health::on_tick(SteadyTime now) {
  HealthChanges out;
  for (Sensor& sensor : sensors_) {
    if (sensor.muted_until && *sensor.muted_until <= now) {
      sensor.muted_until.reset();
    }
    if (sensor.due <= now) {
      sensor.due = now + sensor.spec.every;
      more(sensor.missed, true);
      count(sensor, Grade::Trip, now, out);
    }
  }
  settle(now, out);
  return out;
}

std::optional<SteadyTime> Health::next_wakeup() const {
  SteadyTime next = SteadyTime::max();
  for (const Sensor& sensor : sensors_) {
    next = std::min(next, sensor.due);
    next = std::min(next, sensor.muted_until.value_or(SteadyTime::max()));
  }
  if (top_ > sum_ && level_ != level_of(sum_)) {  // it falls through a level
    for (const unsigned level : {kFailedScore, kCriticalScore, kWarningScore}) {
      if (level_of(level) == level_) {
        next = std::min(next, top_at_ + (top_ - (level - 1)) * kPointFalls);
      }
    }
  }
  return next == SteadyTime::max() ? std::nullopt : std::optional(next);
}

HealthChanges Health::set_serving(bool serving, SteadyTime now) {
  HealthChanges out;
  if (serving == std::exchange(serving_, serving)) {
    return out;
  }
  for (Sensor& sensor : sensors_) {
    if (sensor.spec.when == CountsWhen::Serving) {
      const Grade from = std::exchange(sensor.counted, Grade::Ok);
      sensor.tripped = sensor.bad = sensor.below = sensor.good = sensor.missed = 0;
      sensor.due = due_after(sensor.spec, now);
      sensor.counts = serving;
      if (from != Grade::Ok) {
        out.emplace_back(SensorChanged{sensor.spec.name, from, Grade::Ok,
                                       sensor.spec.name + ": counts only while a service is served here"});
      }
    }
  }
  settle(now, out);
  return out;
}

Result<HealthChanges> Health::mute(std::string_view name, SteadyTime until, SteadyTime now) {
  Sensor* sensor = find(name);
  if (sensor == nullptr) {
    return Error(Code::NotFound, "there is no sensor \"" + std::string(name) + "\"", "failover sensor list");
  }
  if (until <= now || until > now + kMuteMax) {
    return Error(Code::Invalid, "a sensor is muted for some time, at most 30 days",
                 "failover sensor mute " + std::string(name) + " --for 1h");
  }
  sensor->muted_until = until;
  HealthChanges out;
  settle(now, out);
  return out;
}

Result<HealthChanges> Health::unmute(std::string_view name, SteadyTime now) {
  Sensor* sensor = find(name);
  if (sensor == nullptr) {
    return Error(Code::NotFound, "there is no sensor \"" + std::string(name) + "\"", "failover sensor list");
  }
  sensor->muted_until.reset();
  HealthChanges out;
  settle(now, out);
  return out;
}

unsigned Health::score(SteadyTime now) const {
  const auto fallen = static_cast<std::uint64_t>(std::max(now - top_at_, Duration::zero()) / kPointFalls);
  return fallen >= top_ ? sum_ : std::max(sum_, top_ - static_cast<unsigned>(fallen));
}

std::vector<SensorView> Health::contributions(std::size_t count_max) const {
  std::vector<SensorView> out;
  for (const Sensor& sensor : sensors_) {
    if (sensor.points() > 0) {
      out.push_back(sensor.view());
    }
  }
  std::sort(out.begin(), out.end(), [](const SensorView& one, const SensorView& other) {
    return one.points != other.points ? one.points > other.points : one.spec->name < other.spec->name;
  });
  out.erase(out.begin() + static_cast<std::ptrdiff_t>(std::min(count_max, out.size())), out.end());
  return out;
}

std::optional<SensorView> Health::sensor(std::string_view name) const {
  const auto found = position(sensors_, name);
  return found == sensors_.end() ? std::nullopt : std::optional(found->view());
}

std::vector<SensorView> Health::sensors() const {
  std::vector<SensorView> out;
  out.reserve(sensors_.size());
  for (const Sensor& sensor : sensors_) {
    out.push_back(sensor.view());
  }
  return out;
}

Health::Sensor* Health::find(std::string_view name) {
  const auto found = position(sensors_, name);
  return found == sensors_.end() ? nullptr : &*found;
}

void Health::count(Sensor& sensor, Grade grade, SteadyTime now, HealthChanges& out) {
  if (!sensor.counts) {
    return;
  }
  more(sensor.tripped, grade == Grade::Trip);
  more(sensor.bad, grade != Grade::Ok);
  more(sensor.below, grade == Grade::Ok || grade == Grade::Warn);
  more(sensor.good, grade == Grade::Ok);
  const SensorSpec& spec = sensor.spec;
  const Grade from = sensor.counted;
  if (sensor.tripped >= spec.rise) {
    sensor.counted = Grade::Trip;
  } else if (sensor.good >= spec.fall) {
    sensor.counted = Grade::Ok;
  } else if ((from == Grade::Trip && sensor.below >= spec.fall) ||
             (from == Grade::Ok && sensor.bad >= spec.rise)) {
    sensor.counted = Grade::Warn;
  }
  if (sensor.counted != from) {
    out.emplace_back(SensorChanged{spec.name, from, sensor.counted, sensor.view().text(now)});
  }
}

// After whatever may have changed the sum.
void Health::settle(SteadyTime now, HealthChanges& out) {
  const unsigned shown = score(now);
  const bool falling = shown > sum_;
  sum_ = sum();
  if (!falling || sum_ >= shown) {
    top_ = std::max(shown, sum_);
    top_at_ = now;
  }
  const HealthLevel to = level(now);
  if (to != level_) {
    out.emplace_back(LevelChanged{level_, to, score(now)});
    level_ = to;
  }
}

unsigned Health::sum() const {
  unsigned out = 0;
  for (const Sensor& sensor : sensors_) {
    out += sensor.points();
  }
  return out;
}

}  // namespace ha::failover
