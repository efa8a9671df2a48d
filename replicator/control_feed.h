// `hareplicate history` and `events`: what was applied here, and what was logged, also as it happens.
//
// Thread safety: the main loop's thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "common/base/log.h"
#include "common/wire/control.h"
#include "replicator/history.h"

namespace ha::schemas::control {
class Request;
}

namespace ha::replicator {

class Feed {
 public:
  // `log` must outlive it.
  Feed(Logger& log, History history) : log_(log), history_(std::move(history)) {}

  void history(wire::ControlServer& server, std::uint64_t client, const schemas::control::Request& asked);
  void events(wire::ControlServer& server, std::uint64_t client, const schemas::control::Request& asked,
              const Now& now);
  // Clients that follow the events.
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const;
  void on_tick(wire::ControlServer& server, const Now& now);

 private:
  Logger& log_;
  History history_;
  std::map<std::uint64_t, std::uint64_t> listeners_;  // client → the last event it has
  SteadyTime tell_at_{};
};

}  // namespace ha::replicator
