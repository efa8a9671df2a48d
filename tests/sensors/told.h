// What a test tells a server of its own to say, while the server's thread says it.
#pragma once

#include <mutex>
#include <utility>

namespace ha::failover {

template <class T>
class Told {
 public:
  explicit Told(T value) : value_(std::move(value)) {}
  Told& operator=(T value) {
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
    return *this;
  }
  [[nodiscard]] T get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  T value_;
};

}  // namespace ha::failover
