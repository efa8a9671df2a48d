// The one name in a set's tree that is this program's own. What has it, at any depth, is no item: it is never
// read, sent or applied. docs/guards.md, "The marker". Thread safety: pure.
#pragma once

#include "common/base/bytes.h"

namespace ha::replicator {

inline constexpr char kStagingName[] = ".hareplicate";

// Whether any component of the key is that name.
[[nodiscard]] bool is_reserved_key(BytesView key) noexcept;

}  // namespace ha::replicator
