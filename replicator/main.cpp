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
#include "common/sys/secret.h"
#include "replicator/control_service.h"
#include "replicator/pipeline.h"
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

int fail(const Error& error) {
  std::fputs(show_error("replicator", error).c_str(), stderr);
  return static_cast<int>(exit_code_of(error));
}

Result<wire::KeyPair> load_keys(const Config& config) {
  auto secret = sys::load_secret(config.secret_key_file().string());
  if (!secret.ok() && secret.error().code() == Code::NotFound) {
    return std::move(secret).error().hinted("hareplicate keys new " + config.secret_key_file().string());
  }
  HA_TRY(const sys::Secret text, std::move(secret));
  BytesView key = text.bytes();
  while (!key.empty() && (key.back() == '\n' || key.back() == ' ')) {
    key.remove_suffix(1);
  }
  auto pair = wire::KeyPair::from_secret(key);
  if (!pair.ok()) {
    return std::move(pair).error().in(config.secret_key_file().string());
  }
  if (!config.self().has_key(pair->public_key.z85())) {
    return Error(
        Code::Invalid,
        "the key in " + config.secret_key_file().string() +
            " is not the one that cluster.toml has for site \"" + config.self().name + "\"",
        "set key = \"" + pair->public_key.z85() + "\" for it on every site, or restore the right key file");
  }
  return pair;
}

Result<Config> load_config(const CliInvocation& invocation) {
  const std::filesystem::path cluster = invocation.value("config", "/etc/hareplicate/cluster.toml");
  const std::filesystem::path node = invocation.value("node", (cluster.parent_path() / "node.toml").string());
  ConfigProblems problems;
  auto config = Config::load(cluster, node, problems);
  std::fputs(problems.text().c_str(), stderr);
  return config;
}

// Turns until SIGTERM or SIGINT; a second one ends the program at once.
Status serve(wire::Loop& loop, sys::SignalWatcher& signals, Pipeline& pipeline, Logger& log) {
  bool stopping = false;
  loop.add_fd(signals.fd(), true, false, [&](const Now&) {
    const auto signal = signals.next();
    if (!signal.ok() || !*signal) {
      return;
    }
    if (**signal == SIGHUP) {
      log.warn("config.reload_unsupported",
               {{"hint", "restart the replicator to load a changed configuration"}});
    } else if (stopping) {
      std::_Exit(1);
    } else {
      stopping = true;
      sys::notify_stopping();
      log.info("node.stopping");
      loop.stop();
    }
  });
  const auto interval = sys::watchdog_interval();
  SteadyTime feed_at = read_clocks().steady;
  auto seen = pipeline.turns();
  loop.add_timer([&]() -> std::optional<SteadyTime> { return feed_at; },
                 [&](const Now& now) {
                   feed_at = now.steady + interval.value_or(std::chrono::seconds(2)) / 2;
                   log.flush_repeats();
                   const auto turns = pipeline.turns();
                   if (turns.first != seen.first && turns.second != seen.second) {
                     sys::notify_watchdog();
                   }
                   seen = turns;
                 });
  return loop.run();
}

Status run(const CliInvocation& invocation) {
  HA_TRY(const Config config, load_config(invocation));
  HA_TRY(const wire::KeyPair keys, load_keys(config));
  if (invocation.has("check")) {
    std::printf("configuration is good: site %s, %zu sites, %zu sets\n", config.self().name.c_str(),
                config.sites().size(), config.sets().size());
    return ok();
  }
  HA_TRY(const LogLevel level, parse_log_level(invocation.value("log-level", "info")));
  const std::string format = invocation.value("log-format", "auto");
  Logger log(make_log_sink(format == "json"   ? LogFormat::Json
                           : format == "text" ? LogFormat::Text
                                              : LogFormat::Automatic,
                           "replicator"),
             level);
  std::error_code ignored;  // what cannot be made shows when it is used
  for (const std::filesystem::path& folder : {config.state_dir() / "index", config.run_dir()}) {
    std::filesystem::create_directories(folder, ignored);
  }
  HA_TRY(const sys::Directory state, sys::Directory::open_root(config.state_dir().string()));
  HA_TRY(const sys::LockFile lock, sys::LockFile::acquire(state, "replicator.lock"));
  HA_TRY(sys::SignalWatcher signals, sys::SignalWatcher::open({SIGTERM, SIGINT, SIGHUP}));
  HA_TRY([[maybe_unused]] const std::uint64_t descriptors, sys::raise_descriptor_limit(kDescriptors));
  HA_TRY(const std::unique_ptr<wire::Loop> loop, wire::Loop::open());
  HA_TRY(const std::unique_ptr<Pipeline> pipeline,
         Pipeline::open(config, keys, record_published(*loop, log, config.state_dir().string()), log));
  HA_TRY(const std::unique_ptr<ControlService> control,
         ControlService::open(*loop, *pipeline, log, (config.run_dir() / "replicator.sock").string()));
  pipeline->start();
  log.info("node.started", {{"site", config.self().name}, {"version", kVersion}});
  sys::notify_ready();
  const Status served = serve(*loop, signals, *pipeline, log);
  loop->close();
  pipeline->stop();
  log.info("node.stopped");
  return served;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    auto parsed = parse_command_line(kProgram, {argv + 1, argv + argc}, process_environment());
    if (const auto* answer = std::get_if<CliAnswer>(&parsed)) {
      std::fputs(answer->out.c_str(), stdout);
      std::fputs(answer->err.c_str(), stderr);
      return static_cast<int>(answer->code);
    }
    ::umask(0077);
    // Frames are made on one thread and freed on another: with an arena for each thread twice the memory is
    // kept, and nothing is faster.
    ::mallopt(M_ARENA_MAX, 2);
    // What does not parse is said by our own log, with the peer's name and not for every field.
    google::protobuf::SetLogHandler(nullptr);
    const Status status = run(std::get<CliInvocation>(parsed));
    return status.ok() ? 0 : fail(status.error());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "replicator: %s\n", error.what());
    return static_cast<int>(ExitCode::Internal);
  }
}
