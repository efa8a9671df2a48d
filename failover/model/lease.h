// The holder's side of a lease: until when this site may serve.
//
// Pure. It only ever gets longer by what was confirmed, counted from the first send of the message that is in
// force; a confirmation that comes after that time gives nothing. Not here: the challenger's wait (turn.h
// with sight.h). Thread safety: one thread. Source: docs/failover.md, "The lease"; rules 1, 2 and 7.
#pragma once

#include <optional>

#include "failover/model/timing.h"

namespace ha::failover {

class Lease {
 public:
  explicit Lease(const Timing& timing) : timing_(timing) {}

  // A claim or a renewal of `epoch` was confirmed. False: too late, it is not held by that.
  bool grant(std::uint64_t epoch, SteadyTime sent, SteadyTime now);
  // All candidates have promised, asked at `sent`. Only while it is held: it extends, it never brings back.
  bool extend(SteadyTime sent, SteadyTime now);
  void end() noexcept { until_.reset(); }

  [[nodiscard]] bool held(SteadyTime now) const noexcept { return until_ && now < *until_; }
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
  // The end; none: not held. stop_at: when to begin to stop. renew_at: when the next renewal is due.
  [[nodiscard]] std::optional<SteadyTime> until() const noexcept { return until_; }
  [[nodiscard]] std::optional<SteadyTime> stop_at() const noexcept;
  [[nodiscard]] SteadyTime renew_at() const noexcept { return sent_ + timing_.renew; }
  [[nodiscard]] bool by_promises() const noexcept { return by_promises_; }

 private:
  bool lengthen(SteadyTime sent, SteadyTime now);

  Timing timing_;
  std::uint64_t epoch_ = 0;
  SteadyTime sent_{};  // of the last confirmed renewal
  std::optional<SteadyTime> until_;
  bool by_promises_ = false;
};

}  // namespace ha::failover
