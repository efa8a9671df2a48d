// What has to be kept before an item of the holder takes its place at a peer that may be ahead.
//
// Decides by what the index says; it puts nothing aside itself: the kind's apply stage does. Pure. Thread
// safety: none needed. Source: docs/divergence.md, "A peer that is ahead".
#pragma once

#include <cstdint>
#include <optional>

#include "replicator/model/entry.h"

namespace ha::replicator {

// Whether what is in the place of `header` would be lost. `entry`: what the index has under its key;
// `as_recorded`: and that is what is there.
[[nodiscard]] bool must_keep(const std::optional<Entry>& entry, bool as_recorded, const Entry& header,
                             const Lineage& lineage, std::uint64_t epoch);

// Whether `header` puts back what was deleted here: by a holder whose deletion this one has never seen, or in
// a former turn with the same content.
[[nodiscard]] bool undoes_deletion(const std::optional<Entry>& entry, const Entry& header,
                                   const Lineage& lineage, std::uint64_t epoch);

}  // namespace ha::replicator
