// hareplicate help
#include "common/base/bytes.h"
#include "common/base/suggest.h"
#include "tools/hareplicate/context.h"
#include "tools/hareplicate/help_topics.h"

namespace ha::tool {
namespace {

std::string list_of_topics() {
  std::string out = "Topics:\n";
  for (const HelpTopic& topic : help_topics()) {
    out += "  " + std::string(topic.name) + std::string(14 - topic.name.size(), ' ') +
           std::string(topic.summary) + "\n";
  }
  return out + "\nhareplicate help TOPIC, or hareplicate help VERB; every verb: hareplicate --help\n";
}

std::string words_of(const Context& context) {
  std::string out;
  for (const std::string& word : context.invocation.arguments) {
    out += (out.empty() ? "" : " ") + word;
  }
  return out;
}

}  // namespace

Outcome run_help(const Context& context) {
  const std::string topic = words_of(context);
  if (topic.empty()) {
    print(list_of_topics());
    return ExitCode::Good;
  }
  if (const auto text = help_text(topic)) {
    print(*text);
    return ExitCode::Good;
  }
  const CliVerb* verb = find_verb(program(), topic);
  if (verb != nullptr && !verb->hidden) {
    print(cli_full_help(program(), topic));
    return ExitCode::Good;
  }
  std::vector<std::string> known;
  for (const HelpTopic& one : help_topics()) {
    known.emplace_back(one.name);
  }
  for (const CliVerb& one : program().verbs) {
    known.emplace_back(one.name);
  }
  return Error(Code::Invalid,
               "there is no topic and no verb \"" + escape(topic) + "\"" + did_you_mean(topic, known),
               "hareplicate help");
}

}  // namespace ha::tool
