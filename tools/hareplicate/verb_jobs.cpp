// hareplicate resync, verify, diff, jobs
#include <algorithm>
#include <charconv>
#include <filesystem>

#include "common/base/bytes.h"
#include "common/base/cli_table.h"
#include "common/base/json_out.h"
#include "common/base/units.h"
#include "tools/hareplicate/job_run.h"
#include "tools/hareplicate/progress.h"

namespace ha::tool {
namespace {

namespace pb = ha::schemas::control;

constexpr std::size_t kItemsShown = 20;
constexpr std::size_t kDiffShown = 200;

pb::Request request_for(const Context& context, const std::string& verb,
                        std::initializer_list<const char*> flags) {
  pb::Request request = new_request(verb);
  for (const std::string& argument : context.invocation.arguments) {
    request.add_arguments(argument);
  }
  for (const char* flag : flags) {
    if (context.has(flag)) {
      (*request.mutable_flags())[flag] = context.invocation.value(flag);
    }
  }
  return request;
}

std::string items_json(const JobEnd& end) {
  JsonList rows;
  for (const pb::Item& item : end.items) {
    rows.add(JsonObject()
                 .text("set", item.set())
                 .text("peer", item.peer())
                 .text("key", item.key())
                 .text("what", item.what())
                 .count("bytes", item.bytes())
                 .text());
  }
  return JsonObject()
             .text("schema", "hareplicate.items/1")
             .raw("job", job_json(end.job))
             .raw("rows", rows.text())
             .text() +
         "\n";
}

std::string took(const pb::Job& job) {
  return show_age(Duration(std::max<std::int64_t>(job.ended_ns() - job.started_ns(), 0)));
}

// A failed part decides, else the answer itself.
Outcome outcome_of(const pb::Job& job) {
  if (const auto error = failure_of(job)) {
    return *error;
  }
  return job.good() ? ExitCode::Good : ExitCode::NotGood;
}

std::string to_flag(const Context& context) {
  const std::string to = context.invocation.value("to");
  return to.empty() ? "" : " --to " + to;
}

// ---------------------------------------------------------------- resync
// What a resync would do, from a comparison; nothing when it need not be known.
Result<std::optional<JobEnd>> look_first(const Context& context, Daemon& daemon) {
  if (context.globals.yes && !context.has("dry-run")) {
    return std::optional<JobEnd>();
  }
  HA_TRY(JobEnd end, run_job(context, daemon, request_for(context, "diff", {"to"})));
  if (const auto error = failure_of(end.job)) {
    return *error;
  }
  return std::optional(std::move(end));
}

void show_resync(const Context& context, const JobEnd& end) {
  if (context.json()) {
    print(items_json(end));
    return;
  }
  if (context.has("itemize")) {
    print(list_items(end.items, false, kDiffShown));
  }
  for (const pb::JobPart& part : end.job.parts()) {
    if (part.phase() != "done") {
      continue;
    }
    std::string line = part.set() + " → " + part.peer() + ": in sync";
    if (part.items_total() > 0) {
      line += ", " + show_count(part.items_total()) + " items, " + show_size(part.sent_bytes()) + " sent";
    } else if (part.differences() == 0) {
      line += ", nothing differed";
    }
    print(line + "   " + took(end.job) + "\n");
  }
}

}  // namespace

Outcome run_resync(const Context& context) {
  const std::string set = context.argument(0);
  HA_TRY(Daemon daemon, Daemon::open(context));
  HA_TRY(const std::optional<JobEnd> before, look_first(context, daemon));
  const std::string name = daemon.config().self().name;
  if (context.has("dry-run")) {
    const std::string changes = changes_of(*before);
    print(context.json() ? items_json(*before)
                         : list_items(before->items, true, kDiffShown) + escape(set) + ": " +
                               (changes.empty() ? "nothing differs" : "would be " + changes) +
                               ". Nothing was changed.\n");
    return ExitCode::Good;
  }
  if ((before && may_delete(*before)) || (context.has("full") && !context.globals.yes)) {
    const std::string changes = before ? changes_of(*before) : "";
    const std::string to = context.invocation.value("to");
    HA_TRY(const bool go_on,
           confirm(context, "This makes " + escape(set) +
                                (to.empty() ? " on every replica" : " on " + escape(to)) + " equal to " +
                                name + ": " + (changes.empty() ? "nothing differs" : changes) +
                                (context.has("full") ? "; all stored positions are forgotten." : ".")));
    if (!go_on) {
      print("Nothing was changed.\n");
      return ExitCode::Refused;
    }
  }
  HA_TRY(const JobEnd end, run_job(context, daemon, request_for(context, "resync", {"to", "full"})));
  show_resync(context, end);
  return outcome_of(end.job);
}

// ---------------------------------------------------------------- verify
Outcome run_verify(const Context& context) {
  HA_TRY(Daemon daemon, Daemon::open(context));
  HA_TRY(const JobEnd end,
         run_job(context, daemon, request_for(context, "verify", {"to", "deep", "repair"})));
  if (context.json()) {
    print(items_json(end));
    return outcome_of(end.job);
  }
  Table table({{"SET", "set", Align::Left},
               {"TO", "peer", Align::Left},
               {"ITEMS", "items", Align::Right},
               {"RESULT", "result", Align::Left}});
  for (const pb::JobPart& part : end.job.parts()) {
    const std::string count = show_count(part.differences());
    table.add({part.set(), part.peer(), TableCell(part.items(), show_count(part.items())),
               !part.has_differences()   ? "not compared: " + part.reason()
               : part.differences() == 0 ? "equal"
               : !context.has("repair")  ? count + " DIFFERENT"
               : part.good()             ? count + " were different, repaired"
                                         : count + " DIFFERENT, not repaired: " + part.reason()});
  }
  print(context.globals.output == OutputMode::Fields ? table.fields() : table.text());
  print(list_items(end.items, false, kItemsShown));
  if (!end.job.good() && !failure_of(end.job)) {
    const pb::JobPart* bad = nullptr;
    for (const pb::JobPart& part : end.job.parts()) {
      bad = part.differences() > 0 ? &part : bad;
    }
    if (bad != nullptr) {
      talk(context, "The replicator sends what differs with its next check. See all: hareplicate diff " +
                        bad->set() + " --to " + bad->peer() + "      now: hareplicate resync " + bad->set() +
                        " --to " + bad->peer() + "\n");
    }
  }
  talk(context, took(end.job) + "\n");
  return outcome_of(end.job);
}

namespace {

// A misspelt path does not differ either.
void say_if_nowhere(const Context& context, const replicator::Config& config, const std::string& path) {
  const replicator::SetConfig* set = config.set(context.argument(0));
  std::error_code error;
  const auto here = std::filesystem::path(set != nullptr ? set->path : "/") / path;
  if (std::filesystem::symlink_status(here, error).type() == std::filesystem::file_type::not_found) {
    talk(context, "note: there is no " + escape(here.string()) + ", here or there\n");
  }
}

// What could be compared, also when a replica could not.
void show_diff(const Context& context, const JobEnd& end, std::size_t limit) {
  print(list_items(end.items, false, limit));
  const std::string changes = changes_of(end);
  if (!changes.empty()) {
    print("to be " + changes + ".   Make it equal: hareplicate resync " + context.argument(0) +
          to_flag(context) + "\n");
  } else if (!failure_of(end.job)) {
    print("nothing differs\n");
  }
  for (const pb::JobPart& part : end.job.parts()) {
    if (failure_of(end.job) && part.phase() == "done" && part.differences() == 0) {
      print(part.set() + " → " + part.peer() + ": nothing differs\n");
    }
  }
}

}  // namespace

Outcome run_diff(const Context& context) {
  std::size_t limit = kDiffShown;
  if (context.has("limit")) {
    const std::string text = context.invocation.value("limit");
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (error != std::errc{} || at != text.data() + text.size()) {
      return Error(Code::Invalid, "--limit " + escape(text) + " is not a number", "--limit 200");
    }
  }
  HA_TRY(Daemon daemon, Daemon::open(context));
  pb::Request request = request_for(context, "diff", {"to", "deep"});
  if (request.arguments_size() > 1) {
    std::string path = unescape(request.arguments(1));
    path.erase(path.find_last_not_of('/') + 1);
    request.set_arguments(1, path);
  }
  HA_TRY(const JobEnd end, run_job(context, daemon, request));
  if (context.json()) {
    print(items_json(end));
  } else {
    show_diff(context, end, limit);
  }
  if (end.items.empty() && !failure_of(end.job) && request.arguments_size() > 1) {
    say_if_nowhere(context, daemon.config(), request.arguments(1));
  }
  return outcome_of(end.job);
}

// ---------------------------------------------------------------- jobs
namespace {

Outcome list_jobs(const Context& context, Daemon& daemon) {
  Table table({{"ID", "id", Align::Left},
               {"VERB", "verb", Align::Left},
               {"SETS", "sets", Align::Left},
               {"STARTED", "started", Align::Left},
               {"BY", "user", Align::Left},
               {"STATE", "phase", Align::Left},
               {"DIFFERENT", "differences", Align::Right},
               {"SENT", "sent_bytes", Align::Right}});
  HA_CHECK(daemon.ask(new_request("jobs"), [&](const pb::Reply& reply) {
    const pb::Job& job = reply.job();
    std::string sets;
    for (const pb::JobPart& part : job.parts()) {
      sets += (sets.empty() ? "" : ", ") + part.set() + "→" + part.peer();
    }
    const WallTime started(std::chrono::duration_cast<WallTime::duration>(Duration(job.started_ns())));
    table.add({job.id(), job.verb(), sets, TableCell(show_utc(started), show_local(started)), job.user(),
               job.phase(), TableCell(job.differences(), show_count(job.differences())),
               TableCell(job.sent_bytes(), show_size(job.sent_bytes()))});
    return true;
  }));
  if (table.empty() && context.globals.output == OutputMode::Table) {
    print("no jobs since the replicator started\n");
  } else {
    print(table.print(context.globals.output, "hareplicate.jobs/1"));
  }
  return ExitCode::Good;
}

}  // namespace

Outcome run_jobs(const Context& context) {
  HA_TRY(Daemon daemon, Daemon::open(context));
  if (context.invocation.verb == "jobs list") {
    return list_jobs(context, daemon);
  }
  const bool stop = context.invocation.verb == "jobs stop";
  pb::Request request = new_request(stop ? "stop" : "follow");
  request.add_arguments(context.argument(0));
  if (stop) {
    HA_CHECK(daemon.ask(request, [](const pb::Reply&) { return true; }));
    print("stopped " + escape(context.argument(0)) + "; what it has done stays\n");
    return ExitCode::Good;
  }
  HA_TRY(const JobEnd end, run_job(context, daemon, request));
  if (context.json()) {
    print(items_json(end));
  } else {
    print(list_items(end.items, false, kItemsShown));
    print(end.job.id() + " " + end.job.verb() + ": " + end.job.phase() + ", " +
          show_count(end.job.differences()) + " different, " + show_size(end.job.sent_bytes()) + " sent   " +
          took(end.job) + "\n");
  }
  return outcome_of(end.job);
}

}  // namespace ha::tool
