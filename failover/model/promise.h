// Failsafe: promises not to claim, given and collected, of one service at one site.
//
// Pure. Who holds a service and cannot reach the arbiter asks every other candidate; with all of them it may
// go on. A promise binds its giver in either mode until it ends, also if the holder is seen to die meanwhile.
// It does not survive a restart of its giver: who restarts claims nothing before it has waited anyhow
// (turn.h). Thread safety: one thread. Source: docs/failover.md, "Failsafe"; models: failsafe.pml.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "failover/model/timing.h"

namespace ha::failover {

// What this site has promised.
class GivenPromise {
 public:
  // For W from now. The caller has made sure that it may (turn.cpp).
  void give(const std::string& holder, Duration length, SteadyTime now);
  [[nodiscard]] bool binds(SteadyTime now) const noexcept { return until_ && now < *until_; }
  [[nodiscard]] const std::string& holder() const noexcept { return holder_; }
  [[nodiscard]] std::optional<SteadyTime> until() const noexcept { return until_; }

 private:
  std::string holder_;
  std::optional<SteadyTime> until_;
};

// What this site collects.
class PromiseRound {
 public:
  // A new round: what belongs to the one before does not count any more. `from`: all other candidates.
  void begin(std::uint64_t number, std::vector<std::string> from, SteadyTime sent);
  void end() noexcept { number_ = 0; }
  // Of another round, or from somebody who was not asked: nothing.
  void on_promise(std::uint64_t number, const std::string& site);

  [[nodiscard]] bool running() const noexcept { return number_ != 0; }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] SteadyTime sent() const noexcept { return sent_; }
  // All of `sites` have promised. Who became a candidate since it began was not asked.
  [[nodiscard]] bool complete(const std::vector<std::string>& sites) const;
  [[nodiscard]] std::vector<std::string> missing() const { return {missing_.begin(), missing_.end()}; }

 private:
  std::uint64_t number_ = 0;
  SteadyTime sent_{};
  std::set<std::string> promised_;
  std::set<std::string> missing_;
};

}  // namespace ha::failover
