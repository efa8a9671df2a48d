// How the command speaks to the coordinator: verbs.h.
#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "common/base/json_text.h"
#include "common/sys/replace.h"
#include "common/wire/control.h"
#include "failover/verbs.h"
#include "schemas/cluster_schema.h"
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
  if (!config.ok() || context.invocation.verb == "daemon") {  // warnings are for config check, and the log
    std::fputs(problems.text().c_str(), stderr);
  }
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
  // Of node.toml only where the socket is: a cluster.toml that is not right keeps nobody from looking.
  const std::string file =
      (std::filesystem::path(context.globals.config).parent_path() / "node.toml").string();
  const auto text = sys::read_kept(file, replicator::kConfigBytesMax);
  ConfigProblems problems;
  const auto node = ConfigDocument::load(file, text.ok() ? *text : std::string(), node_schema(), problems);
  const std::string path = node.section("").text("run_dir") + "/failover.sock";
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
