// failover health, sensor, arbiter, handlers, config
#include <algorithm>
#include <charconv>
#include <cstdio>

#include "common/base/cli_table.h"
#include "common/base/glob.h"
#include "common/base/suggest.h"
#include "common/base/units.h"
#include "failover/lease/arbiter_check.h"
#include "failover/lease/open_arbiter.h"
#include "failover/verbs.h"
#include "schemas/coordinator.pb.h"

namespace ha::failover {
namespace {

namespace pb = ha::schemas::coordinator;

Result<std::vector<pb::Sensor>> ask_sensors(const Context& context) {
  std::vector<pb::Sensor> out;
  HA_CHECK(ask(context, question("sensors"), [&](const Reply& reply) { out.push_back(reply.sensor()); }));
  return out;
}

TableCell age_cell(bool known, std::int64_t nanoseconds) {
  return known ? TableCell(static_cast<double>(nanoseconds) / 1e9, show_age(Duration(nanoseconds)))
               : TableCell::none();
}

Result<const SensorSetup*> find_sensor(const FailoverConfig& config, const std::string& name) {
  std::vector<std::string> names;
  for (const SensorSetup& setup : config.watch().sensors) {
    if (setup.spec.name == name) {
      return &setup;
    }
    names.push_back(setup.spec.name);
  }
  return Error(Code::Invalid, "this site has no sensor " + in_quotes(name) + did_you_mean(name, names),
               "failover sensor list");
}

std::string record_text(const ArbiterSight& sight) {
  if (!sight.record) {
    return "no record yet: nobody has held it";
  }
  const Record& record = *sight.record;
  return (record.hold == Hold::Free ? "free" : record.owner) + ", epoch " +
         std::to_string(record.version.epoch) + "." + std::to_string(record.version.seq);
}

}  // namespace

// Who contributes how much; of other sites what they say of themselves.
Outcome run_health(const Context& context) {
  HA_TRY(const pb::Status status, ask_status(context));
  const std::string wanted = context.argument(0);
  Table table(
      {{"SITE", "site"}, {"SCORE", "score", Align::Right}, {"LEVEL", "level"}, {"WHAT ADDS TO IT", "worst"}});
  std::vector<std::string> names;
  for (const pb::Site& site : status.sites()) {
    names.push_back(site.name());
    if ((!wanted.empty() && wanted != site.name()) || (site.paths() == 0 && !site.self())) {
      continue;
    }
    std::vector<std::string> worst(site.worst().begin(), site.worst().end());
    if (worst.empty()) {
      worst.emplace_back(site.heard() ? "nothing" : "it is silent: this is what it said last");
    }
    for (std::size_t i = 0; i < worst.size(); ++i) {
      table.add({i == 0 ? site.name() : "",
                 {std::uint64_t{site.score()}, i == 0 ? std::to_string(site.score()) : ""},
                 i == 0 ? site.level() : "",
                 worst[i]});
    }
  }
  if (table.empty()) {
    return Error(Code::Invalid, "no site is called " + in_quotes(wanted) + did_you_mean(wanted, names),
                 "failover status");
  }
  print(table.print(context.globals.output, "failover.health/1"));
  const bool good = std::all_of(status.sites().begin(), status.sites().end(), [](const pb::Site& site) {
    return site.level().empty() || site.level() == "ok";
  });
  return good ? ExitCode::Good : ExitCode::NotGood;
}

Outcome run_sensor_list(const Context& context) {
  HA_TRY(const std::vector<pb::Sensor> sensors, ask_sensors(context));
  Table table({{"SENSOR", "sensor"},
               {"COUNTS AS", "grade"},
               {"POINTS", "points", Align::Right},
               {"OF", "weight", Align::Right},
               {"READ", "age_s", Align::Right},
               {"MUTED", "muted_s", Align::Right},
               {"WHAT IT SAYS", "text"}});
  for (const pb::Sensor& sensor : sensors) {
    table.add({sensor.name(),
               sensor.grade(),
               {std::uint64_t{sensor.points()}, std::to_string(sensor.points())},
               {std::uint64_t{sensor.weight()}, std::to_string(sensor.weight())},
               age_cell(sensor.has_age_ns(), sensor.age_ns()),
               age_cell(sensor.has_muted_ns(), sensor.muted_ns()),
               sensor.text()});
  }
  print(table.print(context.globals.output, "failover.sensors/1"));
  return ExitCode::Good;
}

// Measured here and now, beside the daemon: several in a row, as some compare with the reading before.
Outcome run_sensor_test(const Context& context) {
  HA_TRY(const FailoverConfig config, load_config(context));
  HA_TRY(const SensorSetup* setup, find_sensor(config, context.argument(0)));
  HA_TRY(const std::unique_ptr<Sensor> sensor, make_sensor(*setup));
  Reading reading;
  for (int i = 0; i < 2; ++i) {
    const Now now = read_clocks();
    reading = sensor->measure({now, now.steady + setup->spec.timeout, -1});
  }
  Table table({{"SENSOR", "sensor"}, {"GRADE", "grade"}, {"VALUE", "value"}, {"WHAT IT SAYS", "text"}});
  table.add({setup->spec.name,
             std::string(grade_text(reading.grade)),
             {reading.value, show_number(reading.value) + (reading.unit.empty() ? "" : " " + reading.unit)},
             reading.text});
  print(table.print(context.globals.output, "failover.sensor/1"));
  return reading.grade == Grade::Ok ? ExitCode::Good : ExitCode::NotGood;
}

Outcome run_sensor_mute(const Context& context) {
  const bool on = context.invocation.verb == "sensor mute";
  Question asked = question(on ? "mute" : "unmute");
  asked.add_arguments(context.argument(0));
  if (on) {
    HA_TRY(const Duration length, parse_duration(context.invocation.value("for", "1h")));
    (*asked.mutable_flags())["for"] = std::to_string(length.count());
  }
  return order(context, asked);
}

// Reads every record, and of etcd what its members say.
Outcome run_arbiter_check(const Context& context) {
  HA_TRY(const FailoverConfig config, load_config(context));
  const Duration patience = context.globals.timeout.value_or(std::chrono::seconds(5));
  HA_TRY(const std::unique_ptr<OpenArbiter> arbiter, OpenArbiter::open(config.dns(), patience));
  Table table({{"SERVICE", "service"},
               {"RECORD", "record"},
               {"READ IN", "took_s", Align::Right},
               {"TROUBLE", "trouble"}});
  bool good = true;
  for (const ServiceSettings& service : config.services()) {
    const SteadyTime begun = read_clocks().steady;
    const ArbiterSight sight = (*arbiter)->read(service.rules.name);
    good = good && !sight.trouble;
    table.add({service.rules.name, sight.trouble && !sight.record ? "not known" : record_text(sight),
               age_cell(true, (read_clocks().steady - begun).count()),
               sight.trouble ? TableCell(sight.trouble->what() + "; next: " + sight.trouble->hint())
                             : TableCell::none()});
  }
  print(table.print(context.globals.output, "failover.arbiter/1"));
  if (config.dns().arbiter().kind == dns::ArbiterKind::Etcd) {
    HA_TRY(EtcdClient client, EtcdClient::open(config.dns().arbiter(), patience, -1));
    const dns::Findings found = judge_etcd(config.dns(), look_at_etcd(config.dns(), client, patience));
    for (const dns::Finding& finding : found) {
      good = good && finding.mark == dns::Mark::Good;
      print(finding.about + ": " + finding.found +
            (finding.next.empty() ? "" : "\n    next: " + finding.next) + "\n");
    }
  } else if (context.globals.output == OutputMode::Table) {
    print("Whether the name server is a safe arbiter: dnsupdater doctor\n");
  }
  return good ? ExitCode::Good : ExitCode::NotGood;
}

Outcome run_arbiter_accept(const Context& context) {
  HA_TRY(const bool yes, confirm(context, "What the arbiter shows of " + context.argument(0) +
                                              " now is right, although it has gone back in time?"));
  if (!yes) {
    return ExitCode::NotGood;
  }
  Question asked = question("accept");
  if (context.has("beyond")) {
    const std::string text = context.invocation.value("beyond");
    std::uint64_t epoch = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), epoch);
    if (error != std::errc{} || end != text.data() + text.size()) {
      return Error(Code::Invalid, "--beyond " + in_quotes(text) + " is no epoch", "--beyond 7");
    }
    (*asked.mutable_flags())["beyond"] = text;
  }
  asked.add_arguments(context.argument(0));
  return order(context, asked);
}

