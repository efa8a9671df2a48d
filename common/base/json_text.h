// Strings as JSON strings. All that we write as JSON is flat lines, for which a writer of our own is shorter
// than a document tree; bytes that are not printable UTF-8 stand as ha::escape() shows them. Pure.
#pragma once

#include <string>
#include <string_view>

namespace ha {

// With the quotes. What JSON cannot hold (invalid UTF-8) and what a terminal should not see (controls other
// than newline and tab) becomes \\xNN, readable by ha::unescape().
[[nodiscard]] std::string json_quote(std::string_view text);

// A number as JSON: what is not finite becomes null.
[[nodiscard]] std::string json_number(double number);

}  // namespace ha
