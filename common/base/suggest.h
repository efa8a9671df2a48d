// The nearest known word to one that was mistyped, for "did you mean". Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ha {

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// The nearest of `known`, if it is near enough to be meant: a third of its length, but at least one edit, or
// it begins with what was typed (three letters or more). The first one wins a tie.
[[nodiscard]] std::optional<std::string> nearest(std::string_view typed,
                                                 const std::vector<std::string>& known);

// "; did you mean \"exclude\"?", or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view typed, const std::vector<std::string>& known);

}  // namespace ha
