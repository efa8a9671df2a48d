// Puts the core's questions to the arbiter, on workers, and brings the answers back to the loop.
//
// A strand a service: one question at a time, as the core asks. What follows the record (names in DNS) has
// another strand and another arbiter, so that a name server which does not answer holds up no renewal. An
// arbiter that cannot even be opened (a key file that is gone) answers as a silent one, and is opened again
// with the next question. Thread safety: one loop's thread. Source: docs/failover.md, "Arbiters".
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/workers.h"
#include "common/sys/cancel.h"
#include "common/wire/loop.h"
#include "failover/lease/open_arbiter.h"
#include "failover/model/step.h"
#include "failover/model/times.h"

namespace ha::failover {

class ArbiterDesk {
 public:
  using Open = std::function<Result<std::unique_ptr<OpenArbiter>>(int cancel_fd)>;
  using OnAnswer = std::function<void(const std::string& service, const Answer&)>;
  using OnFollow = std::function<void(const std::string& service, const std::vector<FollowAnswer>&)>;

  // `loop` outlives it; hooks are called on it. `open`: from any thread.
  ArbiterDesk(wire::Loop& loop, const std::vector<std::string>& services, Open open, OnAnswer on_answer,
              OnFollow on_follow);
  // Breaks off what is under way.
  ~ArbiterDesk();
  ArbiterDesk(const ArbiterDesk&) = delete;
  ArbiterDesk& operator=(const ArbiterDesk&) = delete;

  void ask(const std::string& service, const Ask& ask);
  // Nothing if one is under way.
  void follow(const std::string& service);
  // By a person: what is there is right. `done` on the loop.
  void accept(const std::string& service, std::uint64_t beyond, std::function<void(const Status&)> done);

  // Of the last swaps that were won: the median. Without one, three readings: a swap asks that often.
  [[nodiscard]] std::optional<Duration> swap_time() const;

 private:
  struct Line {
    Line(Workers& workers, Workers& others) : asks(workers), follows(others) {}
    Strand asks;
    Strand follows;
    std::unique_ptr<OpenArbiter> asked;     // of the strand asks alone
    std::unique_ptr<OpenArbiter> followed;  // of the strand follows alone
    bool following = false;                 // of the loop
  };
  [[nodiscard]] Result<Arbiter*> opened(std::unique_ptr<OpenArbiter>& arbiter);
  void answered(const std::string& service, Answer answer, Duration took);

  wire::Loop& loop_;
  Open open_;
  OnAnswer on_answer_;
  OnFollow on_follow_;
  sys::Cancel cancel_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Times swaps_;
  Times reads_;
  std::map<std::string, std::unique_ptr<Line>> lines_;
  Workers workers_;  // last: its threads end before what they use
};

}  // namespace ha::failover
