// How fast bulk may leave, so that the lane beside it does not wait in the same queue.
//
// Learns the path's rate from what is delivered and from the round-trip time: grows while the queue is short,
// steps back to a little less than what gets through when it is long. It starts gently, and remembers the
// rate for the next transfer. It is not congestion control (TCP has that): it only keeps the queue of the
// slowest hop short. Pure. Source: docs/wire.md, "Pacing". Thread safety: none; one thread.
#pragma once

#include <cstdint>

#include "common/base/clock.h"

namespace ha::replicator {

struct PacerSample {
  Duration rtt{};                     // smoothed, of the bulk connections; zero: unknown
  Duration rtt_min{};                 // of the path without a queue
  std::uint64_t delivered_bytes = 0;  // acknowledged so far; less than before: the connections are new
  bool backlogged = false;            // there was always more to send since the last sample
};

class Pacer {
 public:
  // `limit`: the operator's, bytes per second; 0: none.
  explicit Pacer(std::uint64_t limit_bytes_per_s) : limit_(limit_bytes_per_s) {}

  void on_sample(const PacerSample& sample, SteadyTime now);
  // Bytes per second for all flows together.
  [[nodiscard]] std::uint64_t rate() const noexcept;

  static constexpr std::uint64_t kRateStart = 4'000'000;
  static constexpr std::uint64_t kRateMin = 1'000'000;
  static constexpr std::uint64_t kRateMax = 2'000'000'000;
  static constexpr Duration kLocalPath = std::chrono::milliseconds(5);
  static constexpr Duration kQueueTarget = std::chrono::milliseconds(20);
  static constexpr Duration kQueueLong = std::chrono::milliseconds(60);

 private:
  void note_base(const PacerSample& sample, SteadyTime now);
  void note_delivered(double delivered);

  std::uint64_t limit_;
  double rate_ = static_cast<double>(kRateStart);
  bool local_ = false;     // the path is so short that a queue does not matter, and delays tell nothing
  bool searching_ = true;  // no queue has been seen yet: grow fast
  Duration base_{};        // round trip without a queue
  Duration next_base_{};   // … of the window that has begun
  SteadyTime base_since_{};
  double best_ = 0;  // bytes per second delivered, lately
  int stalled_ = 0;  // samples while searching that brought nothing better
  SteadyTime window_start_{};
  std::uint64_t window_delivered_ = 0;
  SteadyTime next_step_{};
};

}  // namespace ha::replicator
