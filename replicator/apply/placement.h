// Where the tree of a set stands at this site: at its path, or on the shelf. docs/placement.md.
//
// settle() brings it to where it should be, and finishes what a kill has broken off. Before the set is
// opened; nobody else may work on either tree. Not here: who wants it where (config).
// Thread safety: none. Errors: NotFound if the path does not exist; Refused if path and shelf are not on one
// file system, or something cannot move; Conflict if the tree stands at another path; those of exchange.h.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"
#include "common/base/glob.h"
#include "common/base/result.h"

namespace ha::replicator {

struct PlacementOptions {
  std::string set;         // for messages
  std::string path;        // where a PBX reads it; absolute
  std::string shelf;       // the set's own place there, absolute: SHELF/SERVICE/SET
  std::string index_path;  // may not exist
  GlobList exclude;
  bool live = false;  // wanted at the path
};

struct Settled {
  bool exchanged = false;
  bool resumed = false;     // an exchange was broken off before
  std::uint64_t steps = 0;  // names that changed places
  Duration took{};
};

[[nodiscard]] Result<Settled> settle(const PlacementOptions& options);

// Whether this set has ever been on that shelf, so that it has to be settled.
[[nodiscard]] bool has_placement(const std::string& shelf);

}  // namespace ha::replicator
