// Sites that take a service from each other over two zones, and are killed between the halves and within
// them, over a network that loses, delays and doubles messages, in virtual time.
//
// What is promised, in every seed: each epoch has one owner; the records of the service are at every moment
// those of the owner that the epoch copy names; the copy's epoch never falls, and is never beyond the lease;
// when faults stop, copy and records come to the lease's epoch by themselves. Thread safety: none.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"

namespace ha::sim {

struct DnsTakeoverOutcome {
  std::string violation;  // empty: none
  Duration healed_in{};
  unsigned claims = 0;     // won
  unsigned transfers = 0;  // won
  unsigned renewals = 0;   // won
  unsigned lost = 0;
  unsigned halves = 0;   // second ones, won
  unsigned resumed = 0;  // of these, after a kill
  unsigned late = 0;     // second halves that came when a later lease was there
  unsigned kills = 0;
};

// `two_zones` false: the lease is in the service's zone.
[[nodiscard]] DnsTakeoverOutcome run_dns_takeover(std::uint64_t seed, unsigned sites, bool two_zones);

}  // namespace ha::sim
