// A TOML text as a plain tree with places: what lies between toml++ and the checks. Private to config*.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/config.h"

namespace ha {

struct RawNode;

struct RawTable {
  ConfigPlace place;
  std::vector<RawNode> nodes;  // in the order of the file

  [[nodiscard]] const RawNode* find(std::string_view key) const;
};

// A value that no key takes: a date, a time, a list of mixed types. Its TOML name is kept for the message.
struct RawOther {
  std::string type;
};

struct RawNode {
  std::string key;
  ConfigPlace key_place;
  ConfigPlace value_place;
  // An empty list is an empty vector<string> in ConfigData, even where a [[table]] is meant.
  std::variant<ConfigData, RawTable, std::vector<RawTable>, RawOther> value;
};

// Nothing if the text is not TOML; `problems` then has the place.
[[nodiscard]] std::optional<RawTable> parse_toml(const std::string& file, std::string_view text,
                                                 ConfigProblems& problems);

}  // namespace ha
