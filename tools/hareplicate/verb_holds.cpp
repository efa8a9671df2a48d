// hareplicate hold, release
#include "common/base/bytes.h"
#include "common/base/cli_table.h"
#include "schemas/control.pb.h"
#include "tools/hareplicate/daemon.h"

namespace ha::tool {
namespace {

namespace pb = ha::schemas::control;

pb::Request request_for(const Context& context, bool dry_run) {
  pb::Request request = new_request(context.invocation.verb);
  request.add_arguments(context.argument(0));
  for (const char* flag : {"to", "reason", "force-delete"}) {
    if (context.has(flag)) {
      (*request.mutable_flags())[flag] = context.invocation.value(flag);
    }
  }
  if (dry_run) {
    (*request.mutable_flags())["dry-run"] = "";
  }
  return request;
}

Result<Table> ask(const Context& context, Daemon& daemon, bool dry_run) {
  Table table({{"SET", "set", Align::Left}, {"TO", "peer", Align::Left}, {"HELD BY", "reason", Align::Left}});
  HA_CHECK(daemon.ask(request_for(context, dry_run), [&](const pb::Reply& reply) {
    const pb::Item& item = reply.item();
    table.add({item.set(), item.peer().empty() ? "all" : item.peer(), item.detail()});
    return true;
  }));
  return table;
}

Outcome show(const Context& context, Table& table, const std::string& done) {
  print(table.print(context.globals.output, "hareplicate.holds/1"));
  talk(context, done + "\n");
  return ExitCode::Good;
}

}  // namespace

Outcome run_hold(const Context& context) {
  HA_TRY(Daemon daemon, Daemon::open(context));
  HA_TRY(Table table, ask(context, daemon, context.has("dry-run")));
  return show(context, table,
              context.has("dry-run") ? "Would be held. Nothing was changed."
                                     : "Held until: hareplicate release " + escape(context.argument(0)));
}

Outcome run_release(const Context& context) {
  HA_TRY(Daemon daemon, Daemon::open(context));
  HA_TRY(Table before, ask(context, daemon, true));
  if (context.has("dry-run")) {
    return show(context, before, "Would be released. Nothing was changed.");
  }
  if (!context.globals.yes && !context.has("force-delete")) {
    talk(context, before.text());
    HA_TRY(const bool go_on, confirm(context, "This lets the set go on as it is now."));
    if (!go_on) {
      print("Nothing was changed.\n");
      return ExitCode::Refused;
    }
  }
  HA_TRY(Table after, ask(context, daemon, false));
  return show(context, after, "Released. Follow it: hareplicate status " + escape(context.argument(0)));
}

}  // namespace ha::tool
