// What a former holder had and nobody else: kept beside the tree when something else takes its place.
//
// One directory for each incident, `.hareplicate/stranded/ID/N/PATH` on the file system of the item, ID being
// `x-EPOCH-HEX`; N counts from 0 when a path is put aside more than once. Putting aside is a hard link (a
// rename for directories), so it takes no room, and what is in place stays there until it is replaced.
// Deletions that were undone are lines of `ID/deleted`. The directories say everything by themselves; no
// index knows them. Thread safety: that of the FileTarget.
// Source: docs/divergence.md, "The stranded store".
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "replicator/apply/staging.h"

namespace ha::replicator {

inline constexpr char kStrandedName[] = "stranded";

struct StrandedItem {
  Bytes key;
  std::uint64_t bytes = 0;
  bool deleted = false;  // there is no content: the item was deleted, and has been put back
};
struct StrandedIncident {
  std::string id;
  std::uint64_t epoch = 0;   // the one that was taken on
  std::int64_t time_ns = 0;  // when it was last added to
  std::uint64_t count = 0;   // of items, deletions included
  std::uint64_t bytes = 0;
  std::vector<StrandedItem> items;  // the first ones that were asked for, by key
};

class StrandedStore {
 public:
  // Must outlive it.
  explicit StrandedStore(const Staging& staging) : staging_(staging) {}

  // Finds out how many items there are, which set_aside() would do. Walks all of them, once.
  Status count();
  // False: what stands there is kept already. Held when `items_max` are, NoSpace and others as they come;
  // nothing has changed then. It is safe after the next sync().
  [[nodiscard]] Result<bool> set_aside(const StagedName& area, const sys::Directory& parent, BytesView name,
                                       BytesView key, bool is_directory, std::uint64_t epoch,
                                       std::uint64_t items_max);
  Status sync();
  Status note_deleted(const StagedName& area, BytesView key, std::uint64_t epoch);

 private:
  Result<Bytes> incident(const StagingArea& area, std::uint64_t epoch);

  const Staging& staging_;
  std::optional<std::uint64_t> count_;
  std::set<std::pair<const StagingArea*, Bytes>> unsynced_;  // directories
  std::string id_;                                           // of the incident that goes on
};

// All incidents of a set; with the first `items_max` items of each. `tops`: where its staging directories
// are.
[[nodiscard]] Result<std::vector<StrandedIncident>> list_stranded(const sys::Directory& root,
                                                                  const std::vector<Bytes>& tops,
                                                                  std::size_t items_max);
// Moves the contents to the new directory `to` (absolute, its parent exists), on the same file system.
Status keep_stranded(const sys::Directory& root, const std::vector<Bytes>& tops, const std::string& id,
                     const std::string& to);
// NotFound when there is none of that name.
Status drop_stranded(const sys::Directory& root, const std::vector<Bytes>& tops, const std::string& id);

}  // namespace ha::replicator
