// hareplicate help, completion names
#include <fstream>

#include "common/base/bytes.h"
#include "common/base/suggest.h"
#include "replicator/config.h"
#include "schemas/cluster_schema.h"
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

// Only what may stand in a name: the shell would expand anything else.
bool is_plain(const std::string& name) {
  return !name.empty() &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos;
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

// From the text alone, so that it is quick and works on a configuration that is not right yet. Never says a
// word about what is wrong.
Outcome run_completion_names(const Context& context) {
  std::ifstream file(context.globals.config, std::ios::binary);
  std::string text(replicator::kConfigBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  ConfigProblems problems;
  const ConfigDocument document =
      ConfigDocument::load(context.globals.config, text, cluster_schema(), problems);
  const std::string what = context.argument(0);
  std::string out;
  if (what == "sets" || what == "sites") {
    for (const ConfigSection& section : document.sections(what == "sets" ? "set" : "site")) {
      const std::string name = section.text("name");
      out += is_plain(name) ? name + "\n" : "";
    }
  }
  print(out);
  return ExitCode::Good;
}

}  // namespace ha::tool
