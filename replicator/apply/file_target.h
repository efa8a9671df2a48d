// Where frames become files: stages, verifies and publishes the items of one set beneath its root.
//
// New content is built in `.hareplicate` on the same file system, every chunk checked against its digest;
// only complete and synced items are renamed into place, so a reader sees the old file or the new one, and a
// kill at any moment leaves both the tree and the index usable. What cannot be applied is a Trouble of that
// item alone. What must not be lost is put aside before it is replaced (ApplyOrigin). Not here: the session
// (what is acknowledged when), scanning, guards against mass deletion.
//
// Thread safety: one call at a time per object; calls block (disk, hashing). Nothing is done in the
// background. Errors that end the stream: Corrupt (a frame that does not decode or breaks its own rules),
// NoSpace, those of the index. Source: docs/wire.md "Chunks" and "Frames"; openat2(2), renameat2(2),
// syncfs(2).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/digest.h"
#include "replicator/index/index.h"
#include "replicator/model/deletes.h"
#include "replicator/model/frame.h"
#include "replicator/model/position.h"
#include "replicator/model/unit.h"

namespace ha::replicator {

class OverlayStore;

// When verified items are renamed into place: at close_batch(), or all of a pass back to back at commit().
enum class Publish : std::uint8_t { PerFile, PerSet };

enum class SyncMode : std::uint8_t {
  Auto,  // one syncfs() for a batch of many items where it can be trusted, else each file by itself
  Each,
  None,  // for tests and benchmarks: a power cut may lose or tear what was applied
};

struct FileTargetOptions {
  Publish publish = Publish::PerFile;
  SyncMode sync = SyncMode::Auto;
  DeleteRule deletes{};  // what the origin's deletions do here
  std::uint64_t partial_bytes_min =
      4ULL * 1024 * 1024;  // staged bytes worth keeping when a connection is lost
  // Asked before items are deleted: how many there will be after the batch. An error ends the batch, and
  // nothing of it is published.
  std::function<Status(std::uint64_t items)> judge;
  OverlayStore* overlays = nullptr;  // of the same root; outlives the target
  IsUnit is_unit{};                  // directories whose files are published together; not with PerSet
};

// Why an item was not applied. It keeps its old content; unless `redo` or adopting, it is on the index's
// failure list too.
struct Trouble {
  Bytes key;
  std::string reason;
  bool redo = false;  // send it again, against this basis (encode_basis of what is here)
  Bytes basis;
};

struct BatchOutcome {
  std::uint64_t applied_items = 0;
  std::uint64_t applied_bytes = 0;   // of content that was built here
  std::uint64_t kept_items = 0;      // deleted by the origin, still here: see DeleteMode
  std::uint64_t stranded_items = 0;  // put aside, with content or as a deletion
  std::vector<Trouble> troubles;
};

struct CommitOutcome {
  Position position;                 // the origin's, with the sum of what is here
  BatchOutcome published;            // only Publish::PerSet, and directories that could only go now
  std::vector<Bytes> changed_units;  // something stands there that the index does not know: they wait
};

struct KeptPartial {
  Bytes key;
  Digest content;
  Bytes ranges;  // encode_ranges
};

struct Recovery {
  std::uint64_t rolled_forward = 0;  // items of an interrupted Publish::PerSet commit
  std::vector<Trouble> troubles;     // of the items rolled forward
};

// Whose changes are published, and what happens to what is in their place.
struct ApplyOrigin {
  Source source;          // epoch 0: they become this site's own
  bool adopting = false;  // this site is the holder: nothing that is there is replaced
  bool careful = false;   // what the holder has never seen is put aside before it is replaced or deleted
  Lineage lineage;
  std::uint64_t stranded_max = 0;  // items; Held beyond
};

class FileTarget {
 public:
  // `root` must exist (NotFound with a hint otherwise); nothing is changed yet. `index` must outlive this,
  // not be moved, and have no open batch during any call.
  [[nodiscard]] static Result<FileTarget> open(const std::string& root, Index& index,
                                               const sys::DigestKey& key,
                                               const FileTargetOptions& options = {});
  FileTarget(FileTarget&&) noexcept;
  FileTarget& operator=(FileTarget&&) noexcept;
  ~FileTarget();  // staged files that no partial names stay until the next recover()

  // Call once, first. Makes or checks the staging directory and its marker, removes leftovers, finishes an
  // interrupted commit. Held if a file system that was part of the set is not mounted now (hint).
  [[nodiscard]] Result<Recovery> recover();

  // Before the first frame of an attempt.
  void set_origin(ApplyOrigin origin);
  // Every file system that was part of the set still has its marker. Held if not.
  Status check_markers();
  // Puts markers on the file systems whose topmost directories these are, and remembers them. Those that
  // cannot be written are left out.
  Status mark(const std::vector<Bytes>& tops);

  // Every file with an overlay as its patterns say, where it is what the index says.
  Status align_overlays();

  // Takes one frame; frames of a batch may come in any order and more than once. Item errors show in
  // close_batch(). Corrupt: the frame breaks the rules, and the stream is to be given up (abort_transfers).
  // NoSpace: everything staged for the batch has been freed, and kept transfers too; what is published stays
  // as it was.
  Status apply_frame(std::uint64_t batch, std::uint32_t frame_number, BytesView body);

  // All frames of the batch have been applied: verifies, syncs, and publishes (PerFile) or records for
  // commit() (PerSet). A batch of no frames is fine. On an error the batch is gone; items that were published
  // before it are in the index.
  [[nodiscard]] Result<BatchOutcome> close_batch(std::uint64_t batch);

  // The batch will not be completed: all that is staged for it is freed. One that is not open is fine.
  Status drop_batch(std::uint64_t batch);

  // The pass is complete: publishes what waits (PerSet) and stores the origin's position with our own sum.
  // `exact`: the position has the origin's sum; if ours is the same, nothing has to be put aside any more.
  [[nodiscard]] Result<CommitOutcome> commit(std::string_view origin, const Position& origin_position,
                                             bool exact = false);

  // A change of this item may follow: begins the precopy of what is here, unless another item's waits.
  // True: precopy_more() has more to do. What goes wrong only means that there is none.
  bool expect(const Bytes& key);
  bool precopy_more();

  // Really deletes what has been in the trash long enough; how many days of it.
  [[nodiscard]] Result<std::uint64_t> empty_trash(WallTime now);

  // The connection is lost: forgets all open batches, but keeps large staged parts for resuming.
  Status abort_transfers();

  // What can be resumed: for Have.
  [[nodiscard]] std::vector<KeptPartial> partials() const;

  // Fine signatures of chunks that are here, at most kAnswerBytesMax worth of chunks; what is left out has to
  // be sent literally. If the file has another content than asked for, its chunk list instead.
  [[nodiscard]] Result<SignatureReply> answer(const SignatureRequest& request);

 private:
  class Impl;
  explicit FileTarget(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

inline constexpr std::uint64_t kAnswerBytesMax = 256ULL * 1024 * 1024;
inline constexpr std::size_t kTransfersMax = 100'000;       // items open at one time
inline constexpr std::uint64_t kZeroBytesMax = 1ULL << 51;  // in them: chunk lists of about 25 MB
inline constexpr std::size_t kPartialsMax = 64;

}  // namespace ha::replicator
