// Which parts of a new file can be made from an old one, by comparing their chunk lists.
//
// Not the delta itself: a Run still has to be expressed (librsync against its old range, or literally).
// Pure values. Source: docs/wire.md, "Chunks" and "Deltas".
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "replicator/model/chunk.h"

namespace ha::replicator {

inline constexpr std::uint64_t kRunNewBytesMax = 1024 * 1024;
inline constexpr std::uint64_t kRunOldBytesMax = 2 * 1024 * 1024;

// The new bytes at new_offset are those of old chunks old_first … old_first + count - 1.
struct Copy {
  std::uint64_t new_offset = 0;
  std::size_t old_first = 0;
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  bool operator==(const Copy&) const = default;
};

// Zero bytes; may be longer than one chunk.
struct Zeros {
  std::uint64_t new_offset = 0;
  std::uint64_t bytes = 0;
  bool operator==(const Zeros&) const = default;
};

// New chunks that the old file does not have: at most kRunNewBytesMax, never zeros. The old chunks named are
// where they most likely came from: at most kRunOldBytesMax, none of them zeros, maybe none at all (count 0).
struct Run {
  std::uint64_t new_offset = 0;
  std::uint64_t bytes = 0;
  std::size_t new_first = 0;
  std::size_t new_count = 0;
  std::size_t old_first = 0;
  std::size_t old_count = 0;
  bool operator==(const Run&) const = default;
};

using PlanOp = std::variant<Copy, Zeros, Run>;

// In order of new_offset, covering the new file without gaps. Both lists must be valid (decode_chunks).
[[nodiscard]] std::vector<PlanOp> plan(const ChunkList& old_chunks, const ChunkList& new_chunks);

}  // namespace ha::replicator
