// [[overlay]]: checked for every site, kept for this one. Private to config*.cpp. Pure.
// Source: docs/overlays.md.
#pragma once

#include <string>
#include <vector>

#include "common/base/config.h"
#include "replicator/config.h"

namespace ha::replicator {

struct OverlayContext {
  const ConfigDocument& cluster;
  const std::vector<SiteConfig>& sites;
  const std::string& self;
};

// Adds those of `self` to their sets.
void add_overlays(const OverlayContext& context, std::vector<SetConfig>& sets, ConfigProblems& problems);

}  // namespace ha::replicator
