#include "failover/action/pbx_control.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/base/units.h"
#include "common/sys/file.h"

namespace ha::failover {
namespace {

constexpr std::chrono::milliseconds kLookApart{50};
constexpr Duration kKilledWithin = std::chrono::seconds(2);
constexpr Duration kThereWithin = std::chrono::seconds(3);  // after a start command that was good

std::string_view state_words(PbxState state) noexcept {
  switch (state) {
    case PbxState::Running:
      return "it runs";
    case PbxState::Stopped:
      return "it does not run";
    case PbxState::Unknown:
      return "it is not known whether it runs";
  }
  return "?";
}

// Whether somebody wants us to end.
bool pause(int cancel_fd) {
  pollfd wait{cancel_fd, POLLIN, 0};  // -1 is passed over: it only waits
  return ::poll(&wait, 1, static_cast<int>(kLookApart.count())) > 0;
}

// Not by the id alone, which may be another's by now.
bool kill_one(const FoundProcess& process) {
  const sys::FileHandle pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)), "pidfd");
  return pidfd.is_open() && ::syscall(SYS_pidfd_send_signal, pidfd.fd(), SIGKILL, nullptr, 0) == 0;
}

}  // namespace

// What one call does.
struct PbxControl::Act {
  std::string_view name;
  const ActionCommand& command;
  const std::vector<ActionCommand>& before;
  const std::vector<ActionCommand>& after;
  PbxState wanted;
};

Status check_pbx(const PbxConfig& config) {
  HA_CHECK(check_action(config.start));
  HA_CHECK(check_action(config.stop));
  for (const ActionCommand* command : {&config.restart, &config.prewarm, &config.status}) {
    HA_CHECK(command->empty() ? ok() : check_action(*command));
  }
  for (const auto* hooks :
       {&config.before_start, &config.after_start, &config.before_stop, &config.after_stop}) {
    for (const ActionCommand& hook : *hooks) {
      HA_CHECK(check_action(hook));
    }
  }
  const bool has_process = !config.process.empty() || !config.pidfile.empty();
  if (!has_process && config.status.empty()) {
    return Error(Code::Invalid, "nothing says whether the PBX runs", "set process, pidfile or status");
  }
  if (!has_process && config.kill) {
    return Error(Code::Invalid, "nothing says what is to be killed", "set process or pidfile");
  }
  return ok();
}

std::string_view pbx_result_text(PbxResult result) noexcept {
  switch (result) {
    case PbxResult::Done:
      return "done";
    case PbxResult::AlreadySo:
      return "already so";
    case PbxResult::Vetoed:
      return "vetoed";
    case PbxResult::Failed:
      return "failed";
  }
  return "?";
}

PbxControl::PbxControl(PbxConfig config, std::string proc) : config_(std::move(config)) {
  auto finder = ProcessFinder::make(std::move(proc), config_.process, config_.pidfile);
  if (finder.ok()) {
    finder_ = std::move(finder).value();
  }
}

PbxOutcome PbxControl::start(const CommandInput& input) {
  return run({"start", config_.start, config_.before_start, config_.after_start, PbxState::Running}, input);
}

PbxOutcome PbxControl::prewarm(const CommandInput& input) {
  const ActionCommand& command = config_.prewarm.empty() ? config_.start : config_.prewarm;
  return run({"prewarm", command, config_.before_start, config_.after_start, PbxState::Running}, input);
}

PbxOutcome PbxControl::stop(const CommandInput& input) {
  return run({"stop", config_.stop, config_.before_stop, config_.after_stop, PbxState::Stopped}, input);
}

PbxOutcome PbxControl::restart(const CommandInput& input) {
  if (config_.restart.empty()) {
    PbxOutcome stopped = stop(input);
    if (stopped.result == PbxResult::Vetoed || stopped.result == PbxResult::Failed) {
      return stopped;
    }
    PbxOutcome started = start(input);
    started.took += stopped.took;
    started.killed = stopped.killed;
    return started;
  }
  const SteadyTime begin = read_clocks().steady;
  const CommandOutcome ran = run_action(config_.restart, input);
  PbxOutcome out;
  out.state = ran.good ? wait_for(PbxState::Running, begin + config_.restart.limit, input) : state(input);
  out.result = ran.good && out.state == PbxState::Running ? PbxResult::Done : PbxResult::Failed;
  out.words = ran.words + "; " + std::string(state_words(out.state));
  out.took = read_clocks().steady - begin;
  return out;
}

