#include "dnsupdater/runner.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/units.h"
#include "common/sys/digest.h"
#include "common/sys/process.h"

namespace ha::dns {
namespace {

constexpr int kTriesMax = 10;  // of a swap that is lost to others who change the same guard
constexpr Duration kLookInterval = std::chrono::milliseconds(500);
constexpr Duration kDrainInterval = std::chrono::seconds(2);
constexpr Duration kSayInterval = std::chrono::seconds(10);
// Who answers nothing at all is waited for no longer than that: callers do not wait for it either.
constexpr Duration kSilenceMax = std::chrono::seconds(3);
constexpr Duration kServerPatience = std::chrono::seconds(1);
constexpr Duration kCommandLimit = std::chrono::seconds(30);

std::string first_line(const Bytes& output) {
  return escape(BytesView(output).substr(0, std::min(output.find('\n'), output.size())));
}

RunOutcome cancelled() {
  return {RunEnd::Cancelled, std::nullopt, Trouble{Cause::Ours, Error(Code::Cancelled, "given up")}};
}

}  // namespace

void Runner::say(const std::string& line) const {
  if (options_.say) {
    options_.say(line);
  }
}

bool Runner::sleep(Duration length) const {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(std::max(length, Duration::zero())).count();
  pollfd polled{options_.cancel_fd, POLLIN, 0};
  return ::poll(&polled, options_.cancel_fd >= 0 ? 1 : 0, static_cast<int>(std::min<long>(ms, 60'000))) == 0;
}

Result<RunOutcome> Runner::run(JournalEntry entry) {
  HA_CHECK(journal_.put(entry));
  while (entry.done() < entry.operation.steps.size()) {
    const std::size_t number = entry.done();
    const OperationStep& step = entry.operation.steps[number];
    if (entry.notes.size() <= number) {
      entry.notes.push_back({read_clocks().wall});
      HA_CHECK(journal_.put(entry));
    }
    HA_TRY(StepEnd end, take(step, entry.notes[number].began));
    if (end.stopped) {
      entry.notes[number].said = end.stopped->trouble ? end.stopped->trouble->error.what() : end.said;
      HA_CHECK(journal_.put(entry));
      return std::move(*end.stopped);
    }
    entry.notes[number].ended = read_clocks().wall;
    entry.notes[number].said = std::move(end.said);
    HA_CHECK(journal_.put(entry));
  }
  entry.ended = "done";
  HA_CHECK(journal_.put(entry));
  return RunOutcome{};
}

Result<Runner::StepEnd> Runner::take(const OperationStep& step, WallTime began) {
  if (const auto* moving = std::get_if<MoveStep>(&step)) {
    return move(*moving);
  }
  if (const auto* looking = std::get_if<VerifyStep>(&step)) {
    return verify(*looking);
  }
  if (const auto* waiting = std::get_if<PauseStep>(&step)) {
    return pause(*waiting, began);
  }
  return drain(std::get<DrainStep>(step), began);
}

// Lost to whoever renews the same guard: what is wanted of the RRsets may still be right, so it is read
// again.
Result<Runner::StepEnd> Runner::move(const MoveStep& step) {
  HA_TRY(Primary * primary, zones_.primary(step.zone));
  for (int tries = 1;; ++tries) {
    HA_TRY(const Bytes random, sys::random_bytes(sizeof(Digest)));
    Digest nonce;
    HA_ASSERT(parse_digest(random, nonce));
    std::vector<GuardChange> made;
    const auto planner = [&](const std::vector<RrSet>& found) -> std::variant<Change, Trouble> {
      auto change = change_of(step, found, nonce);
      if (!change.ok()) {
        return Trouble{Cause::Ours, std::move(change).error()};
      }
      for (const GuardChange& guard : change->guards) {
        if (Status seen = seen_.check(guard.name, guard.before); !seen.ok()) {
          return Trouble{Cause::Regression, std::move(seen).error()};
        }
      }
      made = change->guards;
      return std::move(change).value();
    };
    Swap swap(keys_of(step), planner, {options_.swap_total}, read_clocks().steady);
    SwapResult result = run_swap(swap, *primary);
    switch (result.verdict) {
      case Verdict::Nothing:
        return StepEnd{std::nullopt, "was so already"};
      case Verdict::Won:
        for (const GuardChange& guard : made) {
          HA_CHECK(seen_.put(guard.name, guard.after.version));
        }
        return StepEnd{std::nullopt, "accepted, " + std::to_string(result.sends) +
                                         (result.sends == 1 ? " message" : " messages")};
      case Verdict::Lost:
      case Verdict::Overtaken:
        if (tries < kTriesMax) {
          continue;
        }
        break;
      default:
        break;
    }
    const bool by_hand = result.trouble && result.trouble->error.code() == Code::Cancelled;
    return StepEnd{RunOutcome{by_hand ? RunEnd::Cancelled : RunEnd::Stopped, result.verdict, result.trouble},
                   ""};
  }
}

Result<Runner::StepEnd> Runner::verify(const VerifyStep& step) {
  const SteadyTime begin = read_clocks().steady;
  std::string last;
  for (;;) {
    std::string behind;
    bool any_old = false;
    for (const SetMove& move : step.sets) {
      for (const ServerView& view : view_servers(step.servers, step.zone, {move.name, move.type},
                                                 kServerPatience, options_.cancel_fd)) {
        if (view.trouble) {
          behind += (behind.empty() ? "" : ", ") + view.server.text() + " is silent";
        } else if (view.set != move.to) {
          behind += (behind.empty() ? "" : ", ") + view.server.text() + " has old data";
          any_old = true;
        }
      }
    }
    if (behind.empty()) {
      return StepEnd{std::nullopt, "all servers"};
    }
    const Duration waited = read_clocks().steady - begin;
    if (waited >= step.limit || (!any_old && waited >= kSilenceMax)) {
      return StepEnd{std::nullopt, "not all servers: " + behind};
    }
    if (behind != last) {
      say("waiting: " + behind);
      last = behind;
    }
    if (!sleep(kLookInterval)) {
      return StepEnd{cancelled(), ""};
    }
  }
}

Result<Runner::StepEnd> Runner::pause(const PauseStep& step, WallTime began) {
  // A clock that was set forward must not make it shorter than what this run has waited, nor longer than it
  // is.
  const Duration gone = std::clamp<Duration>(read_clocks().wall - began, Duration::zero(), step.length);
  const SteadyTime until = read_clocks().steady + (step.length - gone);
  SteadyTime said{};
  for (;;) {
    const SteadyTime now = read_clocks().steady;
    if (now >= until) {
      return StepEnd{std::nullopt, "waited"};
    }
    if (now - said >= kSayInterval) {
      said = now;
      say("waiting " + show_age(until - now) + ": " + step.why);
    }
    if (!sleep(std::min<Duration>(until - now, std::chrono::seconds(1)))) {
      return StepEnd{cancelled(), ""};
    }
  }
}

Result<Runner::StepEnd> Runner::drain(const DrainStep& step, WallTime began) {
  const Duration gone = std::clamp<Duration>(read_clocks().wall - began, Duration::zero(), step.limit);
  const SteadyTime until = read_clocks().steady + (step.limit - gone);
  std::string last;
  for (;;) {
    if (!step.command.empty()) {
      sys::Command command;
      command.argv = step.command;
      command.limit = kCommandLimit;
      command.cancel_fd = options_.cancel_fd;
      HA_TRY(const sys::CommandResult ran, sys::run_command(command));
      if (ran.succeeded()) {
        return StepEnd{std::nullopt, "drained: " + first_line(ran.output)};
      }
      if (ran.cancelled) {
        return StepEnd{cancelled(), ""};
      }
      if (const std::string line = first_line(ran.output); line != last) {
        last = line;
        say("draining: " + line);
      }
    }
    if (read_clocks().steady >= until) {
      return StepEnd{std::nullopt, step.command.empty() ? "waited" : "not drained in time: " + last};
    }
    if (!sleep(std::min<Duration>(until - read_clocks().steady, kDrainInterval))) {
      return StepEnd{cancelled(), ""};
    }
  }
}

}  // namespace ha::dns
