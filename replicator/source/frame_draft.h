// The frame that is being filled, and how full it is. Thread safety: a plain value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "replicator/model/frame.h"

namespace ha::replicator {

class FrameDraft {
 public:
  // The first frames are smaller than `bytes_max`, so that they leave early and on all flows.
  explicit FrameDraft(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  [[nodiscard]] bool empty() const noexcept { return frame_.parts.empty(); }
  [[nodiscard]] bool full() const noexcept;

  // A new part; add() and add_literal() go to the last one.
  void begin(const Entry& item, const Digest& basis, bool with_header);
  [[nodiscard]] bool is_open(BytesView key) const noexcept;
  void add(Op op);
  // Extends the instruction before if that is a literal ending at `offset`.
  void add_literal(std::uint64_t offset, const Chunk& chunk, BytesView data);
  // Takes the last part out again if it is of this item.
  void drop(BytesView key);

  // encode_frame(), and starts afresh.
  [[nodiscard]] Bytes take();

 private:
  std::size_t bytes_max_;
  std::size_t frames_ = 0;  // taken
  std::size_t bytes_ = 0;   // about what encode_frame() will give
  std::size_t ops_ = 0;
  Frame frame_;
};

}  // namespace ha::replicator
