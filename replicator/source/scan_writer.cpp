#include "replicator/source/scan_writer.h"

#include <string>
#include <utility>

#include "replicator/source/scanner.h"
#include "replicator/source/signature_maker.h"

namespace ha::replicator {

ScanWriter::ScanWriter(Index& index, std::function<bool(const Entry& old)> keep_previous,
                       std::function<Now()> clock)
    : index_(&index), keep_previous_(std::move(keep_previous)), clock_(std::move(clock)) {}

Status ScanWriter::load_failures() {
  std::optional<Bytes> after;
  for (;;) {
    HA_TRY(std::vector<FailedItem> page, index_->failures(after, kIndexPageEntriesMax));
    if (page.empty()) {
      return ok();
    }
    after = page.back().key;
    for (FailedItem& item : page) {
      if (item.reason.starts_with(kReadFailurePrefix)) {
        unmet_failures_.insert(std::move(item.key));
      }
    }
  }
}

Status ScanWriter::apply(const Finding& finding, const std::optional<Entry>& old) {
  HA_TRY(IndexBatch * open, batch());
  if (finding.kind == Finding::Kind::Refresh) {
    return open->update_local(finding.entry.key, finding.entry.local);
  }
  HA_CHECK(open->put(finding.entry));
  return put_chunks(*open, finding, old);
}

// The index keeps the list of the version the peers have beside that of the current one. For an item whose
// content stays, the two become equal, which tells the frame builder that metadata alone has to travel.
Status ScanWriter::put_chunks(IndexBatch& batch, const Finding& finding, const std::optional<Entry>& old) {
  const Entry& now = finding.entry;
  const bool had_content = old && old->rank == Rank::Content && !old->content.is_zero();
  const bool acknowledged = had_content && keep_previous_ && keep_previous_(*old);
  if (!finding.content_read) {
    return had_content ? batch.drop_chunks(now.key) : ok();
  }
  if (had_content && old->content == now.content) {
    if (!acknowledged) {
      return ok();
    }
    // A list only moves over when one of another content takes its place.
    const Bytes list = encode_chunks(finding.chunks);
    HA_CHECK(batch.put_chunks(now.key, now.content, list, false));
    HA_CHECK(batch.put_chunks(now.key, Digest{}, {}, true));
    return batch.put_chunks(now.key, now.content, list, false);
  }
  if (now.size > kWholeFileBytesMax) {
    return batch.put_chunks(now.key, now.content, encode_chunks(finding.chunks), acknowledged);
  }
  return had_content ? batch.drop_chunks(now.key) : ok();
}

Status ScanWriter::remove(const Entry& old) {
  HA_TRY(IndexBatch * open, batch());
  if (old.state == EntryState::Kept) {
    return open->forget(old.key);
  }
  HA_CHECK(open->erase(old.key));
  return ok();
}

Status ScanWriter::forget(BytesView key) {
  HA_TRY(IndexBatch * open, batch());
  return open->forget(key);
}

Status ScanWriter::fail(BytesView key, std::string_view reason) {
  if (const auto known = unmet_failures_.find(key); known != unmet_failures_.end()) {
    unmet_failures_.erase(known);
  }
  HA_TRY(IndexBatch * open, batch());
  const auto now_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(clock_().wall.time_since_epoch()).count();
  Status put = open->put_failure(key, std::string(kReadFailurePrefix) + std::string(reason), now_ns);
  // A full list is as loud as it gets: the count is in the result of the scan.
  return !put.ok() && put.error().code() == Code::Exhausted ? ok() : std::move(put);
}

Status ScanWriter::succeed(BytesView key) {
  const auto known = unmet_failures_.find(key);
  if (known == unmet_failures_.end()) {
    return ok();
  }
  unmet_failures_.erase(known);
  HA_TRY(IndexBatch * open, batch());
  return open->clear_failure(key);
}

Status ScanWriter::clear_unmet_failures() {
  while (!unmet_failures_.empty()) {
    const Bytes key = *unmet_failures_.begin();
    HA_CHECK(succeed(key));
    HA_CHECK(breathe());
  }
  return ok();
}

Result<IndexBatch*> ScanWriter::batch() {
  if (!batch_) {
    HA_TRY(IndexBatch fresh, index_->begin());
    batch_.emplace(std::move(fresh));
    begun_ = clock_().steady;
    writes_ = 0;
  }
  ++writes_;
  return &*batch_;
}

Status ScanWriter::breathe() {
  if (!batch_ || (writes_ < kScanBatchEntriesMax && clock_().steady - begun_ < kScanBatchTimeMax)) {
    return ok();
  }
  return flush();
}

Status ScanWriter::flush() {
  if (!batch_) {
    return ok();
  }
  Status done = batch_->commit();
  batch_.reset();
  return done;
}

}  // namespace ha::replicator
