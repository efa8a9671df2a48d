// The verb `completion names WHAT` of operators' commands: the names of sites or sets in cluster.toml.
#pragma once

#include "common/base/cli_context.h"

namespace ha {

inline constexpr CliArgument kClusterNames[] = {{"WHAT", true, false, "sets|sites"}};

// From the text alone, so that it is quick and works on a configuration that is not right yet. Never says a
// word about what is wrong.
[[nodiscard]] Outcome run_completion_names(const Context& context);

}  // namespace ha
