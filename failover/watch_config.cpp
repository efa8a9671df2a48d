#include "failover/watch_config.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/suggest.h"

namespace ha::failover {
namespace {

using Written = std::map<std::string, ConfigData>;

constexpr std::size_t kNameMax = 64;

struct Default {
  std::string name;
  std::string kind;
  Written written;
};

// "fra1" is in both, or one of them is everywhere.
bool meet(const std::vector<std::string>& one, const std::vector<std::string>& other) {
  return one.empty() || other.empty() || std::any_of(one.begin(), one.end(), [&](const std::string& each) {
           return std::find(other.begin(), other.end(), each) != other.end();
         });
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameMax && std::all_of(text.begin(), text.end(), [](char each) {
    return (each >= 'a' && each <= 'z') || (each >= '0' && each <= '9') || each == '-' || each == '_' ||
           each == '.';
  });
}

class WatchReader {
 public:
  WatchReader(const ConfigDocument& cluster, const WatchSite& self, ConfigProblems& problems)
      : cluster_(cluster), self_(self), problems_(problems) {
    for (const ConfigSection& site : cluster.sections("site")) {
      sites_.push_back(site.text("name"));
    }
  }

  WatchConfig read() {
    for (const Default& each : defaults()) {
      auto made = set_up(each.name, each.kind, each.written);
      if (made.ok()) {
        config_.sensors.push_back(std::move(made).value());
      } else {  // [pbx] has an address that is none
        problems_.error(cluster_.section("pbx").place("address"), made.error().what());
        break;
      }
    }
    for (const ConfigSection& section : cluster_.sections("sensor")) {
      if (is_unique(section, cluster_.sections("sensor"), "sensor")) {
        add_sensor(section);
      }
    }
    check_counts();
    for (const ConfigSection& section : cluster_.sections("handler")) {
      if (is_unique(section, cluster_.sections("handler"), "handler")) {
        add_handler(section);
      }
    }
    return std::move(config_);
  }

 private:
  // What is measured at every site, whatever the file says.
  [[nodiscard]] std::vector<Default> defaults() const {
    std::vector<Default> out{
        {"disk.space", "disk.space", {{"path", "/"}}}, {"disk.inodes", "disk.inodes", {{"path", "/"}}},
        {"mem.available", "mem.available", {}},        {"cpu.load", "cpu.load", {}},
        {"clock.offset", "clock.offset", {}},          {"net.gateway", "net.gateway", {}}};
    out.push_back({std::string(kStateSensor),
                   "disk.readonly",
                   {{"path", self_.state_dir.string()}, {"weight", 0}, {"every", "5s"}, {"rise", 1}}});
    const ConfigSection& pbx = cluster_.section("pbx");
    if (pbx.place().line > 0) {
      std::string process = pbx.text("process");
      if (process.empty() && pbx.text("kind") != "other") {
        process = pbx.text("kind");
      }
      if (!process.empty()) {
        out.push_back({"pbx.process", "process", {{"process", process}, {"when", "serving"}}});
      }
      for (const std::string_view each : asked(pbx)) {
        out.push_back({std::string(each), std::string(each), {}});
      }
    }
    return out;
  }

  // What the PBX is asked by itself, where the file says how.
  static std::vector<std::string_view> asked(const ConfigSection& pbx) {
    if (pbx.text("address").empty() || pbx.text("kind") == "other") {
      return {};
    }
    std::vector<std::string_view> out{"pbx.ctl_latency", "pbx.booted",     "pbx.deadlock",
                                      "call.limit",      "reg.count_drop", "trunk.registration"};
    if (pbx.text("kind") == "freeswitch") {
      out.insert(out.end(), {"pbx.events", "sip.profiles"});
    } else {
      out.insert(out.end(), {"pbx.taskprocessor", "reg.reachable"});
    }
    return out;
  }

  // Sensors that ask the PBX do it as [pbx] says, unless they say otherwise.
  [[nodiscard]] Written with_pbx(const std::string& kind, Written written) const {
    const auto found = find_sensor_kind(kind);
    const ConfigSection& pbx = cluster_.section("pbx");
    const bool asks_pbx = found.ok() && std::any_of((*found)->options.begin(), (*found)->options.end(),
                                                    [](const ConfigKey& key) { return key.name == "pbx"; });
    if (!asks_pbx || pbx.place().line == 0) {
      return written;
    }
    if (pbx.text("kind") != "other") {
      written.emplace("pbx", pbx.text("kind"));
    }
    for (const char* const key : {"address", "user", "secret_file"}) {
      if (!pbx.text(key).empty()) {
        written.emplace(key, pbx.text(key));
      }
    }
    return written;
  }

  [[nodiscard]] Result<SensorSetup> set_up(const std::string& name, const std::string& kind,
                                           const Written& written) const {
    HA_TRY(SensorSetup setup, sensor_setup(name, kind, with_pbx(kind, written)));
    if (const std::string file = setup.text("secret_file"); !file.empty()) {
      setup.options["secret_file"] = (self_.directory / file).lexically_normal().string();
    }
    HA_TRY(const std::unique_ptr<Sensor> made, make_sensor(setup));
    return setup;
  }

