// Brings an index up to what the disk says: finds what is new, changed or gone beneath one root.
//
// Role-neutral: at an origin what it writes travels; at a replica it finds drift, which the next comparison
// of positions then repairs. It walks in full-path byte order and merges with a cursor of the index, so
// memory is that of one directory per level, not of the tree. Nothing is deleted because it could not be
// read: such items, and all beneath such directories, stay as they were and go on the index' list of
// failures.
//
// Not here: who calls it when (events, intervals), guards against mass deletion, and `.hareplicate`, which is
// left out wherever it is.
//
// Hard links: of the names of one inode the lowest path is the leader, the others become HardLink entries
// with the leader's content. Only a full scan can tell, so a directory rescan that meets a new or changed
// inode with several names leaves it alone unless it is already a leader, and sets ScanResult::need_full.
//
// Thread safety: one call at a time, on one thread with the Index it was made with; it may block for long.
// Errors: only what ends a scan (the index fails, the root cannot be read, Cancelled never: see `complete`).
// What was written before an error stays and is right. Source: docs/architecture.md, "The one flow".
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/digest.h"
#include "common/sys/file.h"
#include "replicator/index/index.h"
#include "replicator/model/overlay.h"
#include "replicator/model/unit.h"
#include "replicator/source/stable_book.h"

namespace ha::replicator {

inline constexpr std::size_t kScanBatchEntriesMax = 1000;
inline constexpr std::chrono::milliseconds kScanBatchTimeMax{200};
inline constexpr std::size_t kScanListMax = 10'000;            // busy keys and mount points that are listed
inline constexpr std::size_t kDirectoryNamesMax = 10'000'000;  // a larger directory counts as unreadable
inline constexpr std::uint64_t kLargeFileBytes = 4 * 1024 * 1024;  // reading takes longer than a message does
inline constexpr std::size_t kReadBufferBytes = 4 * 1024 * 1024;
inline constexpr std::chrono::seconds kRacyAge{2};  // younger than this is looked at again
inline constexpr int kReadTriesMax = 3;

struct ScanProgress {
  std::uint64_t items = 0;         // looked at so far
  std::uint64_t bytes_hashed = 0;  // read so far
  BytesView key;                   // of the item at hand; valid during the call
};

struct ScanOptions {
  // True leaves the item out, and what is beneath it. What has been in the index before leaves it without a
  // tombstone. Called on items whose parents are in.
  std::function<bool(BytesView key, bool is_directory)> exclude;
  // Whether all peers have acknowledged this version, so that its chunk list is the one to delta against.
  std::function<bool(const Entry& old)> keep_previous;
  // Read the content of every file, also where the file system says that nothing has changed.
  bool deep = false;
  // After every item, after every buffer that was read, and after the last one before the file is looked at
  // again.
  std::function<void(const ScanProgress&)> progress;
  std::function<Now()> clock = read_clocks;
  // Before a file of at least kLargeFileBytes is read that has changed and was known before.
  std::function<void(const Bytes& key)> on_reading{};
  // Files that are still being written are left as they were. Null: every file is taken as it is.
  StableBook* stable = nullptr;
  // Of files that are altered at this site; may be null, and outlives the scanner.
  PristineView* overlays = nullptr;
  // Directories whose files are recorded together, as they stood at one moment, or left as they were.
  IsUnit is_unit{};
  // At a replica: a message that is found in a unit is a change of this site's, not drift.
  bool replica_messages_count = false;
};

struct ScanResult {
  bool complete = true;  // false: stopped; all before that is recorded
  std::uint64_t items = 0;
  std::uint64_t changed = 0;    // entries put, new ones included
  std::uint64_t refreshed = 0;  // only what the file system says had changed
  std::uint64_t deleted = 0;
  std::uint64_t excluded = 0;  // entries that left the index because they are excluded now
  std::uint64_t failed = 0;    // could not be read in this scan
  std::uint64_t racy = 0;      // recorded so young that the next scan looks again
  std::uint64_t busy = 0;      // changed while they were read, or vanished in the middle
  std::uint64_t waiting = 0;   // left as they were: still being written, or renamed just now
  Duration waiting_for{};      // until the first of them may be stable
  std::uint64_t bytes_hashed = 0;
  std::uint64_t units_left = 0;     // of `waiting`: units that the index does not know at all
  std::vector<Bytes> waiting_keys;  // the first kScanListMax
  std::vector<Bytes> busy_keys;     // the first kScanListMax: scan their directories again soon
  std::vector<Bytes> mount_points;  // keys where another file system begins; their content is in the set
  bool need_full = false;           // only a full scan can tell what was met
};

class FileScanner {
 public:
  // `root` and `index` must outlive it; `key` is the set's.
  FileScanner(const sys::Directory& root, Index& index, const sys::DigestKey& key, ScanOptions options);

  // The whole tree.
  [[nodiscard]] Result<ScanResult> scan_all(const std::atomic<bool>& stop);

  // These directories (keys; "" is the root) and what is directly in them; directories the index does not
  // know yet with all that is in them. One that is gone is deleted with all that was in it.
  [[nodiscard]] Result<ScanResult> scan_directories(std::vector<Bytes> directories,
                                                    const std::atomic<bool>& stop);

 private:
  const sys::Directory* root_;
  Index* index_;
  sys::DigestKey key_;
  ScanOptions options_;
};

}  // namespace ha::replicator
