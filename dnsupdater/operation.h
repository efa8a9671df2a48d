// Changes in steps, each of which can be taken again: what a kill has broken off is resumed or undone.
//
// An operation says for every RRset what it was and what it shall be, so that a step which is taken again
// finds that it is done, or does it, or finds that somebody else has been at work and stops. Undoing is the
// same steps the other way round. No I/O, no clock. Thread safety: values. Source: docs/dns.md,
// "Maintenance".
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "dnsupdater/exchange.h"
#include "dnsupdater/plan.h"
#include "dnsupdater/pool.h"
#include "dnsupdater/swap.h"

namespace ha::dns {

inline constexpr std::size_t kStepsMax = 512;  // a maintenance swap in each of kZonesMax has 387

// The guard that stands for the moves of a step; of a pool also its list, which changes as `shared` sets do.
struct GuardMove {
  Name name;
  std::string id;
  std::optional<Pool> from = std::nullopt;
  std::optional<Pool> to = std::nullopt;

  bool operator==(const GuardMove&) const = default;
};

struct SetMove {
  Name name;
  RrType type = RrType::A;
  std::optional<RrSet> from;  // none: not there
  std::optional<RrSet> to;
  bool of_service = false;
  // Of a pool: others change what is theirs in it meanwhile. Only what differs between `from` and `to`
  // counts.
  bool shared = false;

  bool operator==(const SetMove&) const = default;
};
// Whether who answers with `seen` has taken it in.
[[nodiscard]] bool is_after(const SetMove& move, const std::optional<RrSet>& seen);

// One swap in one zone.
struct MoveStep {
  Name zone;
  std::vector<GuardMove> guards;
  std::vector<SetMove> sets;

  bool operator==(const MoveStep&) const = default;
};
// Every server of the zone answers with these; one that is silent is named, and waited for no longer than
// `limit`.
struct VerifyStep {
  Name zone;
  std::vector<Endpoint> servers;
  std::vector<SetMove> sets;
  Duration limit{};

  bool operator==(const VerifyStep&) const = default;
};
// From the moment at which it began, also over a restart.
struct PauseStep {
  Duration length{};
  std::string why;

  bool operator==(const PauseStep&) const = default;
};
// Until `command` ends with 0; tried every few seconds, not longer than `limit`.
struct DrainStep {
  std::vector<std::string> command;
  Duration limit{};

  bool operator==(const DrainStep&) const = default;
};
using OperationStep = std::variant<MoveStep, VerifyStep, PauseStep, DrainStep>;

struct Operation {
  std::string id;    // "d-17"
  std::string what;  // "maintenance start fra1"
  std::vector<OperationStep> steps;

  // Made by undo_of().
  [[nodiscard]] bool is_undo() const { return what.starts_with("undo "); }
  bool operator==(const Operation&) const = default;
};

// What a swap has to ask for before it can make the change of a step.
[[nodiscard]] std::vector<SetKey> keys_of(const MoveStep& step);
// From what was found: all is as `from` or as `to`, or it is an error (Conflict), which says what is there
// instead. Where all is as `to` the change has nothing to send. `nonce`: for the guards; `beyond`: what was
// seen of a guard before less was accepted (SeenBook), null: nothing.
// Of a pool that others have changed: errors of rebased().
using SeenBeyond = std::function<Version(const Name& guard)>;
[[nodiscard]] Result<Change> change_of(const MoveStep& step, const std::vector<RrSet>& found,
                                       const Digest& nonce, const SeenBeyond& beyond = nullptr);

// Takes back the steps before `done` and the one at it, which may have been taken: moves the other way, a
// look at the servers after each. Without pauses and drains.
[[nodiscard]] Operation undo_of(const Operation& operation, std::size_t done, std::string id);

// A line for people, of each step: "sip.example.net A 192.0.2.10 → 192.0.2.11".
[[nodiscard]] std::vector<std::string> lines_of(const OperationStep& step);

}  // namespace ha::dns
