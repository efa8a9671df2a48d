// One direction of an emulated wide-area path: rate, queue, loss, delay, jitter, stall and partition.
//
// Pure: packets and the time come in, packets that are due go out; no socket, no clock, no thread. The same
// seed and the same packets at the same times give the same losses. It is not a router: order is kept.
//
// A packet waits in the queue, then occupies the line for size/rate from max(its arrival, the end of the
// packet before it), may be lost there, and arrives after delay ± jitter. Sizes are those of the IP packet.
// Thread safety: none; one thread owns it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "common/base/clock.h"

namespace ha::wanem {

struct LinkSettings {
  Duration delay{0};                         // one way
  Duration jitter{0};                        // each packet takes delay ± an evenly drawn part of this
  double loss = 0;                           // 0..1, each packet on its own
  std::uint64_t rate_bits_per_s = 0;         // 0: no limit, and then nothing queues
  std::optional<std::uint64_t> queue_bytes;  // absent: one bandwidth-delay product over 2 * delay
  bool stall = false;                        // nothing moves; it queues, and goes on when switched off
  bool partition = false;                    // everything on the way and everything offered is dropped

  // The limit in force; at least kQueueBytesMin, so that a path without delay still carries a full packet.
  [[nodiscard]] std::uint64_t queue_limit_bytes() const;
};

inline constexpr std::uint64_t kQueueBytesMin = 64 * 1024;

struct LinkCounters {
  std::uint64_t offered_packets = 0;
  std::uint64_t offered_bytes = 0;
  std::uint64_t delivered_packets = 0;
  std::uint64_t delivered_bytes = 0;
  std::uint64_t lost_packets = 0;        // by the loss rate
  std::uint64_t overflowed_packets = 0;  // the queue was full
  std::uint64_t cut_packets = 0;         // by a partition

  [[nodiscard]] std::uint64_t dropped_packets() const {
    return lost_packets + overflowed_packets + cut_packets;
  }
};

class Link {
 public:
  using Packet = std::vector<std::byte>;

  Link(LinkSettings settings, std::uint64_t seed);

  void offer(std::span<const std::byte> packet, SteadyTime now);
  // The next packet that has arrived by `now`, in order; nothing when none has.
  [[nodiscard]] std::optional<Packet> take(SteadyTime now);
  // When take() may next have something; nothing while empty or stalled.
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const;

  void change(LinkSettings settings, SteadyTime now);

  [[nodiscard]] const LinkSettings& settings() const noexcept { return settings_; }
  [[nodiscard]] const LinkCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] std::uint64_t queued_bytes() const noexcept { return queued_bytes_; }
  [[nodiscard]] std::size_t flying_packets() const noexcept { return flight_.size(); }

 private:
  struct Waiting {
    Packet packet;
    SteadyTime arrived;
  };
  struct Flying {
    Packet packet;
    SteadyTime due;
  };

  // Moves what has left the line by `now` from the queue into the air.
  void serve(SteadyTime now);
  [[nodiscard]] SteadyTime departure(const Waiting& waiting) const;
  [[nodiscard]] Duration draw_jitter();

  LinkSettings settings_;
  LinkCounters counters_;
  std::deque<Waiting> queue_;
  std::deque<Flying> flight_;
  std::uint64_t queued_bytes_ = 0;
  SteadyTime line_free_{};  // when the last packet had left the line
  SteadyTime last_due_{};
  std::mt19937_64 loss_random_;
  std::mt19937_64 jitter_random_;  // its own, so that jitter does not move the losses
};

}  // namespace ha::wanem
