#include "replicator/model/overlay.h"

#include <algorithm>
#include <map>
#include <utility>

#include <re2/re2.h>

#include "replicator/model/pristine_lines.h"

namespace ha::replicator {
namespace {

constexpr std::int64_t kPatternMemoryBytes = 8 << 20;

RE2::Options options() {
  RE2::Options out(RE2::Latin1);
  out.set_log_errors(false);
  out.set_max_mem(kPatternMemoryBytes);
  return out;
}

// What is wrong with it, or empty.
std::string fault_of(const RE2& pattern, const OverlayRule& rule) {
  if (!pattern.ok()) {
    return "match is not a pattern: " + escape(pattern.error());
  }
  std::string error;
  if (!pattern.CheckRewriteString(rule.with, &error)) {
    return "with does not fit match: " + escape(error);
  }
  return {};
}

Error invalid(const std::string& what) {
  return Error(Code::Invalid, what);
}

}  // namespace

struct Overlay::Compiled {
  std::unique_ptr<RE2> pattern;
  std::string with;
};

Overlay::Overlay(std::vector<Compiled> rules) noexcept : rules_(std::move(rules)) {}
Overlay::Overlay(Overlay&&) noexcept = default;
Overlay& Overlay::operator=(Overlay&&) noexcept = default;
Overlay::~Overlay() = default;

Status check_overlay_rule(const OverlayRule& rule) {
  if (rule.match.empty() || rule.match.size() > kPatternBytesMax || rule.with.size() > kPatternBytesMax) {
    return invalid("match has from 1 to " + std::to_string(kPatternBytesMax) +
                   " bytes, with at most as many");
  }
  if (rule.with.find_first_of("\n\r") != std::string::npos) {
    return invalid("with has a line break — one line becomes one line");
  }
  const std::string fault = fault_of(RE2(rule.match, options()), rule);
  return fault.empty() ? ok() : Status(invalid(fault));
}

Result<Overlay> Overlay::compile(const std::vector<OverlayRule>& rules) {
  std::vector<Compiled> compiled;
  for (const OverlayRule& rule : rules) {
    HA_CHECK(check_overlay_rule(rule));
    Compiled& next = compiled.emplace_back();
    next.pattern = std::make_unique<RE2>(rule.match, options());
    next.with = rule.with;
  }
  return Overlay(std::move(compiled));
}

Result<Pristine> Overlay::apply(BytesView pristine) const {
  if (pristine.size() > kOverlayFileBytesMax) {
    return Error(Code::Exhausted, "it is larger than 4 MiB");
  }
  Pristine out{Bytes(pristine), {}};
  std::size_t grown = 0;
  std::uint64_t number = 0;
  for (const Line& line : lines_of(pristine)) {
    ++number;
    if (line.text.size() > kOverlayLineBytesMax) {
      continue;
    }
    std::string text(line.text);
    for (const Compiled& rule : rules_) {
      RE2::GlobalReplace(&text, *rule.pattern, rule.with);
      if (text.size() > kAlteredFileBytesMax) {
        return Error(Code::Exhausted, "line " + std::to_string(number) + " becomes too long");
      }
    }
    // A group may have caught what would be a line break to whoever reads the altered file.
    if (text.find('\n') != std::string::npos || text.ends_with('\r')) {
      return Error(Code::Exhausted, "line " + std::to_string(number) + " would get a line break");
    }
    if (text.empty() && line.end.empty() && !line.text.empty()) {
      return Error(Code::Exhausted, "the last line has no line break and would be gone");
    }
    if (text != line.text) {
      grown += text.size() + line.text.size();
      out.hunks.push_back({number, Bytes(line.text), std::move(text)});
    }
    if (grown > kAlteredFileBytesMax || out.hunks.size() > kHunksMax) {
      return Error(Code::Exhausted, "too much of it would be altered");
    }
  }
  return out;
}

}  // namespace ha::replicator
