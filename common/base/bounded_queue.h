// A queue between threads that holds at most so much, counted in items or in bytes.
//
// Full means backpressure: push() waits, try_push() says no. Not a lock-free queue: what passes here are
// batches and commands, thousands a second, not millions. Any number of threads may push and pop.
//
// A thread that waits in its own loop rather than in pop() passes `on_filled`: it is called, on the pushing
// thread and without the lock, whenever the queue turns from empty to not empty, and on close(). It must not
// block and must not throw (an eventfd write, an inproc send of its own thread's making).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

namespace ha {

template <typename T>
class BoundedQueue {
 public:
  using BytesOf = std::size_t (*)(const T&);

  // At most `items_max` items.
  explicit BoundedQueue(std::size_t items_max, std::function<void()> on_filled = {})
      : limit_(items_max), on_filled_(std::move(on_filled)) {}
  // At most `bytes_max` bytes, as `bytes_of` counts them. One item larger than that is let in when the queue
  // is empty, or it could never pass.
  BoundedQueue(std::size_t bytes_max, BytesOf bytes_of, std::function<void()> on_filled = {})
      : limit_(bytes_max), weigh_(bytes_of), on_filled_(std::move(on_filled)) {}
  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;

  // Waits for room. False if the queue is closed; the item is then gone.
  [[nodiscard]] bool push(T item) {
    const std::size_t weight = weigh(item);
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return closed_ || fits(weight); });
    return add(std::move(lock), item, weight);
  }

  // Does not wait. False if there is no room or the queue is closed; `item` is then untouched.
  [[nodiscard]] bool try_push(T& item) {
    const std::size_t weight = weigh(item);
    std::unique_lock lock(mutex_);
    return fits(weight) && add(std::move(lock), item, weight);
  }

  // Waits for an item. Nothing once the queue is closed and empty.
  [[nodiscard]] std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [&] { return closed_ || !items_.empty(); });
    return take(std::move(lock));
  }

  // Does not wait. Nothing if the queue is empty.
  [[nodiscard]] std::optional<T> try_pop() { return take(std::unique_lock(mutex_)); }

  // No more pushes; what is inside can still be popped. Everybody who waits is woken.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    room_.notify_all();
    filled_.notify_all();
    if (on_filled_) {
      on_filled_();
    }
  }

  [[nodiscard]] bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }
  // Items inside; old news by the time the caller looks at it.
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }
  // What is used of the limit, in its unit.
  [[nodiscard]] std::size_t used() const {
    const std::lock_guard lock(mutex_);
    return used_;
  }
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

 private:
  struct Held {
    T item;
    std::size_t weight;
  };

  [[nodiscard]] std::size_t weigh(const T& item) const { return weigh_ != nullptr ? weigh_(item) : 1; }
  [[nodiscard]] bool fits(std::size_t weight) const {
    return used_ < limit_ ? weight <= limit_ - used_ || items_.empty() : items_.empty() && limit_ > 0;
  }

  [[nodiscard]] bool add(std::unique_lock<std::mutex> lock, T& item, std::size_t weight) {
    if (closed_) {
      return false;
    }
    const bool was_empty = items_.empty();
    items_.push_back(Held{std::move(item), weight});
    used_ += weight;
    lock.unlock();
    filled_.notify_one();
    if (was_empty && on_filled_) {
      on_filled_();
    }
    return true;
  }

  [[nodiscard]] std::optional<T> take(std::unique_lock<std::mutex> lock) {
    if (items_.empty()) {
      return std::nullopt;
    }
    std::optional<T> item(std::move(items_.front().item));
    used_ -= items_.front().weight;
    items_.pop_front();
    lock.unlock();
    // All, not one: with weights, the first that wakes may not fit while another would.
    room_.notify_all();
    return item;
  }

  const std::size_t limit_;
  const BytesOf weigh_ = nullptr;
  const std::function<void()> on_filled_;
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable room_;
  std::condition_variable filled_;
  std::deque<Held> items_;
  std::size_t used_ = 0;
  bool closed_ = false;
};

}  // namespace ha