Outcome run_handlers_list(const Context& context) {
  HA_TRY(const FailoverConfig config, load_config(context));
  std::map<std::string, pb::Handler> counts;
  const Status asked = ask(context, question("handlers"),
                           [&](const Reply& reply) { counts[reply.handler().name()] = reply.handler(); });
  Table table({{"HANDLER", "handler"},
               {"EVENTS", "events"},
               {"BLOCKING", "blocking"},
               {"RUNS", "runs", Align::Right},
               {"FAILURES", "failures", Align::Right},
               {"DROPPED", "dropped", Align::Right},
               {"COMMAND", "command"}});
  const auto number = [&](std::uint64_t value) {
    return asked.ok() ? TableCell(value, std::to_string(value)) : TableCell::none();
  };
  for (const HandlerConfig& handler : config.watch().handlers) {
    std::string events;
    for (const std::string& event : handler.events) {
      events += (events.empty() ? "" : " ") + event;
    }
    std::string command;
    for (const std::string& word : handler.run.argv) {
      command += (command.empty() ? "" : " ") + word;
    }
    const pb::Handler& found = counts[handler.name];
    table.add({handler.name,
               events,
               {handler.blocking, handler.blocking ? "yes" : "no"},
               number(found.runs()),
               number(found.failures()),
               number(found.dropped()),
               command});
  }
  print(table.print(context.globals.output, "failover.handlers/1"));
  return ExitCode::Good;
}

