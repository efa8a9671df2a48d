// What becomes of an item here when the origin deletes it. Values. Source: docs/guards.md, "What deletions
// do".
#pragma once

#include <cstdint>

#include "common/base/clock.h"

namespace ha::replicator {

enum class DeleteMode : std::uint8_t {
  Mirror,  // it is deleted
  Never,   // it stays in its place, as EntryState::Kept
  Trash,   // it is moved aside, and deleted later
};

struct DeleteRule {
  DeleteMode mode = DeleteMode::Mirror;
  Duration trash_for{};  // at least; of Trash
};

}  // namespace ha::replicator
