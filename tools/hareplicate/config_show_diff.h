// Where two cluster.toml differ, as a table. Thread safety: plain functions.
#pragma once

#include <string>

#include "common/base/cli_table.h"
#include "replicator/config_diff.h"

namespace ha::tool {

[[nodiscard]] Table new_difference_table();
void add_differences(Table& table, const std::string& label, const replicator::ConfigComparison& found);

}  // namespace ha::tool
