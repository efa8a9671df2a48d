// hareplicate doctor
#include <algorithm>
#include <cstdio>

#include "common/base/bytes.h"
#include "common/base/cli_table.h"
#include "common/sys/replace.h"
#include "common/wire/control.h"
#include "schemas/cluster_schema.h"
#include "tools/hareplicate/context.h"
#include "tools/hareplicate/daemon.h"
#include "tools/hareplicate/doctor.h"

namespace ha::tool {
namespace {

constexpr const char* kColors[] = {"\033[32m", "\033[33m", "\033[31m"};

void add(std::vector<Check>& to, std::vector<Check> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void show(const Context& context, const std::vector<Check>& checks) {
  if (context.globals.output != OutputMode::Table) {
    Table table({{"CHECK", "check", Align::Left},
                 {"HEALTH", "health", Align::Left},
                 {"FOUND", "found", Align::Left},
                 {"FIX", "fix", Align::Left}});
    for (const Check& check : checks) {
      table.add({check.what, std::string(health_word(check.health)), check.found, check.fix});
    }
    print(table.print(context.globals.output, "hareplicate.doctor/1"));
    return;
  }
  std::size_t width = 0;
  for (const Check& check : checks) {
    width = std::max(width, check.what.size());
  }
  for (const Check& check : checks) {
    const auto health = static_cast<std::size_t>(check.health);
    const std::string word(health_word(check.health));
    print((context.color ? kColors[health] + word + "\033[0m" : word) + std::string(10 - word.size(), ' ') +
          check.what + std::string(width - check.what.size() + 3, ' ') + escape(check.found) + "\n");
    if (!check.fix.empty()) {
      print(std::string(10, ' ') + "fix: " + escape(check.fix) + "\n");
    }
  }
}

// Whether cluster.toml has [failover], and this site takes part. What is wrong with the file has been said.
bool has_coordinator(const std::string& file, const replicator::Config& config) {
  const auto text = sys::read_kept(file, replicator::kConfigBytesMax);
  if (!text.ok()) {
    return false;
  }
  ConfigProblems known;
  const ConfigDocument cluster = ConfigDocument::load(file, *text, cluster_schema(), known);
  const std::vector<ConfigSection>& sites = cluster.sections("site");
  return config.has_failover() && std::any_of(sites.begin(), sites.end(), [&](const ConfigSection& site) {
           return site.text("name") == config.self().name && !site.list("heartbeat").empty();
         });
}

Check check_coordinator(const replicator::Config& config) {
  const std::string path = (config.run_dir() / "failover.sock").string();
  const auto client = wire::ControlClient::open(path, "failover");
  return client.ok() ? Check{Health::Good, "coordinator", "runs", ""}
                     : Check{Health::Bad, "coordinator",
                             "cluster.toml has [failover], and " + client.error().what() +
                                 ": this site takes nothing over, and gives up what it holds",
                             "systemctl enable --now failover"};
}

}  // namespace

std::string_view health_word(Health health) noexcept {
  switch (health) {
    case Health::Good:
      return "ok";
    case Health::Warning:
      return "WARNING";
    case Health::Bad:
      break;
  }
  return "BAD";
}

std::vector<Check> all_checks(const Context& context) {
  std::vector<Check> checks = check_host();
  const auto config = load_config(context);
  if (!config.ok()) {
    checks.push_back({Health::Bad, "configuration", config.error().what(), config.error().hint()});
    return checks;
  }
  checks.push_back({Health::Good, "configuration", context.globals.config, ""});
  add(checks, check_site(*config));
  const auto daemon = Daemon::open(context);
  checks.push_back(daemon.ok()
                       ? Check{Health::Good, "replicator", "runs", ""}
                       : Check{Health::Bad, "replicator", daemon.error().what(), daemon.error().hint()});
  if (has_coordinator(context.globals.config, *config)) {
    checks.push_back(check_coordinator(*config));
  }
  add(checks, check_peers(*config));
  return checks;
}

Outcome run_doctor(const Context& context) {
  const std::vector<Check> checks = all_checks(context);
  show(context, checks);
  const bool bad = std::any_of(checks.begin(), checks.end(),
                               [](const Check& check) { return check.health == Health::Bad; });
  return bad ? ExitCode::NotGood : ExitCode::Good;
}

}  // namespace ha::tool
