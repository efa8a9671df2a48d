#include "dnsupdater/runner.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/units.h"
#include "common/sys/process.h"

namespace ha::dns {
namespace {

constexpr Duration kFresh = std::chrono::seconds(1);  // of a reading
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

// One write for the end of a step and the beginning of the next one, as each costs two syncs. A look at the
// servers is written down when it turns out that it has to wait: what is forgotten is only looked at again.
Result<RunOutcome> Runner::run(JournalEntry& entry) {
  const bool first_try = entry.notes.empty();
  const auto put = [&] { return journal_.put(entry); };
  const auto begin_next = [&] {
    const std::size_t next = entry.done();
    if (next == entry.operation.steps.size()) {
      entry.ended = "done";
      return put();
    }
    if (entry.notes.size() == next) {
      entry.notes.push_back({read_clocks().wall});
    }
    return next > 0 && std::holds_alternative<VerifyStep>(entry.operation.steps[next]) ? ok() : put();
  };
  HA_CHECK(begin_next());
  while (entry.ended.empty()) {
    StepNote& note = entry.notes.back();
    HA_TRY(StepEnd end, take(entry.operation.steps[entry.done()], note.began, put));
    if (end.stopped) {
      note.said = end.stopped->trouble ? end.stopped->trouble->error.what() : end.said;
      // An undo has to go on: what it takes back counts as undone from its beginning.
      if (first_try && entry.done() == 0 && end.left_nothing && !entry.operation.is_undo()) {
        entry.ended = std::string(verdict_text(*end.stopped->verdict)) + ": nothing was changed";
      }
      HA_CHECK(journal_.put(entry));
      return std::move(*end.stopped);
    }
    note.ended = read_clocks().wall;
    note.said = std::move(end.said);
    HA_CHECK(begin_next());
  }
  return RunOutcome{};
}

Result<Runner::StepEnd> Runner::take(const OperationStep& step, WallTime began,
                                     const std::function<Status()>& before_waiting) {
  if (const auto* moving = std::get_if<MoveStep>(&step)) {
    return move(*moving);
  }
  if (const auto* looking = std::get_if<VerifyStep>(&step)) {
    return verify(*looking, before_waiting);
  }
  if (const auto* waiting = std::get_if<PauseStep>(&step)) {
    return pause(*waiting, began);
  }
  return drain(std::get<DrainStep>(step), began);
}

// Once.
std::optional<Reading> Runner::fresh_reading(const MoveStep& step) {
  std::optional<Reading> reading = std::exchange(options_.reading, std::nullopt);
  return reading && reading->zone == step.zone && reading->keys == keys_of(step) &&
                 read_clocks().steady - reading->at < kFresh
             ? std::move(reading)
             : std::nullopt;
}

// Lost to whoever renews the same guard: what is wanted of the RRsets may still be right, so it is read
// again.
Result<Runner::StepEnd> Runner::move(const MoveStep& step) {
  HA_TRY(Primary * primary, zones_.primary(step.zone));
  bool left_nothing = true;
  for (int tries = 1;; ++tries) {
    HA_TRY(const Digest nonce, new_nonce());
    std::vector<GuardChange> made;
    const auto planner = [&](const std::vector<RrSet>& found) -> std::variant<Change, Trouble> {
      auto change = change_of(step, found, nonce, [this](const Name& guard) { return seen_.beyond(guard); });
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
    if (const std::optional<Reading> reading = fresh_reading(step)) {
      swap.on_read(reading->found, read_clocks().steady);
    }
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
        left_nothing = left_nothing && result.verdict == Verdict::Lost;
        if (tries < kTriesMax) {
          continue;
        }
        break;
      case Verdict::Refused:
      case Verdict::NotSent:
        break;
      default:
        left_nothing = false;
    }
    const bool by_hand = result.trouble && result.trouble->error.code() == Code::Cancelled;
    return StepEnd{RunOutcome{by_hand ? RunEnd::Cancelled : RunEnd::Stopped, result.verdict, result.trouble},
                   "", left_nothing};
  }
}

// Whether it is worth waiting: false once somebody has changed it again at the primary.
Result<bool> Runner::is_still_wanted(const VerifyStep& step) {
  HA_TRY(Primary * primary, zones_.primary(step.zone));
  std::vector<SetKey> keys;
  for (const SetMove& move : step.sets) {
    keys.push_back({move.name, move.type});
  }
  const auto found = primary->read(keys);
  const auto* sets = std::get_if<std::vector<RrSet>>(&found);
  return sets == nullptr || std::all_of(step.sets.begin(), step.sets.end(), [&](const SetMove& move) {
           const RrSet* set = find_set(*sets, move.name, move.type);
           return is_after(move, set != nullptr ? std::optional(*set) : std::nullopt);
         });
}

Result<Runner::StepEnd> Runner::verify(const VerifyStep& step,
                                       const std::function<Status()>& before_waiting) {
  const SteadyTime begin = read_clocks().steady;
  std::string last;
  for (;;) {
    std::string behind;
    bool any_old = false;
    for (const SetMove& move : step.sets) {
      for (const ServerView& view : view_servers(step.servers, step.zone, {move.name, move.type},
                                                 kServerPatience, options_.cancel_fd, Look::Set)) {
        const std::string said = behind_text(view, move);
        const std::string line = view.server.text() + " " + said;
        // One that is silent is so for all sets.
        if (!said.empty() && behind.find(line) == std::string::npos) {
          behind += (behind.empty() ? "" : ", ") + line;
          any_old = any_old || !view.trouble;
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
    if (any_old) {
      HA_TRY(const bool wanted, is_still_wanted(step));
      if (!wanted) {
        return StepEnd{std::nullopt, "somebody has changed it again: " + behind};
      }
    }
    if (last.empty()) {
      HA_CHECK(before_waiting());
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
