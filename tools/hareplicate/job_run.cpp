#include "tools/hareplicate/job_run.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "common/base/bytes.h"
#include "common/base/cli_table.h"
#include "common/base/units.h"
#include "tools/hareplicate/progress.h"

namespace ha::tool {

namespace pb = ha::schemas::control;

Result<JobEnd> run_job(const Context& context, Daemon& daemon, const pb::Request& request) {
  catch_interrupts();
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  const SteadyTime start = read_clocks().steady;
  Progress progress;
  JobEnd end;
  bool late = false;
  const Status asked = daemon.ask(
      request,
      [&](const pb::Reply& reply) {
        const SteadyTime now = read_clocks().steady;
        if (reply.has_item()) {
          end.items.push_back(reply.item());
        } else if (reply.has_job()) {
          end.job = reply.job();
          if (end.job.ended_ns() == 0) {
            progress.show(context, end.job, terminal, now);
          }
        }
        late = end.job.ended_ns() == 0 && context.globals.timeout && now - start > *context.globals.timeout;
        return !interrupted() && !late;
      },
      true);
  progress.clear();
  if (end.job.ended_ns() != 0) {
    return end;
  }
  const std::string id = end.job.id();
  if (id.empty() || (!asked.ok() && !interrupted() && asked.error().code() != Code::TimedOut)) {
    return asked.ok() ? Error(Code::Cancelled, "interrupted before the job began") : asked.error();
  }
  return Error(late || !interrupted() ? Code::TimedOut : Code::Cancelled,
               "still running as job " + id + ", which goes on without this command",
               "follow: hareplicate jobs follow " + id + "      stop: hareplicate jobs stop " + id);
}

namespace {

// How many differ beyond those that are listed.
std::uint64_t not_listed(const JobEnd& end) {
  return end.job.differences() - std::min<std::uint64_t>(end.job.differences(), end.items.size());
}

}  // namespace

std::string changes_of(const JobEnd& end) {
  std::map<std::string, std::uint64_t> counts;
  for (const pb::Item& item : end.items) {
    ++counts[item.what()];
  }
  constexpr std::pair<const char*, const char*> kWords[] = {{"change", "changed"},
                                                            {"create", "created"},
                                                            {"remode", "mode"},
                                                            {"delete", "deleted"},
                                                            {"adopt", "taken over"}};
  std::string out;
  for (const auto& [what, word] : kWords) {
    if (counts[what] > 0) {
      out += (out.empty() ? "" : ", ") + show_count(counts[what]) + " " + word;
    }
  }
  if (const std::uint64_t more = not_listed(end); more > 0) {
    out += (out.empty() ? "" : ", and ") + show_count(more) + " more that are not listed";
  }
  return out;
}

bool may_delete(const JobEnd& end) {
  return not_listed(end) > 0 || std::any_of(end.items.begin(), end.items.end(),
                                            [](const pb::Item& item) { return item.what() == "delete"; });
}

std::string list_items(const std::vector<pb::Item>& items, bool would, std::size_t limit) {
  Table table({{"WHAT", "what", Align::Left},
               {"TO", "peer", Align::Left},
               {"ITEM", "key", Align::Left},
               {"SIZE", "bytes", Align::Right}});
  std::size_t shown = 0;
  for (const pb::Item& item : items) {
    if (shown++ == limit) {
      break;
    }
    const bool sized = item.what() == "change" || item.what() == "create";
    table.add({TableCell(item.what(), (would ? "would " : "") + item.what()), item.peer(), item.key(),
               sized ? TableCell(item.bytes(), show_size(item.bytes())) : TableCell::none()});
  }
  std::string out = table.empty() ? "" : table.text();
  if (items.size() > limit) {
    out += "… and " + show_count(items.size() - limit) + " more\n";
  }
  return out;
}

std::optional<Error> failure_of(const pb::Job& job) {
  std::optional<Error> first;
  for (const pb::JobPart& part : job.parts()) {
    if (part.phase() == "failed" && !first) {
      first = Error(code_of(part.code()).value_or(Code::Internal),
                    part.set() + " → " + part.peer() + ": " + part.reason(), part.hint());
    }
  }
  return first;
}

}  // namespace ha::tool
