// What can be wrong with a server or with us, as callers and exit codes tell it apart.
//
// Thread safety: values. Source: docs/dns.md, "Exit codes".
#pragma once

#include <string_view>

#include "common/base/result.h"

namespace ha::dns {

enum class Cause {
  Network,      // nobody answers, or not so that it counts
  Key,          // the server does not know our key, or has another of that name
  Clock,        // the clocks are further apart than signatures allow
  Policy,       // it does not let this key do this, or its zone is frozen
  Zone,         // it does not have the zone, or not as a primary
  Unsupported,  // it takes no updates, or none of this kind
  Server,       // it has failed (SERVFAIL)
  Regression,   // DNS has gone back behind what was seen of it
  Ours,         // we do not want it: a rule, a plan that must not be, a guard that does not fit
};
[[nodiscard]] std::string_view cause_text(Cause cause) noexcept;

struct Trouble {
  Cause cause = Cause::Ours;
  Error error;
};
[[nodiscard]] Trouble ours(Error error);
[[nodiscard]] Trouble gone_back(Error error);

// It may be over the next moment.
[[nodiscard]] constexpr bool is_passing(Cause cause) noexcept {
  return cause == Cause::Network || cause == Cause::Server;
}

}  // namespace ha::dns
