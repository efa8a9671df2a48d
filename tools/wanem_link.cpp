#include "tools/wanem_link.h"

#include <algorithm>
#include <utility>

namespace ha::wanem {

namespace {

// Evenly in [0, 1), the same on every standard library.
double draw(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11) * 0x1.0p-53;
}

}  // namespace

std::uint64_t LinkSettings::queue_limit_bytes() const {
  if (queue_bytes) {
    return *queue_bytes;
  }
  const double round_trip_s = 2 * std::chrono::duration<double>(delay).count();
  const auto product = static_cast<std::uint64_t>(static_cast<double>(rate_bits_per_s) / 8 * round_trip_s);
  return std::max(product, kQueueBytesMin);
}

Link::Link(LinkSettings settings, std::uint64_t seed)
    : settings_(std::move(settings)), loss_random_(seed), jitter_random_(seed ^ 0x9e3779b97f4a7c15U) {}

void Link::offer(std::span<const std::byte> packet, SteadyTime now) {
  ++counters_.offered_packets;
  counters_.offered_bytes += packet.size();
  if (settings_.partition) {
    ++counters_.cut_packets;
    return;
  }
  serve(now);
  if (queued_bytes_ + packet.size() > settings_.queue_limit_bytes()) {
    ++counters_.overflowed_packets;
    return;
  }
  queued_bytes_ += packet.size();
  queue_.push_back({Packet(packet.begin(), packet.end()), now});
}

std::optional<Link::Packet> Link::take(SteadyTime now) {
  if (settings_.stall) {
    return std::nullopt;
  }
  serve(now);
  if (flight_.empty() || flight_.front().due > now) {
    return std::nullopt;
  }
  Packet packet = std::move(flight_.front().packet);
  flight_.pop_front();
  ++counters_.delivered_packets;
  counters_.delivered_bytes += packet.size();
  return packet;
}

std::optional<SteadyTime> Link::next_wakeup() const {
  if (settings_.stall) {
    return std::nullopt;
  }
  if (!flight_.empty()) {
    return flight_.front().due;
  }
  if (queue_.empty()) {
    return std::nullopt;
  }
  const SteadyTime leaves = departure(queue_.front());
  return std::max(leaves, leaves + settings_.delay - settings_.jitter);
}

void Link::change(LinkSettings settings, SteadyTime now) {
  serve(now);
  const bool released = settings_.stall && !settings.stall;
  settings_ = std::move(settings);
  if (settings_.partition) {
    counters_.cut_packets += queue_.size() + flight_.size();
    queue_.clear();
    flight_.clear();
    queued_bytes_ = 0;
  }
  if (released) {
    line_free_ = std::max(line_free_, now);  // the line did not work off its queue while it stood still
  }
  last_due_ = flight_.empty() ? SteadyTime{} : flight_.back().due;
}

void Link::serve(SteadyTime now) {
  if (settings_.stall) {
    return;
  }
  while (!queue_.empty()) {
    Waiting& head = queue_.front();
    const SteadyTime leaves = departure(head);
    if (leaves > now) {
      return;
    }
    line_free_ = leaves;
    queued_bytes_ -= head.packet.size();
    const Duration jitter = draw_jitter();
    if (draw(loss_random_) < settings_.loss) {
      ++counters_.lost_packets;
    } else {
      last_due_ = std::max(last_due_, leaves + std::max(Duration{0}, settings_.delay + jitter));
      flight_.push_back({std::move(head.packet), last_due_});
    }
    queue_.pop_front();
  }
}

SteadyTime Link::departure(const Waiting& waiting) const {
  const SteadyTime starts = std::max(waiting.arrived, line_free_);
  if (settings_.rate_bits_per_s == 0) {
    return starts;
  }
  const std::uint64_t bits = waiting.packet.size() * 8;
  return starts + Duration(static_cast<Duration::rep>(bits * 1'000'000'000U / settings_.rate_bits_per_s));
}

Duration Link::draw_jitter() {
  const double part = 2 * draw(jitter_random_) - 1;
  return Duration(static_cast<Duration::rep>(part * static_cast<double>(settings_.jitter.count())));
}

}  // namespace ha::wanem
