// The events that handlers can be told of: one table, which docs/handlers.md and the sources are tested
// against.
//
// area.what; -ing before, the past tense after. Names alone: what is in an event is handlers.h. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace ha::failover {

enum class Asked {
  Never,    // handlers are told afterwards, or beside it
  IsHeard,  // blocking ones are waited for; it is done all the same
  MayRefuse,
};
struct EventName {
  std::string_view name;
  Asked asked = Asked::Never;
  std::string_view doc;  // one sentence
};
[[nodiscard]] std::span<const EventName> event_names() noexcept;

// Whether a pattern of a handler ("role.*") has any event; Invalid with the nearest one.
[[nodiscard]] Status check_event_pattern(const std::string& pattern);
// Invalid if nobody is waited for at any event of the pattern.
[[nodiscard]] Status check_blocking_pattern(const std::string& pattern);
[[nodiscard]] bool is_blocking_event(std::string_view name) noexcept;

}  // namespace ha::failover
