// What `hareplicate help TOPIC` says: texts that need neither a network nor a manual page.
//
// Pure. The table of states is held against docs/operations.md by a test; the topic "config" is made from the
// tables of keys, so that it says what this version reads.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ha::tool {

struct HelpTopic {
  std::string_view name;
  std::string_view summary;
};
[[nodiscard]] std::span<const HelpTopic> help_topics() noexcept;

// Nothing if there is no such topic.
[[nodiscard]] std::optional<std::string> help_text(std::string_view topic);

}  // namespace ha::tool
