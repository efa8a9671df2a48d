#include "replicator/apply/publisher.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/clock.h"
#include "replicator/apply/file_facts.h"
#include "replicator/apply/live_content.h"
#include "replicator/apply/unit_lock.h"
#include "replicator/model/key.h"

namespace ha::replicator {
namespace {

constexpr std::size_t kSyncEachMax = 8;  // up to here every file is synced by itself

// Deletions last and from the bottom; otherwise parents come before what is in them.
bool comes_before(const StagedItem& a, const StagedItem& b) {
  if (a.header.rank != b.header.rank) {
    return a.header.rank < b.header.rank;
  }
  return a.header.deleted ? a.header.key > b.header.key : a.header.key < b.header.key;
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(read_clocks().wall.time_since_epoch()).count();
}

Status put_failure(IndexBatch& batch, const Trouble& trouble) {
  auto put = batch.put_failure(trouble.key, trouble.reason, now_ns());
  // The list is full: the item is still different, and the next comparison will find it.
  return put.ok() || put.error().code() == Code::Exhausted ? ok() : put;
}

}  // namespace

Status Publisher::publish(std::vector<StagedItem> items, BatchOutcome& outcome, const UnitPass* unit) {
  reset();
  std::stable_sort(items.begin(), items.end(), comes_before);
  unit_ = unit;
  Status full = unit == nullptr ? sync_contents(items) : save_messages(items);
  for (StagedItem& item : items) {
    if (!full.ok()) {
      if (item.journal == 0) {
        HA_CHECK(context_.staging.discard(item.staged));
      }
      continue;
    }
    LocalStat local;
    auto fate = put(item, local);
    if (!fate.ok()) {
      if (fate.error().code() == Code::NoSpace || fate.error().code() == Code::Held) {
        full = fate.error();
        if (item.journal == 0) {
          HA_CHECK(context_.staging.discard(item.staged));
        }
        continue;
      }
      fail(item, std::move(fate).error());
    } else if (*fate == Fate::Waiting) {
      waiting_.push_back(std::move(item));
    } else {
      done_by_key_[item.header.key] = done_.size();
      done_.push_back({std::move(item), local, *fate == Fate::Kept});
    }
  }
  parent_key_.reset();
  if (unit != nullptr && unit->lock != nullptr) {
    HA_CHECK(unit->lock->release());
  }
  retry_waiting();
  restore_times();
  HA_CHECK(sync_names());
  HA_CHECK(record(outcome));
  return full;
}

Status Publisher::finish_pass(BatchOutcome& outcome) {
  if (waiting_.empty()) {
    return ok();
  }
  reset();
  retry_waiting();
  for (StagedItem& item : waiting_) {
    fail(item, Error(Code::Refused,
                     in_quotes(item.header.key) + " is not empty: it holds items of this set that stay"));
  }
  waiting_.clear();
  restore_times();
  HA_CHECK(sync_names());
  return record(outcome);
}

void Publisher::reset() {
  done_.clear();
  done_by_key_.clear();
  troubles_.clear();
  ended_journal_.clear();
  touched_.clear();
  restated_.clear();
  overlaid_.clear();
  parent_ = {};
  parent_key_.reset();
  unit_ = nullptr;
}

void Publisher::fail(StagedItem& item, Error error) {
  Trouble trouble{item.header.key, error.what(), false, {}};
  // It was changed under us, or what was staged is gone: what is there now decides how it has to be built.
  const bool again = (!item.staged.is_set() || item.journal != 0) && !context_.origin.adopting;
  if (again && error.code() == Code::Conflict && !item.header.deleted &&
      item.meta.type == FileType::Regular) {
    const auto live = open_live(context_.root, context_.index, context_.key, item.header.key);
    if (live.ok()) {
      trouble.redo = true;
      trouble.basis = encode_basis(live->report());
    }
  }
  if (item.journal != 0) {
    ended_journal_.push_back(item.journal);
  }
  if (const auto discarded = context_.staging.discard(item.staged); !discarded.ok()) {
    trouble.reason += "; " + discarded.error().what();  // swept at the next start
  }
  troubles_.push_back(std::move(trouble));
}

void Publisher::touch(BytesView key) {
  touched_.insert(Bytes(parent_of_key(key)));
}

void Publisher::retry_waiting() {
  std::stable_sort(waiting_.begin(), waiting_.end(), comes_before);
  std::vector<StagedItem> still;
  for (StagedItem& item : waiting_) {
    auto fate = remove(item);
    if (!fate.ok()) {
      fail(item, std::move(fate).error());
    } else if (*fate == Fate::Waiting) {
      still.push_back(std::move(item));
    } else {
      done_by_key_[item.header.key] = done_.size();
      done_.push_back({std::move(item), {}, *fate == Fate::Kept});
    }
  }
  waiting_ = std::move(still);
}

// ---------------------------------------------------------------- directory times

void Publisher::restore_times() {
  parent_key_.reset();
  context_.staging.forget_places();
  for (const Bytes& directory : touched_) {
    restore_time(directory);
  }
}

// What goes wrong here is a directory that changes under us; the next scan sees its time.
void Publisher::restore_time(const Bytes& directory) {
  if (directory.empty()) {
    return;
  }
  const auto entry = find_entry(directory);
  if (!entry.ok() || !*entry || (*entry)->deleted) {
    return;
  }
  const auto meta = decode_meta((*entry)->meta);
  if (!meta.ok() || meta->type != FileType::Directory) {
    return;
  }
  const auto opened = context_.root.open_beneath(directory);
  if (!opened.ok() || !sys::set_mtime(opened->handle(), {meta->mtime_s, meta->mtime_ns}).ok()) {
    return;
  }
  if (const auto stat = opened->stat(); stat.ok()) {
    restated_[directory] = local_stat(*stat);
  }
}

// ---------------------------------------------------------------- syncing

bool Publisher::sync_by_area(std::size_t count) const {
  if (context_.sync != SyncMode::Auto || count <= kSyncEachMax) {
    return false;
  }
  const auto& areas = context_.staging.areas();
  return std::all_of(areas.begin(), areas.end(),
                     [](const auto& area) { return area.second->directory.syncfs_is_trusted(); });
}

Status Publisher::sync_areas() {
  for (const auto& [top, area] : context_.staging.areas()) {
    HA_CHECK(area->directory.sync_file_system());
  }
  return ok();
}

Status Publisher::sync_contents(const std::vector<StagedItem>& items) {
  const auto staged = static_cast<std::size_t>(
      std::count_if(items.begin(), items.end(), [](const StagedItem& item) { return item.staged.is_set(); }));
  if (context_.sync == SyncMode::None || staged == 0) {
    return ok();
  }
  if (sync_by_area(staged)) {
    return sync_areas();
  }
  for (const StagedItem& item : items) {
    if (item.staged.is_set()) {
      const auto file = item.staged.area->directory.open_file(item.staged.name, O_RDONLY);
      // Rolled forward: it may have been renamed already, and then it was synced before.
      if (file.ok()) {
        HA_CHECK(file->sync());
      } else if (file.error().code() != Code::NotFound || item.journal == 0) {
        return file.error();
      }
    }
  }
  return ok();
}

Status Publisher::sync_names() {
  std::vector<const Bytes*> in_place;
  for (const Done& done : done_) {
    if (!done.item.header.deleted && done.item.meta.type == FileType::Regular && !done.item.staged.is_set()) {
      in_place.push_back(&done.item.header.key);
    }
  }
  if (context_.sync == SyncMode::None || touched_.size() + in_place.size() == 0) {
    return ok();
  }
  if (sync_by_area(touched_.size() + in_place.size())) {
    return sync_areas();
  }
  for (const Bytes& directory : touched_) {
    const auto opened = context_.root.open_beneath(directory);
    if (opened.ok()) {
      HA_CHECK(opened->sync());
    } else if (opened.error().code() != Code::NotFound && opened.error().code() != Code::Conflict) {
      return opened.error();
    }
  }
  for (const Bytes* key : in_place) {
    const auto file = context_.root.open_regular(*key);
    if (file.ok()) {
      HA_CHECK(file->sync());
    }  // otherwise it is gone by now, and a scan will tell
  }
  return ok();
}

// ---------------------------------------------------------------- the index

Status Publisher::record(BatchOutcome& outcome) {
  if (!done_.empty() || !troubles_.empty() || !restated_.empty()) {
    HA_TRY(const std::uint64_t failures, context_.index.failure_count());
    HA_TRY(IndexBatch batch, context_.index.begin());
    for (const Done& done : done_) {
      HA_CHECK(record_done(batch, done, failures > 0));
    }
    for (const auto& [key, local] : restated_) {
      auto updated = batch.update_local(key, encode_local(local));
      if (!updated.ok() && updated.error().code() != Code::NotFound) {
        return updated;
      }
    }
    HA_CHECK(put_failures(batch, troubles_));
    for (const std::uint64_t number : ended_journal_) {
      HA_CHECK(batch.remove_journal(number));
    }
    HA_CHECK(batch.commit());
  }
  for (const Done& done : done_) {
    ++(done.kept ? outcome.kept_items : outcome.applied_items);
    outcome.applied_bytes += done.item.built_bytes;
  }
  outcome.troubles.insert(outcome.troubles.end(), std::make_move_iterator(troubles_.begin()),
                          std::make_move_iterator(troubles_.end()));
  troubles_.clear();
  return ok();
}

Status Publisher::record_done(IndexBatch& batch, const Done& done, bool any_failures) {
  const StagedItem& item = done.item;
  const Bytes& key = item.header.key;
  if (done.kept) {
    HA_CHECK(record_kept(batch, item));
  } else if (item.header.deleted) {
    HA_TRY(const std::uint64_t sequence, batch.erase(key, item.header.source, item.header.version));
    static_cast<void>(sequence);
  } else {
    Entry entry = item.header;
    entry.state = overlaid_.contains(key) ? EntryState::Overlaid : EntryState::Mirrored;
    entry.local = encode_local(done.local);
    HA_TRY(const std::uint64_t sequence, batch.put(entry));
    static_cast<void>(sequence);
    if (!is_trivial(item.chunks)) {
      HA_CHECK(batch.put_chunks(key, item.header.content, encode_chunks(item.chunks), false));
    } else if (item.meta.type != FileType::Regular || item.staged.is_set()) {
      HA_CHECK(batch.drop_chunks(key));
    }
  }
  if (item.had_partial) {
    HA_CHECK(batch.remove_partial(key, item.header.content));
  }
  if (item.journal != 0) {
    HA_CHECK(batch.remove_journal(item.journal));
  }
  return any_failures ? batch.clear_failure(key) : ok();
}

Status Publisher::record_failures(const std::vector<Trouble>& troubles) {
  if (std::all_of(troubles.begin(), troubles.end(), [](const Trouble& trouble) { return trouble.redo; })) {
    return ok();
  }
  HA_TRY(IndexBatch batch, context_.index.begin());
  HA_CHECK(put_failures(batch, troubles));
  return batch.commit();
}

// What a holder could not take over is no failure of its own set: what it has is right.
Status Publisher::put_failures(IndexBatch& batch, const std::vector<Trouble>& troubles) const {
  for (const Trouble& trouble : troubles) {
    if (!trouble.redo && !context_.origin.adopting) {
      HA_CHECK(put_failure(batch, trouble));
    }
  }
  return ok();
}

}  // namespace ha::replicator
