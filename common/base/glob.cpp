#include "common/base/glob.h"

#include <algorithm>

namespace ha {
namespace {

// A star of the pattern that was passed: where the pattern goes on behind it, and up to where it has taken
// the text. Text npos: there is none.
struct Star {
  std::size_t pattern = 0;
  std::size_t text = BytesView::npos;
};

Error bad_pattern(const std::string& pattern, std::string_view why) {
  return Error(Code::Invalid, "pattern \"" + escape(pattern) + "\" " + std::string(why));
}

bool has_bad_component(std::string_view path) {
  while (true) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view component = path.substr(0, end);
    if (component.empty() || component == "." || component == "..") {
      return true;
    }
    if (end == path.size()) {
      return false;
    }
    path.remove_prefix(end + 1);
  }
}

bool ends_with_open_backslash(std::string_view pattern) {
  const std::size_t last = pattern.find_last_not_of('\\');
  const std::size_t slashes = pattern.size() - (last == std::string_view::npos ? 0 : last + 1);
  return slashes % 2 == 1;
}

}  // namespace

bool glob_match(BytesView pattern, BytesView text) {
  Star star;         // the last `*`: takes one more byte, but never a '/'
  Star double_star;  // the last `**`: takes one more byte of any kind
  std::size_t p = 0;
  std::size_t t = 0;
  while (true) {
    if (p < pattern.size() && pattern[p] == '*') {
      if (pattern.substr(p, 2) != "**") {
        star = Star{++p, t};
        continue;
      }
      const bool whole_levels = pattern.substr(p, 3) == "**/" && (p == 0 || pattern[p - 1] == '/');
      p += whole_levels ? 3 : 2;
      double_star = Star{p, t};
      star = Star{};
      continue;
    }
    if (t == text.size() && p == pattern.size()) {
      return true;
    }
    const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    const bool fits = t < text.size() && p < pattern.size() &&
                      (escaped ? pattern[p + 1] == text[t]
                               : pattern[p] == text[t] || (pattern[p] == '?' && text[t] != '/'));
    if (fits) {
      p += escaped ? 2 : 1;
      ++t;
      continue;
    }
    if (star.text < text.size() && text[star.text] != '/') {
      t = ++star.text;
      p = star.pattern;
      continue;
    }
    if (double_star.text >= text.size()) {
      return false;
    }
    ++double_star.text;
    const std::size_t at = double_star.pattern;
    if (at >= 3 && pattern[at - 1] == '/') {
      // "**/" takes whole levels: go on behind the next slash.
      const std::size_t slash = text.find('/', double_star.text - 1);
      if (slash == BytesView::npos) {
        return false;
      }
      double_star.text = slash + 1;
    }
    star = Star{};
    t = double_star.text;
    p = at;
  }
}

Result<GlobList> GlobList::parse(const std::vector<std::string>& patterns) {
  GlobList list;
  for (const std::string& written : patterns) {
    Glob glob;
    std::string_view rest = written;
    if (rest.size() > kGlobBytesMax) {
      return Error(Code::Invalid, "a pattern is longer than 4096 bytes");
    }
    if (rest.find('\0') != std::string_view::npos) {
      return bad_pattern(written, "holds a NUL byte");
    }
    if (ends_with_open_backslash(rest)) {
      return bad_pattern(written, "ends with a single \\").hinted("write \\\\ for a backslash");
    }
    glob.directories_only = rest.ends_with('/');
    rest.remove_suffix(glob.directories_only ? 1 : 0);
    glob.whole_path = rest.find('/') != std::string_view::npos;
    rest.remove_prefix(rest.starts_with('/') ? 1 : 0);
    if (has_bad_component(rest)) {
      return bad_pattern(written, "has an empty, \".\" or \"..\" part")
          .hinted("patterns are relative to the set's root: \"keys/\", \"*.swp\", \"log/**/*.old\"");
    }
    glob.pattern = rest;
    list.globs_.push_back(std::move(glob));
  }
  return list;
}

bool GlobList::matches(BytesView path, bool is_directory) const {
  const std::size_t slash = path.rfind('/');
  const BytesView name = slash == BytesView::npos ? path : path.substr(slash + 1);
  return std::any_of(globs_.begin(), globs_.end(), [&](const Glob& glob) {
    return (is_directory || !glob.directories_only) &&
           glob_match(glob.pattern, glob.whole_path ? path : name);
  });
}

bool GlobList::covers(BytesView path, bool is_directory) const {
  for (std::size_t at = path.find('/'); at != BytesView::npos; at = path.find('/', at + 1)) {
    if (matches(path.substr(0, at), true)) {
      return true;
    }
  }
  return matches(path, is_directory);
}

}  // namespace ha
