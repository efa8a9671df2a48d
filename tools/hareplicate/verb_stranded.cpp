// hareplicate stranded
#include "common/base/bytes.h"
#include "common/base/cli_table.h"
#include "common/base/units.h"
#include "schemas/control.pb.h"
#include "tools/hareplicate/daemon.h"

namespace ha::tool {
namespace {

namespace pb = ha::schemas::control;

pb::Request request_for(const std::string& what, const std::string& id) {
  pb::Request request = new_request("stranded");
  request.add_arguments(what);
  if (!id.empty()) {
    request.add_arguments(id);
  }
  return request;
}

TableCell time_cell(const pb::Incident& incident) {
  const WallTime time(std::chrono::duration_cast<WallTime::duration>(Duration(incident.time_ns())));
  return TableCell(show_utc(time), show_local(time));
}

Outcome list(const Context& context, Daemon& daemon) {
  Table table({{"ID", "id", Align::Left},
               {"SET", "set", Align::Left},
               {"TAKEN OVER AT", "epoch", Align::Left},
               {"LAST ADDED", "time", Align::Left},
               {"ITEMS", "items", Align::Right},
               {"SIZE", "bytes", Align::Right}});
  HA_CHECK(daemon.ask(request_for("list", ""), [&](const pb::Reply& reply) {
    const pb::Incident& incident = reply.incident();
    table.add({incident.id(), incident.set(),
               TableCell(incident.epoch(), "epoch " + std::to_string(incident.epoch())), time_cell(incident),
               TableCell(incident.count(), show_count(incident.count())),
               TableCell(incident.bytes(), show_size(incident.bytes()))});
    return true;
  }));
  if (table.empty() && context.globals.output == OutputMode::Table) {
    print("nothing is stranded at this site\n");
    return ExitCode::Good;
  }
  print(table.print(context.globals.output, "hareplicate.stranded/1"));
  talk(context,
       "See one: hareplicate stranded show ID      take it out: hareplicate stranded keep ID --to DIR\n");
  return ExitCode::Good;
}

Outcome show(const Context& context, Daemon& daemon) {
  Table table({{"SET", "set", Align::Left},
               {"ITEM", "key", Align::Left},
               {"HERE IT WAS", "what", Align::Left},
               {"SIZE", "bytes", Align::Right}});
  std::uint64_t count = 0;
  HA_CHECK(daemon.ask(request_for("show", context.argument(0)), [&](const pb::Reply& reply) {
    count += reply.incident().count();
    for (const pb::Item& item : reply.incident().items()) {
      table.add({item.set(), escape(item.key()), item.what(),
                 TableCell(item.bytes(), item.what() == "deleted" ? "-" : show_size(item.bytes()))});
    }
    return true;
  }));
  print(table.print(context.globals.output, "hareplicate.stranded_items/1"));
  talk(context, show_count(count) + " items\n");
  return ExitCode::Good;
}

// What an incident holds, for the question and the answer.
Result<std::string> sized(const Context& context, Daemon& daemon) {
  std::string text;
  HA_CHECK(daemon.ask(request_for("show", context.argument(0)), [&](const pb::Reply& reply) {
    const pb::Incident& incident = reply.incident();
    text += (text.empty() ? "" : ", ") + incident.set() + ": " + show_count(incident.count()) + " items, " +
            show_size(incident.bytes());
    return true;
  }));
  return text;
}

Outcome take_out(const Context& context, Daemon& daemon, bool drop) {
  HA_TRY(const std::string held, sized(context, daemon));
  const std::string id = escape(context.argument(0));
  const std::string to = context.invocation.value("to");
  if (!drop && to.empty()) {
    return Error(Code::Invalid, "where to?", "hareplicate stranded keep " + id + " --to /var/tmp/" + id);
  }
  const std::string effect =
      drop ? "deletes " + id + " (" + held + ")" : "moves " + id + " (" + held + ") to " + escape(to);
  if (context.has("dry-run")) {
    print("would be: this " + effect + ". Nothing was changed.\n");
    return ExitCode::Good;
  }
  if (drop) {
    HA_TRY(const bool go_on, confirm(context, "This " + effect + " for good."));
    if (!go_on) {
      print("Nothing was changed.\n");
      return ExitCode::Refused;
    }
  }
  pb::Request request = request_for(drop ? "drop" : "keep", context.argument(0));
  if (!drop) {
    (*request.mutable_flags())["to"] = to;
  }
  HA_CHECK(daemon.ask(request, [](const pb::Reply&) { return true; }));
  print(drop ? "dropped " + id + "\n" : "moved to " + escape(to) + "; files are in 0/PATH there\n");
  return ExitCode::Good;
}

}  // namespace

Outcome run_stranded(const Context& context) {
  HA_TRY(Daemon daemon, Daemon::open(context));
  const std::string& verb = context.invocation.verb;
  if (verb == "stranded list") {
    return list(context, daemon);
  }
  return verb == "stranded show" ? show(context, daemon) : take_out(context, daemon, verb == "stranded drop");
}

}  // namespace ha::tool
