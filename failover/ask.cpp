// How the command speaks to the coordinator: verbs.h.
#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "common/base/json_text.h"
#include "common/wire/control.h"
#include "failover/verbs.h"
#include "schemas/coordinator.pb.h"

namespace ha::failover {
namespace {

constexpr std::chrono::milliseconds kPatience{10'000};

std::chrono::milliseconds patience(const Context& context) {
  return context.globals.timeout
             ? std::chrono::duration_cast<std::chrono::milliseconds>(*context.globals.timeout)
             : kPatience;
}

}  // namespace

Result<FailoverConfig> load_config(const Context& context) {
  ConfigProblems problems;
  auto config = FailoverConfig::load(context.globals.config, problems);
  std::fputs(problems.text().c_str(), stderr);
  return config;
}

Question question(const std::string& verb) {
  Question out;
  out.set_verb(verb);
  const char* sudo = std::getenv("SUDO_USER");
  const passwd* user = ::getpwuid(::getuid());
  out.set_user(sudo != nullptr   ? std::string(sudo)
               : user != nullptr ? std::string(user->pw_name)
                                 : std::to_string(::getuid()));
  return out;
}

Status ask(const Context& context, const Question& question,
           const std::function<void(const Reply&)>& on_reply) {
  // Only where the socket is: a configuration that is not right does not keep anybody from looking.
  ConfigProblems problems;
  auto config = replicator::Config::load(
      context.globals.config, std::filesystem::path(context.globals.config).parent_path() / "node.toml",
      problems);
  if (!config.ok()) {
    std::fputs(problems.text().c_str(), stderr);
    return std::move(config).error();
  }
  const std::string path = (config->run_dir() / "failover.sock").string();
  HA_TRY(wire::ControlClient client, wire::ControlClient::open(path, "failover"));
  HA_CHECK(client.send(question.SerializeAsString(), patience(context)));
  while (true) {
    HA_TRY(const std::optional<Bytes> body, client.next(patience(context)));
    if (!body) {
      return ok();
    }
    Reply reply;
    if (!reply.ParseFromString(*body)) {
      return Error(Code::Corrupt, "the coordinator's answer does not parse",
                   "use the failover of the same version as the daemon");
    }
    on_reply(reply);
  }
}

Result<schemas::coordinator::Status> ask_status(const Context& context) {
  schemas::coordinator::Status out;
  HA_CHECK(ask(context, question("status"), [&](const Reply& reply) { out = reply.status(); }));
  return out;
}

Outcome order(const Context& context, const Question& question) {
  std::string done;
  HA_CHECK(ask(context, question, [&](const Reply& reply) { done = reply.done().what(); }));
  print(context.json() ? "{\"schema\":\"failover.done/1\",\"done\":" + json_quote(done) + "}\n"
                       : done + "\n");
  return ExitCode::Good;
}

}  // namespace ha::failover
