// hareplicate config check, config show, keys new, keys show
#include <cstdio>
#include <filesystem>
#include <set>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/cli_table.h"
#include "common/base/json_out.h"
#include "common/sys/file.h"
#include "dnsupdater/config.h"
#include "schemas/control.pb.h"
#include "tools/hareplicate/context.h"
#include "tools/hareplicate/daemon.h"
#include "tools/hareplicate/key_file.h"

namespace ha::tool {
namespace {

namespace pb = ha::schemas::control;

// The key file: there, private, readable as a key, and the one that cluster.toml has for this site.
void check_key(const replicator::Config& config, ConfigProblems& problems) {
  const std::string file = config.secret_key_file().string();
  const auto key = public_key_of(file);
  if (!key.ok()) {
    const Error& error = key.error();
    problems.error({file, 0, 0}, error.what() + (error.hint().empty() ? "" : " — " + error.hint()));
  } else if (!config.self().has_key(key->z85())) {
    problems.error(config.self().place, "site \"" + config.self().name + "\": key is not that of " + file +
                                            " — the file's is \"" + key->z85() + "\"");
  }
}

// What is on this host; the set may also be missing because its file system is not mounted.
void check_paths(const replicator::Config& config, ConfigProblems& problems) {
  for (const replicator::SetConfig& set : config.sets()) {
    const auto root = sys::Directory::open_root(set.live_path);
    if (!root.ok()) {
      problems.warning(set.place, "set \"" + set.name + "\": " + root.error().what() +
                                      " — make it (mkdir -p " + set.live_path + ") or mount it");
    }
  }
}

// What the tables of DNS mean together is dnsupdater's business. What is wrong with a single key was found
// already.
void check_dns(const std::filesystem::path& cluster, ConfigProblems& problems) {
  ConfigProblems of_dns;
  [[maybe_unused]] const auto config = dns::DnsConfig::load(cluster, of_dns);
  std::set<std::string> known;
  for (const ConfigProblem& problem : problems.sorted()) {
    known.insert(problem.line());
  }
  for (const ConfigProblem& problem : of_dns.sorted()) {
    if (!known.contains(problem.line())) {
      problem.is_error ? problems.error(problem.place, problem.text)
                       : problems.warning(problem.place, problem.text);
    }
  }
}

void print_key(const Context& context, const std::string& file, const wire::PublicKey& key) {
  if (context.json()) {
    print(JsonObject()
              .text("schema", "hareplicate.key/1")
              .text("file", escape(file))
              .text("key", key.z85())
              .text() +
          "\n");
  } else {
    print("key = \"" + key.z85() + "\"\n");
  }
}

// With [failover] the arbiter says who holds a service: what the replicator has been told.
std::vector<replicator::Config::Effective> roles_told(const Context& context,
                                                      const replicator::Config& config) {
  std::vector<replicator::Config::Effective> out;
  auto daemon = Daemon::open(context);
  if (daemon.ok()) {
    static_cast<void>(daemon->ask(new_request("status"), [&](const pb::Reply& reply) {
      for (const pb::Service& service : reply.status().services()) {
        const std::string key = "service." + service.name();
        out.push_back({key + ".holder", service.holder().empty() ? "nobody" : in_quotes(service.holder()),
                       "the coordinator"});
        out.push_back({key + ".epoch", std::to_string(service.epoch()), "the coordinator"});
      }
      return true;
    }));
  }
  if (out.empty()) {
    for (const replicator::ServiceConfig& service : config.services()) {
      out.push_back({"service." + service.name + ".holder", "not known", "the replicator does not answer"});
    }
  }
  return out;
}

bool is_told(const replicator::Config& config, const std::string& key) {
  return config.has_failover() && key.starts_with("service.") && key.ends_with(".epoch");
}

}  // namespace

Outcome run_config_check(const Context& context) {
  const std::filesystem::path cluster = context.globals.config;
  ConfigProblems problems;
  const auto config = replicator::Config::load(cluster, cluster.parent_path() / "node.toml", problems);
  if (config.ok()) {
    check_key(*config, problems);
    check_paths(*config, problems);
  }
  check_dns(cluster, problems);
  if (context.json()) {
    Table table({{"FILE", "file", Align::Left},
                 {"LINE", "line", Align::Left},
                 {"COLUMN", "column", Align::Left},
                 {"LEVEL", "level", Align::Left},
                 {"TEXT", "text", Align::Left}});
    for (const ConfigProblem& problem : problems.sorted()) {
      table.add({problem.place.file, TableCell(std::uint64_t{problem.place.line}, ""),
                 TableCell(std::uint64_t{problem.place.column}, ""), problem.is_error ? "error" : "warning",
                 problem.text});
    }
    print(table.print(OutputMode::Json, "hareplicate.config-check/1"));
  } else {
    print(problems.text());
    if (problems.errors() > 0) {
      talk(context,
           "next: correct the first of them, then the same command again; every key: hareplicate help "
           "config\n");
    } else {
      print("configuration is good: site " + config->self().name + ", " +
            std::to_string(config->sites().size()) + (config->sites().size() == 1 ? " site, " : " sites, ") +
            std::to_string(config->sets().size()) + (config->sets().size() == 1 ? " set\n" : " sets\n"));
    }
  }
  return problems.errors() == 0 ? ExitCode::Good : ExitCode::Usage;
}

Outcome run_config_show(const Context& context) {
  HA_TRY(const replicator::Config config, load_config(context));
  const bool origin = context.has("origin");
  std::vector<TableColumn> columns = {{"KEY", "key", Align::Left}, {"VALUE", "value", Align::Left}};
  if (origin) {
    columns.push_back({"FROM", "origin", Align::Left});
  }
  Table table(columns);
  std::vector<replicator::Config::Effective> values = config.effective();
  std::erase_if(values, [&](const auto& value) { return is_told(config, value.key); });
  if (config.has_failover()) {
    for (replicator::Config::Effective& value : roles_told(context, config)) {
      values.push_back(std::move(value));
    }
  }
  for (const replicator::Config::Effective& value : values) {
    std::vector<TableCell> row = {value.key, value.value};
    if (origin) {
      row.emplace_back(value.origin);
    }
    table.add(std::move(row));
  }
  print(table.print(context.globals.output, "hareplicate.config/1"));
  return ExitCode::Good;
}

Outcome run_keys_new(const Context& context) {
  const std::string file = context.argument(0);
  HA_TRY(const wire::PublicKey key, make_key_file(file));
  talk(context, "secret key written to " + escape(file) + " (mode 0600); it never leaves this host.\n" +
                    "In cluster.toml, on every site, in this site's [[site]]:\n");
  print_key(context, file, key);
  return ExitCode::Good;
}

Outcome run_keys_show(const Context& context) {
  if (!context.argument(0).empty()) {
    HA_TRY(const wire::PublicKey key, public_key_of(context.argument(0)));
    print_key(context, context.argument(0), key);
    return ExitCode::Good;
  }
  HA_TRY(const replicator::Config config, load_config(context));
  const std::string file = config.secret_key_file().string();
  HA_TRY(const wire::PublicKey key, public_key_of(file));
  print_key(context, file, key);
  if (!config.self().has_key(key.z85())) {
    return Error(Code::NotFound,
                 "cluster.toml has another key for site \"" + config.self().name + "\" than " + file,
                 "put the key above into its [[site]] on every site, then restart the replicators");
  }
  talk(context, escape(file) + ": the key that cluster.toml has for site " + config.self().name + "\n");
  return ExitCode::Good;
}

}  // namespace ha::tool