  // Two of one name are right where no site has both.
  bool is_unique(const ConfigSection& section, const std::vector<ConfigSection>& all, std::string_view what) {
    const std::string name = section.text("name");
    const std::string about = std::string(what) + " " + in_quotes(name);
    if (name.empty() && !section.has("name")) {
      return false;  // the schema has said it
    }
    if (!is_name(name)) {
      problems_.error(section.place("name"),
                      about + ": a name is a-z, 0-9, \"-\", \"_\" and \".\", at most 64 of them");
      return false;
    }
    bool good = true;
    for (const std::string& site : section.list("sites")) {
      if (std::find(sites_.begin(), sites_.end(), site) == sites_.end()) {
        problems_.error(section.place("sites"),
                        about + ": there is no site " + in_quotes(site) + did_you_mean(site, sites_));
        good = false;
      }
    }
    for (const ConfigSection& other : all) {
      if (&other == &section) {
        break;
      }
      if (other.text("name") == name && meet(other.list("sites"), section.list("sites"))) {
        problems_.error(section.place("name"), about + " is there twice, first at " + other.place().text());
        return false;
      }
    }
    return good;
  }

  [[nodiscard]] bool is_here(const ConfigSection& section) const {
    return meet(section.list("sites"), {std::string(self_.name)});
  }

  void add_sensor(const ConfigSection& section) {
    const std::string name = section.text("name");
    const std::string about = "sensor " + in_quotes(name);
    const auto known = defaults();
    const auto same =
        std::find_if(known.begin(), known.end(), [&](const Default& each) { return each.name == name; });
    const std::string kind = section.has("kind")   ? section.text("kind")
                             : same != known.end() ? same->kind
                                                   : name;
    const auto found = find_sensor_kind(kind);
    if (!found.ok()) {
      problems_.error(section.place("kind"), about + ": " + found.error().what());
      return;
    }
    Written written;
    if (same != known.end() && same->kind == kind) {
      written = same->written;
    }
    bool good = true;
    for (const ConfigSection::Named& each : section.loose()) {
      if (const Status status = check_sensor_key(**found, each.name, each.value.data); !status.ok()) {
        problems_.error(each.value.place, about + ": " + status.error().what());
        good = false;
      }
      written.insert_or_assign(each.name, each.value.data);
    }
    if (!good) {
      return;
    }
    auto setup = set_up(name, kind, written);
    if (!setup.ok()) {
      problems_.error(section.place(), setup.error().what());
    } else if (is_here(section)) {
      put(std::move(setup).value());
    }
  }

  void put(SensorSetup setup) {
    const auto same = std::find_if(config_.sensors.begin(), config_.sensors.end(),
                                   [&](const auto& each) { return each.spec.name == setup.spec.name; });
    if (same != config_.sensors.end()) {
      *same = std::move(setup);
    } else {
      config_.sensors.push_back(std::move(setup));
    }
  }

  void check_counts() {
    if (config_.sensors.size() > kSensorsMax) {
      problems_.error(cluster_.sections("sensor").at(0).place(),
                      "this site has " + std::to_string(config_.sensors.size()) + " sensors, at most " +
                          std::to_string(kSensorsMax) + " can be");
    }
  }

  void add_handler(const ConfigSection& section) {
    HandlerConfig handler;
    handler.name = section.text("name");
    handler.events = section.list("events");
    handler.run = {.argv = section.list("command"),
                   .limit = section.duration("timeout"),
                   .shell = section.flag("shell"),
                   .user = section.text("user")};
    handler.blocking = section.flag("blocking");
    handler.queue_max = static_cast<std::size_t>(section.integer("queue"));
    const bool is_whole = section.has("events") && section.has("command") && section.has("timeout") &&
                          section.has("shell") && section.has("blocking") && section.has("queue");
    if (!is_whole) {
      return;  // the schema has said what is missing or wrong
    }
    if (const Status status = check_handler(handler); !status.ok()) {
      const bool is_command = check_action(handler.run).ok() == false;
      problems_.error(
          section.place(is_command ? "command" : "events"),
          status.error().what() + (status.error().hint().empty() ? "" : " — " + status.error().hint()));
      return;
    }
    if (!is_here(section)) {
      return;
    }
    if (config_.handlers.size() == kHandlersMax) {
      problems_.error(section.place(), "handler " + in_quotes(handler.name) + " is one more than the " +
                                           std::to_string(kHandlersMax) + " that can be");
      return;
    }
    config_.handlers.push_back(std::move(handler));
  }

  const ConfigDocument& cluster_;
  const WatchSite& self_;
  ConfigProblems& problems_;
  std::vector<std::string> sites_;
  WatchConfig config_;
};

}  // namespace

WatchConfig read_watch(const ConfigDocument& cluster, const WatchSite& self, ConfigProblems& problems) {
  return WatchReader(cluster, self, problems).read();
}

Result<std::vector<SensorToRun>> make_sensors(const std::vector<SensorSetup>& setups) {
  std::vector<SensorToRun> out;
  for (const SensorSetup& setup : setups) {
    HA_TRY(std::unique_ptr<Sensor> sensor, make_sensor(setup));
    out.push_back({setup.spec, std::move(sensor)});
  }
  return out;
}

std::vector<SensorSpec> specs_of(const std::vector<SensorSetup>& setups) {
  std::vector<SensorSpec> out;
  out.reserve(setups.size());
  for (const SensorSetup& setup : setups) {
    out.push_back(setup.spec);
  }
  return out;
}

}  // namespace ha::failover
