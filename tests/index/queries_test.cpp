#include "replicator/index/queries.h"

#include <boost/test/unit_test.hpp>
#include <map>
#include <set>

#include "common/base/random.h"
#include "tests/index/index_fixture.h"

namespace ha::replicator {
namespace {

using Model = std::map<Bytes, Entry>;

bool counted(const Entry& entry) {
  return !entry.deleted && (entry.state == EntryState::Mirrored || entry.state == EntryState::Overlaid);
}

bool within(const Bytes& key, const KeyRange& range) {
  return key >= range.lo && (range.hi.empty() || key < range.hi);
}

RangeSum model_sum(const Model& model, const KeyRange& range) {
  RangeSum sum{range, 0, {}};
  for (const auto& [key, entry] : model) {
    if (counted(entry) && within(key, range)) {
      sum.sum += entry.hash;
      ++sum.count;
    }
  }
  return sum;
}

Bytes random_key(Random& random) {
  static const Bytes letters("\0/.ab\xff", 6);
  Bytes key;
  for (std::uint64_t length = random.below(5); length > 0; --length) {
    key.push_back(letters[random.below(letters.size())]);
  }
  return key;
}

// One random change, to the index and to the model.
void change(IndexBatch& batch, Model& model, Random& random) {
  const Bytes key = random_key(random);
  const std::uint64_t kind = random.below(10);
  if (kind < 3) {
    const std::uint64_t sequence = must(batch.erase(key));
    const auto found = model.find(key);
    if (found != model.end() && !found->second.deleted) {
      const Digest content = found->second.content;
      found->second = {};
      found->second.key = key;
      found->second.content = content;
      found->second.deleted = true;
      found->second.rank = Rank::Delete;
      found->second.sequence = sequence;
    }
  } else if (kind == 3) {
    must(batch.forget(key));
    model.erase(key);
  } else {
    Entry entry = make_entry(key, random.next());
    entry.state = static_cast<EntryState>(random.below(4));
    entry.rank = static_cast<Rank>(random.below(3));
    const bool keep = kind == 4;
    entry.sequence = must(batch.put(entry, keep ? Numbering::Keep : Numbering::Next));
    BOOST_TEST((!keep || entry.sequence == (model.count(key) != 0 ? model[key].sequence : 0)));
    model[key] = entry;
  }
}

KeyRange random_range(Random& random) {
  KeyRange range{random_key(random), random_key(random)};
  if (!range.hi.empty() && range.hi < range.lo) {
    std::swap(range.lo, range.hi);
  }
  return range;
}

void check_ranges(Index& index, const Model& model, const KeyRange& range, std::size_t parts) {
  const auto sums = must(index.range_sums(range, parts));
  BOOST_REQUIRE((!sums.empty() && sums.size() <= parts));
  BOOST_TEST((sums.front().range.lo == range.lo && sums.back().range.hi == range.hi));
  std::vector<KeyRange> ranges;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    BOOST_TEST((sums[i] == model_sum(model, sums[i].range)));
    BOOST_TEST((i == 0 || sums[i].range.lo == sums[i - 1].range.hi));
    ranges.push_back(sums[i].range);
  }
  BOOST_TEST((must(index.sums_of(ranges)) == sums));
}

void check_cursor(Index& index, const Model& model, const KeyRange& range, CursorOptions options) {
  Cursor cursor = index.cursor(range, options);
  for (const auto& [key, expected] : model) {
    if (!within(key, range) || (expected.deleted && !options.tombstones)) {
      continue;
    }
    const auto entry = must(cursor.next());
    BOOST_REQUIRE(entry.has_value());
    const bool full = options.detail == Detail::Full;
    BOOST_TEST((entry->key == key && entry->sequence == expected.sequence && entry->hash == expected.hash &&
                entry->deleted == expected.deleted && entry->rank == expected.rank &&
                entry->state == expected.state && entry->size == expected.size &&
                entry->content == expected.content && entry->meta == (full ? expected.meta : "") &&
                entry->local == (full ? expected.local : "")));
  }
  BOOST_TEST(!must(cursor.next()));
  BOOST_TEST(!must(cursor.next()));
}

// All of a pass, rank by rank; between two pages `meanwhile` may change the index.
template <typename Meanwhile>
std::size_t run_pass(Index& index, std::uint64_t after, std::uint64_t up_to, std::size_t limit,
                     Model& replica, Meanwhile meanwhile) {
  std::size_t sent = 0;
  for (const Rank rank : {Rank::Container, Rank::Content, Rank::Link, Rank::Delete}) {
    PassQuery query{after, up_to, rank, std::nullopt, limit};
    for (;;) {
      const auto page = must(index.entries_after(query));
      if (page.empty()) {
        break;
      }
      BOOST_TEST(page.size() <= limit);
      for (const Entry& entry : page) {
        BOOST_REQUIRE((!query.after_key || entry.key > *query.after_key));
        BOOST_REQUIRE((entry.rank == rank && entry.sequence > after && entry.sequence <= up_to));
        replica[entry.key] = entry;
        query.after_key = entry.key;
        ++sent;
      }
      meanwhile();
    }
  }
  return sent;
}

}  // namespace
}  // namespace ha::replicator