PbxState PbxControl::state(const CommandInput& input, std::string* words) {
  if (!config_.status.empty()) {
    const CommandOutcome said = run_action(config_.status, {input.environment, {}, input.cancel_fd});
    if (words != nullptr) {
      *words = said.words;
    }
    return said.exit_status == 0                            ? PbxState::Running
           : said.exit_status >= 1 && said.exit_status <= 3 ? PbxState::Stopped
                                                            : PbxState::Unknown;
  }
  const auto found = finder_->find();
  const auto say = [&](std::string what) {
    if (words != nullptr) {
      *words = std::move(what);
    }
  };
  if (!found.ok()) {
    say(found.error().what());
    return found.error().code() == Code::NotFound ? PbxState::Stopped : PbxState::Unknown;
  }
  const std::string process = "process " + std::to_string(found->pid);
  say(finder_->name() + (found->is_dead() ? " does not run: " + process + " is dead" : " is " + process));
  return found->is_dead() ? PbxState::Stopped : PbxState::Running;
}

PbxOutcome PbxControl::run(const Act& act, const CommandInput& given) {
  const SteadyTime begin = read_clocks().steady;
  CommandInput input = given;
  input.environment.push_back("HA_PBX_ACTION=" + std::string(act.name));
  PbxOutcome out;
  const auto end = [&](PbxResult result, std::string words) {
    out.result = result;
    out.words = std::move(words);
    out.took = read_clocks().steady - begin;
    return out;
  };
  out.state = state(input, &out.words);
  if (out.state == act.wanted) {
    return end(PbxResult::AlreadySo, out.words);
  }
  if (const auto veto = run_hooks(act.before, input)) {
    return end(PbxResult::Vetoed, *veto);
  }
  const SteadyTime until = read_clocks().steady + act.command.limit;
  const CommandOutcome ran = run_action(act.command, input);
  // What the command says is believed less than what is there: a stop that complains may have stopped it.
  out.state = wait_for(act.wanted, look_until(act.wanted, ran, until), input);
  std::string words = ran.words;
  if (out.state != act.wanted && act.wanted == PbxState::Stopped && config_.kill) {
    out.killed = kill_all(words);
    out.state = wait_for(PbxState::Stopped, read_clocks().steady + kKilledWithin, input);
  }
  if (out.state != act.wanted) {
    return end(PbxResult::Failed, words + "; " + std::string(state_words(out.state)));
  }
  if (const auto failed = run_hooks(act.after, input)) {
    return end(PbxResult::Failed, words + "; " + *failed);
  }
  return end(PbxResult::Done, words);
}

// In their order; the first that fails ends it. What it said, then.
std::optional<std::string> PbxControl::run_hooks(const std::vector<ActionCommand>& hooks,
                                                 const CommandInput& input) {
  for (const ActionCommand& hook : hooks) {
    const CommandOutcome ran = run_action(hook, input);
    if (!ran.good) {
      return "hook " + ran.words;
    }
  }
  return std::nullopt;
}

PbxState PbxControl::wait_for(PbxState wanted, SteadyTime until, const CommandInput& input) {
  while (true) {
    const PbxState now = state(input);
    if (now == wanted || read_clocks().steady >= until || pause(input.cancel_fd)) {
      return now;
    }
  }
}

// A process that is not there soon after its start command was good has died; a status command may have to
// wait for a PBX that is still loading.
SteadyTime PbxControl::look_until(PbxState wanted, const CommandOutcome& ran, SteadyTime until) const {
  const SteadyTime now = read_clocks().steady;
  if (!ran.good) {
    return now;
  }
  return wanted == PbxState::Running && config_.status.empty() ? std::min(until, now + kThereWithin) : until;
}

// Whether anything was sent a signal.
bool PbxControl::kill_all(std::string& words) {
  const auto family = finder_->find_family();
  if (!family.ok()) {
    words += "; " + family.error().what();
    return false;
  }
  const auto count = std::count_if(family->begin(), family->end(), kill_one);
  words += "; " + finder_->name() + " was killed, " + std::to_string(count) + " processes";
  return count > 0;
}

}  // namespace ha::failover
