// What a takeover takes for callers, as a sum of parts that can be shown.
//
// Pure. From the configuration and what was measured; not a promise but for the lease: parts that were never
// measured are given with what the configuration allows at most. Thread safety: plain functions.
// Source: docs/failover.md, "The budget".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "failover/model/turn.h"

namespace ha::failover {

// What ends the service where it is.
enum class Loss {
  SiteDies,    // nobody says a word
  PbxDies,     // its coordinator lives, and hands over
  SwitchOver,  // planned: nothing has to be found out
};

struct BudgetFacts {
  Mode mode = Mode::Lease;
  Timing timing;
  Duration probe_patience = std::chrono::milliseconds(500);  // of the PBX of a suspected holder (fast)
  Duration health_rise = std::chrono::seconds(1);            // until a dead PBX counts
  Duration stop_within = std::chrono::milliseconds(400);     // the most that a stop may take
  Duration start_within = std::chrono::seconds(30);          // the most that a start may take
  Duration swap_within = std::chrono::seconds(2);            // the most that a swap may take
  bool prewarmed = true;                                     // the PBX starts on suspicion
  std::optional<Duration> swap = {};                         // measured: the median of the last ones
  std::optional<Duration> stop = {};
  std::optional<Duration> start = {};
  Duration ttl{};         // of the service's names
  Duration reregister{};  // what phones need to come back by themselves
};

struct BudgetPart {
  std::string name;  // "lease", "swap", …
  Duration length{};
  bool at_most = false;  // it was never measured here: the configuration's limit

  bool operator==(const BudgetPart&) const = default;
};
[[nodiscard]] std::vector<BudgetPart> budget(const BudgetFacts& facts, Loss loss);
[[nodiscard]] Duration total(const std::vector<BudgetPart>& parts) noexcept;
// A limit counts in it.
[[nodiscard]] bool is_at_most(const std::vector<BudgetPart>& parts) noexcept;
// "10 s lease + up to 2 s swap + 30 s TTL = up to 42 s"; parts without a length are left out.
[[nodiscard]] std::string budget_text(const std::vector<BudgetPart>& parts);

}  // namespace ha::failover
