// The files of a trial: its journal in the state directory, and cluster.toml.
//
// Each step is atomic and durable when it returns; which steps, in which order, says trial.h.
// Thread safety: one thread.
#pragma once

#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/sys/file.h"
#include "replicator/trial.h"

namespace ha::replicator {

class TrialFiles {
 public:
  [[nodiscard]] static Result<TrialFiles> open(const std::string& state_dir, const std::string& cluster_file);

  // The journal, if there is one. Corrupt: it is kept as config-trial.damaged.
  [[nodiscard]] Result<std::optional<Trial>> read() const;
  [[nodiscard]] Result<std::string> in_place() const;
  Status run(TrialStep step, const Trial& trial) const;
  Status run_all(const std::vector<TrialStep>& steps, const Trial& trial) const;

 private:
  TrialFiles(sys::Directory state, std::string cluster_file)
      : state_(std::move(state)), cluster_file_(std::move(cluster_file)) {}

  sys::Directory state_;
  std::string cluster_file_;
};

}  // namespace ha::replicator
