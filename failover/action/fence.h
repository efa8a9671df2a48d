// Switches another site's host off, by a command of the operator's (STONITH). Its end with 0 is the proof.
//
// A confirmed fence of an owner lets its service be claimed before its lease is over, so nothing but the exit
// status counts: not what was printed, not that it took long. Blocks, for workers. Thread safety: plain
// functions. Source: docs/failover.md, "The lease", 3.
#pragma once

#include <cstdint>
#include <string>

#include "failover/action/command.h"

namespace ha::failover {

struct FenceWish {
  std::string site;     // that is to be switched off
  std::string service;  // that it holds
  std::uint64_t epoch = 0;
  std::string reason;
  std::string by;  // our site
};

struct FenceOutcome {
  bool confirmed = false;
  std::string words;  // "nyc1 is off: fence_ipmilan was good, in 2.1 s"
  Duration took{};
};
// The command gets HA_FENCE_SITE, HA_SERVICE, HA_EPOCH, HA_REASON and HA_SITE.
[[nodiscard]] FenceOutcome fence(const ActionCommand& command, const FenceWish& wish, int cancel_fd = -1);

}  // namespace ha::failover
