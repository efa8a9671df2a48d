// What a look at something comes to, of `check` and `doctor`.
#pragma once

#include <string_view>

namespace ha::dns {

enum class Mark {
  Good,
  Note,  // it works, and somebody should know
  Bad,   // callers or a takeover suffer from it
  Skipped,
};
[[nodiscard]] std::string_view mark_text(Mark mark) noexcept;  // "good", "note", "bad", "skipped"
[[nodiscard]] std::string_view mark_sign(Mark mark) noexcept;  // "✓", "!", "✗", "–"

}  // namespace ha::dns
