// A document's values as text: for comparison with peers, and for `config show`. Private to config*.cpp.
// Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/config.h"
#include "replicator/config.h"

namespace ha::replicator {

// Every value in force, without places; tables that repeat are sorted, so their order does not count
// (but that of overlays does).
[[nodiscard]] std::string canonical_text(const ConfigDocument& cluster);

// By set: its values as text, with those of [set_defaults] where it has none; of its service nothing.
[[nodiscard]] std::map<std::string, std::string> set_definitions(const ConfigDocument& cluster);

// cluster.toml's values as they stand there, under "table.name.key", each key once: a table that is there
// again has its number, "overlay.fra1.etc.sip.conf.replace[2].match".
[[nodiscard]] std::vector<Config::Effective> cluster_values(const ConfigDocument& cluster);

// cluster.toml's values as above, sets with what [set_defaults] gives them; node.toml's under
// "node.key".
[[nodiscard]] std::vector<Config::Effective> effective_values(const ConfigDocument& cluster,
                                                              const ConfigDocument& node);

// The value of a set's key: its own, or that of [set_defaults].
[[nodiscard]] const ConfigSection& set_or_defaults(const ConfigSection& set, const ConfigSection& defaults,
                                                   std::string_view key);

}  // namespace ha::replicator
