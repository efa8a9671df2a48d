// Sites that race for one service over a network that loses, delays and doubles messages, in virtual time.
//
// What is promised of swaps, in every seed: each epoch has one owner; who was told "won" has been the owner;
// who was told "lost", "refused" or "not sent" never was and never will be.
// Thread safety: none.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"

namespace ha::sim {

struct DnsRaceOutcome {
  std::string violation;  // empty: none
  Duration healed_in{};
  unsigned epochs = 0;
  unsigned won = 0;
  unsigned lost = 0;
  unsigned overtaken = 0;
  unsigned unknown = 0;
  unsigned unknown_applied = 0;
  unsigned others = 0;
};

[[nodiscard]] DnsRaceOutcome run_dns_race(std::uint64_t seed, unsigned sites, unsigned rounds);

}  // namespace ha::sim
