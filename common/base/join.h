// A list as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ha {

[[nodiscard]] inline std::string joined(const std::vector<std::string>& parts,
                                        std::string_view between = ", ") {
  std::string out;
  for (const std::string& part : parts) {
    out += (out.empty() ? std::string_view() : between);
    out += part;
  }
  return out;
}

}  // namespace ha
