// What is behind FileTarget. Not for anybody else: file_target.cpp has the start, frames and batches,
// file_target_publish.cpp the journal of a whole set, commit, precopy and kept transfers.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "replicator/apply/apply_context.h"
#include "replicator/apply/file_target.h"
#include "replicator/apply/journal.h"
#include "replicator/apply/overlay_align.h"
#include "replicator/apply/precopy.h"
#include "replicator/apply/publisher.h"
#include "replicator/apply/staged_item.h"
#include "replicator/apply/transfer.h"
#include "replicator/apply/units.h"

namespace ha::replicator {

class FileTarget::Impl {
 public:
  Impl(sys::Directory root, Index& index, const sys::DigestKey& key, const FileTargetOptions& options)
      : context_(std::move(root), index, key, options.sync, options.deletes),
        options_(options),
        publisher_(context_),
        journal_(context_, publisher_, Journal::Kind::Item),
        units_(context_, publisher_, options.is_unit),
        precopy_(context_),
        aligner_(context_) {
    context_.overlays = options.overlays;
  }

  Result<Recovery> recover();
  Status apply_frame(std::uint64_t batch, BytesView body);
  Result<BatchOutcome> close_batch(std::uint64_t batch);
  Status free_batch(std::uint64_t batch);
  Result<CommitOutcome> commit(std::string_view origin, const Position& origin_position, bool exact);
  Status abort_transfers();
  bool expect(const Bytes& key);
  bool precopy_more() { return precopy_.more(); }
  [[nodiscard]] std::vector<KeptPartial> partials() const;
  ApplyContext& context() { return context_; }
  Status align_overlays() { return aligner_.align_all(); }
  Status check_markers() { return context_.staging.check_markers(); }
  Status mark(const std::vector<Bytes>& tops) { return context_.staging.mark(tops); }

 private:
  using Batch = std::map<Bytes, Transfer>;

  Status require_recovered() const;
  Result<Transfer*> transfer(std::uint64_t batch, const ItemPart& part);
  void forget(const Batch& batch);
  Status free_space(std::uint64_t batch);
  Result<std::vector<StagedItem>> finish_transfers(Batch& batch, BatchOutcome& outcome);
  Status publish_now(std::vector<StagedItem> items, BatchOutcome& outcome);
  Status publish_later(const std::vector<StagedItem>& items, BatchOutcome& outcome);
  Result<std::int64_t> items_gained(const std::vector<StagedItem>& items);
  [[nodiscard]] Status judge(std::int64_t gained) const;
  Status take_as_equal(IndexBatch& batch, const Position& holder);
  Status publish_journal(BatchOutcome& outcome);
  Status drop_journal();
  Status journal_to_partial(const StagedItem& item);
  Status load_partials(std::set<Bytes>& staged);
  Status drop_partial(const Bytes& key);
  Status drop_other_partials(const std::vector<Bytes>& keys);
  Status put_partial(PartialTransfer partial);

  ApplyContext context_;
  FileTargetOptions options_;
  Publisher publisher_;
  Journal journal_;
  Units units_;
  std::map<std::uint64_t, Batch> batches_;
  std::size_t transfers_ = 0;                  // in all batches
  std::uint64_t zero_bytes_ = 0;               // likewise
  std::map<Bytes, PartialTransfer> partials_;  // by key; `ranges` as in the index
  Precopy precopy_;
  OverlayAligner aligner_;
  bool recovered_ = false;
  std::int64_t journaled_ = 0;  // items that the journal will add, less those it will remove
  bool going_ = false;          // the journal ends in Go and is not all published
};

}  // namespace ha::replicator
