// One change of a record in etcd, from what is known of it to the verdict: what to do next, given what was
// heard.
//
// Sans I/O, as dnsupdater/swap.h, and shorter: a transaction is one message that says what is there if it was
// not applied, so that sending it again is reading back. Its comparison makes a second copy harmless. Not
// here: which server is asked. Thread safety: one thread. Source: docs/failover.md, "Arbiters".
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "dnsupdater/record.h"
#include "dnsupdater/trouble.h"
#include "failover/lease/arbiter.h"
#include "failover/lease/etcd_message.h"

namespace ha::failover {

struct EtcdSwapResult {
  ArbiterVerdict verdict = ArbiterVerdict::Unreachable;
  std::optional<dns::Record> now;   // of Won what was written, else as it was read last
  std::optional<EtcdValue> value;   // of Won and Lost: the same, as the store has it
  std::optional<SteadyTime> sent;   // of Won: of the first copy of what is in force
  std::optional<dns::Trouble> why;  // of all but Won
  unsigned sends = 0;
};

// What was there last.
struct EtcdKnown {
  std::optional<EtcdValue> value;  // none: no such key
};

// Find out what is there.
struct EtcdReadStep {};
struct EtcdSendStep {
  std::optional<EtcdValue> before;
  Bytes after;
};
struct EtcdWaitStep {
  SteadyTime until;
};
using EtcdStep = std::variant<EtcdReadStep, EtcdSendStep, EtcdWaitStep, EtcdSwapResult>;

// Nothing that counts was heard.
struct EtcdSilence {
  bool arrived = true;  // the request may have
  Error error;
};

struct EtcdSwapLimits {
  Duration total = std::chrono::seconds(5);
  Duration wait_first = std::chrono::milliseconds(20);  // between tries; doubles
  Duration wait_longest = std::chrono::milliseconds(500);
};

class EtcdSwap {
 public:
  // From what is there to what shall be, or why not: Conflict is a loss. Called again when somebody else has
  // changed it in between.
  using Planner =
      std::function<std::variant<dns::Record, dns::Trouble>(const std::optional<dns::Record>& now)>;

  // `id`: of the record. `known`: from which the change is made; none: it is read first.
  EtcdSwap(std::string id, Planner planner, const std::optional<EtcdKnown>& known, EtcdSwapLimits limits,
           SteadyTime now);

  // The same step again until it has been reported. After a result: that for good.
  [[nodiscard]] EtcdStep step(SteadyTime now);
  void on_read(const std::optional<EtcdValue>& value);
  void on_applied(std::uint64_t revision);
  void on_unmet(const std::optional<EtcdValue>& value, SteadyTime now);
  // Either by etcd, with the cause, or by ourselves before anything was sent.
  void on_refused(dns::Trouble why);
  void on_silence(EtcdSilence silence, SteadyTime now);
  // No more steps: Unreachable, or Unknown if something was sent.
  void cancel();
  [[nodiscard]] SteadyTime deadline() const noexcept { return deadline_; }

 private:
  enum class State { Reading, Sending, Ended };
  void plan(const std::optional<EtcdValue>& value);
  void win(std::uint64_t revision);
  void wait(SteadyTime now);
  void end(ArbiterVerdict verdict, std::optional<dns::Trouble> why = std::nullopt);
  void end_unheard(dns::Trouble why);

  std::string id_;
  Planner planner_;
  EtcdSwapLimits limits_;
  SteadyTime deadline_;
  SteadyTime wait_until_;
  Duration wait_;

  State state_ = State::Reading;
  std::optional<dns::Record> before_;
  std::optional<EtcdValue> value_;  // of before_
  std::optional<dns::Record> after_;
  Bytes text_;             // of after_
  bool in_doubt_ = false;  // a copy of it that nobody has answered may still be under way
  int tries_ = 0;          // of changes that somebody else came before
  std::optional<Error> silence_;
  EtcdSwapResult result_;
};

// What the store has for a service. Corrupt or Unsupported for what nobody of us has written, Conflict for
// another's record.
[[nodiscard]] Result<std::optional<dns::Record>> etcd_record(const std::optional<EtcdValue>& value,
                                                             std::string_view id);

}  // namespace ha::failover
