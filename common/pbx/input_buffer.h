// Bytes that have come and are not yet read: added at the end, taken from the beginning.
//
// Nothing is bounded here: who reads looks at size(). Thread safety: a value.
#pragma once

#include <cstddef>

#include "common/base/bytes.h"

namespace ha::pbx {

class InputBuffer {
 public:
  void add(BytesView bytes) {
    // What was taken goes when it is as much as what is left, so that each byte is moved once on average.
    if (begin_ >= bytes_.size() - begin_) {
      bytes_.erase(0, begin_);
      begin_ = 0;
    }
    bytes_ += bytes;
  }
  [[nodiscard]] BytesView view() const noexcept { return BytesView(bytes_).substr(begin_); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() - begin_; }
  void take(std::size_t count) noexcept { begin_ += count; }
  void clear() noexcept {
    bytes_.clear();
    begin_ = 0;
  }

 private:
  Bytes bytes_;
  std::size_t begin_ = 0;
};

}  // namespace ha::pbx
