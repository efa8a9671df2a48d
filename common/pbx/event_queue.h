// Events that nobody has taken yet: bounded; the oldest go first, and are counted.
//
// Events are hints of where to look, so the newest are worth most. Thread safety: a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace ha::pbx {

// Event: has `fields` that know their bytes().
template <typename Event>
class EventQueue {
 public:
  EventQueue(std::size_t count_max, std::size_t bytes_max) : count_max_(count_max), bytes_max_(bytes_max) {}

  void add(Event event) {
    bytes_ += event.fields.bytes();
    events_.push_back(std::move(event));
    while (!events_.empty() && (events_.size() > count_max_ || bytes_ > bytes_max_)) {
      static_cast<void>(next());
      ++lost_;
    }
  }
  [[nodiscard]] std::optional<Event> next() {
    if (events_.empty()) {
      return std::nullopt;
    }
    std::optional<Event> first(std::move(events_.front()));
    events_.pop_front();
    bytes_ -= first->fields.bytes();
    return first;
  }
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }

 private:
  std::size_t count_max_;
  std::size_t bytes_max_;
  std::deque<Event> events_;
  std::size_t bytes_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace ha::pbx
