// The connection to this site's replicator: a request, and its replies one by one.
//
// Where the socket is comes from the configuration, so a broken one is reported before anything is asked.
// Thread safety: one thread. Errors: Unavailable when no replicator runs, Denied when we may not ask it.
#pragma once

#include <functional>
#include <string>

#include "common/base/result.h"
#include "common/wire/control.h"
#include "replicator/config.h"
#include "tools/hareplicate/context.h"

namespace ha::schemas::control {
class Reply;
class Request;
}  // namespace ha::schemas::control

namespace ha::tool {

// cluster.toml and the node.toml beside it. On errors every problem has been printed.
[[nodiscard]] Result<replicator::Config> load_config(const Context& context);

class Daemon {
 public:
  static Result<Daemon> open(const Context& context);

  // Calls `on_reply` for each reply until the answer ends or it returns false. TimedOut after --timeout of
  // silence (default 30 s, or none at all when `patient`). Cancelled when interrupted is set meanwhile.
  Status ask(const schemas::control::Request& request,
             const std::function<bool(const schemas::control::Reply&)>& on_reply, bool patient = false);
  [[nodiscard]] const replicator::Config& config() const noexcept { return config_; }

 private:
  Daemon(wire::ControlClient client, replicator::Config config, std::optional<Duration> timeout)
      : client_(std::move(client)), config_(std::move(config)), timeout_(timeout) {}
  wire::ControlClient client_;
  replicator::Config config_;
  std::optional<Duration> timeout_;
};

// From here on SIGINT does not end the program but sets interrupted().
void catch_interrupts();
[[nodiscard]] bool interrupted() noexcept;

// A request with the caller's name.
[[nodiscard]] schemas::control::Request new_request(const std::string& verb);

}  // namespace ha::tool
