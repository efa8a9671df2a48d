// Which sets a [[set]] stands for, and where each of them stands at this site. Private to config*.cpp. Pure.
// Source: docs/placement.md.
#pragma once

#include <string>
#include <vector>

#include "common/base/config.h"
#include "replicator/config.h"

namespace ha::replicator {

inline constexpr std::string_view kEveryService = "*";

struct PlacementContext {
  const ConfigDocument& cluster;
  const std::vector<SiteConfig>& sites;
  const std::vector<ServiceConfig>& services;
  const std::string& self;
  const std::filesystem::path& state_dir;
  const std::filesystem::path& run_dir;
};

// `set` is what `section` says, with its own name as base: what it stands for, each with its name, service,
// origin, epoch, place and path at this site. None when something is wrong: `problems` says what.
[[nodiscard]] std::vector<SetConfig> sets_of(const ConfigSection& section, const SetConfig& set,
                                             const PlacementContext& context, ConfigProblems& problems);

// No two trees share files at this site, as things are or after a takeover; our own directories are in
// no set, nor a set in them, but for the shelf.
void check_places(const std::vector<SetConfig>& sets, const PlacementContext& context,
                  ConfigProblems& problems);

}  // namespace ha::replicator
