// The slow half of one file set at this site: its index, tree, scanner and target. Everything here blocks.
//
// SetStore is used on the set's own strand, at the origin and at a replica alike; a PeerReader is one peer's
// view of an origin's set, with its own connection to the index, on the peer's own strand. Neither knows
// loops, sockets or sessions beyond the values that pass.
// Thread safety: one strand each.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/sys/digest.h"
#include "common/sys/file.h"
#include "common/sys/zstd.h"
#include "replicator/apply/file_target.h"
#include "replicator/apply/overlay_store.h"
#include "replicator/apply/stranded.h"
#include "replicator/config.h"
#include "replicator/index/index.h"
#include "replicator/session/receiver.h"
#include "replicator/session/sender.h"
#include "replicator/source/frame_builder.h"
#include "replicator/source/scanner.h"
#include "replicator/source/signature_maker.h"
#include "replicator/source/stable_book.h"

namespace ha::replicator {

struct SetStoreOptions {
  SetConfig set;
  std::uint64_t epoch = 1;
  bool is_origin = false;
  bool told = false;               // by the coordinator, not by cluster.toml
  std::vector<std::string> peers;  // of an origin: the replicas
  std::string index_path;
  OverlayEvent on_overlay{};  // on the set's strand
  // Set by anybody at any time: what is under way ends as soon as it can. Must outlive the store.
  const std::atomic<bool>* stop = nullptr;
};

// Applied items of one commit, for the history.
struct Applied {
  std::uint64_t items = 0;
  std::uint64_t bytes = 0;
};

class SetStore {
 public:
  // NotFound when the root does not exist. A damaged index is moved aside and made anew: `note` says so.
  static Result<std::unique_ptr<SetStore>> open(SetStoreOptions options, std::string& note);

  [[nodiscard]] const SetStoreOptions& options() const noexcept { return options_; }
  // Changes when the root's path leads to another directory: who has it open, opens it again. Any thread.
  [[nodiscard]] unsigned root_generation() const noexcept { return root_generation_; }

  // ---- both roles
  // Of what is committed: what a PeerReader sees. Without the digest key, so that nothing is offered, while
  // an origin's index has never held its whole tree: what is not in it yet would be deleted at the replicas.
  Result<IndexFacts> facts();
  // `deep`: reads all content.
  // Held when a marker is missing: nothing is looked at then.
  Result<ScanResult> scan_all(const std::function<void(const ScanProgress&)>& progress, bool deep = false);
  // What is there now is the set, whatever markers are missing.
  Status accept_markers();
  Result<ScanResult> scan_directories(std::vector<Bytes> directories);
  Result<std::uint64_t> failed_count() { return index_.failure_count(); }
  Result<std::vector<FailedItem>> failed_items(std::size_t limit) {
    return index_.failures(std::nullopt, limit);
  }

  // ---- origin
  Status set_acknowledged(const std::string& peer, const Position& position);
  Result<std::optional<Position>> acknowledged(const std::string& peer) { return index_.acknowledged(peer); }
  // A new index id: every replica is compared, whatever its position. For an index that went back in time.
  Status renew();
  // Called on this strand when a large file that changed is about to be read.
  void set_on_reading(std::function<void(const Bytes& key)> call) { on_reading_ = std::move(call); }
  // Signatures of a file, within a budget; what the next delta of it is made from. False: there is more to
  // do.
  Result<bool> make_signatures_of(BytesView key);

  // Takes over a frame of what only `peer` has.
  struct Adopted {
    std::uint64_t head = 0;    // of the index afterwards
    std::uint64_t missed = 0;  // with the last frame: items that could not be taken over
    std::string why;           // of the first of them
  };
  Result<Adopted> adopt(const std::string& peer, const AdoptAction& action);
  // No more frames of what `peer` was asked for will come.
  Status drop_adoptions(const std::string& peer);

  // ---- replica
  // From now on nothing is taken in; comparing still works. None: it is again.
  void hold(std::optional<Error> why) { held_ = std::move(why); }
  Result<Have> prepare(const std::string& origin, const Offer& offer);
  Result<Differ> compare_with(const Compare& theirs);
  Status apply(std::uint64_t batch, std::uint32_t frame, BytesView body);
  Result<std::vector<ItemTrouble>> close(std::uint64_t batch);
  struct Committed {
    Position position;
    Position own;             // of this site's index
    std::uint64_t count = 0;  // of items here
    std::uint64_t failed = 0;
    Applied applied;             // since the last commit
    std::uint64_t stranded = 0;  // likewise
    std::vector<ItemTrouble> trouble;
  };
  Result<Committed> commit(const std::string& origin, const Position& position, bool exact);
  // True: there is more to be copied.
  bool expect(const Bytes& key) { return target_ && target_->expect(key); }
  bool precopy_more() { return target_ && !stop_ && target_->precopy_more(); }
  Status abort();
  Result<Bytes> answer(BytesView question);
  // A frame of what the origin has never seen.
  Result<Fetched> fetch(const Fetch& wanted);

