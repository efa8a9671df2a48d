// An index as reconciliation sees it: SumView over IndexQueries.
//
// Thread safety: that of the index.
#pragma once

#include "replicator/index/queries.h"
#include "replicator/model/unit.h"
#include "replicator/session/reconcile.h"

namespace ha::replicator {

class IndexView final : public SumView {
 public:
  // `index` must outlive it.
  explicit IndexView(IndexQueries& index) : index_(index) {}
  // Of a replica of this epoch's holder: says of each item whether the holder has ever seen it.
  IndexView(IndexQueries& index, Lineage lineage, std::uint64_t epoch)
      : index_(index), lineage_(std::move(lineage)), epoch_(epoch) {}
  // Messages in units that came to this site as a replica, `ours`, the holder has not seen either.
  void set_units(IsUnit is_unit, const Source& ours) {
    is_unit_ = std::move(is_unit);
    ours_ = ours;
  }

  Result<std::vector<Range>> split(const Span& span, std::size_t parts) override;
  Result<std::vector<Range>> sums(const std::vector<Span>& spans) override;
  Result<std::vector<Listed>> items(const Span& span, std::size_t limit) override;

 private:
  IndexQueries& index_;
  Lineage lineage_;
  std::uint64_t epoch_ = 0;  // 0: nothing is ahead
  IsUnit is_unit_;
  Source ours_;
};

// An entry as a sender lists it.
[[nodiscard]] Listed listed(const Entry& entry);

}  // namespace ha::replicator
