#include "failover/model/sight.h"

namespace ha::failover {

void Sight::on_record(const std::optional<Record>& record, SteadyTime asked, SteadyTime now) {
  if (asked_ && asked < *asked_) {
    return;  // a newer question has been answered already
  }
  asked_ = asked;
  answered_ = now;
  silent_since_.reset();
  const std::uint64_t epoch = record ? record->version.epoch : 0;
  if (epoch < highest_) {
    regressed_ = true;
  }
  highest_ = epoch > highest_ ? epoch : highest_;
  // The observation counts from the answer, not from the question: the record may have been written between.
  if (!since_ || record != record_) {
    since_ = now;
  }
  record_ = record;
}

void Sight::on_silence(SteadyTime now) {
  if (!silent_since_) {
    silent_since_ = now;
  }
}

void Sight::forget_time() noexcept {
  since_.reset();
  answered_.reset();
}

void Sight::accept() noexcept {
  regressed_ = false;
  highest_ = record_ ? record_->version.epoch : 0;
}

}  // namespace ha::failover
