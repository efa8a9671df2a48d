// hareplicate status
#include <thread>

#include "common/base/units.h"
#include "schemas/control.pb.h"
#include "tools/hareplicate/context.h"
#include "tools/hareplicate/daemon.h"
#include "tools/hareplicate/show_status.h"

namespace ha::tool {
namespace {

namespace pb = ha::schemas::control;

constexpr const char* kClear = "\033[H\033[2J";

Result<pb::Status> fetch(const Context& context) {
  HA_TRY(Daemon daemon, Daemon::open(context));
  pb::Request request = new_request("status");
  if (context.has("problems")) {
    (*request.mutable_flags())["problems"] = "";
  }
  pb::Status status;
  HA_CHECK(daemon.ask(request, [&](const pb::Reply& reply) {
    status = reply.status();
    return true;
  }));
  HA_CHECK(filter_status(status, {context.invocation.arguments, context.invocation.value("to")}));
  return status;
}

Result<std::optional<Duration>> limit(const Context& context, const char* flag) {
  if (!context.has(flag)) {
    return std::optional<Duration>();
  }
  auto value = parse_duration(context.invocation.value(flag));
  if (!value.ok()) {
    return std::move(value).error().in("--" + std::string(flag));
  }
  return std::optional(*value);
}

// Whatever goes wrong is a line and exit code 3, as monitoring expects it.
Outcome oneline(const Context& context) {
  const auto warning = limit(context, "warning");
  const auto critical = limit(context, "critical");
  const bool good = warning.ok() && critical.ok();
  const Result<pb::Status> status =
      good ? fetch(context) : Result<pb::Status>((warning.ok() ? critical : warning).error());
  const OneLine line =
      status.ok() ? status_oneline(*status, {*warning, *critical}) : unknown_oneline(status.error());
  print(line.text);
  return static_cast<ExitCode>(line.exit_code);
}

std::string shown(const Context& context, const pb::Status& status) {
  switch (context.globals.output) {
    case OutputMode::Json:
      return status_json(status);
    case OutputMode::Fields:
      return status_fields(status);
    case OutputMode::Table:
      break;
  }
  return status_table(status, context.has("problems"), context.color);
}

Outcome watch(const Context& context) {
  catch_interrupts();
  const bool redraw = context.out_is_terminal && !context.json();
  while (!interrupted()) {
    const auto status = fetch(context);
    const std::string text =
        status.ok() ? shown(context, *status) : show_error("hareplicate", status.error());
    print((redraw ? kClear : "") + text + (redraw || context.json() ? "" : "\n"));
    std::this_thread::sleep_for(*context.globals.watch);
  }
  return ExitCode::Interrupted;
}

}  // namespace

Outcome run_status(const Context& context) {
  if (context.has("oneline")) {
    return oneline(context);
  }
  if (context.globals.watch) {
    return watch(context);
  }
  HA_TRY(const pb::Status status, fetch(context));
  print(shown(context, status));
  return status.problems_size() > 0 ? ExitCode::NotGood : ExitCode::Good;
}

}  // namespace ha::tool
