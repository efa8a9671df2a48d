// An item that is ready to be put in its place: what it is, and where its new content waits.
//
// Format of encode_staged(): apply's own, in this site's index only (JournalRecord::staged).
// Thread safety: values; `staged` borrows from the Staging that gave it.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "replicator/apply/staging.h"
#include "replicator/model/chunk.h"
#include "replicator/model/entry.h"
#include "replicator/model/file_meta.h"

namespace ha::replicator {

struct StagedItem {
  Entry header;
  FileMeta meta;      // unless header.deleted
  StagedName staged;  // regular files: new content; not set: only the metadata of what is there changes
  LocalStat local;    // regular files: of the staged file, or of the live one whose metadata changes
  ChunkList chunks;   // regular files
  std::uint64_t built_bytes = 0;
  bool had_partial = false;   // a kept transfer in the index ends with it
  std::uint64_t journal = 0;  // number of its journal record, which ends with it too; 0: none. Not encoded
};

// Lets go of what they have staged.
Status discard_all(Staging& staging, const std::vector<StagedItem>& items);

[[nodiscard]] Bytes encode_staged(const StagedItem& item);
// Corrupt if it is not what encode_staged() wrote. A staging area that is gone leaves `staged` not set and
// gives NotFound.
[[nodiscard]] Result<StagedItem> decode_staged(Staging& staging, BytesView key, BytesView bytes);

}  // namespace ha::replicator
