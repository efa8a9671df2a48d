#include "replicator/trial_files.h"

#include <utility>

#include "common/sys/replace.h"
#include "replicator/config.h"

namespace ha::replicator {
namespace {

constexpr const char* kDamaged = "config-trial.damaged";
constexpr mode_t kJournalMode = 0600;
constexpr mode_t kConfigMode = 0644;

}  // namespace

Result<TrialFiles> TrialFiles::open(const std::string& state_dir, const std::string& cluster_file) {
  HA_TRY(sys::Directory state, sys::Directory::open_root(state_dir));
  return TrialFiles(std::move(state), cluster_file);
}

Result<std::optional<Trial>> TrialFiles::read() const {
  auto bytes = sys::read_file(state_, kTrialFile, kTrialBytesMax);
  if (!bytes.ok() && bytes.error().code() == Code::NotFound) {
    return std::optional<Trial>();
  }
  HA_TRY(const Bytes text, std::move(bytes));
  auto trial = decode_trial(text);
  if (!trial.ok()) {
    HA_CHECK(state_.rename(kTrialFile, state_, kDamaged, sys::RenameMode::Replace));
    return std::move(trial).error();
  }
  return std::optional<Trial>(std::move(trial).value());
}

Result<std::string> TrialFiles::in_place() const {
  return sys::read_kept(cluster_file_, kConfigBytesMax);
}

Status TrialFiles::run(TrialStep step, const Trial& trial) const {
  switch (step) {
    case TrialStep::WriteJournal:
      return sys::replace_file(state_, kTrialFile, encode_trial(trial), kJournalMode);
    case TrialStep::PutAfter:
      return sys::replace_kept(cluster_file_, trial.after, kConfigMode);
    case TrialStep::KeepAside: {
      const auto text = in_place();
      if (!text.ok() || *text == trial.before) {
        return ok();  // it is gone, or back already: nothing to keep
      }
      // Going back matters more than what is kept for people.
      static_cast<void>(sys::replace_kept(cluster_file_ + ".undone", *text, kConfigMode));
      return ok();
    }
    case TrialStep::PutBefore:
      return sys::replace_kept(cluster_file_, trial.before, kConfigMode);
    case TrialStep::DropJournal: {
      HA_TRY(const bool there, state_.exists(kTrialFile));
      if (there) {
        HA_CHECK(state_.unlink(kTrialFile));
      }
      return state_.sync();
    }
  }
  return Error(Code::Internal, "no such step");
}

Status TrialFiles::run_all(const std::vector<TrialStep>& steps, const Trial& trial) const {
  for (const TrialStep step : steps) {
    HA_CHECK(run(step, trial));
  }
  return ok();
}

}  // namespace ha::replicator
