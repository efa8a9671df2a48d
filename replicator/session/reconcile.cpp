#include "replicator/session/reconcile.h"

#include <algorithm>

namespace ha::replicator {
namespace {

constexpr std::size_t kCompareBytesMax = 512 * 1024;
constexpr std::size_t kItemBytes = 24;   // beside the key
constexpr std::size_t kRangeBytes = 40;  // beside the keys

bool inside(const Bytes& key, const Range& range) {
  return key >= range.low && (range.high.empty() || key < range.high);
}

// Turns a small range into a leaf, with its items.
Status make_leaf(SumView& view, Range& range, std::vector<Listed>& leaves) {
  HA_TRY(std::vector<Listed> items, view.items({range.low, range.high}, kLeafItems + 1));
  if (items.size() > kLeafItems) {
    return ok();  // it has grown since it was counted; its sum will do
  }
  range.leaf = true;
  for (Listed& item : items) {
    range.items.push_back({item.key, item.hash});
    leaves.push_back(std::move(item));
  }
  return ok();
}

std::size_t bytes_of(const Range& range) {
  std::size_t bytes = kRangeBytes + range.low.size() + range.high.size();
  for (const ItemHash& item : range.items) {
    bytes += kItemBytes + item.key.size();
  }
  return bytes;
}

Status compare_leaf(SumView& view, const Range& theirs, Differ& answer) {
  HA_TRY(const std::vector<Listed> ours, view.items({theirs.low, theirs.high}, kLeafItemsMax));
  auto mine = ours.begin();
  const Bytes* previous = nullptr;
  const auto take_extra = [&](const Bytes* until) {
    for (; mine != ours.end() && (until == nullptr || mine->key < *until); ++mine) {
      std::vector<Bytes>& list = mine->ahead ? answer.ahead : answer.extra;
      if (list.size() < kLeafItemsMax) {
        list.push_back(mine->key);
      }
    }
  };
  for (const ItemHash& item : theirs.items) {
    if (!inside(item.key, theirs) || (previous != nullptr && *previous >= item.key)) {
      return Error(Code::Corrupt, "the items of a range are not in order");
    }
    previous = &item.key;
    take_extra(&item.key);
    const bool have = mine != ours.end() && mine->key == item.key;
    if (!have || mine->hash != item.hash) {
      answer.wanted.push_back({item.key, have ? mine->content : Digest{}, have});
      if (have && mine->ahead && mine->message && answer.ahead.size() < kLeafItemsMax) {
        answer.ahead.push_back(item.key);
      }
    }
    if (have) {
      ++mine;
    }
  }
  take_extra(nullptr);
  return ok();
}

}  // namespace

Result<Description> describe(SumView& view, std::uint64_t step, const std::vector<Span>& spans) {
  Description out;
  out.compare.step = step;
  const std::size_t leaf_items = step == 1 ? kFirstLeafItems : kLeafItems;
  const std::size_t parts = step == 1 ? kFirstParts : kFurtherParts;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (i > 0 && (bytes > kCompareBytesMax || out.compare.ranges.size() + parts > kCompareRangesMax ||
                  out.leaves.size() + parts * kLeafItems > kLeafItemsMax)) {
      out.left.assign(spans.begin() + static_cast<std::ptrdiff_t>(i), spans.end());
      break;
    }
    HA_TRY(std::vector<Range> ranges, view.sums({spans[i]}));
    if (ranges.at(0).count > leaf_items) {
      HA_TRY(ranges, view.split(spans[i], parts));
    }
    for (Range& range : ranges) {
      if (range.count <= leaf_items) {
        HA_CHECK(make_leaf(view, range, out.leaves));
      }
      bytes += bytes_of(range);
      out.compare.ranges.push_back(std::move(range));
    }
  }
  return out;
}

Result<Differ> compare(SumView& view, const Compare& theirs) {
  Differ answer;
  answer.step = theirs.step;
  std::vector<Span> spans;
  std::vector<const Range*> summed;
  for (const Range& range : theirs.ranges) {
    if (range.leaf) {
      HA_CHECK(compare_leaf(view, range, answer));
    } else {
      spans.push_back({range.low, range.high});
      summed.push_back(&range);
    }
  }
  HA_TRY(const std::vector<Range> ours, view.sums(spans));
  for (std::size_t i = 0; i < summed.size(); ++i) {
    if (ours.at(i).count != summed[i]->count || ours[i].sum != summed[i]->sum) {
      answer.ranges.push_back({summed[i]->low, summed[i]->high, ours[i].count, {}, false, {}});
    }
  }
  return answer;
}

}  // namespace ha::replicator
