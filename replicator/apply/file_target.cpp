#include "replicator/apply/file_target.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "replicator/apply/answer.h"
#include "replicator/apply/apply_context.h"
#include "replicator/apply/precopy.h"
#include "replicator/apply/publisher.h"
#include "replicator/apply/staged_item.h"
#include "replicator/apply/transfer.h"

namespace ha::replicator {
namespace {

constexpr std::size_t kJournalPage = 512;
constexpr std::uint8_t kJournalItem = 1;
constexpr std::uint8_t kJournalGo = 2;  // all before it is to be published, whatever happens
constexpr char kGoKey[] = ".";          // no item's key

}  // namespace

class FileTarget::Impl {
 public:
  Impl(sys::Directory root, Index& index, const sys::DigestKey& key, const FileTargetOptions& options)
      : context_(std::move(root), index, key, options.sync),
        options_(options),
        publisher_(context_),
        precopy_(context_) {}

  Result<Recovery> recover();
  Status apply_frame(std::uint64_t batch, BytesView body);
  Result<BatchOutcome> close_batch(std::uint64_t batch);
  Result<CommitOutcome> commit(std::string_view origin, const Position& origin_position);
  Status abort_transfers();
  bool expect(const Bytes& key);
  bool precopy_more() { return precopy_.more(); }
  [[nodiscard]] std::vector<KeptPartial> partials() const;
  ApplyContext& context() { return context_; }

 private:
  using Batch = std::map<Bytes, Transfer>;

  Status require_recovered() const;
  Result<Transfer*> transfer(std::uint64_t batch, const ItemPart& part);
  Status free_batch(std::uint64_t batch);
  Status free_space(std::uint64_t batch);
  Result<std::vector<StagedItem>> finish_transfers(Batch& batch, BatchOutcome& outcome);
  Status write_journal(const std::vector<StagedItem>& items);
  Status publish_journal(BatchOutcome& outcome);
  Status drop_journal();
  Status journal_to_partial(const JournalRecord& record);
  Status load_partials(std::set<Bytes>& staged);
  Status drop_partial(const Bytes& key);
  Status drop_other_partials(const std::vector<Bytes>& keys);
  Status put_partial(PartialTransfer partial);

