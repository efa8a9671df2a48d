#include "replicator/index_view.h"

namespace ha::replicator {
namespace {

std::vector<Range> ranges_of(std::vector<RangeSum> sums) {
  std::vector<Range> ranges;
  ranges.reserve(sums.size());
  for (RangeSum& sum : sums) {
    ranges.push_back({std::move(sum.range.lo), std::move(sum.range.hi), sum.count, sum.sum, false, {}});
  }
  return ranges;
}

bool in_sum(const Entry& entry) {
  return !entry.deleted && is_counted(entry.state);
}

}  // namespace

Listed listed(const Entry& entry) {
  return {entry.key,  entry.deleted ? Rank::Delete : entry.rank, entry.size, entry.deleted,
          entry.hash, entry.deleted ? Digest{} : entry.content};
}

Result<std::vector<Range>> IndexView::split(const Span& span, std::size_t parts) {
  HA_TRY(std::vector<RangeSum> sums, index_.range_sums({span.low, span.high}, parts));
  return ranges_of(std::move(sums));
}

Result<std::vector<Range>> IndexView::sums(const std::vector<Span>& spans) {
  std::vector<KeyRange> ranges;
  ranges.reserve(spans.size());
  for (const Span& span : spans) {
    ranges.push_back({span.low, span.high});
  }
  HA_TRY(std::vector<RangeSum> sums, index_.sums_of(ranges));
  return ranges_of(std::move(sums));
}

Result<std::vector<Listed>> IndexView::items(const Span& span, std::size_t limit) {
  std::vector<Listed> items;
  HA_CHECK(index_.for_each({span.low, span.high}, {Detail::Brief, false}, [&](Entry& entry) -> Result<bool> {
    if (in_sum(entry)) {
      items.push_back(listed(entry));
      items.back().ahead =
          is_beyond(entry.source, entry.version, lineage_, epoch_) || (is_unit_ && entry.source == ours_);
      items.back().message = is_in_unit(is_unit_, entry.key) && message_of(entry.key);
    }
    return items.size() < limit;
  }));
  return items;
}

}  // namespace ha::replicator
