#include "tools/hareplicate/config_ask.h"

#include <algorithm>
#include <thread>

#include "schemas/control.pb.h"
#include "tools/hareplicate/daemon.h"

namespace ha::tool {

namespace pb = ha::schemas::control;
namespace wire_pb = ha::schemas::replication;

wire_pb::ConfigQuestion config_question(ConfigVerb verb, const std::string& id) {
  wire_pb::ConfigQuestion out;
  out.set_verb(static_cast<std::uint32_t>(verb));
  out.set_id(id);
  return out;
}

namespace {

constexpr int kTries = 12;
constexpr auto kWait = std::chrono::milliseconds(300);

Result<ConfigAnswers> ask_once(const Context& context, const wire_pb::ConfigQuestion& question,
                               const std::vector<std::string>& sites, bool& was_there) {
  HA_TRY(Daemon daemon, Daemon::open(context));
  was_there = true;
  pb::Request request = new_request("config");
  request.mutable_arguments()->Assign(sites.begin(), sites.end());
  request.set_config(question.SerializeAsString());
  ConfigAnswers out;
  bool good = true;
  HA_CHECK(daemon.ask(request, [&](const pb::Reply& reply) {
    wire_pb::ConfigAnswer answer;
    good = good && answer.ParseFromString(reply.config());
    out[answer.site()] = std::move(answer);
    return true;
  }));
  if (!good) {
    return Error(Code::Corrupt, "the replicator's answer does not parse",
                 "use the hareplicate of the same version as the daemon");
  }
  return out;
}

}  // namespace

// Every question can be asked twice.
Result<ConfigAnswers> ask_sites(const Context& context, const wire_pb::ConfigQuestion& question,
                                const std::vector<std::string>& sites, Asking asking) {
  bool was_there = asking == Asking::Again;
  for (int tries = 1;; ++tries) {
    auto answers = ask_once(context, question, sites, was_there);
    if (answers.ok() || answers.error().code() != Code::Unavailable || !was_there || tries == kTries) {
      return answers;
    }
    std::this_thread::sleep_for(kWait);
  }
}

Error error_of(const wire_pb::ConfigAnswer& answer) {
  const auto code = answer.code() > 0 ? code_of(answer.code() - 1) : std::nullopt;
  return Error(code.value_or(Code::Internal), answer.what(), answer.hint());
}

bool is_silent(const wire_pb::ConfigAnswer& answer) {
  if (answer.code() == 0) {
    return false;
  }
  const Code code = error_of(answer).code();
  return code == Code::Unavailable || code == Code::TimedOut;
}

bool is_on_trial(const wire_pb::ConfigAnswer& answer, const std::string& id) {
  return answer.code() == 0 && answer.trial().applied() && answer.trial().id() == id;
}

std::string names(const std::vector<std::string>& all) {
  std::string out;
  for (const std::string& name : all) {
    out += (out.empty() ? "" : ", ") + name;
  }
  return out;
}

std::vector<std::string> words_of(const std::string& list) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    if (end > at) {
      out.push_back(list.substr(at, end - at));
    }
    at = end + 1;
  }
  return out;
}

}  // namespace ha::tool
