// What the origin has deleted and a replica keeps for a while: `.hareplicate/trash/DATE/PATH` on the file
// system of the item, DATE being the day (UTC) of the deletion, DATE.N when the same path goes more than once
// a day.
//
// Things are renamed there, so it takes no time and no room; directories go when they are empty, and are not
// kept by themselves, but one that gives way to a file is renamed there with all that is in it. The
// directories say everything, no index knows them. Thread safety: that of the FileTarget. Source:
// docs/guards.md, "What deletions do".
#pragma once

#include <cstdint>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "replicator/apply/staging.h"

namespace ha::replicator {

inline constexpr char kTrashName[] = "trash";

// `name` in `parent`, which is, or was, the item `key`.
Status move_to_trash(const StagingArea& area, const sys::Directory& parent, BytesView name, BytesView key,
                     WallTime now);
// Deletes the days whose end is `keep` ago or more; how many.
[[nodiscard]] Result<std::uint64_t> empty_trash(const Staging& staging, Duration keep, WallTime now);

}  // namespace ha::replicator
