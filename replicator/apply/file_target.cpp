#include "replicator/apply/file_target.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "replicator/apply/answer.h"
#include "replicator/apply/file_target_impl.h"
#include "replicator/apply/trash.h"
#include "replicator/apply/unit_lock.h"

namespace ha::replicator {

// ---------------------------------------------------------------- start

Result<Recovery> FileTarget::Impl::recover() {
  HA_CHECK(context_.staging.open_all());
  HA_TRY(const std::vector<Bytes> tops, context_.index.staging_directories());
  HA_CHECK(release_old_locks(context_.root, tops));
  Recovery recovery;
  BatchOutcome outcome;
  std::set<Bytes> kept;
  HA_TRY(going_, journal_.has_go());
  if (going_) {
    HA_CHECK(publish_journal(outcome));
  } else if (units_.any()) {
    HA_CHECK(units_.recover(outcome, kept));
  } else {
    HA_CHECK(drop_journal());
  }
  recovery.rolled_forward = outcome.applied_items;
  recovery.troubles = std::move(outcome.troubles);
  HA_CHECK(load_partials(kept));
  HA_CHECK(context_.staging.sweep(kept));
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
  }
  batches_.try_emplace(batch);
  for (const ItemPart& part : frame.parts) {
    HA_TRY(Transfer* const into, transfer(batch, part));
    const std::uint64_t zeros = into->zero_bytes();
    const Status applied = into->apply(part);
    zero_bytes_ += into->zero_bytes() - zeros;
    if (zero_bytes_ > kZeroBytesMax) {
      return Error(Code::Exhausted,
                   "more than " + std::to_string(kZeroBytesMax) + " bytes of zeros at one time");
    }
    if (!applied.ok()) {
      if (applied.error().code() == Code::NoSpace) {
        HA_CHECK(free_space(batch));
      }
      return Error(applied.error()).in(in_quotes(part.key));
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

void FileTarget::Impl::forget(const Batch& batch) {
  transfers_ -= batch.size();
  for (const auto& [key, transfer] : batch) {
    zero_bytes_ -= transfer.zero_bytes();
  }
}

Status FileTarget::Impl::free_batch(std::uint64_t batch) {
  const auto found = batches_.find(batch);
  if (found == batches_.end()) {
    return ok();
  }
  forget(found->second);
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
  forget(found->second);
  batches_.erase(found);
  for (StagedItem& item : *finished) {
    item.header.source = context_.origin.source;
    item.header.version = item.header.sequence;
  }
  HA_TRY(const std::int64_t gained, items_gained(*finished));
  if (auto judged = judge(gained); !judged.ok()) {
    HA_CHECK(discard_all(context_.staging, *finished));
    return judged.error();
  }
  std::vector<Bytes> keys;
  for (const StagedItem& item : *finished) {
    keys.push_back(item.header.key);
  }
  HA_CHECK(publisher_.record_failures(outcome.troubles));
  const Status done = options_.publish == Publish::PerSet ? publish_later(*finished, outcome)
                                                          : publish_now(std::move(finished).value(), outcome);
  if (!done.ok()) {
    if (done.error().code() == Code::NoSpace) {
      HA_CHECK(free_space(batch));
    }
    return done.error();
  }
  journaled_ += options_.publish == Publish::PerSet ? gained : 0;
  outcome.stranded_items = publisher_.take_stranded();
  HA_CHECK(drop_other_partials(keys));
  return outcome;
}

Status FileTarget::Impl::publish_now(std::vector<StagedItem> items, BatchOutcome& outcome) {
  if (!units_.any()) {
    return publisher_.publish(std::move(items), outcome);
  }
  if (context_.origin.adopting) {
    std::vector<StagedItem> messages = units_.take_messages(items);
    HA_CHECK(publisher_.publish(std::move(items), outcome));
    return units_.adopt(std::move(messages), outcome);
  }
  HA_CHECK(units_.take(items));
  HA_CHECK(publisher_.publish(std::move(items), outcome));
  return units_.publish(outcome);
}

// By how many items the index will be the larger. Only deletions matter to a guard, and items that may have
// come for them: without either it is not counted.
Result<std::int64_t> FileTarget::Impl::items_gained(const std::vector<StagedItem>& items) {
  std::int64_t gained = 0;
  for (const StagedItem& item : items) {
    if (item.header.deleted || options_.publish == Publish::PerSet) {
      HA_TRY(const std::optional<Entry> entry, context_.index.get(item.header.key));
      const bool here = entry && !entry->deleted && entry->state != EntryState::Kept;
      gained += (item.header.deleted ? 0 : 1) - (here ? 1 : 0);
    }
  }
  return gained;
}

Status FileTarget::Impl::judge(std::int64_t gained) const {
  const std::int64_t after = static_cast<std::int64_t>(context_.index.count()) + journaled_ + gained;
  return gained < 0 && options_.judge
             ? options_.judge(static_cast<std::uint64_t>(std::max<std::int64_t>(after, 0)))
             : ok();
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
void FileTarget::set_origin(ApplyOrigin origin) {
  impl_->context().origin = std::move(origin);
}
Status FileTarget::check_markers() {
  return impl_->check_markers();
}
Status FileTarget::align_overlays() {
  return impl_->align_overlays();
}
Status FileTarget::mark(const std::vector<Bytes>& tops) {
  return impl_->mark(tops);
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
Status FileTarget::drop_batch(std::uint64_t batch) {
  return impl_->free_batch(batch);
}
Result<CommitOutcome> FileTarget::commit(std::string_view origin, const Position& origin_position,
                                         bool exact) {
  return impl_->commit(origin, origin_position, exact);
}
Status FileTarget::abort_transfers() {
  return impl_->abort_transfers();
}
Result<std::uint64_t> FileTarget::empty_trash(WallTime now) {
  return replicator::empty_trash(impl_->context().staging, impl_->context().deletes.trash_for, now);
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
