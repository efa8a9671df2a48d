#include "common/base/json_text.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "common/base/bytes.h"

namespace ha {

std::string json_quote(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    // Plain runs, then the one byte that JSON writes its own way.
    const std::size_t end = std::min(text.find_first_of("\"\\\n\t"), text.size());
    for (const char c : escape(text.substr(0, end))) {
      out += c == '\\' ? std::string("\\\\") : std::string(1, c);
    }
    text.remove_prefix(end);
    if (!text.empty()) {
      const char c = text.front();
      out += '\\';
      out += c == '\n' ? 'n' : c == '\t' ? 't' : c;
      text.remove_prefix(1);
    }
  }
  return out + "\"";
}

std::string json_number(double number) {
  if (!std::isfinite(number)) {
    return "null";
  }
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.9g", number);
  return text.data();
}

}  // namespace ha
