// Reconciliation by range sums: how two indexes find the items in which they differ, without either knowing
// what the other has been told before.
//
// The origin describes spans of keys by sums of sub-ranges, small ones by their items; the replica answers
// which ranges differ and which items it wants or has too many; the origin describes the differing ranges
// more finely. 100,000 items take three round trips. Pure: the index stands behind SumView.
// Source: docs/wire.md, "Reconcile". Thread safety: none needed; plain functions.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "common/base/result.h"
#include "replicator/model/entry.h"
#include "replicator/session/messages.h"

namespace ha::replicator {

// Keys in [low, high); an empty high has no end.
struct Span {
  Bytes low;
  Bytes high;
};

// An item of the origin that takes part in a transfer.
struct Listed {
  Bytes key;
  Rank rank = Rank::Content;
  std::uint64_t size = 0;
  bool deleted = false;
  Digest hash;           // item hash
  Digest content;        // content digest
  bool ahead = false;    // of a replica's answer: the origin has never seen it
  bool message = false;  // likewise: a message of a unit, which the origin may have under another key
  bool moved = false;    // of an origin's list: the replica is thought to have the content under another key
};

// What reconciliation asks of an index. Only items that count in sums are seen.
class SumView {
 public:
  virtual ~SumView() = default;
  // `span` cut at the index's own quantiles into at most `parts` ranges that cover it; count and sum filled
  // in.
  virtual Result<std::vector<Range>> split(const Span& span, std::size_t parts) = 0;
  // Count and sum of each span.
  virtual Result<std::vector<Range>> sums(const std::vector<Span>& spans) = 0;
  // The first `limit` items of the span, in key order.
  virtual Result<std::vector<Listed>> items(const Span& span, std::size_t limit) = 0;
};

inline constexpr std::size_t kFirstParts = 256;    // the whole key space, first step
inline constexpr std::size_t kFurtherParts = 16;   // a range that differs
inline constexpr std::size_t kLeafItems = 64;      // a range of so few items is told item by item
inline constexpr std::size_t kFirstLeafItems = 8;  // … in the first step, where most ranges are equal

struct Description {
  Compare compare;
  std::vector<Listed> leaves;  // what the origin has in the leaf ranges, in key order
  std::vector<Span> left;      // spans that did not fit into one message
};

// Origin: describes as many of `spans` as fit into one message, the first of them always.
[[nodiscard]] Result<Description> describe(SumView& view, std::uint64_t step, const std::vector<Span>& spans);

// Replica: compares the origin's ranges with its own. Corrupt when a leaf's items are not in order or not in
// their range.
[[nodiscard]] Result<Differ> compare(SumView& view, const Compare& theirs);

}  // namespace ha::replicator
