// FileTarget: publishing a whole set, committing, the precopy, and transfers that are kept.
#include <algorithm>
#include <utility>

#include "replicator/apply/file_target_impl.h"

namespace ha::replicator {

// ---------------------------------------------------------------- publishing a whole set

// What an earlier pass could not end comes first.
Status FileTarget::Impl::publish_later(const std::vector<StagedItem>& items, BatchOutcome& outcome) {
  const Status before = going_ ? publish_journal(outcome) : ok();
  if (!before.ok()) {
    HA_CHECK(discard_all(context_.staging, items));
    return before;
  }
  return journal_.put(items);
}

// All items of the journal, in their order. What fails with NoSpace stays there.
Status FileTarget::Impl::publish_journal(BatchOutcome& outcome) {
  HA_CHECK(journal_.each(outcome.troubles, [&](std::vector<StagedItem> items) {
    return publisher_.publish(std::move(items), outcome);
  }));
  HA_CHECK(publisher_.finish_pass(outcome));
  HA_TRY(IndexBatch batch, context_.index.begin());
  HA_CHECK(batch.clear_journal());
  HA_CHECK(batch.commit());
  going_ = false;
  journaled_ = 0;
  return ok();
}

// The pass will not be completed: what is staged goes, but for large contents.
Status FileTarget::Impl::drop_journal() {
  journaled_ = 0;
  std::vector<Trouble> lost;  // a sweep takes what there is of them
  const Status kept = journal_.each(lost, [&](const std::vector<StagedItem>& items) -> Status {
    for (const StagedItem& item : items) {
      HA_CHECK(journal_to_partial(item));
    }
    return ok();
  });
  HA_CHECK(kept);
  HA_TRY(const std::uint64_t left, context_.index.journal_size());
  if (left == 0) {
    return ok();
  }
  HA_TRY(IndexBatch batch, context_.index.begin());
  HA_CHECK(batch.clear_journal());
  return batch.commit();
}

Status FileTarget::Impl::journal_to_partial(const StagedItem& item) {
  if (!item.staged.is_set() || item.header.size < options_.partial_bytes_min) {
    return context_.staging.discard(item.staged);
  }
  Assembly assembly;
  HA_CHECK(assembly.add(0, item.chunks));
  return put_partial(
      {item.header.key, item.header.content, item.staged.path(), assembly.encode(), item.header.size});
}

// What is here is what the holder has: nothing is missing, and all of it is the holder's change as well.
Status FileTarget::Impl::take_as_equal(IndexBatch& batch, const Position& holder) {
  const Source source{holder.index_id, holder.epoch};
  HA_CHECK(batch.clear_failures());
  HA_CHECK(batch.attribute(source, holder.sequence));
  if (context_.index.reconciled() < holder.epoch) {
    HA_TRY(const Lineage lineage, context_.index.lineage());
    HA_CHECK(batch.attribute_unseen(source, holder.sequence, lineage));
  }
  batch.set_reconciled(holder.epoch);
  return ok();
}

Result<CommitOutcome> FileTarget::Impl::commit(std::string_view origin, const Position& origin_position,
                                               bool exact) {
  HA_CHECK(require_recovered());
  CommitOutcome outcome;
  if (options_.publish == Publish::PerSet) {
    HA_TRY(const std::uint64_t waiting, context_.index.journal_size());
    if (waiting > 0) {
      if (!going_) {
        HA_CHECK(journal_.put_go());
        going_ = true;
      }
      HA_CHECK(publish_journal(outcome.published));
    }
  }
  if (units_.any()) {
    HA_CHECK(units_.publish(outcome.published));
    outcome.changed_units = units_.take_changed();
  }
  HA_CHECK(publisher_.finish_pass(outcome.published));
  HA_CHECK(precopy_.drop_old());
  outcome.position = origin_position;
  outcome.position.sum = context_.index.sum();
  HA_TRY(IndexBatch batch, context_.index.begin());
  HA_CHECK(batch.set_applied(origin, outcome.position));
  if (exact && outcome.position.sum == origin_position.sum) {
    HA_CHECK(take_as_equal(batch, origin_position));
    HA_CHECK(batch.set_applied(kLastEqual, outcome.position));
    HA_CHECK(batch.hand_over(context_.origin.source, origin_position.sequence));
    context_.origin.careful = false;
  }
  HA_CHECK(batch.commit());
  outcome.published.stranded_items = publisher_.take_stranded();
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
  zero_bytes_ = 0;
  publisher_.forget_waiting();
  HA_CHECK(units_.forget());
  HA_CHECK(precopy_.drop_old());
  return going_ || units_.any() ? ok() : drop_journal();
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

}  // namespace ha::replicator
