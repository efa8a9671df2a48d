// hareplicate history, events
#include <fnmatch.h>

#include "common/base/bytes.h"
#include "common/base/cli_table.h"
#include "common/base/nanoseconds.h"
#include "common/base/units.h"
#include "schemas/control.pb.h"
#include "tools/hareplicate/context.h"
#include "tools/hareplicate/daemon.h"

namespace ha::tool {
namespace {

namespace pb = ha::schemas::control;

Status add_since(const Context& context, pb::Request& request) {
  HA_TRY(const std::int64_t since, parse_since(context.invocation.value("since"), read_clocks().wall));
  (*request.mutable_flags())["since_ns"] = std::to_string(since);
  return ok();
}

}  // namespace

Outcome run_history(const Context& context) {
  pb::Request request = new_request("history");
  HA_CHECK(add_since(context, request));
  HA_TRY(Daemon daemon, Daemon::open(context));
  const std::string set = context.argument(0);
  if (!set.empty()) {
    if (daemon.config().set(set) == nullptr) {
      return replicator::unknown_set(daemon.config(), set);
    }
    request.add_arguments(set);
  }
  Table table({{"TIME", "time", Align::Left},
               {"SET", "set", Align::Left},
               {"FROM", "origin", Align::Left},
               {"EPOCH", "epoch", Align::Right},
               {"SEQUENCE", "sequence", Align::Right},
               {"ITEMS", "items", Align::Right},
               {"RECEIVED", "bytes", Align::Right},
               {"FAILED", "failed", Align::Right}});
  HA_CHECK(daemon.ask(request, [&](const pb::Reply& reply) {
    const pb::Record& record = reply.record();
    const WallTime time = wall_time(record.time_ns());
    table.add({TableCell(show_utc(time, true), show_local(time)), record.set(), record.origin(),
               TableCell(record.epoch(), show_count(record.epoch())),
               TableCell(record.sequence(), show_count(record.sequence())),
               TableCell(record.items(), show_count(record.items())),
               TableCell(record.bytes(), show_size(record.bytes())),
               TableCell(record.failed(), show_count(record.failed()))});
    return true;
  }));
  if (table.empty() && context.globals.output == OutputMode::Table) {
    print("nothing was applied here" + std::string(context.has("since") ? " since then\n" : " yet\n"));
  } else {
    print(table.print(context.globals.output, "hareplicate.history/1"));
  }
  return ExitCode::Good;
}

Outcome run_events(const Context& context) {
  pb::Request request = new_request("events");
  HA_CHECK(add_since(context, request));
  const bool follow = context.has("follow");
  if (follow) {
    (*request.mutable_flags())["follow"] = "";
  }
  const std::string names = context.invocation.value("on", "*");
  HA_TRY(Daemon daemon, Daemon::open(context));
  HA_CHECK(daemon.ask(
      request,
      [&](const pb::Reply& reply) {
        const pb::Event& event = reply.event();
        if (::fnmatch(names.c_str(), event.name().c_str(), 0) != 0) {
          return true;
        }
        const bool bad = event.level() == "error" || event.level() == "warn";
        const std::string level =
            context.color && bad ? "\033[31m" + event.level() + "\033[0m" : event.level();
        print(context.json()
                  ? event.json() + "\n"
                  : show_local(wall_time(event.time_ns())) + "  " + level +
                        std::string(event.level().size() < 5 ? 5 - event.level().size() : 0, ' ') + "  " +
                        event.name() + (event.line().empty() ? "" : "  ") + event.line() + "\n");
        return true;
      },
      follow));
  return ExitCode::Good;
}

}  // namespace ha::tool
