// One item of a set as an index knows it: key, hash and metadata. Kind-neutral: `meta` and `local` are opaque
// to everything but the kind's source and apply stages (files: model/file_meta.h).
#pragma once

#include <cstdint>

#include "common/base/bytes.h"
#include "replicator/model/lineage.h"

namespace ha::replicator {

// Order within one transfer: an item is applied after all items of a lower rank of the same pass.
enum class Rank : std::uint8_t {
  Container = 0,  // directories, and whatever others stand in
  Content = 1,    // files, symlinks, specials, rows
  Link = 2,       // hard links to an item of rank Content
  Delete = 3,     // tombstones
};

enum class EntryState : std::uint8_t {
  Mirrored = 0,  // equal to the origin's; in the sum
  Kept = 1,      // deleted at the origin, kept here (delete = never); outside the sum
  Overlaid = 2,  // altered here after delivery; its pristine hash counts
  Failed = 3,    // could not be read or applied; on the exception list, shown, retried; outside the sum
};

// What is in the sum, unless it is a tombstone.
[[nodiscard]] constexpr bool is_counted(EntryState state) noexcept {
  return state == EntryState::Mirrored || state == EntryState::Overlaid;
}

struct Entry {
  Bytes key;                   // for files: the path below the root, '/'-separated, no leading slash
  std::uint64_t sequence = 0;  // of the change that last touched it, in this site's index
  bool deleted = false;        // a tombstone: hash, size and meta are empty; content is what was deleted
  Rank rank = Rank::Content;
  EntryState state = EntryState::Mirrored;
  Digest hash;                // keyed hash over key, content and meta: what sums are made of
  Digest content;             // keyed digest of the content alone; zero where there is none
  std::uint64_t size = 0;     // bytes of content
  Bytes meta;                 // the origin's view: travels with the item
  Bytes local;                // what this site's file system said when this was recorded: never travels
  Source source;              // whose change it is
  std::uint64_t version = 0;  // its sequence there
};

// A smaller content is sent rather than looked for under other keys. schemas/index.sql has the number, too.
inline constexpr std::uint64_t kMovedBytesMin = 4096;

inline constexpr std::size_t kKeyBytesMax = 64 * 1024;
inline constexpr std::size_t kMetaBytesMax = 1024 * 1024;  // xattrs included

}  // namespace ha::replicator
