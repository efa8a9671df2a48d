#include "tools/hareplicate/daemon.h"

#include <pwd.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <utility>

#include "schemas/control.pb.h"

namespace ha::tool {
namespace {

namespace pb = ha::schemas::control;

constexpr std::chrono::milliseconds kStep{1000};  // how soon an interrupt is seen while the daemon is silent
constexpr Duration kSilenceMax = std::chrono::seconds(30);

volatile std::sig_atomic_t was_interrupted = 0;

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { was_interrupted = 1; };
  ::sigaction(SIGINT, &action, nullptr);
}

bool interrupted() noexcept {
  return was_interrupted != 0;
}

Result<replicator::Config> load_config(const Context& context) {
  const std::filesystem::path cluster = context.globals.config;
  ConfigProblems problems;
  auto config = replicator::Config::load(cluster, cluster.parent_path() / "node.toml", problems);
  if (!config.ok()) {
    std::fputs(problems.text().c_str(), stderr);
    std::error_code ignored;
    if (!std::filesystem::exists(cluster, ignored)) {
      return std::move(config).error();
    }
    const bool usual = cluster == CliGlobals{}.config;
    return std::move(config).error().hinted(
        "correct it, then: hareplicate" + (usual ? "" : " -c " + escape(cluster.string())) + " config check");
  }
  return config;
}

Result<Daemon> Daemon::open(const Context& context) {
  HA_TRY(replicator::Config config, load_config(context));
  const std::string path = (config.run_dir() / "replicator.sock").string();
  HA_TRY(wire::ControlClient client, wire::ControlClient::open(path, "replicator"));
  return Daemon(std::move(client), std::move(config), context.globals.timeout);
}

Status Daemon::ask(const pb::Request& request, const std::function<bool(const pb::Reply&)>& on_reply,
                   bool patient) {
  HA_CHECK(client_.send(request.SerializeAsString(), std::chrono::seconds(5)));
  SteadyTime heard = read_clocks().steady;
  for (;;) {
    auto next = client_.next(kStep);
    const SteadyTime now = read_clocks().steady;
    if (interrupted()) {
      return Error(Code::Cancelled, "interrupted");
    }
    if (!next.ok() && next.error().code() == Code::TimedOut) {
      if ((!patient || timeout_) && now - heard > timeout_.value_or(kSilenceMax)) {
        return std::move(next).error();
      }
      continue;
    }
    HA_TRY(const std::optional<Bytes> body, std::move(next));
    heard = now;
    pb::Reply reply;
    if (!body) {
      return ok();
    }
    if (!reply.ParseFromString(*body)) {
      return Error(Code::Corrupt, "the replicator's answer does not parse",
                   "use the hareplicate of the same version as the daemon");
    }
    if (!on_reply(reply)) {
      return ok();
    }
  }
}

pb::Request new_request(const std::string& verb) {
  pb::Request request;
  request.set_verb(verb);
  const char* sudo = std::getenv("SUDO_USER");
  const passwd* user = ::getpwuid(::getuid());
  request.set_user(sudo != nullptr   ? std::string(sudo)
                   : user != nullptr ? std::string(user->pw_name)
                                     : std::to_string(::getuid()));
  return request;
}

}  // namespace ha::tool
