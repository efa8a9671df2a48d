// failover daemon: the coordinator of this site, as systemd runs it.
#include <sys/signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <utility>

#include "common/base/log.h"
#include "common/sys/process.h"
#include "failover/control_service.h"
#include "failover/controller.h"
#include "failover/verbs.h"
#include "replicator/config_digest.h"
#include "replicator/config_keys.h"
#include "version.h"

namespace ha::failover {
namespace {

constexpr const char* kLockFile = "failover.lock";
constexpr std::uint64_t kDescriptors = 4096;

// All that lives by one configuration.
struct Node {
  FailoverConfig config;
  wire::KeyPair keys;
  std::unique_ptr<wire::Loop> loop;
  std::unique_ptr<Controller> controller;
  std::unique_ptr<ControlService> control;

  ~Node() {
    if (loop) {
      loop->close();  // workers that wait to report do not wait any more
    }
  }
};

// What is wrong has been said.
Result<std::unique_ptr<Node>> load(const Context& context) {
  HA_TRY(FailoverConfig config, load_config(context));
  HA_TRY(wire::KeyPair keys, replicator::load_keys(config.cluster()));
  return std::unique_ptr<Node>(new Node{std::move(config), std::move(keys), nullptr, nullptr, nullptr});
}

Status open(Node& node, Logger& log) {
  HA_TRY(node.loop, wire::Loop::open());
  HA_TRY(node.controller, Controller::open(node.config, node.keys.clone(), *node.loop, log));
  HA_TRY(node.control, ControlService::open(*node.loop, *node.controller,
                                            (node.config.cluster().run_dir() / "failover.sock").string()));
  return ok();
}

// Until SIGTERM or SIGINT, or until there is a next configuration to run with.
Result<std::unique_ptr<Node>> serve(Node& node, sys::SignalWatcher& signals, const Context& context,
                                    Logger& log) {
  wire::Loop& loop = *node.loop;
  std::unique_ptr<Node> next;
  loop.add_fd(signals.fd(), true, false, [&](const Now&) {
    const auto signal = signals.next();
    if (!signal.ok() || !*signal) {
      return;
    }
    if (**signal != SIGHUP) {
      next.reset();
      sys::notify_stopping();
      log.info("node.stopping");
      loop.stop();
      return;
    }
    auto loaded = load(context);
    if (loaded.ok() && ((*loaded)->config.cluster().state_dir() != node.config.cluster().state_dir() ||
                        (*loaded)->config.cluster().run_dir() != node.config.cluster().run_dir())) {
      loaded = Error(Code::Unsupported, "state_dir and run_dir change with a restart only",
                     "systemctl restart failover");
    }
    if (!loaded.ok()) {
      log.error("config.rejected", loaded.error());
      return;
    }
    next = std::move(loaded).value();
    loop.stop();
  });
  const auto interval = sys::watchdog_interval();
  SteadyTime feed_at = read_clocks().steady;
  loop.add_timer([&]() -> std::optional<SteadyTime> { return feed_at; },
                 [&](const Now& now) {
                   feed_at = now.steady + interval.value_or(std::chrono::seconds(2)) / 2;
                   sys::notify_watchdog();
                 });
  HA_CHECK(loop.run());
  return next;
}

// The new configuration as a whole, or the old one again. What is held goes on meanwhile: the guard is open
// for the rest of the lease, and the next coordinator renews first.
Status change_over(std::unique_ptr<Node>& node, std::unique_ptr<Node> next, Logger& log) {
  sys::notify_reloading(read_clocks().steady);
  const Coordinator::Continued before = node->controller->core().continued();
  FailoverConfig old_config = node->config;
  wire::KeyPair old_keys = node->keys.clone();
  node.reset();
  node = std::move(next);
  const Status opened = open(*node, log);
  if (opened.ok()) {
    log.info("config.loaded", {{"digest", replicator::config_digest(node->config.cluster())}});
  } else {
    log.error("config.rejected", opened.error());
    node.reset(new Node{std::move(old_config), std::move(old_keys), nullptr, nullptr, nullptr});
    HA_CHECK(open(*node, log));
  }
  node->controller->go_on_with(before);
  sys::notify_ready();
  return ok();
}

Status run(const Context& context) {
  HA_TRY(const LogLevel level, parse_log_level(context.invocation.value("log-level", "info")));
  const std::string format = context.invocation.value("log-format", "auto");
  Logger log(make_log_sink(format == "json"   ? LogFormat::Json
                           : format == "text" ? LogFormat::Text
                                              : LogFormat::Automatic,
                           "failover"),
             level);
  HA_TRY(std::unique_ptr<Node> node, load(context));
  std::error_code ignored;  // what cannot be made shows when it is used
  const std::filesystem::path state_dir = node->config.cluster().state_dir();
  for (const std::filesystem::path& folder : {state_dir, node->config.cluster().run_dir()}) {
    std::filesystem::create_directories(folder, ignored);
  }
  HA_TRY(const sys::Directory state, sys::Directory::open_root(state_dir.string()));
  HA_TRY(const sys::LockFile lock, sys::LockFile::acquire(state, kLockFile));
  HA_TRY(sys::SignalWatcher signals, sys::SignalWatcher::open({SIGTERM, SIGINT, SIGHUP}));
  HA_TRY([[maybe_unused]] const std::uint64_t descriptors, sys::raise_descriptor_limit(kDescriptors));
  HA_CHECK(open(*node, log));
  log.info("node.started", {{"site", node->config.cluster().self().name}, {"version", kVersion}});
  sys::notify_ready();
  while (true) {
    HA_TRY(std::unique_ptr<Node> next, serve(*node, signals, context, log));
    if (!next) {
      break;
    }
    HA_CHECK(change_over(node, std::move(next), log));
  }
  node.reset();
  log.info("node.stopped");
  return ok();
}

}  // namespace

Outcome run_daemon(const Context& context) {
  ::umask(0077);
  HA_CHECK(run(context));
  return ExitCode::Good;
}

}  // namespace ha::failover
