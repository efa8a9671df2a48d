// A pushed cluster.toml that is in force until somebody confirms it, or goes back: the pure part.
//
// What is done when, as steps that can be counted, so that a test can stop after each. Not here: files
// (trial_files.h), and who may ask for what (config_trials.h). Thread safety: values and pure functions.
// Source: docs/config-push.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha::replicator {

struct Trial {
  std::string id;
  std::string site;  // that pushed it
  std::string user;
  std::vector<std::string> sites;  // all that take part
  std::int64_t begun_steady_ns = 0;
  std::int64_t begun_wall_ns = 0;
  std::int64_t limit_ns = 0;
  std::string before;  // cluster.toml as it was in force
  std::string after;

  bool operator==(const Trial&) const = default;
};

inline constexpr std::size_t kTrialBytesMax = (std::size_t{2} << 20) + (64 << 10);

// The journal. decode: Corrupt.
[[nodiscard]] Bytes encode_trial(const Trial& trial);
[[nodiscard]] Result<Trial> decode_trial(BytesView bytes);

enum class TrialStep {
  WriteJournal,
  PutAfter,   // into cluster.toml
  KeepAside,  // what stands in cluster.toml, as cluster.toml.undone
  PutBefore,  // into cluster.toml
  DropJournal,
};
[[nodiscard]] std::vector<TrialStep> steps_to_begin();
[[nodiscard]] std::vector<TrialStep> steps_to_undo();
[[nodiscard]] std::vector<TrialStep> steps_to_keep();

// When the steady clock of this boot says so. A steady clock that stands before the beginning is that of
// another boot: over.
[[nodiscard]] bool is_over(const Trial& trial, const Now& now);
[[nodiscard]] Duration time_left(const Trial& trial, SteadyTime now);

// What a journal means that is found at the start of the program; `in_place` is cluster.toml.
enum class TrialFound {
  Forget,  // the new file was never put in place, or the old one is back already
  GoOn,    // still on trial
  Undo,    // its time is over, by the steady clock or by the wall clock, whichever is sooner
};
[[nodiscard]] TrialFound judge_found(const Trial& trial, std::string_view in_place, const Now& now);

}  // namespace ha::replicator
