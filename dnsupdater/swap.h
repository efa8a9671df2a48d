// One swap on one primary, from the first read to its verdict: what to do next, given what was heard.
//
// Sans I/O: step() says what to do, on_read() and on_sent() take in what came of it. Whatever a server
// answers to the update, the verdict comes from reading back, because an answer may be about an earlier copy
// of the message, forged, or lost. Not here: several zones (updater.h), what is wanted (the planner). Thread
// safety: one thread. Source: docs/dns.md, "A swap".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "dnsupdater/plan.h"
#include "dnsupdater/trouble.h"

namespace ha::dns {

struct SetKey {
  Name name;
  RrType type = RrType::Txt;

  auto operator<=>(const SetKey&) const = default;
};

enum class Verdict {
  Nothing,     // all was as wanted: nothing was sent
  Won,         // it is there, whole
  Partial,     // the guard is ours, but other RRsets are not as they were sent
  Lost,        // another change is there: ours never was, and never will be
  Overtaken,   // ours is not there any more, if it ever was: `applied` tells if that is known
  Refused,     // the server took it at no time, and said why
  Regression,  // the guard is gone or went back
  Unknown,     // the deadline came first: it may be there, or come yet
  NotSent,     // nothing was sent: it could not be read, or the planner said no
};
[[nodiscard]] std::string_view verdict_text(Verdict verdict) noexcept;

struct SwapResult {
  Verdict verdict = Verdict::NotSent;
  std::vector<Record> now;  // what the guards said last, those that are there
  std::optional<Trouble> trouble;
  std::vector<std::string> differences;  // of Partial
  unsigned sends = 0;
  std::optional<SteadyTime> first_sent = std::nullopt;  // whichever copy is in force was not sent before
  bool applied = false;  // it is or was there: seen, or said by the primary with its signature
};

// Ask the primary for these, signed. All of them together are one answer; `at_once`: or a mixture of two
// moments, as long as it takes one round trip.
struct ReadStep {
  std::vector<SetKey> sets;
  bool at_once = false;
};
// With a fresh ID and signature.
struct SendStep {
  Update update;
};
struct WaitStep {
  SteadyTime until;
};
using SwapStep = std::variant<ReadStep, SendStep, WaitStep, SwapResult>;

// What was heard after a SendStep.
enum class Heard {
  Accepted,  // NOERROR with a good signature
  Unmet,     // a prerequisite, with a good signature
  Refused,   // anything else that says no: why is given
  Silence,   // nothing, or nothing that counts
};

struct SwapLimits {
  Duration total = std::chrono::seconds(20);
  // What was accepted may be visible that much later (inline signing: 10 ms measured).
  Duration visible = std::chrono::milliseconds(500);
  Duration wait_first = std::chrono::milliseconds(20);  // between tries; doubles
  Duration wait_longest = std::chrono::seconds(1);
  // The planner goes on only with guards that it has seen before: what else is read then cannot be older than
  // they are, and of something newer the update will say so.
  bool guards_known = false;
};

class Swap {
 public:
  // From what was found of `sets` to what shall be, or why not. Called once.
  using Planner = std::function<std::variant<Change, Trouble>(const std::vector<RrSet>& found)>;

  Swap(std::vector<SetKey> sets, Planner planner, SwapLimits limits, SteadyTime now);

  // The same step again until it has been reported. After a SwapResult: that for good.
  [[nodiscard]] SwapStep step(SteadyTime now);
  void on_read(const std::vector<RrSet>& found, SteadyTime now);
  // Passing trouble is tried again until the deadline; other trouble ends it, if nothing has been sent yet.
  void on_unread(Trouble trouble, SteadyTime now);
  void on_sent(Heard heard, std::optional<Trouble> trouble, SteadyTime now);
  // No more steps: NotSent, or Unknown if something was sent.
  void cancel();

  // Once there is one.
  [[nodiscard]] const std::optional<Plan>& plan() const noexcept { return plan_; }

 private:
  enum class State { Reading, Sending, ReadingBack, Ended };
  void make(const std::vector<RrSet>& found);
  void judge(const std::vector<RrSet>& found, SteadyTime now);
  void judge_not_applied(SteadyTime now);
  void judge_whole(const std::vector<RrSet>& found, bool at_once, SteadyTime now);
  void read_again(SteadyTime now);
  void end(Verdict verdict, std::optional<Trouble> trouble = std::nullopt);
  void end_unknown(std::string_view what);
  [[nodiscard]] std::vector<SetKey> read_back_keys() const;

  std::vector<SetKey> sets_;
  Planner planner_;
  SwapLimits limits_;
  SteadyTime deadline_;
  SteadyTime wait_until_;
  Duration wait_;

  State state_ = State::Reading;
  std::vector<GuardChange> guards_;
  std::optional<Plan> plan_;
  std::optional<Heard> heard_;  // of the last send
  SteadyTime heard_at_{};
  bool looked_ = false;  // back since then: what is not as it should be may be of two moments the first time
  std::optional<Trouble> trouble_;  // the last
  bool any_silent_ = false;         // a message may still be under way
  SwapResult result_;
};

}  // namespace ha::dns
