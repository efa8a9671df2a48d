// Patterns that leave paths out of a set.
//
// `*` any run of bytes without '/', `?` one byte but '/', `**` any run with '/', `\` takes the next byte as
// it is; everything else is itself. A pattern without '/' (but for one at its end) is tried against the last
// name of a path at any depth: "*.swp". A pattern with '/' is tried against the whole path from the set's
// root: "log/*.old", "/keys"; "**/" at its front matches no directory too. A '/' at the end: directories
// only. What is beneath a matched directory is out as well.
//
// Works on bytes: names need not be UTF-8. No character classes, no braces, no negation. No exponential
// backtracking: only the last `*` and the last `**` are taken up again. Pure; a GlobList is a plain value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha {

inline constexpr std::size_t kGlobBytesMax = 4096;

// One pattern against one text, with the wildcards above and nothing else of them.
[[nodiscard]] bool glob_match(BytesView pattern, BytesView text);

class GlobList {
 public:
  GlobList() = default;
  // Invalid for an empty pattern, one of only '/', an empty, "." or ".." component, a NUL byte, a trailing
  // '\', or more than kGlobBytesMax.
  [[nodiscard]] static Result<GlobList> parse(const std::vector<std::string>& patterns);

  [[nodiscard]] bool empty() const noexcept { return globs_.empty(); }
  // This path itself (relative to the root, no '/' at either end); its directories are not tried. For walks,
  // which do not enter what is out.
  [[nodiscard]] bool matches(BytesView path, bool is_directory) const;
  // This path or any directory above it. For a path that comes from elsewhere: an event, a peer.
  [[nodiscard]] bool covers(BytesView path, bool is_directory) const;

 private:
  struct Glob {
    std::string pattern;
    bool whole_path = false;
    bool directories_only = false;
  };
  std::vector<Glob> globs_;
};

}  // namespace ha
