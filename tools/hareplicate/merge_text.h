// Two versions of a text that have gone apart are merged line by line: diff and diff3 (GNU diffutils, which
// every Debian has) do it.
//
// No version before both is known, so what both have in common stands for it: lines that only one of them has
// are taken, and where both have different lines in one place it is a conflict, marked as diff3 -m does.
// Blocks (two or three short commands in a directory of their own beneath TMPDIR). Thread safety: none
// needed. Errors: Exhausted beyond kMergeBytesMax, Unsupported when a text is none, those of the commands.
// Source: diff(1), diff3(1); docs/adr/0011-diff3-merges.md.
#pragma once

#include <string>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::tool {

inline constexpr std::size_t kMergeBytesMax = 4 * 1024 * 1024;  // of each version

struct Merged {
  Bytes text;
  bool conflicts = false;
};

// Without NUL: what diff takes for text.
[[nodiscard]] bool is_text(BytesView content);
// A line that begins as a mark of a conflict does: nobody has decided it.
[[nodiscard]] bool has_conflict_marks(BytesView text);
[[nodiscard]] Result<Merged> merge_texts(const Bytes& live, const Bytes& stranded);
// As a terminal may have it: lines, tabs and backslashes stay, what could steer it becomes \xNN.
[[nodiscard]] std::string for_terminal(BytesView text);
// As diff -u shows it; empty if they are equal.
[[nodiscard]] Result<Bytes> unified_diff(const Bytes& before, const Bytes& after, const std::string& name);

}  // namespace ha::tool
