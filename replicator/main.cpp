// replicator: the daemon that keeps sets equal between sites. One per site.
#include <google/protobuf/stubs/logging.h>
#include <malloc.h>
#include <sys/signal.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>

#include "common/base/cli.h"
#include "common/base/log.h"
#include "common/sys/process.h"
#include "common/sys/replace.h"
#include "replicator/config_digest.h"
#include "replicator/config_keys.h"
#include "replicator/config_trials.h"
#include "replicator/control_service.h"
#include "replicator/pipeline.h"
#include "replicator/role_keeper.h"
#include "schemas/cluster_schema.h"
#include "version.h"

namespace {

using namespace ha;              // NOLINT: main only
using namespace ha::replicator;  // NOLINT

constexpr CliFlag kFlags[] = {
    {"config", 'c', "FILE",
     "cluster.toml; node.toml is looked for beside it (default /etc/hareplicate/cluster.toml)"},
    {"node", '\0', "FILE", "node.toml, when it is not beside cluster.toml"},
    {"check", '\0', "", "read the configuration and the key, say what is wrong, and end"},
    {"log-level", '\0', "LEVEL", "debug, info, warn or error (default info)"},
    {"log-format", '\0', "FORMAT", "auto, text or json (default auto: the journal under systemd)"},
};
constexpr CliExample kExamples[] = {
    {"replicator --config /etc/hareplicate/cluster.toml --check", "is the configuration right?"},
    {"replicator --config /etc/hareplicate/cluster.toml", "run in the foreground, as systemd does"},
    {"hareplicate status", "ask a running replicator how things are"},
};
constexpr CliProgram kProgram = {"replicator", kVersion, "Keeps sets of files equal between sites.",
                                 {},           kFlags,   kExamples};
constexpr std::uint64_t kDescriptors = 16384;
constexpr const char* kLockFile = "replicator.lock";

int fail(const Error& error) {
  std::fputs(show_error("replicator", error).c_str(), stderr);
  return static_cast<int>(exit_code_of(error));
}

std::filesystem::path cluster_file(const CliInvocation& invocation) {
  return invocation.value("config", "/etc/hareplicate/cluster.toml");
}

std::filesystem::path node_file(const CliInvocation& invocation) {
  return invocation.value("node", (cluster_file(invocation).parent_path() / "node.toml").string());
}

Result<Config> load_config(const CliInvocation& invocation) {
  std::error_code ignored;
  if (invocation.has("node") && !std::filesystem::exists(node_file(invocation), ignored)) {
    return Error(Code::Invalid, "--node " + escape(invocation.value("node")) + " does not exist",
                 "without --node: node.toml beside cluster.toml");
  }
  ConfigProblems problems;
  auto config = Config::load(cluster_file(invocation), node_file(invocation), problems);
  std::fputs(problems.text().c_str(), stderr);
  return config;
}

// What a reload leaves as it is.
struct Lasting {
  ConfigTrials trials;
  std::optional<RoleKeeper> roles;  // from the first opening on
};

// All that lives by one configuration.
struct Node {
  Config config;
  wire::KeyPair keys;
  std::unique_ptr<wire::Loop> loop;
  std::unique_ptr<Pipeline> pipeline;
  std::unique_ptr<ControlService> control;

