// What callers behind a resolver see of a change, and when: from what it answered about a scratch name.
//
// Pure: the questions are asked by verb_probe.cpp. Measured on Unbound: docs/dns.md, "Resolvers".
// Thread safety: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dnsupdater/address.h"
#include "dnsupdater/endpoint.h"
#include "dnsupdater/rrset.h"

namespace ha::dns {

inline constexpr std::uint32_t kProbeTtlS = 5;  // of the scratch record
inline constexpr std::size_t kResolversMax = 32;

// What a resolver said to one question.
struct Sight {
  enum class Kind { Data, Nothing, Failed, Silent } kind = Kind::Silent;
  std::vector<Rdata> rdata = {};  // of Data
  std::uint32_t ttl_s = 0;        // of Data: how long it would still be kept
  std::string said = {};          // of Failed: "SERVFAIL"
};

enum class Habit {
  Honours,     // the TTL
  Clamps,      // keeps data longer than its TTL
  ServesOld,   // gives what has expired to the first who asks, then what is new
  StaysOld,    // neither is the reason, but it has the old data still
  CannotFind,  // it does not get to the zone
  Silent,
};
[[nodiscard]] std::string_view habit_text(Habit habit) noexcept;

struct ProbeVerdict {
  Habit habit = Habit::Silent;
  std::optional<std::uint32_t> follows_s;  // callers follow a change after that long; none: nobody can tell
  std::string meaning;                     // a sentence for people
};
// `first`: just after the record was made. `second` and `third`: when its TTL had run out since it was
// changed to `now`, the one a little after the other.
[[nodiscard]] ProbeVerdict verdict_of(const Endpoint& resolver, const Sight& first, const Sight& second,
                                      const Sight& third, const Rdata& now);

// The name servers of a resolv.conf(5), at most kResolversMax; what is no address is passed over.
[[nodiscard]] std::vector<Endpoint> resolvers_of(std::string_view resolv_conf);

}  // namespace ha::dns
