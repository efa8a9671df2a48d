// What cluster.toml says of sensors and handlers: those of this site, and what stands in when it says
// nothing.
//
// Every [[sensor]] and [[handler]] is checked, also those of other sites. Beside what is configured a few
// sensors are always there; one with the name of a default takes its place, with that one's options unless it
// says otherwise (weight = 0: it is only shown). Nothing is opened, no command looked for, no secret read.
// Thread safety: plain values. Errors: into ConfigProblems. Source: docs/sensors.md, docs/handlers.md.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "common/base/config.h"
#include "common/base/result.h"
#include "failover/action/handlers.h"
#include "failover/sensors/registry.h"
#include "failover/sensors/runner.h"

namespace ha::failover {

// Where this site has what is its own.
struct WatchSite {
  std::string_view name;
  std::filesystem::path directory;  // that of node.toml, to which secret_file is relative
  std::filesystem::path state_dir;
};

// A sensor that is always there: while it has tripped this site takes nothing, as it could not remember it.
inline constexpr std::string_view kStateSensor = "state";

struct WatchConfig {
  std::vector<SensorSetup> sensors;  // defaults first, then in the order of the file
  std::vector<HandlerConfig> handlers;
};

// `cluster`: loaded with cluster_schema(). What is wrong goes to `problems`; the rest is right, and can be
// made.
[[nodiscard]] WatchConfig read_watch(const ConfigDocument& cluster, const WatchSite& self,
                                     ConfigProblems& problems);

// For SensorRunner::start(), and Health::make() with their specs.
[[nodiscard]] Result<std::vector<SensorToRun>> make_sensors(const std::vector<SensorSetup>& setups);
[[nodiscard]] std::vector<SensorSpec> specs_of(const std::vector<SensorSetup>& setups);

}  // namespace ha::failover
