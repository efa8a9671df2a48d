// hareplicate config diff
#include <filesystem>

#include "common/base/bytes.h"
#include "common/base/cli_table.h"
#include "common/base/suggest.h"
#include "replicator/config.h"
#include "replicator/config_diff.h"
#include "tools/hareplicate/config_ask.h"
#include "tools/hareplicate/config_show_diff.h"
#include "tools/hareplicate/daemon.h"
#include "tools/hareplicate/pair_files.h"

namespace ha::tool {
namespace {

struct Other {
  std::string label;
  std::string text;
};

// "nyc1" is a site, "./nyc1" and what exists a file.
bool is_file(const std::string& argument, const replicator::Config& config) {
  std::error_code ignored;
  return argument.find('/') != std::string::npos ||
         (config.site(argument) == nullptr && std::filesystem::exists(argument, ignored));
}

// What is in force at the sites, or at one; `silent` are those that did not answer.
Result<std::vector<Other>> ask_texts(const Context& context, const replicator::Config& config,
                                     std::vector<Error>& silent) {
  const std::string site = context.argument(0);
  std::vector<std::string> known;
  for (const replicator::SiteConfig& each : config.sites()) {
    known.push_back(each.name);
  }
  if (!site.empty() && config.site(site) == nullptr) {
    return Error(Code::Invalid,
                 "no site and no file is called \"" + escape(site) + "\"" + did_you_mean(site, known),
                 "hareplicate config show");
  }
  HA_TRY(
      const ConfigAnswers answers,
      ask_sites(context, config_question(ConfigVerb::Text),
                site.empty() ? std::vector<std::string>() : std::vector<std::string>{site}, Asking::First));
  std::vector<Other> out;
  for (const auto& [name, answer] : answers) {
    if (answer.code() != 0) {
      silent.push_back(error_of(answer).in(name));
    } else {
      out.push_back({name, answer.text()});
    }
  }
  return out;
}

}  // namespace

Table new_difference_table() {
  return Table({{"SITE", "site", Align::Left},
                {"SET", "set", Align::Left},
                {"KEY", "key", Align::Left},
                {"HERE", "here", Align::Left},
                {"THERE", "there", Align::Left}});
}

void add_differences(Table& table, const std::string& label, const replicator::ConfigComparison& found) {
  const auto cell = [](const std::optional<std::string>& value) {
    return value ? TableCell(escape(*value)) : TableCell::none();
  };
  for (const replicator::ConfigDifference& each : found.differences) {
    table.add({label, each.set.empty() ? TableCell::none() : TableCell(each.set), each.key, cell(each.here),
               cell(each.there)});
  }
}

Outcome run_config_diff(const Context& context) {
  const std::string file = context.globals.config;
  HA_TRY(const replicator::Config config, load_config(context));
  std::vector<Other> others;
  std::vector<Error> silent;
  if (is_file(context.argument(0), config)) {
    HA_TRY(std::string text,
           read_candidate(context.argument(0), "hareplicate config diff SITE, or a file that can be read"));
    others.push_back({context.argument(0), std::move(text)});
  } else {
    HA_TRY(others, ask_texts(context, config, silent));
  }
  Table table = new_difference_table();
  std::string about;
  for (const Other& other : others) {
    HA_TRY(const replicator::ConfigComparison found,
           replicator::compare_configs({file, config.cluster_text()}, {other.label, other.text}));
    add_differences(table, other.label, found);
    if (!found.sets.empty()) {
      about += other.label + ": another definition of " + names(found.sets) + "\n";
    }
  }
  if (table.empty() && context.globals.output == OutputMode::Table) {
    print(others.empty() ? "" : "equal: " + escape(file) + " and what is in force elsewhere mean the same\n");
  } else {
    print(table.print(context.globals.output, "hareplicate.config-diff/1"));
    talk(context, about);
  }
  for (const Error& error : silent) {
    talk(context, show_error("hareplicate", error));
  }
  return !silent.empty() ? ExitCode::Unreachable : table.empty() ? ExitCode::Good : ExitCode::NotGood;
}

}  // namespace ha::tool
