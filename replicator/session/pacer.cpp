#include "replicator/session/pacer.h"

#include <algorithm>

namespace ha::replicator {
namespace {

constexpr double kFastGrowth = 1.5;   // a round trip, while searching
constexpr double kSlowGrowth = 1.02;  // a round trip, afterwards
constexpr double kStepBack = 0.92;    // of what gets through
constexpr double kArrives = 0.8;      // what is sent gets through: the delay is no queue of ours
constexpr double kNearBest = 0.8;
constexpr double kAheadSearching = 1.2;  // of the best: how far the rate may be ahead of it
constexpr double kAheadKnown = 1.03;     // TCP's own probes are held to this
constexpr Duration kQueueSeen = std::chrono::milliseconds(30);  // ends the search
constexpr double kBetter = 1.02;
constexpr int kStalledMax = 2;  // round trips without anything better: that is what the path carries
constexpr Duration kWindowMin = std::chrono::milliseconds(200);
constexpr Duration kBaseWindow = std::chrono::seconds(15);
constexpr double kFloorOfBest =
    0.3;  // of the best rate delivered lately: below it the delay is not our queue
constexpr double kBestDecay = 0.995;  // a round trip: a path that has become slower is believed in time

}  // namespace

void Pacer::on_sample(const PacerSample& sample, SteadyTime now) {
  local_ = sample.rtt_min > Duration::zero() && sample.rtt_min < kLocalPath;
  const bool reset = sample.delivered_bytes < window_delivered_;
  if (sample.rtt <= Duration::zero() || sample.rtt_min <= Duration::zero() || !sample.backlogged || reset) {
    window_start_ = now;
    window_delivered_ = sample.delivered_bytes;
    next_step_ = now + std::max(sample.rtt, kWindowMin);
    return;
  }
  if (now < next_step_) {
    return;
  }
  const double seconds = std::chrono::duration<double>(now - window_start_).count();
  const double delivered = static_cast<double>(sample.delivered_bytes - window_delivered_) / seconds;
  note_base(sample, now);
  note_delivered(delivered);
  const Duration queue = sample.rtt - base_;
  if (queue > (searching_ ? kQueueSeen : kQueueLong)) {
    searching_ = false;
    rate_ = std::min(rate_ * kStepBack, std::max(delivered * kStepBack, rate_ / 2));
  } else if (queue < kQueueTarget || (searching_ && delivered >= rate_ * kArrives)) {
    // Fast up to what the path has carried; beyond it with care. What is delivered lags a round trip behind.
    const bool known = !searching_ && rate_ > best_ * kNearBest;
    const double ahead = searching_ ? kAheadSearching : kAheadKnown;
    const double most = std::max(best_ * ahead, static_cast<double>(kRateStart) * kFastGrowth);
    rate_ = std::max(rate_, std::min(rate_ * (known ? kSlowGrowth : kFastGrowth), most));
  }
  const double floor = std::max(static_cast<double>(kRateMin), best_ * kFloorOfBest);
  rate_ = std::clamp(rate_, floor, static_cast<double>(kRateMax));
  window_start_ = now;
  window_delivered_ = sample.delivered_bytes;
  next_step_ = now + std::max(sample.rtt, kWindowMin);
}

void Pacer::note_delivered(double delivered) {
  const bool better = delivered > best_ * kBetter;
  best_ = std::max(best_ * kBestDecay, delivered);
  // Less than half of the rate: TCP itself is still starting, or what was sent is not acknowledged yet.
  const bool starting = delivered < rate_ / 2;
  stalled_ = better || starting || rate_ < best_ * kAheadKnown ? 0 : stalled_ + 1;
  if (searching_ && stalled_ >= kStalledMax) {
    searching_ = false;
    rate_ = std::min(rate_, best_ * kAheadKnown);
  }
}

// The shortest round trip of the last 15 to 30 s. Not the kernel's own minimum, which is five minutes old:
// what a slow machine or a delayed acknowledgement adds would be taken for a queue, and the rate would never
// recover.
void Pacer::note_base(const PacerSample& sample, SteadyTime now) {
  if (base_ == Duration::zero()) {
    base_ = next_base_ = std::min(sample.rtt, sample.rtt_min);
    base_since_ = now;
  }
  next_base_ = std::min(next_base_, sample.rtt);
  base_ = std::min(base_, sample.rtt);
  if (now - base_since_ >= kBaseWindow) {
    base_ = next_base_;
    next_base_ = sample.rtt;
    base_since_ = now;
  }
}

std::uint64_t Pacer::rate() const noexcept {
  const auto rate = local_ ? kRateMax : static_cast<std::uint64_t>(rate_);
  return limit_ > 0 ? std::min(limit_, rate) : rate;
}

}  // namespace ha::replicator
