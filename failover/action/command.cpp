#include "failover/action/command.h"

#include <algorithm>
#include <utility>

#include "common/base/units.h"
#include "common/sys/process.h"

namespace ha::failover {
namespace {

constexpr mode_t kMask = 077;

// What people know it by: the program's last name, or the beginning of the shell's text.
std::string name_of(const ActionCommand& run) {
  constexpr std::size_t kShellTextMax = 40;
  const std::string& first = run.argv[0];
  return in_quotes(run.shell ? first.substr(0, kShellTextMax) : first.substr(first.rfind('/') + 1));
}

std::string last_line(std::string_view text) {
  text = text.substr(0, std::min(text.find_last_not_of(" \t\r\n") + 1, text.size()));
  const std::size_t at = text.rfind('\n');
  return escape(text.substr(at == text.npos ? 0 : at + 1));
}

std::string words_of_end(const ActionCommand& run, const sys::CommandResult& ran, Duration took) {
  const std::string last = last_line(ran.output);
  const std::string said = last.empty() ? "" : ": " + last;
  if (ran.cancelled) {
    return name_of(run) + " was given up after " + show_age(took) + said;
  }
  if (ran.timed_out) {
    return name_of(run) + " did not end within " + write_duration(run.limit) + said;
  }
  if (ran.signal != 0) {
    return name_of(run) + " was ended by signal " + std::to_string(ran.signal) + said;
  }
  return ran.exit_status == 0 ? name_of(run) + " was good, in " + show_age(took)
                              : name_of(run) + " ended with " + std::to_string(ran.exit_status) + said;
}

}  // namespace

Status check_action(const ActionCommand& run) {
  if (run.argv.empty() || run.argv[0].empty()) {
    return Error(Code::Invalid, "there is no command");
  }
  if (run.shell && run.argv.size() != 1) {
    return Error(Code::Invalid, "with shell = true the command is one text");
  }
  if (!run.shell && run.argv[0][0] != '/') {
    return Error(Code::Invalid, "the command " + in_quotes(run.argv[0]) + " has no path",
                 "write the whole path, or shell = true");
  }
  if (run.limit <= Duration::zero()) {
    return Error(Code::Invalid, "the command " + in_quotes(run.argv[0]) + " has no time");
  }
  return ok();
}

CommandOutcome run_action(const ActionCommand& run, const CommandInput& input) {
  sys::Command command{run.argv};
  if (run.shell) {
    command.argv = {"/bin/sh", "-c", run.argv.at(0)};
  }
  command.limit = run.limit;
  command.output_bytes_max = kActionOutputMax;
  command.keep_end = true;
  command.environment = input.environment;
  command.directory = "/";
  command.input = input.stdin_bytes;
  command.user = run.user;
  command.umask = kMask;
  command.cancel_fd = input.cancel_fd;
  const SteadyTime begin = read_clocks().steady;
  const auto ran = sys::run_command(command);
  CommandOutcome out;
  out.took = read_clocks().steady - begin;
  if (!ran.ok()) {
    out.words = ran.error().what();
    return out;
  }
  out.good = ran->succeeded();
  out.exit_status = ran->timed_out || ran->cancelled ? -1 : ran->exit_status;
  out.in_time = !ran->timed_out;
  out.words = words_of_end(run, *ran, out.took);
  out.output = escape(ran->output);
  return out;
}

}  // namespace ha::failover
