// The record of one service as this site knows it, and since when.
//
// Pure. A challenger may claim only what it has seen unchanged for long enough; this is where "unchanged" and
// "long enough" come from. Not here: whether this site wants it (turn.h). Thread safety: one thread.
// Source: docs/failover.md, "The record as the coordinator sees it".
#pragma once

#include <optional>

#include "common/base/clock.h"
#include "failover/model/record.h"

namespace ha::failover {

class Sight {
 public:
  // `highest`: epoch that was ever seen of it, over restarts; 0: none.
  explicit Sight(std::uint64_t highest = 0) : highest_(highest) {}

  // Of a read, or of any answer that brought the record: none is "there is no record". `asked`: when the
  // question was sent; an answer to an older question than the last is dropped.
  void on_record(const std::optional<Record>& record, SteadyTime asked, SteadyTime now);
  // The arbiter could not be asked.
  void on_silence(SteadyTime now);
  // It says that it has gone back in time.
  void on_regression() noexcept { regressed_ = true; }
  // After a jump: what was seen before says nothing about time any more.
  void forget_time() noexcept;
  // By a person: what it shows from now on is right.
  void accept() noexcept;

  // Read since the start or the last jump; `record` none then: there is none.
  [[nodiscard]] bool known() const noexcept { return since_.has_value(); }
  [[nodiscard]] const std::optional<Record>& record() const noexcept { return record_; }
  [[nodiscard]] std::uint64_t highest() const noexcept { return highest_; }
  [[nodiscard]] bool regressed() const noexcept { return regressed_; }

  // Since when this very version is seen.
  [[nodiscard]] std::optional<SteadyTime> since() const noexcept { return since_; }
  // When the question was sent whose answer this is.
  [[nodiscard]] std::optional<SteadyTime> asked() const noexcept { return asked_; }
  // The last answer of the arbiter, and since when it has been silent.
  [[nodiscard]] std::optional<SteadyTime> answered() const noexcept { return answered_; }
  [[nodiscard]] std::optional<SteadyTime> silent_since() const noexcept { return silent_since_; }

  [[nodiscard]] bool is_free() const noexcept { return !record_ || record_->hold == Hold::Free; }
  [[nodiscard]] bool is_owner(const std::string& site) const noexcept {
    return record_ && !is_free() && record_->owner == site;
  }
  [[nodiscard]] std::optional<Version> version() const noexcept {
    return record_ ? std::optional(record_->version) : std::nullopt;
  }

 private:
  std::optional<Record> record_;
  std::optional<SteadyTime> since_;
  std::optional<SteadyTime> asked_;
  std::optional<SteadyTime> answered_;
  std::optional<SteadyTime> silent_since_;
  std::uint64_t highest_;
  bool regressed_ = false;
};

}  // namespace ha::failover
