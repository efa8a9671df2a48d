// Takes the steps of an operation, each written down before and after: what maintenance, set, swap and undo
// do.
//
// Blocks. Whatever ends it in the middle leaves the journal open, so that it is resumed or undone.
// Thread safety: one thread; cancel by making `cancel_fd` readable. Source: docs/dns.md.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "dnsupdater/journal.h"
#include "dnsupdater/seen_book.h"
#include "dnsupdater/trouble.h"
#include "dnsupdater/updater.h"
#include "dnsupdater/zones.h"

namespace ha::dns {

enum class RunEnd {
  Done,
  Stopped,    // of no use to go on: why is given; resume or undo
  Cancelled,  // by a person
};
struct RunOutcome {
  RunEnd end = RunEnd::Done;
  std::optional<Verdict> verdict;  // of the swap that it stopped at
  std::optional<Trouble> trouble;
};

// What was found a moment ago.
struct Reading {
  Name zone;
  std::vector<SetKey> keys;
  std::vector<RrSet> found;
  SteadyTime at;
};

struct RunnerOptions {
  Duration swap_total = std::chrono::seconds(20);
  int cancel_fd = -1;
  // What the operation was made from. If its first move asks for the same and it is fresh, that swap begins
  // with it: one that is out of date loses, and is made again from what is there.
  std::optional<Reading> reading = std::nullopt;
  // A line of progress: what is done, or waited for.
  std::function<void(const std::string& line)> say;
};

class Runner {
 public:
  // All must outlive it.
  Runner(Journal& journal, SeenBook& seen, Zones& zones, RunnerOptions options)
      : journal_(journal), seen_(seen), zones_(zones), options_(std::move(options)) {}

  // From the first step that is not known to be done to the end. It ends an operation whose first move came
  // to nothing ("refused: nothing was changed"); whatever else stops it leaves it open. Errors: those of the
  // journal, with which nothing more is done. `entry` is what was written
  // last.
  [[nodiscard]] Result<RunOutcome> run(JournalEntry& entry);

 private:
  struct StepEnd {
    std::optional<RunOutcome> stopped;
    std::string said;
    bool left_nothing = false;  // of a stopped move: nothing of it is there, or will be
  };
  [[nodiscard]] Result<StepEnd> take(const OperationStep& step, WallTime began,
                                     const std::function<Status()>& before_waiting);
  [[nodiscard]] Result<StepEnd> move(const MoveStep& step);
  [[nodiscard]] std::optional<Reading> fresh_reading(const MoveStep& step);
  [[nodiscard]] Result<StepEnd> verify(const VerifyStep& step, const std::function<Status()>& before_waiting);
  [[nodiscard]] Result<bool> is_still_wanted(const VerifyStep& step);
  [[nodiscard]] Result<StepEnd> pause(const PauseStep& step, WallTime began);
  [[nodiscard]] Result<StepEnd> drain(const DrainStep& step, WallTime began);
  [[nodiscard]] bool sleep(Duration length) const;  // false: cancelled
  void say(const std::string& line) const;

  Journal& journal_;
  SeenBook& seen_;
  Zones& zones_;
  RunnerOptions options_;
};

}  // namespace ha::dns
