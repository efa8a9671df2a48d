// Whose change an item is, and whether a holder has ever seen it.
//
// A change belongs to a holder's turn (its source) and has a sequence there. The lineage of a site says where
// each epoch started: what the new holder had of the old one. From both follows, without any clock, whether a
// copy is ahead of the holder. Pure. Thread safety: values. Source: docs/divergence.md.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "replicator/model/position.h"

namespace ha::replicator {

// A holder's turn; epoch 0: nobody's (found at a replica).
struct Source {
  std::uint64_t index_id = 0;
  std::uint64_t epoch = 0;

  auto operator<=>(const Source&) const = default;
};

// How an epoch started: what its holder had applied of the one before. `before.sum` is of that moment.
struct EpochStart {
  std::uint64_t epoch = 0;
  Position before;

  bool operator==(const EpochStart&) const = default;
};
using Lineage = std::vector<EpochStart>;  // newest first, at most kLineageMax
inline constexpr std::size_t kLineageMax = 64;

// Up to which change of `source` the holder of `epoch` has seen it; none: nothing. What it knows is the turn
// that it went on from, up to the point from which it went on, and what the holder of that turn knew when it
// started; so a source that these starts do not lead to is unseen. All, of turns that are not older and of
// nobody's changes. What comes after is beyond.
[[nodiscard]] std::optional<std::uint64_t> seen_of(const Source& source, const Lineage& lineage,
                                                   std::uint64_t epoch);
[[nodiscard]] bool is_beyond(const Source& source, std::uint64_t version, const Lineage& lineage,
                             std::uint64_t epoch);

// What a site that becomes holder goes on from: the newest turn of which it has had all up to some point.
// `own_turn`: the start of the last turn of its own, whose changes all are here, up to `own_head`.
// `last_equal`: where it was last equal to a holder. What it has applied of others does not count by itself:
// single items may have failed. None: it has had nothing completely.
[[nodiscard]] std::optional<Position> goes_on_from(const std::optional<Position>& own_turn,
                                                   std::uint64_t own_head,
                                                   const std::optional<Position>& last_equal);

}  // namespace ha::replicator