BOOST_AUTO_TEST_SUITE(index_queries)

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_CASE(sums_and_ranges_agree_with_a_plain_map) {
  const std::uint64_t seed = random_seed();
  BOOST_TEST_CONTEXT("seed " << seed) {
    Random random(seed);
    Index index = must(Index::open(":memory:"));
    Model model;
    for (int round = 0; round < 60; ++round) {
      const Model before = model;
      {
        IndexBatch batch = must(index.begin());
        for (std::uint64_t changes = random.below(80); changes > 0; --changes) {
          change(batch, model, random);
        }
        const RangeSum all = model_sum(model, {});
        BOOST_REQUIRE((index.sum() == all.sum && index.count() == all.count));
        if (random.chance(0.2)) {
          model = before;
        } else {
          must(batch.commit());
        }
      }
      const RangeSum all = model_sum(model, {});
      BOOST_REQUIRE((index.sum() == all.sum && index.count() == all.count));
      const KeyRange range = random_range(random);
      BOOST_TEST((must(index.sum_of(range)) == model_sum(model, range)));
      check_ranges(index, model, range, 1 + random.below(20));
      check_ranges(index, model, {}, 1 + random.below(200));
      check_cursor(index, model, range,
                   {random.chance(0.5) ? Detail::Full : Detail::Brief, random.chance(0.5)});
    }
  }
}

