#include "failover/sensors/registry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/suggest.h"
#include "common/base/units.h"

namespace ha::failover {
namespace {

// Of the levels only the names: their unit is the kind's.
constexpr std::array kKeys{
    ConfigKey{"sensor", "every", ConfigType::Span, "100ms..24h", "", "How often it is measured."},
    ConfigKey{"sensor", "timeout", ConfigType::Span, "10ms..1h", "", "How long one measurement may take."},
    ConfigKey{"sensor", "weight", ConfigType::Integer, "0..100", "",
              "Points that it adds to the score when it has tripped, half of them when it warns."},
    ConfigKey{"sensor", "warn", ConfigType::Text, "", "", "Level from which it warns, in the kind's unit."},
    ConfigKey{"sensor", "trip", ConfigType::Text, "", "", "Level from which it is tripped."},
    ConfigKey{"sensor", "rise", ConfigType::Integer, "1..100", "", "Bad readings in a row until they count."},
    ConfigKey{"sensor", "fall", ConfigType::Integer, "2..100", "2",
              "Good readings in a row until the bad ones do not count any more."},
    ConfigKey{"sensor", "when", ConfigType::Choice, "always|serving", "",
              "Whether it counts always, or only while the site serves a service."},
};

Error bad_level(std::string_view key, std::string_view wanted) {
  return Error(Code::Invalid, std::string(key) + " — " + std::string(wanted));
}

Result<double> parse_level(const SensorKind& kind, std::string_view key, const ConfigData& written) {
  const auto* text = std::get_if<std::string>(&written);
  switch (kind.unit) {
    case SensorUnit::State:
      return bad_level(key, std::string(kind.name) + " has no levels, it is good or not");
    case SensorUnit::Percent: {
      if (text == nullptr) {
        return bad_level(key, "must be a percentage in quotes, \"85%\"");
      }
      auto percent = parse_percent(*text);
      return percent.ok() ? percent : bad_level(key, "must be a percentage, \"85%\"");
    }
    case SensorUnit::Seconds: {
      auto span = text != nullptr ? parse_duration(*text) : bad_level(key, "");
      if (!span.ok()) {
        return bad_level(key, "must be a duration in quotes, \"500ms\"");
      }
      return std::chrono::duration<double>(*span).count();
    }
    case SensorUnit::Number: {
      if (const auto* whole = std::get_if<std::int64_t>(&written)) {
        return static_cast<double>(*whole);
      }
      if (const auto* number = std::get_if<double>(&written)) {
        return *number;
      }
      return bad_level(key, "must be a number, without quotes");
    }
  }
  return Error(Code::Internal, "a unit that is none");
}

// As the table has it: always right.
double known_level(const SensorKind& kind, std::string_view text) {
  if (kind.unit == SensorUnit::Number) {
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }
  return parse_level(kind, "", std::string(text)).value();
}

SensorSpec default_spec(std::string_view name, const SensorKind& kind) {
  SensorSpec spec;
  spec.name = name;
  spec.every = parse_duration(kind.every).value();
  spec.timeout = parse_duration(kind.timeout).value();
  spec.weight = kind.weight;
  spec.rise = kind.rise;
  spec.when = kind.when;
  spec.levels.worse = kind.worse;
  if (!kind.warn.empty()) {
    spec.levels.warn = known_level(kind, kind.warn);
  }
  if (!kind.trip.empty()) {
    spec.levels.trip = known_level(kind, kind.trip);
  }
  return spec;
}

Status apply_key(const SensorKind& kind, const ConfigKey& key, const ConfigData& written, SensorSpec& spec) {
  if (key.name == "warn" || key.name == "trip") {
    HA_TRY(const double level, parse_level(kind, key.name, written));
    (key.name == "trip" ? spec.levels.trip : spec.levels.warn.emplace()) = level;
    return ok();
  }
  HA_TRY(const ConfigData data, check_config_value(key, written));
  const auto count = [&] { return static_cast<unsigned>(std::get<std::int64_t>(data)); };
  if (key.name == "every") {
    spec.every = std::get<Duration>(data);
  } else if (key.name == "timeout") {
    spec.timeout = std::get<Duration>(data);
  } else if (key.name == "weight") {
    spec.weight = count();
  } else if (key.name == "rise") {
    spec.rise = count();
  } else if (key.name == "fall") {
    spec.fall = count();
  } else {
    spec.when = std::get<std::string>(data) == "serving" ? CountsWhen::Serving : CountsWhen::Always;
  }
  return ok();
}

// The default of an option, as a file would have it.
ConfigData default_of(const ConfigKey& key) {
  if (key.type == ConfigType::Boolean) {
    return key.fallback == "true";
  }
  if (key.type == ConfigType::Integer) {
    std::int64_t value = 0;
    std::from_chars(key.fallback.data(), key.fallback.data() + key.fallback.size(), value);
    return value;
  }
  return std::string(key.fallback);
}

const ConfigKey* find_key(std::span<const ConfigKey> keys, std::string_view name) {
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const ConfigKey& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

Error unknown_key(const SensorKind& kind, const std::string& name) {
  std::vector<std::string> names{"name", "kind", "sites"};
  for (const auto keys : {std::span<const ConfigKey>(kKeys), kind.options}) {
    for (const ConfigKey& key : keys) {
      names.emplace_back(key.name);
    }
  }
  return Error(Code::Invalid, "unknown key " + in_quotes(name) + " of " + std::string(kind.name) +
                                  did_you_mean(name, names));
}

Status apply(const SensorKind& kind, const std::map<std::string, ConfigData>& written, SensorSetup& setup) {
  for (const auto& [name, data] : written) {
    if (const ConfigKey* key = find_key(kKeys, name)) {
      HA_CHECK(apply_key(kind, *key, data, setup.spec));
    } else if (const ConfigKey* option = find_key(kind.options, name)) {
      HA_TRY(ConfigData checked, check_config_value(*option, data));
      setup.options.insert_or_assign(name, std::move(checked));
    } else {
      return unknown_key(kind, name);
    }
  }
  for (const ConfigKey& option : kind.options) {
    if (setup.has(option.name) || option.fallback.empty()) {
      continue;
    }
    if (option.fallback == kRequired) {
      return Error(Code::Invalid, std::string(kind.name) + " needs " + std::string(option.name) + ": " +
                                      std::string(option.doc));
    }
    HA_TRY(ConfigData checked, check_config_value(option, default_of(option)));
    setup.options.emplace(option.name, std::move(checked));
  }
  return ok();
}

}  // namespace

std::string_view unit_text(SensorUnit unit) noexcept {
  switch (unit) {
    case SensorUnit::Percent:
      return "%";
    case SensorUnit::Seconds:
      return "s";
    case SensorUnit::State:
    case SensorUnit::Number:
      return "";
  }
  return "";
}

Result<const SensorKind*> find_sensor_kind(std::string_view name) {
  std::vector<std::string> names;
  for (const SensorKind& kind : sensor_kinds()) {
    if (kind.name == name) {
      return &kind;
    }
    names.emplace_back(kind.name);
  }
  return Error(Code::NotFound,
               "there is no kind of sensor " + in_quotes(name) + did_you_mean(std::string(name), names),
               "failover sensor list --kinds");
}

std::span<const ConfigKey> sensor_keys() noexcept {
  return kKeys;
}

Status check_sensor_key(const SensorKind& kind, const std::string& name, const ConfigData& written) {
  SensorSpec spec;
  if (const ConfigKey* key = find_key(kKeys, name)) {
    return apply_key(kind, *key, written, spec);
  }
  if (const ConfigKey* option = find_key(kind.options, name)) {
    HA_TRY(const ConfigData checked, check_config_value(*option, written));
    static_cast<void>(checked);
    return ok();
  }
  return unknown_key(kind, name);
}

Result<SensorSetup> sensor_setup(std::string_view name, std::string_view kind_name,
                                 const std::map<std::string, ConfigData>& written) {
  HA_TRY(const SensorKind* kind, find_sensor_kind(kind_name));
  SensorSetup setup;
  setup.spec = default_spec(name, *kind);
  setup.kind = kind->name;
  if (auto status = apply(*kind, written, setup); !status.ok()) {
    return std::move(status).error().in("sensor " + in_quotes(name));
  }
  HA_CHECK(check_spec(setup.spec));
  return setup;
}

SensorMade make_sensor(const SensorSetup& setup) {
  HA_TRY(const SensorKind* kind, find_sensor_kind(setup.kind));
  auto made = kind->make(setup);
  return made.ok() ? std::move(made) : std::move(made).error().in("sensor " + in_quotes(setup.spec.name));
}

}  // namespace ha::failover
