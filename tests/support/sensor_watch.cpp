// Measures one sensor and says what it reads, as JSON lines, until its input ends: so that the causes of
// trouble can be caused.
//
//   sensor_watch KIND [KEY=VALUE...]        as in a [[sensor]]; lists with commas
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <string>

#include "common/base/bounded_queue.h"
#include "common/base/json_out.h"
#include "common/sys/file.h"
#include "failover/model/health.h"
#include "failover/sensors/registry.h"
#include "failover/sensors/runner.h"

namespace {

using namespace ha;
using namespace ha::failover;

ConfigData typed(ConfigType type, const std::string& text) {
  if (type == ConfigType::Integer) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }
  if (type == ConfigType::Boolean) {
    return text == "true";
  }
  if (type == ConfigType::TextList) {
    std::vector<std::string> out;
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find(',', at), text.size());
      out.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return out;
  }
  return text;
}

ConfigType type_of(const SensorKind& kind, std::string_view key) {
  for (const auto keys : {sensor_keys(), kind.options}) {
    for (const ConfigKey& each : keys) {
      if (each.name == key) {
        return each.type;
      }
    }
  }
  return ConfigType::Text;
}

Result<SensorSetup> setup_of(int argc, char** argv) {
  HA_TRY(const SensorKind* kind, find_sensor_kind(argv[1]));
  std::map<std::string, ConfigData> written;
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    const std::size_t equals = std::min(word.find('='), word.size() - 1);
    const std::string key = word.substr(0, equals);
    const std::string value = word.substr(equals + 1);
    const bool number = kind->unit == SensorUnit::Number && (key == "warn" || key == "trip");
    written.insert_or_assign(key, number ? ConfigData(std::stod(value)) : typed(type_of(*kind, key), value));
  }
  return sensor_setup("it", argv[1], written);
}

void say(const Health& health, SteadyTime now) {
  const SensorView view = health.sensors().at(0);
  JsonObject out;
  out.text("counted", grade_text(view.counted))
      .count("score", health.score(now))
      .text("text", view.text(now));
  if (view.last != nullptr && view.missed == 0) {
    out.text("grade", grade_text(view.last->grade)).raw("value", json_number(view.last->value));
  }
  std::puts(out.text().c_str());
  std::fflush(stdout);
}

Status run(int argc, char** argv) {
  HA_TRY(const SensorSetup setup, setup_of(argc, argv));
  HA_TRY(std::unique_ptr<Sensor> sensor, make_sensor(setup));
  const sys::FileHandle filled(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  BoundedQueue<SensorResult> results(100, [&] { ::eventfd_write(filled.fd(), 1); });
  HA_TRY(Health health, Health::make({setup.spec}, read_clocks().steady));
  static_cast<void>(health.set_serving(true, read_clocks().steady));  // so that all kinds count
  std::vector<SensorToRun> sensors;
  sensors.push_back({setup.spec, std::move(sensor)});
  HA_TRY(const std::unique_ptr<SensorRunner> runner,
         SensorRunner::start(std::move(sensors),
                             [&](SensorResult result) { static_cast<void>(results.try_push(result)); }));
  while (true) {
    const Duration left = *health.next_wakeup() - read_clocks().steady;
    pollfd polled[2] = {{STDIN_FILENO, POLLIN, 0}, {filled.fd(), POLLIN, 0}};
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    ::poll(polled, 2, static_cast<int>(std::max<std::int64_t>(wait, 0)));
    if (polled[0].revents != 0) {
      return ok();
    }
    eventfd_t count = 0;
    ::eventfd_read(filled.fd(), &count);
    const SteadyTime now = read_clocks().steady;
    while (auto result = results.try_pop()) {
      static_cast<void>(health.on_reading(result->name, std::move(result->reading), result->begun, now));
    }
    static_cast<void>(health.on_tick(now));
    say(health, now);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("sensor_watch KIND [KEY=VALUE...]\n", stderr);
    return 2;
  }
  if (const Status done = run(argc, argv); !done.ok()) {
    std::fprintf(stderr, "sensor_watch: %s\n", done.error().what().c_str());
    return 2;
  }
  return 0;
}