BOOST_AUTO_TEST_CASE(parts_are_quantiles_of_nearly_equal_count) {
  Index index = must(Index::open(":memory:"));
  put_numbered(index, 1000);
  const auto sums = must(index.range_sums({}, 30));
  BOOST_TEST(sums.size() == 30U);
  for (std::size_t i = 0; i + 1 < sums.size(); ++i) {
    BOOST_TEST(sums[i].count == 34U);
  }
  const auto single = must(index.range_sums({numbered_key(10), numbered_key(20)}, 100));
  BOOST_TEST(single.size() == 10U);
  const auto none = must(index.range_sums({"z", ""}, 5));
  BOOST_REQUIRE(none.size() == 1U);
  BOOST_TEST((none[0] == RangeSum{{"z", ""}, 0, {}}));
  BOOST_TEST((code_of(index.range_sums({}, 0)) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(hashes_list_what_the_sums_are_made_of) {
  Index index = must(Index::open(":memory:"));
  put_numbered(index, 10);
  Entry failed = make_entry(numbered_key(4), 99);
  failed.state = EntryState::Failed;
  put_all(index, {failed});
  {
    IndexBatch batch = must(index.begin());
    must(batch.erase(numbered_key(3)));
    must(batch.commit());
  }
  const auto all = must(index.hashes({}, 100));
  BOOST_TEST(all.size() == 8U);
  Digest sum;
  for (const KeyHash& item : all) {
    sum += item.hash;
  }
  BOOST_TEST((sum == index.sum()));
  const auto some = must(index.hashes({numbered_key(2), numbered_key(8)}, 3));
  BOOST_REQUIRE(some.size() == 3U);
  BOOST_TEST((some[1].key == numbered_key(5) && some[1].content == make_entry("", 6).content));
  BOOST_TEST(must(index.hashes({}, 0)).empty());
}

BOOST_AUTO_TEST_CASE(a_pass_of_few_or_many_misses_nothing_while_entries_change) {
  const std::uint64_t seed = random_seed();
  for (const std::size_t items : {300U, 6000U}) {
    BOOST_TEST_CONTEXT("seed " << seed << ", items " << items) {
      Random random(seed);
      Index index = must(Index::open(":memory:"));
      put_numbered(index, items);
      Model replica;
      const auto change_some = [&] {
        IndexBatch batch = must(index.begin());
        for (int i = 0; i < 10; ++i) {
          Entry entry = make_entry(numbered_key(random.below(items + 50)), random.next());
          entry.rank = static_cast<Rank>(random.below(3));
          must(random.chance(0.3) ? batch.erase(entry.key) : batch.put(entry));
        }
        must(batch.commit());
      };
      std::uint64_t after = 0;
      for (int pass = 0; pass < 6; ++pass) {
        const std::uint64_t up_to = index.head();
        BOOST_TEST(must(index.pending(after, up_to)).items > 0U);
        run_pass(index, after, up_to, 1 + random.below(200), replica, [&] {
          if (pass < 5) {
            change_some();
          }
        });
        after = up_to;
      }
      BOOST_TEST(must(index.pending(after)).items == 0U);
      const RangeSum copy = model_sum(replica, {});
      BOOST_TEST((copy.sum == index.sum() && copy.count == index.count()));
    }
  }
}

BOOST_AUTO_TEST_CASE(kept_items_never_travel_and_failed_ones_are_told) {
  Index index = must(Index::open(":memory:"));
  Entry kept = make_entry("kept", 1);
  kept.state = EntryState::Kept;
  Entry failed = make_entry("failed", 2);
  failed.state = EntryState::Failed;
  put_all(index, {kept, failed});
  Model replica;
  BOOST_TEST(run_pass(index, 0, index.head(), 10, replica, [] {}) == 1U);
  BOOST_TEST(replica.count("failed") == 1U);
  BOOST_TEST(must(index.pending(0)).items == 1U);
  BOOST_TEST((code_of(index.entries_after({0, 9, Rank::Content, std::nullopt, 0})) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(pending_counts_items_and_bytes) {
  Index index = must(Index::open(":memory:"));
  put_numbered(index, 10);
  IndexBatch batch = must(index.begin());
  must(batch.erase(numbered_key(0)));
  must(batch.commit());
  Pending pending = must(index.pending(0));
  BOOST_TEST(pending.items == 10U);
  BOOST_TEST(pending.bytes == 54U);  // sizes 2 to 10
  pending = must(index.pending(8, 10));
  BOOST_TEST(pending.items == 2U);
  BOOST_TEST(pending.bytes == 19U);
  BOOST_TEST(must(index.pending(~0ULL)).items == 0U);
}

BOOST_AUTO_TEST_CASE(a_page_is_bounded_in_bytes_but_never_empty) {
  Index index = must(Index::open(":memory:"));
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < 6; ++i) {
    entries.push_back(make_entry(numbered_key(i), i));
    entries.back().meta = Bytes(kMetaBytesMax / 2, 'm');
  }
  put_all(index, entries);
  BOOST_TEST(must(index.entries_after({0, 6, Rank::Content, std::nullopt, 100})).size() == 2U);
  Model replica;
  BOOST_TEST(run_pass(index, 0, 6, 100, replica, [] {}) == 6U);
  Cursor cursor = index.cursor();
  for (std::size_t i = 0; i < 6; ++i) {
    BOOST_TEST((must(cursor.next())->key == numbered_key(i)));
  }
  BOOST_TEST(!must(cursor.next()));
}

BOOST_AUTO_TEST_CASE(a_cursor_goes_on_while_entries_behind_and_ahead_change) {
  Index index = must(Index::open(":memory:"));
  put_numbered(index, 2000);
  Cursor cursor = index.cursor({numbered_key(5), numbered_key(1995)});
  std::size_t seen = 0;
  IndexBatch batch = must(index.begin());
  for (;;) {
    auto entry = must(cursor.next());
    if (!entry) {
      break;
    }
    BOOST_TEST((entry->key == numbered_key(5 + seen)));
    ++seen;
    must(batch.erase(entry->key));
  }
  must(batch.commit());
  BOOST_TEST(seen == 1990U);
  BOOST_TEST(index.count() == 10U);
}

BOOST_AUTO_TEST_CASE(a_cursor_skips_forward_but_never_back) {
  Index index = must(Index::open(":memory:"));
  put_numbered(index, 2000);
  Cursor cursor = index.cursor();
  cursor.skip_to(numbered_key(3));
  BOOST_TEST((must(cursor.next())->key == numbered_key(3)));
  cursor.skip_to(numbered_key(100));
  BOOST_TEST((must(cursor.next())->key == numbered_key(100)));
  cursor.skip_to(numbered_key(1900));
  BOOST_TEST((must(cursor.next())->key == numbered_key(1900)));
  cursor.skip_to(numbered_key(2));
  BOOST_TEST((must(cursor.next())->key == numbered_key(1901)));
  cursor.skip_to("z");
  BOOST_TEST(!must(cursor.next()));
}

BOOST_AUTO_TEST_CASE(a_visit_can_stop_fail_and_write) {
  Index index = must(Index::open(":memory:"));
  put_numbered(index, 700);
  std::size_t seen = 0;
  must(index.for_each({}, {}, [&](Entry&) -> Result<bool> { return ++seen < 5; }));
  BOOST_TEST(seen == 5U);
  const auto stopped =
      index.for_each({}, {}, [](Entry&) -> Result<bool> { return Error(Code::Cancelled, "stop"); });
  BOOST_TEST((code_of(stopped) == Code::Cancelled));
  IndexBatch batch = must(index.begin());
  must(index.for_each({}, {Detail::Brief}, [&](Entry& entry) -> Result<bool> {
    HA_CHECK(batch.update_local(entry.key, "seen"));
    return true;
  }));
  must(batch.commit());
  BOOST_TEST((must(index.get(numbered_key(699)))->local == "seen"));
}

BOOST_AUTO_TEST_SUITE_END()