  ApplyContext context_;
  FileTargetOptions options_;
  Publisher publisher_;
  std::map<std::uint64_t, Batch> batches_;
  std::size_t transfers_ = 0;
  std::map<Bytes, PartialTransfer> partials_;  // by key; `ranges` as in the index
  Precopy precopy_;
  bool recovered_ = false;
  bool going_ = false;  // the journal ends in Go and is not all published
};

// ---------------------------------------------------------------- start

Result<Recovery> FileTarget::Impl::recover() {
  HA_CHECK(context_.staging.open_all());
  Recovery recovery;
  going_ = false;
  for (std::uint64_t after = 0; !going_;) {
    HA_TRY(const std::vector<JournalRecord> page, context_.index.journal(after, kJournalPage));
    if (page.empty()) {
      break;
    }
    going_ =
        std::any_of(page.begin(), page.end(), [](const auto& record) { return record.op == kJournalGo; });
    after = page.back().number;
  }
  if (going_) {
    BatchOutcome outcome;
    HA_CHECK(publish_journal(outcome));
    recovery.rolled_forward = outcome.applied_items;
    recovery.troubles = std::move(outcome.troubles);
  } else {
    HA_CHECK(drop_journal());
  }
  std::set<Bytes> kept;
  HA_CHECK(load_partials(kept));
  HA_TRY(recovery.swept, context_.staging.sweep(kept));
  recovery.partials = partials_.size();
  recovered_ = true;
  return recovery;
}

Status FileTarget::Impl::load_partials(std::set<Bytes>& staged) {
  HA_TRY(std::vector<PartialTransfer> listed, context_.index.partials(2 * kPartialsMax));
  partials_.clear();
  std::vector<const PartialTransfer*> lost;
  for (PartialTransfer& partial : listed) {
    const auto found = context_.staging.find(partial.staged);
    HA_TRY(const bool there, found.ok() ? found->area->directory.exists(found->name) : Result<bool>(false));
    if (there && partials_.size() < kPartialsMax && !partials_.contains(partial.key)) {
      staged.insert(partial.staged);
      partials_.emplace(partial.key, partial);
    } else {
      lost.push_back(&partial);
    }
  }
  if (lost.empty()) {
    return ok();
  }
  HA_TRY(IndexBatch batch, context_.index.begin());
  for (const PartialTransfer* partial : lost) {
    HA_CHECK(batch.remove_partial(partial->key, partial->content));
  }
  return batch.commit();
}

Status FileTarget::Impl::require_recovered() const {
  return recovered_ ? ok() : Status(Error(Code::Internal, "recover() has to come first"));
}

// ---------------------------------------------------------------- frames

Status FileTarget::Impl::apply_frame(std::uint64_t batch, BytesView body) {
  HA_CHECK(require_recovered());
  HA_TRY(const Frame frame, decode_frame(body));
  for (const ItemPart& part : frame.parts) {
    if (auto checked = sys::check_key(part.key); !checked.ok()) {
      return Error(Code::Corrupt, checked.error().what());
    }
    if (is_reserved_key(part.key)) {
      return Error(Code::Corrupt, "an item in the staging directory");
    }
  }
  batches_.try_emplace(batch);
  for (const ItemPart& part : frame.parts) {
    HA_TRY(Transfer* const into, transfer(batch, part));
    if (auto applied = into->apply(part); !applied.ok()) {
      if (applied.error().code() == Code::NoSpace) {
        HA_CHECK(free_space(batch));
      }
      return std::move(applied).error().in("\"" + escape(part.key) + "\"");
    }
  }
  return ok();
}

Result<Transfer*> FileTarget::Impl::transfer(std::uint64_t batch, const ItemPart& part) {
  Batch& open = batches_[batch];
  if (const auto found = open.find(part.key); found != open.end()) {
    return &found->second;
  }
  if (transfers_ >= kTransfersMax) {
    return Error(Code::Exhausted, "more than " + std::to_string(kTransfersMax) + " items at one time");
  }
  std::optional<PartialTransfer> kept;
  const auto partial = partials_.find(part.key);
  if (partial != partials_.end() && partial->second.content == part.content) {
    kept = std::move(partial->second);
    partials_.erase(partial);
  }
  ++transfers_;
  if (auto begun = kept ? std::nullopt : precopy_.take(part.key, part.content)) {
    return &open.try_emplace(part.key, std::move(*begun)).first->second;
  }
  return &open.try_emplace(part.key, context_, part.key, part.content, std::move(kept)).first->second;
}

Status FileTarget::Impl::free_batch(std::uint64_t batch) {
  const auto found = batches_.find(batch);
  if (found == batches_.end()) {
    return ok();
  }
  transfers_ -= found->second.size();
  for (auto& [key, transfer] : found->second) {
    HA_CHECK(transfer.discard());
  }
  batches_.erase(found);
  return ok();
}

// Nothing fits any more: kept transfers are the least of all worth their place.
Status FileTarget::Impl::free_space(std::uint64_t batch) {
  HA_CHECK(precopy_.drop());
  HA_CHECK(free_batch(batch));
  while (!partials_.empty()) {
    HA_CHECK(drop_partial(Bytes(partials_.begin()->first)));
  }
  return ok();
}

// ---------------------------------------------------------------- batches

Result<BatchOutcome> FileTarget::Impl::close_batch(std::uint64_t batch) {
  HA_CHECK(require_recovered());
  BatchOutcome outcome;
  const auto found = batches_.find(batch);
  if (found == batches_.end()) {
    return outcome;
  }
  auto finished = finish_transfers(found->second, outcome);
  if (!finished.ok()) {
    HA_CHECK(finished.error().code() == Code::NoSpace ? free_space(batch) : free_batch(batch));
    return std::move(finished).error();
  }
  transfers_ -= found->second.size();
  batches_.erase(found);
  std::vector<Bytes> keys;
  for (const StagedItem& item : *finished) {
    keys.push_back(item.header.key);
  }
  HA_CHECK(publisher_.record_failures(outcome.troubles));
  const Status done = options_.publish == Publish::PerSet
                          ? write_journal(*finished)
                          : publisher_.publish(std::move(finished).value(), outcome);
  if (!done.ok()) {
    if (done.error().code() == Code::NoSpace) {
      HA_CHECK(free_space(batch));
    }
    return done.error();
  }
  HA_CHECK(drop_other_partials(keys));
  return outcome;
}

Result<std::vector<StagedItem>> FileTarget::Impl::finish_transfers(Batch& batch, BatchOutcome& outcome) {
  std::vector<StagedItem> items;
  items.reserve(batch.size());
  for (auto& [key, transfer] : batch) {
    HA_TRY(std::optional<StagedItem> item, transfer.finish());
    if (item) {
      items.push_back(std::move(item).value());
    } else {
      HA_CHECK(transfer.discard());
      outcome.troubles.push_back(*transfer.trouble());
    }
  }
  return items;
}

// ---------------------------------------------------------------- publishing a whole set

Status FileTarget::Impl::write_journal(const std::vector<StagedItem>& items) {
  const auto write = [&]() -> Status {
    HA_CHECK(publisher_.sync_contents(items));
    HA_TRY(IndexBatch batch, context_.index.begin());
    for (const StagedItem& item : items) {
      HA_CHECK(batch.put_journal(item.header.key, encode_staged(item), kJournalItem));
    }
    return batch.commit();
  }();
  if (!write.ok()) {
    for (const StagedItem& item : items) {
      HA_CHECK(context_.staging.discard(item.staged));
    }
  }
  return write;
}

// All items of the journal, in their order. What fails with NoSpace stays there.
Status FileTarget::Impl::publish_journal(BatchOutcome& outcome) {
  for (std::uint64_t after = 0;;) {
    HA_TRY(const std::vector<JournalRecord> page, context_.index.journal(after, kJournalPage));
    if (page.empty()) {
      break;
    }
    std::vector<StagedItem> items;
    for (const JournalRecord& record : page) {
      if (record.op != kJournalItem) {
        continue;
      }
      auto item = decode_staged(context_.staging, record.key, record.staged);
      if (item.ok()) {
        item->journal = record.number;
        items.push_back(std::move(item).value());
      } else {
        outcome.troubles.push_back({record.key, item.error().what(), false, {}});
      }
    }
    HA_CHECK(publisher_.publish(std::move(items), outcome));
    after = page.back().number;
  }
  HA_CHECK(publisher_.finish_pass(outcome));
  HA_TRY(IndexBatch batch, context_.index.begin());
  HA_CHECK(batch.clear_journal());
  HA_CHECK(batch.commit());
  going_ = false;
  return ok();
}

// The pass will not be completed: what is staged goes, but for large contents.
Status FileTarget::Impl::drop_journal() {
  for (std::uint64_t after = 0;;) {
    HA_TRY(const std::vector<JournalRecord> page, context_.index.journal(after, kJournalPage));
    if (page.empty()) {
      break;
    }
    for (const JournalRecord& record : page) {
      HA_CHECK(journal_to_partial(record));
    }
    after = page.back().number;
  }
  HA_TRY(const std::uint64_t left, context_.index.journal_size());
  if (left == 0) {
    return ok();
  }
  HA_TRY(IndexBatch batch, context_.index.begin());
  HA_CHECK(batch.clear_journal());
  return batch.commit();
}

Status FileTarget::Impl::journal_to_partial(const JournalRecord& record) {
  auto item = decode_staged(context_.staging, record.key, record.staged);
  if (!item.ok() || !item->staged.is_set()) {
    return ok();  // nothing staged, or nothing we could find: a sweep takes it
  }
  if (item->header.size < options_.partial_bytes_min) {
    return context_.staging.discard(item->staged);
  }
  Assembly assembly;
  HA_CHECK(assembly.add(0, item->chunks));
  return put_partial(
      {record.key, item->header.content, item->staged.path(), assembly.encode(), item->header.size});
}

Result<CommitOutcome> FileTarget::Impl::commit(std::string_view origin, const Position& origin_position) {
  HA_CHECK(require_recovered());
  CommitOutcome outcome;
  if (options_.publish == Publish::PerSet) {
    HA_TRY(const std::uint64_t waiting, context_.index.journal_size());
    if (waiting > 0) {
      if (!going_) {
        HA_TRY(IndexBatch batch, context_.index.begin());
        HA_CHECK(batch.put_journal(kGoKey, {}, kJournalGo));
        HA_CHECK(batch.commit());
        going_ = true;
      }
      HA_CHECK(publish_journal(outcome.published));
    }
  }
  HA_CHECK(publisher_.finish_pass(outcome.published));
  HA_CHECK(precopy_.drop_old());
  outcome.position = origin_position;
  outcome.position.sum = context_.index.sum();
  HA_TRY(IndexBatch batch, context_.index.begin());
  HA_CHECK(batch.set_applied(origin, outcome.position));
  HA_CHECK(batch.commit());
  context_.names = sys::NameCache();
  return outcome;
}

// ---------------------------------------------------------------- precopy

bool FileTarget::Impl::expect(const Bytes& key) {
  const bool open = std::any_of(batches_.begin(), batches_.end(),
                                [&](const auto& batch) { return batch.second.contains(key); });
  return recovered_ && !open && !partials_.contains(key) && precopy_.begin(key);
}

// ---------------------------------------------------------------- kept transfers

Status FileTarget::Impl::abort_transfers() {
  HA_CHECK(require_recovered());
  for (auto& [number, batch] : batches_) {
    for (auto& [key, transfer] : batch) {
      HA_TRY(std::optional<PartialTransfer> kept, transfer.keep(options_.partial_bytes_min));
      if (kept) {
        HA_CHECK(put_partial(std::move(kept).value()));
      }
    }
  }
  batches_.clear();
  transfers_ = 0;
  publisher_.forget_waiting();
  HA_CHECK(precopy_.drop_old());
  return going_ ? ok() : drop_journal();
}

Status FileTarget::Impl::put_partial(PartialTransfer partial) {
  if (const auto known = partials_.find(partial.key);
      known != partials_.end() && known->second.staged != partial.staged) {
    HA_CHECK(drop_partial(partial.key));
  }
  HA_TRY(const StagedName staged, context_.staging.find(partial.staged));
  if (partials_.size() >= kPartialsMax) {
    return context_.staging.discard(staged);
  }
  HA_TRY(IndexBatch batch, context_.index.begin());
  if (auto put = batch.put_partial(partial); !put.ok()) {
    HA_CHECK(context_.staging.discard(staged));
    return put.error().code() == Code::Invalid ? ok() : put;  // Invalid: in too many pieces
  }
  HA_CHECK(batch.commit());
  const Bytes key = partial.key;
  partials_[key] = std::move(partial);
  return ok();
}

Status FileTarget::Impl::drop_partial(const Bytes& key) {
  const auto known = partials_.find(key);
  if (const auto staged = context_.staging.find(known->second.staged); staged.ok()) {
    HA_CHECK(context_.staging.discard(*staged));
  }
  HA_TRY(IndexBatch batch, context_.index.begin());
  HA_CHECK(batch.remove_partial(key, known->second.content));
  partials_.erase(known);
  return batch.commit();
}

// Another version of these items is here now.
Status FileTarget::Impl::drop_other_partials(const std::vector<Bytes>& keys) {
  for (const Bytes& key : keys) {
    if (partials_.contains(key)) {
      HA_CHECK(drop_partial(key));
    }
  }
  return ok();
}

std::vector<KeptPartial> FileTarget::Impl::partials() const {
  std::vector<KeptPartial> out;
  for (const auto& [key, partial] : partials_) {
    if (const auto assembly = Assembly::decode(partial.ranges); assembly.ok()) {
      out.push_back({key, partial.content, encode_ranges(assembly->ranges())});
    }
  }
  return out;
}

// ---------------------------------------------------------------- the face

FileTarget::FileTarget(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
FileTarget::FileTarget(FileTarget&&) noexcept = default;
FileTarget& FileTarget::operator=(FileTarget&&) noexcept = default;
FileTarget::~FileTarget() = default;

Result<FileTarget> FileTarget::open(const std::string& root, Index& index, const sys::DigestKey& key,
                                    const FileTargetOptions& options) {
  auto directory = sys::Directory::open_root(root);
  if (!directory.ok()) {
    Error error = std::move(directory).error();
    return error.code() == Code::NotFound ? std::move(error).hinted("mkdir -p " + root) : std::move(error);
  }
  return FileTarget(std::make_unique<Impl>(std::move(directory).value(), index, key, options));
}

Result<Recovery> FileTarget::recover() {
  return impl_->recover();
}
Status FileTarget::apply_frame(std::uint64_t batch, std::uint32_t frame_number, BytesView body) {
  auto applied = impl_->apply_frame(batch, body);
  if (!applied.ok()) {
    return std::move(applied).error().in("batch " + std::to_string(batch) + ", frame " +
                                         std::to_string(frame_number));
  }
  return applied;
}
Result<BatchOutcome> FileTarget::close_batch(std::uint64_t batch) {
  return impl_->close_batch(batch);
}
Result<CommitOutcome> FileTarget::commit(std::string_view origin, const Position& origin_position) {
  return impl_->commit(origin, origin_position);
}
Status FileTarget::abort_transfers() {
  return impl_->abort_transfers();
}
bool FileTarget::expect(const Bytes& key) {
  return impl_->expect(key);
}
bool FileTarget::precopy_more() {
  return impl_->precopy_more();
}
std::vector<KeptPartial> FileTarget::partials() const {
  return impl_->partials();
}
Result<SignatureReply> FileTarget::answer(const SignatureRequest& request) {
  return answer_signatures(impl_->context(), request);
}

}  // namespace ha::replicator
