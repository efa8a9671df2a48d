#include "replicator/session/reconcile.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>
#include <random>
#include <set>

namespace ha::replicator {
namespace {

// An index that is a map.
class MapView final : public SumView {
 public:
  std::map<Bytes, Listed> entries;

  void put(const Bytes& key, std::uint64_t version) {
    entries[key] = {key, Rank::Content, 1, false, {std::hash<Bytes>{}(key), version}, {0, version}};
  }
  Result<std::vector<Range>> split(const Span& span, std::size_t parts) override {
    const auto [from, to] = bounds(span);
    const auto count = static_cast<std::size_t>(std::distance(from, to));
    const std::size_t each = std::max<std::size_t>(1, (count + parts - 1) / parts);
    std::vector<Range> ranges;
    Bytes low = span.low;
    std::size_t at = 0;
    for (auto it = from; it != to; ++it, ++at) {
      if (at > 0 && at % each == 0) {
        ranges.push_back(sum({low, it->first}));
        low = it->first;
      }
    }
    ranges.push_back(sum({low, span.high}));
    return ranges;
  }
  Result<std::vector<Range>> sums(const std::vector<Span>& spans) override {
    std::vector<Range> ranges;
    for (const Span& span : spans) {
      ranges.push_back(sum(span));
    }
    return ranges;
  }
  Result<std::vector<Listed>> items(const Span& span, std::size_t limit) override {
    const auto [from, to] = bounds(span);
    std::vector<Listed> out;
    for (auto it = from; it != to && out.size() < limit; ++it) {
      out.push_back(it->second);
    }
    return out;
  }

 private:
  using At = std::map<Bytes, Listed>::const_iterator;
  [[nodiscard]] std::pair<At, At> bounds(const Span& span) const {
    return {entries.lower_bound(span.low),
            span.high.empty() ? entries.end() : entries.lower_bound(span.high)};
  }
  [[nodiscard]] Range sum(const Span& span) const {
    Range range{span.low, span.high, 0, {}, false, {}};
    const auto [from, to] = bounds(span);
    for (auto it = from; it != to; ++it) {
      ++range.count;
      range.sum += it->second.hash;
    }
    return range;
  }
};

struct Found {
  std::set<Bytes> wanted;
  std::set<Bytes> extra;
  std::uint64_t steps = 0;
};

Found reconcile(MapView& origin, MapView& replica) {
  Found found;
  std::vector<Span> spans{Span{}};
  while (!spans.empty()) {
    BOOST_REQUIRE(++found.steps < 100);
    const Description description = describe(origin, found.steps, spans).value();
    BOOST_REQUIRE(description.compare.ranges.size() <= kCompareRangesMax);
    spans = description.left;
    const Differ differ = compare(replica, description.compare).value();
    for (const Range& range : differ.ranges) {
      spans.push_back({range.low, range.high});
    }
    for (const ItemHash& item : differ.wanted) {
      BOOST_TEST(found.wanted.insert(item.key).second);
    }
    for (const Bytes& key : differ.extra) {
      BOOST_TEST(found.extra.insert(key).second);
    }
  }
  return found;
}

Compare one_leaf(std::vector<ItemHash> items, Bytes low = {}, Bytes high = {}) {
  const std::uint64_t count = items.size();
  return {1, {Range{std::move(low), std::move(high), count, {}, true, std::move(items)}}};
}

}  // namespace
}  // namespace ha::replicator

BOOST_AUTO_TEST_SUITE(session_reconcile)

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_CASE(random_sets_give_exactly_their_differences) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 random(seed);
    MapView origin;
    MapView replica;
    Found expected;
    const std::uint64_t count = random() % (seed % 5 == 0 ? 6000 : 300);
    const std::uint64_t rarity = 1 + random() % 200;
    for (std::uint64_t i = 0; i < count; ++i) {
      const Bytes key = std::to_string(random() % 100'000);
      if (origin.entries.contains(key) || replica.entries.contains(key)) {
        continue;
      }
      const std::uint64_t what = random() % rarity == 0 ? 1 + random() % 3 : 0;
      if (what != 3) {
        origin.put(key, 1);
      }
      if (what != 2) {
        replica.put(key, what == 1 ? 2 : 1);
      }
      if (what == 3) {
        expected.extra.insert(key);
      } else if (what != 0) {
        expected.wanted.insert(key);
      }
    }
    const Found found = reconcile(origin, replica);
    BOOST_TEST((found.wanted == expected.wanted), "seed " << seed << ": wanted");
    BOOST_TEST((found.extra == expected.extra), "seed " << seed << ": extra");
  }
}

BOOST_AUTO_TEST_CASE(one_change_in_a_hundred_thousand_is_found_in_two_steps) {
  MapView origin;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    origin.put("k/" + std::to_string(i), 1);
  }
  MapView replica = origin;
  origin.put("k/54321", 2);
  const Found found = reconcile(origin, replica);
  BOOST_TEST((found.wanted == std::set<Bytes>{"k/54321"}));
  BOOST_TEST(found.extra.empty());
  BOOST_TEST(found.steps == 2U);
}

BOOST_AUTO_TEST_CASE(what_the_replica_has_is_told_with_each_wanted_item) {
  MapView replica;
  replica.put("b", 7);
  const Differ differ = compare(replica, one_leaf({{"a", {1, 1}, false}, {"b", {1, 1}, false}})).value();
  BOOST_REQUIRE(differ.wanted.size() == 2U);
  BOOST_TEST(!differ.wanted[0].present);
  BOOST_TEST(differ.wanted[0].hash.is_zero());
  BOOST_TEST(differ.wanted[1].present);
  BOOST_CHECK(differ.wanted[1].hash == (Digest{0, 7}));
}

BOOST_AUTO_TEST_CASE(leaf_items_out_of_order_twice_or_out_of_range_are_corrupt) {
  MapView replica;
  for (const Compare& bad :
       {one_leaf({{"b", {1, 1}, false}, {"a", {1, 1}, false}}),
        one_leaf({{"a", {1, 1}, false}, {"a", {1, 1}, false}}), one_leaf({{"a", {1, 1}, false}}, "b", "c"),
        one_leaf({{"c", {1, 1}, false}}, "b", "c")}) {
    const auto answer = compare(replica, bad);
    BOOST_REQUIRE(!answer.ok());
    BOOST_CHECK(answer.error().code() == Code::Corrupt);
  }
}

BOOST_AUTO_TEST_SUITE_END()
