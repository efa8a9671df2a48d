// One digest of all files below a directory: their names, modes and contents; nothing of times and owners.
//
// It tells whether two trees are the same, to who trusts both: the key is fixed, so it is no proof against
// somebody who makes files for it. Symbolic links count as what they say. Thread safety: plain functions.
#pragma once

#include <string>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha::failover {

inline constexpr std::size_t kTreeFilesMax = 20'000;
inline constexpr std::uint64_t kTreeBytesMax = 512ULL << 20U;
inline constexpr std::size_t kTreeDepthMax = 64;

// Exhausted above the limits; TimedOut at `until`.
[[nodiscard]] Result<Digest> tree_digest(const std::string& path, SteadyTime until);

}  // namespace ha::failover
