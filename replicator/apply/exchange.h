// Two trees on one file system change places, entry by entry, so that a kill at any point can be made up for.
//
// What `exclude` names at the live side stays there; a directory that holds such things is entered, all else
// moves as a whole. Which steps are done is seen on the shelf side, where nobody else writes. Not here: when
// to do it and where the journal is kept (placement.h). docs/placement.md says why it is so.
// Thread safety: none. Errors: those of common/sys/file.h; Refused when something that has to move cannot.
#pragma once

#include <functional>

#include "common/base/bytes.h"
#include "common/base/glob.h"
#include "common/base/result.h"
#include "common/sys/file.h"
#include "replicator/model/exchange.h"

namespace ha::replicator {

// Reads directories only; changes nothing. Refused: a mount point would have to move, or the set has a name
// that is excluded at the live side.
[[nodiscard]] Result<ExchangePlan> plan_exchange(const sys::Directory& live, const sys::Directory& shelf,
                                                 const GlobList& exclude, bool to_live);

// Of what belongs to the set, as it moves.
using OnMoved = std::function<void(const Bytes& key, const sys::Stat& before, const sys::Stat& after)>;

// Does what is not done yet, and syncs. An error undoes what was done, as far as that can be.
Status run_exchange(const sys::Directory& live, const sys::Directory& shelf, const ExchangePlan& plan,
                    const OnMoved& on_moved);

}  // namespace ha::replicator
