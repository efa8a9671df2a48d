// The texts of a set's `delete` and `after`. Private to config*.cpp. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "replicator/config.h"

namespace ha::replicator {

// "mirror", "never", "trash:30d".
[[nodiscard]] Result<DeleteRule> parse_delete(std::string_view text);

// A command as it would be typed, cut into words: blanks part them, 'quotes' and "quotes" hold them together,
// a backslash takes the next character as it is. There is no shell: what only one could do (pipes, variables,
// patterns) is Invalid unless it is quoted. The program is an absolute path or is looked for in PATH.
[[nodiscard]] Result<std::vector<std::string>> parse_command(std::string_view text);

// `unit` of a set whose other keys are read already. Invalid with a hint: it is no pattern, or does not go
// with the others.
[[nodiscard]] Result<GlobList> parse_unit(const std::string& text, const SetConfig& set);

}  // namespace ha::replicator