// Those of this site for that event, each with sample data, one after the other.
Outcome run_handlers_test(const Context& context) {
  HA_TRY(const FailoverConfig config, load_config(context));
  const std::string name = context.argument(0);
  Event event{name,
              "e-test",
              config.cluster().self().name,
              "holder",
              1,
              read_clocks().wall,
              {{"service", config.services().empty() ? "pbx" : config.services().front().rules.name},
               {"why", "failover handlers test"}}};
  Table table(
      {{"HANDLER", "handler"}, {"GOOD", "good"}, {"TOOK", "took_s", Align::Right}, {"WORDS", "words"}});
  bool good = true;
  for (const HandlerConfig& handler : config.watch().handlers) {
    if (std::none_of(handler.events.begin(), handler.events.end(),
                     [&](const std::string& pattern) { return glob_match(pattern, name); })) {
      continue;
    }
    const CommandOutcome outcome = run_action(handler.run, {event_environment(event), event_json(event), -1});
    good = good && outcome.good;
    table.add({handler.name,
               {outcome.good, outcome.good ? "yes" : "NO"},
               age_cell(true, outcome.took.count()),
               outcome.words});
  }
  if (table.empty()) {
    return Error(Code::Invalid, "no handler of this site is for " + in_quotes(name),
                 "failover handlers list");
  }
  print(table.print(context.globals.output, "failover.handlers_test/1"));
  return good ? ExitCode::Good : ExitCode::NotGood;
}

Outcome run_config_check(const Context& context) {
  ConfigProblems problems;
  const auto config = FailoverConfig::load(context.globals.config, problems);
  std::fputs(problems.text().c_str(), stderr);
  HA_CHECK(config.ok() ? ok() : Status(config.error()));
  print("The configuration is good: site " + config->cluster().self().name + ", " +
        std::to_string(config->services().size()) + " services, " +
        std::to_string(config->watch().sensors.size()) + " sensors; a lease of " +
        write_duration(config->timing().lease) + ", silence counts after " +
        write_duration(config->timing().suspect_after()) + ".\n");
  return ExitCode::Good;
}

// Checked first; what runs goes on if it is not right.
Outcome run_config_reload(const Context& context) {
  HA_TRY(const FailoverConfig config, load_config(context));
  return order(context, question("reload"));
}

}  // namespace ha::failover
