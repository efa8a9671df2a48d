// Where two cluster.toml differ, by what they mean: `hareplicate config diff`. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace ha::replicator {

struct ConfigDifference {
  std::string set;                  // of a key of [[set]]; else empty
  std::string key;                  // "set.etc.path", "site.nyc1.address", "link.bwlimit"
  std::optional<std::string> here;  // as it would be written; nothing: not there
  std::optional<std::string> there;
};

struct ConfigComparison {
  std::vector<ConfigDifference> differences;  // as in this file, then what only the other has
  std::vector<std::string> sets;              // whose definition differs, [set_defaults] included; sorted
};

struct NamedConfig {
  std::string name;  // for messages
  std::string text;
};

// Comments, order and spelling do not count. Invalid: one of them is not a cluster.toml.
[[nodiscard]] Result<ConfigComparison> compare_configs(const NamedConfig& here, const NamedConfig& there);

}  // namespace ha::replicator
