// `hareplicate config push` and its kin: what the local socket and the other sites ask about cluster.toml.
//
// An operator's question goes from here to each site that is named, this one among them; a site's own
// question is answered for this site only. Whether it may be answered says ConfigTrials.
// Thread safety: the main loop's thread. Source: docs/config-push.md.
#pragma once

#include <functional>
#include <memory>

#include "common/wire/control.h"
#include "common/wire/curve.h"
#include "common/wire/loop.h"
#include "replicator/config_courier.h"
#include "replicator/config_trials.h"
#include "replicator/pipeline.h"

namespace ha::schemas::control {
class Request;
class Status;
}  // namespace ha::schemas::control

namespace ha::replicator {

// Whether a request needs root or the daemon's own user.
[[nodiscard]] bool changes_config(const schemas::control::Request& asked);

class ConfigDesk {
 public:
  // All must outlive it. To be opened before the pipeline starts.
  static Result<std::unique_ptr<ConfigDesk>> open(wire::Loop& loop, Pipeline& pipeline, ConfigTrials& trials,
                                                  const wire::KeyPair& keys);

  // One reply for each site, in the order in which they answer.
  void answer(wire::ControlServer& server, std::uint64_t client, const schemas::control::Request& asked);
  // What is on trial, and the problem that it is until somebody confirms it.
  void put_trial(schemas::control::Status& to, const Now& now) const;

 private:
  using Done = std::function<void(ConfigAnswer)>;
  ConfigDesk(wire::Loop& loop, Pipeline& pipeline, ConfigTrials& trials)
      : loop_(loop), pipeline_(pipeline), trials_(trials) {}
  void here(const ConfigQuestion& question, const ConfigCaller& caller, const Done& done);
  void with_links(ConfigAnswer answer, const Done& done);
  [[nodiscard]] std::optional<Error> do_it(const ConfigQuestion& question, const ConfigCaller& caller,
                                           ConfigAnswer& answer);

  wire::Loop& loop_;
  Pipeline& pipeline_;
  ConfigTrials& trials_;
  std::unique_ptr<ConfigCourier> courier_;
};

}  // namespace ha::replicator
