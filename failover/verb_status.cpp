// failover status, why, history
#include <algorithm>
#include <csignal>
#include <thread>

#include "common/base/cli_table.h"
#include "common/base/json_out.h"
#include "common/base/nanoseconds.h"
#include "common/base/suggest.h"
#include "common/base/units.h"
#include "failover/verbs.h"
#include "schemas/coordinator.pb.h"

namespace ha::failover {
namespace {

namespace pb = ha::schemas::coordinator;

constexpr const char* kClear = "\033[H\033[2J";
// What monitoring plugins end with.
constexpr int kWarning = 1;
constexpr int kCritical = 2;
constexpr int kUnknown = 3;

TableCell seconds(std::int64_t nanoseconds) {
  return {static_cast<double>(nanoseconds) / 1e9, show_age(Duration(nanoseconds))};
}

std::string lease_text(const pb::Status& status, const pb::Service& service) {
  if (service.has_lease_left_ns()) {
    return show_age(Duration(service.lease_left_ns())) + " left" +
           (service.by_promises() ? ", by promises" : "");
  }
  return service.holder().empty() || service.holder() == status.site() ? "none" : "its own";
}

std::string next_text(const pb::Service& service) {
  for (const pb::Standing& standing : service.standings()) {
    if (standing.site() != service.holder() && standing.able()) {
      return standing.site() + " in " + total_text(service.site_dies(), "~") + ", " + standing.lag();
    }
  }
  return "nobody";
}

Table service_table(const pb::Status& status) {
  Table table({{"SERVICE", "service"},
               {"HOLDER", "holder"},
               {"EPOCH", "epoch", Align::Right},
               {"LEASE", "lease"},
               {"HERE", "state"},
               {"CALLS", "calls", Align::Right},
               {"CAN TAKE OVER", "next"},
               {"DNS", "dns"}});
  for (const pb::Service& service : status.services()) {
    table.add({service.name(),
               service.known()
                   ? (service.holder().empty() ? TableCell("nobody") : TableCell(service.holder()))
                   : TableCell("not known"),
               {service.epoch(), std::to_string(service.epoch())},
               lease_text(status, service),
               service.state(),
               service.has_calls() ? TableCell(service.calls(), std::to_string(service.calls()))
                                   : TableCell::none(),
               next_text(service),
               service.names().empty() ? "as it should" : service.names()});
  }
  return table;
}

std::string held_by(const pb::Site& site) {
  std::string out;
  for (const pb::SiteService& service : site.services()) {
    if (service.state() == "holding" || service.state() == "draining" || service.state() == "promoting") {
      out += (out.empty() ? "" : " ") + service.name();
    }
  }
  return out;
}

std::string takes_text(const pb::Status& status, const pb::Site& site) {
  if (site.paths() == 0 && !site.self()) {
    return "only copies";
  }
  if (!site.heard()) {
    return "no: silent for " + show_age(Duration(site.silence_ns()));
  }
  if (!site.unfit().empty()) {
    return "no: " + site.unfit();
  }
  std::string out;
  for (const pb::Service& service : status.services()) {
    const bool able =
        std::any_of(service.standings().begin(), service.standings().end(), [&](const auto& each) {
          return each.site() == site.name() && each.able() && service.holder() != site.name();
        });
    out += able ? (out.empty() ? "" : " ") + service.name() : "";
  }
  return out.empty() ? "nothing" : out;
}

Table site_table(const pb::Status& status) {
  Table table({{"SITE", "site"},
               {"HEARD", "heard"},
               {"PATHS", "paths"},
               {"HEALTH", "health"},
               {"RTT", "rtt_s", Align::Right},
               {"CLOCK", "clock_offset_s", Align::Right},
               {"HOLDS", "holds"},
               {"COULD TAKE", "takes"},
               {"WORST", "worst"}});
  for (const pb::Site& site : status.sites()) {
    const bool has_coordinator = site.self() || site.paths() > 0;
    table.add({site.name(),
               site.self()        ? "here"
               : !has_coordinator ? "–"
               : site.heard()     ? "yes"
                                  : "NO",
               site.self() || !has_coordinator
                   ? TableCell::none()
                   : TableCell(std::to_string(site.paths_up()) + "/" + std::to_string(site.paths())),
               has_coordinator && site.heard()
                   ? TableCell(std::uint64_t{site.score()}, std::to_string(site.score()) + " " + site.level())
                   : TableCell::none(),
               site.has_rtt_ns() ? seconds(site.rtt_ns()) : TableCell::none(),
               site.has_clock_offset_ns() ? seconds(site.clock_offset_ns()) : TableCell::none(),
               held_by(site), takes_text(status, site),
               site.worst_size() > 0 ? TableCell(site.worst(0)) : TableCell::none()});
  }
  return table;
}

std::string headline(const pb::Status& status) {
  std::string out = status.cluster() + "   " + status.site() + "   config " + status.config().substr(0, 6) +
                    "   " + show_local(wall_time(status.now_ns()));
  if (status.maintenance()) {
    out += "   IN MAINTENANCE, by " + status.maintenance_by();
  }
  return out + (status.paused() ? "   PAUSED, by " + status.paused_by() : "") + "\n\n";
}

std::string problems_text(const pb::Status& status) {
  if (status.problems_size() == 0) {
    return "";
  }
  std::string out = "\n" + std::to_string(status.problems_size()) +
                    (status.problems_size() == 1 ? " problem\n" : " problems\n");
  for (const pb::Problem& problem : status.problems()) {
    out += "  " + problem.what() + "\n      next: " + problem.next() + "\n";
  }
  return out;
}

std::string budget_lines(const pb::Status& status) {
  std::string out;
  for (const pb::Service& service : status.services()) {
    out += "\n" + service.name() + ": if its site dies " + service.site_dies().text() + "\n" +
           std::string(service.name().size() + 2, ' ') + "if its PBX dies " + service.pbx_dies().text() +
           "\n";
  }
  return out;
}

std::string parts_json(const pb::Budget& budget) {
  JsonList out;
  for (const pb::Part& part : budget.parts()) {
    out.add(JsonObject()
                .text("part", part.name())
                .seconds("seconds", part.length_ns())
                .flag("at_most", part.at_most())
                .text());
  }
  return out.text();
}

std::string json_of(const pb::Status& status) {
  JsonList problems;
  for (const pb::Problem& problem : status.problems()) {
    problems.add(JsonObject().text("what", problem.what()).text("next", problem.next()).text());
  }
  JsonList budgets;
  for (const pb::Service& service : status.services()) {
    budgets.add(JsonObject()
                    .text("service", service.name())
                    .text("mode", service.mode())
                    .seconds("site_dies_s", service.site_dies().total_ns())
                    .seconds("pbx_dies_s", service.pbx_dies().total_ns())
                    .seconds("switchover_s", service.switchover().total_ns())
                    .raw("site_dies", parts_json(service.site_dies()))
                    .raw("pbx_dies", parts_json(service.pbx_dies()))
                    .raw("switchover", parts_json(service.switchover()))
                    .text("why", service.why())
                    .text());
  }
  return JsonObject()
             .text("schema", "failover.status/1")
             .text("cluster", status.cluster())
             .text("site", status.site())
             .text("time", show_utc(wall_time(status.now_ns())))
             .flag("paused", status.paused())
             .flag("maintenance", status.maintenance())
             .raw("services", service_table(status).json())
             .raw("budgets", budgets.text())
             .raw("sites", site_table(status).json())
             .raw("problems", problems.text())
             .text() +
         "\n";
}

std::string shown(const Context& context, const pb::Status& status) {
  switch (context.globals.output) {
    case OutputMode::Json:
      return json_of(status);
    case OutputMode::Fields:
      return service_table(status).fields() + site_table(status).fields();
    case OutputMode::Table:
      break;
  }
  return headline(status) + service_table(status).text() + "\n" + site_table(status).text() +
         (context.has("budget") ? budget_lines(status) : "") + problems_text(status);
}

// As monitoring plugins do.
Outcome oneline(const Context& context) {
  const auto status = ask_status(context);
  if (!status.ok()) {
    print("FAILOVER UNKNOWN - " + status.error().what() + "\n");
    return static_cast<ExitCode>(kUnknown);
  }
  std::string holders;
  bool orphaned = false;
  for (const pb::Service& service : status->services()) {
    holders += (holders.empty() ? "" : ", ") + service.name() + " at " +
               (service.holder().empty() ? "nobody" : service.holder());
    orphaned = orphaned || service.holder().empty();
  }
  const int code = orphaned ? kCritical : status->problems_size() > 0 ? kWarning : 0;
  const char* word = orphaned ? "CRITICAL" : code == kWarning ? "WARNING" : "OK";
  print(std::string("FAILOVER ") + word + " - " + holders +
        (status->problems_size() > 0 ? "; " + status->problems(0).what() : "") +
        " | problems=" + std::to_string(status->problems_size()) + "\n");
  return static_cast<ExitCode>(code);
}

}  // namespace

Outcome run_status(const Context& context) {
  if (context.has("oneline")) {
    return oneline(context);
  }
  while (context.globals.watch) {  // until it is interrupted
    const auto status = ask_status(context);
    print((context.out_is_terminal && !context.json() ? kClear : "") +
          (status.ok() ? shown(context, *status) : show_error("failover", status.error())) + "\n");
    std::this_thread::sleep_for(*context.globals.watch);
  }
  HA_TRY(const pb::Status status, ask_status(context));
  print(shown(context, status));
  return status.problems_size() > 0 ? ExitCode::NotGood : ExitCode::Good;
}

Outcome run_why(const Context& context) {
  HA_TRY(const pb::Status status, ask_status(context));
  const std::string subject = context.argument(0);
  std::vector<std::string> names;
  std::vector<std::string> sentences;
  JsonList json;
  const auto add = [&](const std::string& name, const std::vector<std::string>& found) {
    names.push_back(name);
    if (!subject.empty() && subject != name) {
      return;
    }
    JsonList each;
    sentences.push_back((sentences.empty() ? "" : "\n") + name);
    for (const std::string& sentence : found) {
      each.add(json_quote(sentence));
      sentences.push_back("  " + sentence);
    }
    json.add(JsonObject().text("subject", name).raw("why", each.text()).text());
  };
  for (const pb::Service& service : status.services()) {
    add(service.name(), why_service(status, service));
  }
  for (const pb::Site& site : status.sites()) {
    add(site.name(), why_site(status, site));
  }
  if (sentences.empty()) {
    return Error(Code::Invalid,
                 "no service and no site is called " + in_quotes(subject) + did_you_mean(subject, names),
                 "failover status");
  }
  if (context.json()) {
    print(JsonObject().text("schema", "failover.why/1").raw("subjects", json.text()).text() + "\n");
    return ExitCode::Good;
  }
  for (const std::string& line : sentences) {
    print(line + "\n");
  }
  return ExitCode::Good;
}

Outcome run_history(const Context& context) {
  Question asked = question("history");
  if (!context.argument(0).empty()) {
    asked.add_arguments(context.argument(0));
  }
  std::vector<pb::Move> moves;
  HA_CHECK(ask(context, asked, [&](const Reply& reply) { moves.push_back(reply.move()); }));
  std::reverse(moves.begin(), moves.end());
  if (context.has("limit")) {
    HA_TRY(const std::uint64_t limit, parse_size(context.invocation.value("limit") + "B"));
    moves.resize(std::min<std::size_t>(moves.size(), limit));
  }
  Table table({{"EPOCH", "epoch", Align::Right},
               {"WHEN", "time"},
               {"SERVICE", "service"},
               {"FROM", "from"},
               {"TO", "to"},
               {"TOOK", "took_s", Align::Right},
               {"WHY", "why"}});
  for (const pb::Move& move : moves) {
    table.add({{move.epoch(), std::to_string(move.epoch())},
               {show_utc(wall_time(move.time_ns())), show_local(wall_time(move.time_ns()))},
               move.service(),
               move.from().empty() ? TableCell("nobody") : TableCell(move.from()),
               move.to().empty() ? TableCell("nobody") : TableCell(move.to()),
               move.took_ns() > 0 ? seconds(move.took_ns()) : TableCell::none(),
               move.why()});
  }
  if (table.empty() && context.globals.output == OutputMode::Table) {
    print("Nothing has moved since this site's coordinator was first started.\n");
    return ExitCode::Good;
  }
  print(table.print(context.globals.output, "failover.history/1"));
  return ExitCode::Good;
}

}  // namespace ha::failover