  ~Node() {
    if (loop) {
      loop->close();
    }
    if (pipeline) {
      pipeline->stop();
    }
  }
};

// Reads the configuration and the key; what is wrong has been said.
Result<std::unique_ptr<Node>> load(const CliInvocation& invocation) {
  HA_TRY(Config config, load_config(invocation));
  HA_TRY(wire::KeyPair keys, load_keys(config));
  return std::unique_ptr<Node>(new Node{std::move(config), std::move(keys), nullptr, nullptr, nullptr});
}

Status open(Node& node, Lasting& lasting, Logger& log) {
  const Config& config = node.config;
  if (!lasting.roles || lasting.roles->book().site() != config.self().name) {
    HA_TRY(lasting.roles, RoleKeeper::open(config.state_dir().string(), config.self().name, log));
  }
  HA_TRY(node.loop, wire::Loop::open());
  HA_TRY(node.pipeline, Pipeline::open(config, node.keys,
                                       record_published(*node.loop, log, config.state_dir().string()), log));
  HA_TRY(node.control,
         ControlService::open(*node.loop, *node.pipeline, {lasting.trials, node.keys, *lasting.roles}, log,
                              (config.run_dir() / "replicator.sock").string()));
  node.pipeline->start();
  lasting.trials.in_force(config);
  return ok();
}

// What SIGHUP asks for, if it can be; otherwise what runs goes on as it is.
std::unique_ptr<Node> load_next(const Node& node, ConfigTrials& trials, const CliInvocation& invocation,
                                Logger& log) {
  auto next = load(invocation);
  if (next.ok() && ((*next)->config.state_dir() != node.config.state_dir() ||
                    (*next)->config.run_dir() != node.config.run_dir())) {
    next = Error(Code::Unsupported, "state_dir and run_dir change with a restart only",
                 "systemctl restart replicator");
  }
  if (!next.ok()) {
    log.error("config.rejected", next.error());
    trials.failed(next.error(), read_clocks());
    return nullptr;
  }
  return std::move(next).value();
}

// Turns until SIGTERM or SIGINT (a second one ends the program at once), or until there is a next
// configuration to run with.
Result<std::unique_ptr<Node>> serve(Node& node, sys::SignalWatcher& signals, ConfigTrials& trials,
                                    const CliInvocation& invocation, Logger& log) {
  wire::Loop& loop = *node.loop;
  std::unique_ptr<Node> next;
  bool stopping = false;
  const auto reload = [&] {
    next = load_next(node, trials, invocation, log);
    if (next) {
      loop.stop();
    }
  };
  loop.add_timer([&] { return trials.next_wakeup(); },
                 [&](const Now& now) {
                   if (!stopping && !next && trials.on_tick(now)) {
                     reload();
                   }
                 });
  loop.add_fd(signals.fd(), true, false, [&](const Now&) {
    const auto signal = signals.next();
    if (!signal.ok() || !*signal) {
      return;
    }
    if (**signal == SIGHUP && !stopping) {
      reload();
    } else if (stopping && **signal != SIGHUP) {
      std::_Exit(1);
    } else if (!stopping) {
      stopping = true;
      next.reset();
      sys::notify_stopping();
      log.info("node.stopping");
      loop.stop();
    }
  });
  const auto interval = sys::watchdog_interval();
  SteadyTime feed_at = read_clocks().steady;
  auto seen = node.pipeline->turns();
  loop.add_timer([&]() -> std::optional<SteadyTime> { return feed_at; },
                 [&](const Now& now) {
                   feed_at = now.steady + interval.value_or(std::chrono::seconds(2)) / 2;
                   log.flush_repeats();
                   const auto turns = node.pipeline->turns();
                   if (turns.first != seen.first && turns.second != seen.second) {
                     sys::notify_watchdog();
                   }
                   seen = turns;
                 });
  HA_CHECK(loop.run());
  return next;
}

// The new configuration as a whole, or the old one again. docs/adr/0009-reload-opens-anew.md
Status change_over(std::unique_ptr<Node>& node, std::unique_ptr<Node> next, Lasting& lasting, Logger& log) {
  sys::notify_reloading(read_clocks().steady);
  Config old_config = node->config;
  wire::KeyPair old_keys = node->keys.clone();
  node = std::move(next);  // the old one has ended
  const Status opened = open(*node, lasting, log);
  if (opened.ok()) {
    log.info("config.loaded", {{"digest", config_digest(node->config)}});
  } else {
    log.error("config.rejected", opened.error());
    lasting.trials.failed(opened.error(), read_clocks());
    node.reset(new Node{std::move(old_config), std::move(old_keys), nullptr, nullptr, nullptr});
    HA_CHECK(open(*node, lasting, log));
  }
  sys::notify_ready();
  return ok();
}

// Before cluster.toml is read: a trial whose time was over while nobody was there has to go back first. So
// the state directory is asked of node.toml alone.
Status look_at_trial(ConfigTrials& trials, const CliInvocation& invocation) {
  const std::string file = node_file(invocation).string();
  const auto text = sys::read_kept(file, kConfigBytesMax);
  ConfigProblems problems;  // said when everything is read
  const auto node = ConfigDocument::load(file, text.ok() ? *text : std::string(), node_schema(), problems);
  const std::filesystem::path state_dir = node.section("").text("state_dir");
  std::error_code ignored;
  if (problems.errors() > 0 || !std::filesystem::exists(state_dir / kTrialFile, ignored)) {
    return ok();
  }
  HA_TRY(const sys::Directory state, sys::Directory::open_root(state_dir.string()));
  HA_TRY(const sys::LockFile lock, sys::LockFile::acquire(state, kLockFile));
  return trials.open(state_dir.string(), read_clocks());
}

std::unique_ptr<LogSink> make_sink(const CliInvocation& invocation) {
  const std::string format = invocation.value("log-format", "auto");
  return make_log_sink(format == "json"   ? LogFormat::Json
                       : format == "text" ? LogFormat::Text
                                          : LogFormat::Automatic,
                       "replicator");
}

// What cannot be read or run and is only on trial goes back.
Result<std::unique_ptr<Node>> load_first(ConfigTrials& trials, const CliInvocation& invocation) {
  auto node = load(invocation);
  return node.ok() || !trials.failed(node.error(), read_clocks()) ? std::move(node) : load(invocation);
}

Status open_first(std::unique_ptr<Node>& node, Lasting& lasting, const CliInvocation& invocation,
                  Logger& log) {
  const Status opened = open(*node, lasting, log);
  if (opened.ok() || !lasting.trials.failed(opened.error(), read_clocks())) {
    return opened;
  }
  HA_TRY(node, load(invocation));
  return open(*node, lasting, log);
}

int check(const CliInvocation& invocation) {
  const auto node = load(invocation);
  if (!node.ok()) {
    return fail(node.error());
  }
  const Config& config = (*node)->config;
  std::printf("configuration is good: site %s, %zu sites, %zu sets\n", config.self().name.c_str(),
              config.sites().size(), config.sets().size());
  return 0;
}

Status run(const CliInvocation& invocation) {
  HA_TRY(const LogLevel level, parse_log_level(invocation.value("log-level", "info")));
  Logger log(make_sink(invocation), level);
  Lasting lasting{ConfigTrials(cluster_file(invocation), node_file(invocation), log), std::nullopt};
  ConfigTrials& trials = lasting.trials;
  HA_CHECK(look_at_trial(trials, invocation));
  HA_TRY(std::unique_ptr<Node> node, load_first(trials, invocation));
  const std::filesystem::path state_dir = node->config.state_dir();
  std::error_code ignored;  // what cannot be made shows when it is used
  for (const std::filesystem::path& folder : {state_dir / "index", node->config.run_dir()}) {
    std::filesystem::create_directories(folder, ignored);
  }
  HA_TRY(const sys::Directory state, sys::Directory::open_root(state_dir.string()));
  HA_TRY(const sys::LockFile lock, sys::LockFile::acquire(state, kLockFile));
  if (!trials.is_open()) {
    HA_CHECK(trials.open(state_dir.string(), read_clocks()));
  }
  HA_TRY(sys::SignalWatcher signals, sys::SignalWatcher::open({SIGTERM, SIGINT, SIGHUP}));
  HA_TRY([[maybe_unused]] const std::uint64_t descriptors, sys::raise_descriptor_limit(kDescriptors));
  HA_CHECK(open_first(node, lasting, invocation, log));
  log.info("node.started", {{"site", node->config.self().name}, {"version", kVersion}});
  sys::notify_ready();
  for (;;) {
    HA_TRY(std::unique_ptr<Node> next, serve(*node, signals, trials, invocation, log));
    if (!next) {
      break;
    }
    HA_CHECK(change_over(node, std::move(next), lasting, log));
  }
  node.reset();
  log.info("node.stopped");
  return ok();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    sys::open_standard_descriptors();
    auto parsed = parse_command_line(kProgram, {argv + 1, argv + argc}, process_environment());
    if (const auto* answer = std::get_if<CliAnswer>(&parsed)) {
      std::fputs(answer->out.c_str(), stdout);
      std::fputs(answer->err.c_str(), stderr);
      return static_cast<int>(answer->code);
    }
    const CliInvocation& invocation = std::get<CliInvocation>(parsed);
    if (invocation.has("check")) {
      return check(invocation);
    }
    ::umask(0077);
    // Frames are made on one thread and freed on another: with an arena for each thread twice the memory is
    // kept, and nothing is faster.
    ::mallopt(M_ARENA_MAX, 2);
    // What does not parse is said by our own log, with the peer's name and not for every field.
    google::protobuf::SetLogHandler(nullptr);
    const Status status = run(invocation);
    return status.ok() ? 0 : fail(status.error());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "replicator: %s\n", error.what());
    return static_cast<int>(ExitCode::Internal);
  }
}
