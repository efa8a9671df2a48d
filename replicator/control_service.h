// The replicator's side of the local control socket: answers `hareplicate` (schemas/control.proto).
//
// Runs on the main loop; asks the other loops and the sets' strands by tasks and answers when they have.
// Jobs and changing verbs need root or the daemon's own user. Thread safety: the main loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/log.h"
#include "common/wire/control.h"
#include "common/wire/loop.h"
#include "replicator/config_trials.h"
#include "replicator/pipeline.h"
#include "replicator/role_keeper.h"

namespace ha::replicator {

// What outlives the pipeline, and is asked or changed here.
struct ControlParts {
  ConfigTrials& trials;
  const wire::KeyPair& keys;
  RoleKeeper& roles;
};

class ControlService {
 public:
  // All must outlive it. Exists if another daemon answers at `path`. To be opened before the pipeline starts.
  static Result<std::unique_ptr<ControlService>> open(wire::Loop& loop, Pipeline& pipeline,
                                                      ControlParts parts, Logger& log,
                                                      const std::string& path);
  ~ControlService();
  ControlService(const ControlService&) = delete;
  ControlService& operator=(const ControlService&) = delete;

  class Impl;

 private:
  explicit ControlService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// For Pipeline::open(): puts what was published into the log and, on `loop`, into the history at `state_dir`.
[[nodiscard]] std::function<void(const Published&)> record_published(wire::Loop& loop, Logger& log,
                                                                     const std::string& state_dir);

}  // namespace ha::replicator
