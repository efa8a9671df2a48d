// The commands of `after`: run at a replica when changes have been published, and at a holder when it has
// become one. Once for a burst, never two of one set at a time, and nothing waits for them.
//
// They run on threads of their own. What was done is kept in the state directory (`after/SET`): a holder's
// epoch, and a replica's position; so a run that a kill or a failure prevented is made up for at the next
// start. Thread safety: the loop's thread, or before it turns; cancel() from any thread. Source:
// docs/operations.md, "Commands after a change".
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/base/workers.h"
#include "common/sys/file.h"
#include "common/wire/loop.h"
#include "replicator/config.h"
#include "replicator/model/position.h"
#include "replicator/status.h"

namespace ha::replicator {

struct AfterSet {
  SetConfig config;
  bool is_origin = false;
  std::uint64_t epoch = 0;
  bool turns = false;  // its role is told while the program runs: turn()
};

class AfterCommands {
 public:
  // Those of `sets` that have no command for their role here, and will have none, are left out. `loop` and
  // `log` must outlive it.
  static Result<std::unique_ptr<AfterCommands>> open(wire::Loop& loop, const std::string& state_dir,
                                                     std::string site, const std::vector<AfterSet>& sets,
                                                     Logger& log);
  ~AfterCommands();
  AfterCommands(const AfterCommands&) = delete;
  AfterCommands& operator=(const AfterCommands&) = delete;

  [[nodiscard]] bool has(const std::string& set) const;
  // Its role is another one from now on.
  void turn(const AfterSet& about);
  // At the start: what this site's index says of the set.
  void found(const std::string& set, const Position& own);
  void published(const std::string& set, const Position& own, std::uint64_t items);
  void report(SideReport& out) const;

  // Commands under way are ended, and none begins any more.
  void cancel() noexcept;
  // Waits for them. When the loop is closed.
  void stop();

 private:
  struct Done {  // what the state directory says
    std::uint64_t epoch = 0;
    std::uint64_t index_id = 0;
    std::uint64_t sequence = 0;
  };
  struct Set {
    AfterSet about;
    Strand strand;
    Done done;
    Position own;
    std::uint64_t items = 0;  // published since the last run began
    std::optional<SteadyTime> first_at;
    std::optional<SteadyTime> due_at;
    bool running = false;
    std::optional<AfterReport> failure;
  };
  struct Outcome {
    Status status = ok();
    std::string command;
    Duration took{};
  };

  AfterCommands(wire::Loop& loop, std::string site, sys::Directory state, sys::FileHandle cancelled,
                std::size_t threads, Logger& log);
  void want(Set& set);
  void on_tick(const Now& now);
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const;
  void run(Set& set);
  void ended(Set& set, const Outcome& outcome, const Done& done, std::uint64_t items);
  [[nodiscard]] Outcome run_all(const AfterSet& about, const std::vector<std::string>& environment) const;
  [[nodiscard]] Result<Done> read_done(const std::string& set) const;
  Status write_done(const std::string& set, const Done& done) const;

  wire::Loop& loop_;
  std::string site_;
  sys::Directory state_;
  sys::FileHandle cancelled_;
  Logger& log_;
  Workers workers_;
  std::map<std::string, Set> sets_;
  wire::Loop::Id timer_{};
};

}  // namespace ha::replicator