  // ---- what was put aside here
  Result<std::vector<StrandedIncident>> stranded(std::size_t items_max);
  Status drop_stranded(const std::string& id);
  // Moves it to the directory `to`, which is made and must be on the same file system.
  Status keep_stranded(const std::string& id, const std::string& to);

 private:
  SetStore(SetStoreOptions options, sys::Directory root, Index index);
  Status open_target();
  Status reopen_moved_root();
  Status check_markers();
  Result<bool> is_marked();
  Status guard_markers(const Offer& offer);
  Status guard_first_load(const Offer& offer);
  Status guard_items(const Offer& offer);
  Status judge_items(std::uint64_t items);
  Status align_overlays();
  Status ensure_key();
  Status take_turn(IndexBatch& batch);
  Status end_broken_off_commit();
  Result<bool> was_holder();
  Status take_epoch(const Offer& offer);
  Status set_target_origin(const Offer& offer);
  Status adopt_key(const Offer& offer);
  Result<bool> may_wait();
  Status complete_messages(Differ& differ);
  Result<bool> has_been_whole();
  Result<ScanOptions> scan_options(std::function<void(const ScanProgress&)> progress);
  Result<FileTarget*> target();
  [[nodiscard]] Error with_remedy(Error error) const;

  SetStoreOptions options_;
  sys::Directory root_;
  Index index_;
  std::unique_ptr<OverlayStore> overlays_;
  std::optional<IndexReader> committed_;
  std::optional<sys::DigestKey> key_;
  std::unique_ptr<FileTarget> target_;
  sys::Compressor compressor_;
  sys::Decompressor decompressor_;
  const std::atomic<bool>& stop_;
  std::uint64_t acknowledged_by_all_ = 0;
  StableBook stable_;
  std::optional<SteadyTime> scanned_at_;  // completely, in this run of the program
  bool turn_waits_ = false;  // for the end of a commit that was broken off while another was the holder
  bool whole_ = false;       // of an origin: the index has once been brought up to the whole tree
  Applied applied_;
  std::uint64_t stranded_ = 0;  // since the last commit
  std::map<std::uint64_t, FrameBuilder> fetches_;
  std::map<std::pair<std::string, std::uint64_t>, std::uint64_t> adoptions_;  // peer, number → batch
  std::uint64_t next_adoption_ = 0;
  LossGuard loss_;
  IndexSignatures signatures_;  // for what is fetched from here
  std::optional<Error> held_;   // by hand
  IsUnit is_unit_;
  bool compare_only_ = false;  // the attempt is
  std::string released_;       // the hold that the attempt's offer lets pass
  std::atomic<unsigned> root_generation_ = 0;
  std::function<void(const Bytes& key)> on_reading_;
};

// Which directories of the set are units; null if it has none.
[[nodiscard]] IsUnit unit_rule(const SetConfig& set);

// What a frame weighs on the wire: zstd where that helps. The first byte tells.
[[nodiscard]] Result<Bytes> pack_frame(sys::Compressor& compressor, BytesView raw);
[[nodiscard]] Result<Bytes> unpack_frame(sys::Decompressor& decompressor, BytesView packed);

class PeerReader {
 public:
  struct Built {
    std::optional<Bytes> frame;  // packed
    std::optional<Bytes> need;   // a question instead
    bool last = false;
    std::vector<SkippedItem> skipped;  // with the last frame
    std::uint64_t raw_bytes = 0;
  };

  // The index must have been made and have its digest key.
  static Result<std::unique_ptr<PeerReader>> open(const std::string& index_path, const std::string& root,
                                                  IsUnit is_unit);

  Result<std::vector<Listed>> list(const ListAction& action);
  Result<Description> describe_spans(const DescribeAction& action);
  Result<Built> build(const BuildAction& action);
  Result<Built> next(std::uint64_t batch);
  Result<Built> feed(std::uint64_t batch, BytesView answer);
  void stop_builds() { builders_.clear(); }
  // Which of these keys are deleted here, and which are not known at all.
  struct Sorted {
    std::vector<Bytes> deleted;
    std::vector<Bytes> absent;
    std::vector<AheadMessage> messages;  // of units
  };
  Result<Sorted> sort_ahead(const std::vector<Bytes>& keys);
  Result<Pending> pending(std::uint64_t after) { return index_.pending(after); }

 private:
  PeerReader(IndexReader index, sys::Directory root, sys::DigestKey key, IsUnit is_unit)
      : index_(std::move(index)),
        root_(std::move(root)),
        key_(std::move(key)),
        is_unit_(std::move(is_unit)),
        signatures_(index_) {}

  IndexReader index_;
  sys::Directory root_;
  sys::DigestKey key_;
  IsUnit is_unit_;
  IndexSignatures signatures_;  // what replicas answer is kept while this lives
  sys::Compressor compressor_;
  sys::Decompressor decompressor_;
  std::map<std::uint64_t, FrameBuilder> builders_;
};

}  // namespace ha::replicator
