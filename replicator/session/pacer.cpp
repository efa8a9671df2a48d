#include "replicator/session/pacer.h"

#include <algorithm>

namespace ha::replicator {
namespace {

constexpr double kFastGrowth = 1.5;   // a round trip, while searching
constexpr double kSlowGrowth = 1.02;  // a round trip, afterwards
constexpr double kStepBack = 0.92;    // of what gets through
constexpr Duration kWindowMin = std::chrono::milliseconds(200);

}  // namespace

void Pacer::on_sample(const PacerSample& sample, SteadyTime now) {
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
  const Duration queue = sample.rtt - sample.rtt_min;
  if (queue > kQueueLong) {
    searching_ = false;
    rate_ = std::min(rate_ * kStepBack, std::max(delivered * kStepBack, rate_ / 2));
  } else if (queue < kQueueTarget) {
    rate_ *= searching_ ? kFastGrowth : kSlowGrowth;
    if (searching_ && delivered > 0 && rate_ > delivered * 3) {
      searching_ = false;  // something else is the limit: the reader, or the connections' own control
      rate_ = delivered * 2;
    }
  }
  rate_ = std::clamp(rate_, static_cast<double>(kRateMin), static_cast<double>(kRateMax));
  window_start_ = now;
  window_delivered_ = sample.delivered_bytes;
  next_step_ = now + std::max(sample.rtt, kWindowMin);
}

std::uint64_t Pacer::rate() const noexcept {
  const auto rate = static_cast<std::uint64_t>(rate_);
  return limit_ > 0 ? std::min(limit_, rate) : rate;
}

}  // namespace ha::replicator
