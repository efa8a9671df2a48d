// Where a copy of a set stands, and how two sites find out in one message whether they are equal.
//
// Only a presented position that equals the stored one in all four fields continues incrementally; anything
// else is reconciled by range sums. Order comes from positions, never from clocks. See docs/index.md.
#pragma once

#include <cstdint>

#include "common/base/bytes.h"

namespace ha::replicator {

struct Position {
  std::uint64_t index_id = 0;  // random, new whenever an index is created or rebuilt; 0 = none
  std::uint64_t epoch = 0;     // the service's fencing epoch
  std::uint64_t sequence = 0;  // of the origin's index
  Digest sum;                  // of the item hashes of the copy, mod 2^128

  bool operator==(const Position&) const = default;
};

// Whether their sequences count the same changes.
[[nodiscard]] inline bool same_lineage(const Position& a, const Position& b) noexcept {
  return a.index_id == b.index_id && a.epoch == b.epoch;
}

}  // namespace ha::replicator
