// Unique<T, free_fn>: a C handle with the function that frees it.
//
// Not for handles whose closing can fail with meaning (a database connection after a write, a file): those
// get a class with a close() that returns a Status. Thread safety: that of std::unique_ptr.
#pragma once

#include <memory>

namespace ha::sys {

template <auto free_fn>
struct FreeWith {
  template <typename T>
  void operator()(T* handle) const noexcept {
    static_cast<void>(free_fn(handle));
  }
};

template <typename T, auto free_fn>
using Unique = std::unique_ptr<T, FreeWith<free_fn>>;

}  // namespace ha::sys
