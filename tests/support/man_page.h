// What tests of man pages have in common: that a page has every verb and flag of a program, and no others.
//
// Thread safety: for tests, one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/cli.h"

namespace ha::man {

// The page below docs/man with what roff writes in another way taken back.
[[nodiscard]] std::string page(const std::string& name);
[[nodiscard]] bool says(std::string_view text, std::string_view word);
// From one heading to the next.
[[nodiscard]] std::string section_of(const std::string& text, const std::string& heading);

struct Entry {
  std::string head;  // the line below .TP, without its macro
  std::string body;  // up to the next entry, indented ones included
};
// Those of the outer level.
[[nodiscard]] std::vector<Entry> entries_of(const std::string& section);

// Each of them says with Boost.Test what is missing, or too much.
void check_verbs(const CliProgram& program, const std::string& text);
void check_globals(const CliProgram& program, const std::string& text);

}  // namespace ha::man
