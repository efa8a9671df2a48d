// Writes findings into the index in transactions that are kept short, and keeps the list of read failures.
//
// Thread safety: one thread at a time, that of the index.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "replicator/index/index.h"
#include "replicator/source/item_reader.h"

namespace ha::replicator {

class ScanWriter {
 public:
  // `index` must outlive it.
  ScanWriter(Index& index, std::function<bool(const Entry& old)> keep_previous, std::function<Now()> clock);

  // The failures that earlier scans have put. Call once, first.
  Status load_failures();

  // Put or Refresh. `old` is the live entry that was there, if any.
  Status apply(const Finding& finding, const std::optional<Entry>& old);
  // A tombstone; of a kept item, which the origin does not have anyway, none.
  Status remove(const Entry& old);
  Status forget(BytesView key);

  Status fail(BytesView key, std::string_view reason);
  Status succeed(BytesView key);
  // Failures of items that no scan meets any more.
  Status clear_unmet_failures();

  // Commits if the open transaction has become large or old.
  Status breathe();
  Status flush();

 private:
  Result<IndexBatch*> batch();
  Status put_chunks(IndexBatch& batch, const Finding& finding, const std::optional<Entry>& old);

  Index* index_;
  std::function<bool(const Entry& old)> keep_previous_;
  std::function<Now()> clock_;
  std::optional<IndexBatch> batch_;
  SteadyTime begun_;
  std::size_t writes_ = 0;
  std::set<Bytes, std::less<>> unmet_failures_;
};

}  // namespace ha::replicator
