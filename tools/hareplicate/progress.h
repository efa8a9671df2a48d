// The line that says how far a job is: phase, items, bytes, rate, time left. Pure but for print().
//
// The rate is that of the last kRateWindow, so that it follows the link; the time left comes from bytes. A
// phase that moves no bytes says so. Thread safety: one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "tools/hareplicate/context.h"

namespace ha::schemas::control {
class Job;
}

namespace ha::tool {

inline constexpr std::chrono::seconds kRateWindow{5};
inline constexpr std::chrono::seconds kPlainInterval{10};

class Progress {
 public:
  // Takes a report in; the line for it, without a line end.
  std::string line(const schemas::control::Job& job, SteadyTime now);
  // Shows it as suits: over itself on a terminal, every ten seconds elsewhere, as JSON lines for --json.
  void show(const Context& context, const schemas::control::Job& job, bool terminal, SteadyTime now);
  // Removes the line from the terminal.
  void clear();

 private:
  struct Sample {
    SteadyTime time;
    std::uint64_t bytes;
  };
  std::deque<Sample> samples_;
  std::optional<SteadyTime> printed_;
  bool on_screen_ = false;
};

// One job as JSON: schema "hareplicate.job/1".
[[nodiscard]] std::string job_json(const schemas::control::Job& job);

}  // namespace ha::tool
