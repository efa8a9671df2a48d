#include <boost/test/unit_test.hpp>

#include "replicator/index/index.h"
#include "replicator/index/schema_info.h"
#include "tests/index/index_fixture.h"

BOOST_AUTO_TEST_SUITE(index_batch)

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_CASE(limits_are_invalid_and_leave_the_batch_usable) {
  Index index = must(Index::open(":memory:"));
  IndexBatch batch = must(index.begin());
  Entry entry = make_entry("", 1);
  entry.key = Bytes(kKeyBytesMax + 1, 'k');
  BOOST_TEST((code_of(batch.put(entry)) == Code::Invalid));
  entry = make_entry("a", 1);
  entry.meta = Bytes(kMetaBytesMax + 1, 'm');
  BOOST_TEST((code_of(batch.put(entry)) == Code::Invalid));
  entry = make_entry("a", 1);
  entry.local = Bytes(kLocalBytesMax + 1, 'l');
  BOOST_TEST((code_of(batch.put(entry)) == Code::Invalid));
  BOOST_TEST((code_of(batch.update_local("a", entry.local)) == Code::Invalid));
  entry = make_entry("a", 1);
  entry.size = 1ULL << 63;
  BOOST_TEST((code_of(batch.put(entry)) == Code::Invalid));
  entry = make_entry("a", 1);
  entry.rank = Rank::Delete;
  BOOST_TEST((code_of(batch.put(entry)) == Code::Invalid));
  BOOST_TEST((code_of(batch.set_acknowledged("", {})) == Code::Invalid));
  BOOST_TEST((code_of(batch.set_acknowledged(std::string(256, 's'), {})) == Code::Invalid));
  BOOST_TEST((code_of(batch.set_applied("a", {1, 0, 1ULL << 63, {}})) == Code::Invalid));
  BOOST_TEST((code_of(batch.put_signature({}, Bytes(kSignatureBytesMax + 1, 's'))) == Code::Invalid));
  BOOST_TEST((code_of(batch.put_partial({"a", {}, "s", Bytes(kPartialRangesBytesMax + 1, 'r'), 0})) ==
              Code::Invalid));
  BOOST_TEST((code_of(batch.put_failure(Bytes(kKeyBytesMax + 1, 'k'), "", 0)) == Code::Invalid));
  BOOST_TEST(index.head() == 0U);
  entry = make_entry("", 1);
  entry.key = Bytes(kKeyBytesMax, 'k');
  entry.meta = Bytes(kMetaBytesMax, 'm');
  must(batch.put(entry));
  must(batch.commit());
  BOOST_TEST(must(index.get(Bytes(kKeyBytesMax, 'k'))).has_value());
}

BOOST_AUTO_TEST_CASE(erasing_leaves_a_tombstone_once) {
  Index index = must(Index::open(":memory:"));
  IndexBatch batch = must(index.begin());
  must(batch.put(make_entry("a", 1)));
  must(batch.put_chunks("a", {1, 1}, "list", false));
  BOOST_TEST(must(batch.erase("a")) == 2U);
  BOOST_TEST(must(batch.erase("a")) == 2U);
  BOOST_TEST(must(batch.erase("never there")) == 0U);
  Entry again;
  again.key = "a";
  again.deleted = true;
  BOOST_TEST(must(batch.put(again)) == 2U);
  must(batch.commit());
  const auto tombstone = must(index.get("a"));
  BOOST_REQUIRE(tombstone.has_value());
  BOOST_TEST((tombstone->deleted && tombstone->rank == Rank::Delete && tombstone->hash.is_zero()));
  BOOST_TEST((tombstone->size == 0 && tombstone->meta.empty() && tombstone->local.empty()));
  BOOST_TEST(!must(index.current_chunks("a")));
  BOOST_TEST(index.head() == 2U);
  BOOST_TEST(must(index.tombstones()) == 1U);
  IndexBatch back = must(index.begin());
  BOOST_TEST(must(back.put(make_entry("a", 5))) == 3U);
  must(back.commit());
  BOOST_TEST(must(index.tombstones()) == 0U);
}

BOOST_AUTO_TEST_CASE(local_facts_change_without_a_sequence) {
  Index index = must(Index::open(":memory:"));
  put_all(index, {make_entry("a", 1), make_entry("b", 2)});
  IndexBatch batch = must(index.begin());
  must(batch.erase("b"));
  must(batch.update_local("a", "new"));
  BOOST_TEST((code_of(batch.update_local("b", "new")) == Code::NotFound));
  BOOST_TEST((code_of(batch.update_local("c", "new")) == Code::NotFound));
  must(batch.commit());
  BOOST_TEST((must(index.get("a"))->local == "new"));
  BOOST_TEST(must(index.get("a"))->sequence == 1U);
  BOOST_TEST(index.head() == 3U);
}

BOOST_AUTO_TEST_CASE(tombstones_go_when_acknowledged_or_beyond_the_cap) {
  Index index = must(Index::open(":memory:"));
  put_numbered(index, 20);
  IndexBatch batch = must(index.begin());
  for (std::size_t i = 0; i < 10; ++i) {
    must(batch.erase(numbered_key(i)));  // sequences 21 to 30
  }
  BOOST_TEST(must(batch.trim_tombstones(20, 100)) == 0U);
  BOOST_TEST(index.trimmed_to() == 0U);
  BOOST_TEST(must(batch.trim_tombstones(23, 100)) == 3U);
  BOOST_TEST(index.trimmed_to() == 23U);
  BOOST_TEST(must(batch.trim_tombstones(0, 4)) == 3U);
  BOOST_TEST(index.trimmed_to() == 26U);
  BOOST_TEST(must(index.tombstones()) == 4U);
  BOOST_TEST(must(batch.trim_tombstones(~0ULL, 100)) == 4U);
  BOOST_TEST(must(batch.trim_tombstones(~0ULL, 0)) == 0U);
  must(batch.commit());
  BOOST_TEST(index.trimmed_to() == 30U);
  BOOST_TEST(index.count() == 10U);
  BOOST_TEST(!must(index.get(numbered_key(0))));
}

BOOST_AUTO_TEST_CASE(the_previous_chunk_list_is_the_last_one_all_had) {
  Index index = must(Index::open(":memory:"));
  const Digest one{1, 0};
  const Digest two{2, 0};
  const Digest three{3, 0};
  IndexBatch batch = must(index.begin());
  must(batch.put(make_entry("a", 1)));
  must(batch.put_chunks("a", one, "list one", false));
  must(batch.put_chunks("a", two, "list two", true));
  BOOST_TEST((must(index.find_chunks("a", one)) == Bytes("list one")));
  must(batch.put_chunks("a", three, "list three", false));
  BOOST_TEST((must(index.find_chunks("a", one)) == Bytes("list one")));
  BOOST_TEST(!must(index.find_chunks("a", two)));
  must(batch.put_chunks("a", three, "list three again", true));
  BOOST_TEST((must(index.find_chunks("a", one)) == Bytes("list one")));
  BOOST_TEST((must(index.current_chunks("a"))->content == three));
  BOOST_TEST((must(index.current_chunks("a"))->list == "list three again"));
  must(batch.put_chunks("a", two, "list two", true));
  BOOST_TEST((must(index.find_chunks("a", three)) == Bytes("list three again")));
  BOOST_TEST(!must(index.find_chunks("a", one)));
  BOOST_TEST(!must(index.find_chunks("b", one)));
  must(batch.forget("a"));
  must(batch.commit());
  BOOST_TEST(!must(index.find_chunks("a", two)));
  BOOST_TEST(!must(index.find_chunks("a", three)));
}

BOOST_AUTO_TEST_CASE(signatures_are_bounded_and_the_oldest_go) {
  Folder folder;
  IndexOptions options;
  options.signature_bytes_max = 10'000;
  const auto digest = [](std::uint64_t number) { return Digest{number, 1}; };
  {
    Index index = must(Index::open(folder.file(), options));
    IndexBatch batch = must(index.begin());
    for (std::uint64_t i = 0; i < 10; ++i) {
      must(batch.put_signature(digest(i), Bytes(1000, 's')));
    }
    must(batch.put_signature(digest(0), Bytes(500, 't')));  // anew: the youngest
    BOOST_TEST((must(index.get_signature(digest(0))) == Bytes(500, 't')));
    must(batch.put_signature(digest(10), Bytes(1000, 's')));
    must(batch.commit());
    BOOST_TEST(must(index.get_signature(digest(0))).has_value());
    BOOST_TEST(!must(index.get_signature(digest(1))));
    BOOST_TEST(must(index.get_signature(digest(2))).has_value());
    IndexBatch lost = must(index.begin());
    must(lost.put_signature(digest(77), Bytes(9000, 's')));
  }
  options.signature_bytes_max = 2000;
  Index index = must(Index::open(folder.file(), options));
  BOOST_TEST(!must(index.get_signature(digest(77))));
  BOOST_TEST(must(index.get_signature(digest(2))).has_value());
  IndexBatch batch = must(index.begin());
  must(batch.put_signature(digest(50), Bytes(100, 's')));
  must(batch.commit());
  BOOST_TEST(!must(index.get_signature(digest(2))));
  BOOST_TEST(must(index.get_signature(digest(50))).has_value());
}

BOOST_AUTO_TEST_CASE(positions_of_both_sides_are_kept_apart) {
  Index index = must(Index::open(":memory:"));
  const Position sent{~0ULL, 3, 4, {5, 6}};
  const Position got{2, 3, 4, {7, 8}};
  IndexBatch batch = must(index.begin());
  must(batch.set_acknowledged("fra1", {1, 1, 1, {}}));
  must(batch.set_acknowledged("fra1", sent));
  must(batch.set_applied("fra1", got));
  must(batch.set_acknowledged("syd1", got));
  must(batch.commit());
  BOOST_TEST((must(index.acknowledged("fra1")) == sent));
  BOOST_TEST((must(index.applied("fra1")) == got));
  BOOST_TEST(!must(index.applied("syd1")));
  const auto all = must(index.all_acknowledged());
  BOOST_REQUIRE(all.size() == 2U);
  BOOST_TEST(all[1].site == "syd1");
  BOOST_TEST(must(index.all_applied()).size() == 1U);
  IndexBatch gone = must(index.begin());
  must(gone.forget_peer("fra1"));
  must(gone.commit());
  BOOST_TEST(!must(index.acknowledged("fra1")));
  BOOST_TEST(must(index.all_applied()).empty());
}

BOOST_AUTO_TEST_CASE(partial_transfers_are_found_by_key_and_content) {
  Index index = must(Index::open(":memory:"));
  IndexBatch batch = must(index.begin());
  must(batch.put_partial({"a", {1, 0}, "name1", "ranges", 10}));
  must(batch.put_partial({"a", {1, 0}, "name1", "more ranges", 20}));
  must(batch.put_partial({"a", {2, 0}, "name2", "", 0}));
  must(batch.put_partial({"b", {1, 0}, "name3", "", 0}));
  must(batch.commit());
  const auto partial = must(index.find_partial("a", {1, 0}));
  BOOST_REQUIRE(partial.has_value());
  BOOST_TEST((partial->staged == "name1" && partial->ranges == "more ranges" && partial->bytes == 20));
  BOOST_TEST(must(index.partials(10)).size() == 3U);
  BOOST_TEST(must(index.partials(2)).size() == 2U);
  IndexBatch gone = must(index.begin());
  must(gone.remove_partial("a", {1, 0}));
  must(gone.remove_partial("a", {9, 9}));
  must(gone.commit());
  BOOST_TEST(!must(index.find_partial("a", {1, 0})));
  BOOST_TEST(must(index.partials(10)).size() == 2U);
}

BOOST_AUTO_TEST_CASE(staging_directories_and_the_journal_are_listed) {
  Index index = must(Index::open(":memory:"));
  IndexBatch batch = must(index.begin());
  must(batch.put_staging_directory("sub"));
  must(batch.put_staging_directory(""));
  must(batch.put_staging_directory("sub"));
  for (std::uint8_t i = 0; i < 5; ++i) {
    must(batch.put_journal("key" + std::to_string(i), "staged", i));
  }
  must(batch.remove_journal(2));
  must(batch.commit());
  BOOST_TEST((must(index.staging_directories()) == std::vector<Bytes>{"", "sub"}));
  const auto first = must(index.journal(0, 2));
  BOOST_REQUIRE(first.size() == 2U);
  BOOST_TEST(
      (first[1].number == 3 && first[1].key == "key2" && first[1].staged == "staged" && first[1].op == 2));
  BOOST_TEST(must(index.journal(first[1].number, 100)).size() == 2U);
  BOOST_TEST(must(index.journal_size()) == 4U);
  IndexBatch gone = must(index.begin());
  must(gone.clear_journal());
  must(gone.remove_staging_directory(""));
  must(gone.commit());
  BOOST_TEST(must(index.journal_size()) == 0U);
  BOOST_TEST((must(index.staging_directories()) == std::vector<Bytes>{"sub"}));
}

BOOST_AUTO_TEST_CASE(failures_count_tries_since_the_first) {
  Index index = must(Index::open(":memory:"));
  IndexBatch batch = must(index.begin());
  must(batch.put_failure("b", "no space", 100));
  must(batch.put_failure("b", std::string(5000, 'x'), 200));
  must(batch.put_failure("", "root", 300));
  must(batch.put_failure("c", "denied", 300));
  must(batch.commit());
  const auto failed = must(index.failure("b"));
  BOOST_REQUIRE(failed.has_value());
  BOOST_TEST(
      (failed->since_ns == 100 && failed->tries == 2 && failed->reason.size() == kFailureReasonBytesMax));
  BOOST_TEST(must(index.failure_count()) == 3U);
  const auto page = must(index.failures(std::nullopt, 2));
  BOOST_REQUIRE(page.size() == 2U);
  BOOST_TEST((page[0].key.empty() && page[1].key == "b"));
  BOOST_TEST((must(index.failures(page[1].key, 2))[0].key == "c"));
  IndexBatch gone = must(index.begin());
  must(gone.clear_failure("b"));
  must(gone.clear_failure("never"));
  must(gone.commit());
  BOOST_TEST(!must(index.failure("b")));
  BOOST_TEST(must(index.failure_count()) == 2U);
}

BOOST_AUTO_TEST_CASE(all_failures_are_cleared_but_those_of_reading) {
  Index index = must(Index::open(":memory:"));
  IndexBatch batch = must(index.begin());
  must(batch.put_failure("a", "no space", 100));
  must(batch.put_failure("b", std::string(kReadFailurePrefix) + "denied", 100));
  must(batch.put_failure("c", "", 100));
  must(batch.clear_failures());
  must(batch.put_failure("d", "again", 100));
  must(batch.commit());
  BOOST_TEST(!must(index.failure("a")));
  BOOST_TEST(must(index.failure("b")).has_value());
  BOOST_TEST(!must(index.failure("c")));
  BOOST_TEST(must(index.failure_count()) == 2U);
}

BOOST_AUTO_TEST_CASE(the_list_of_failures_is_bounded) {
  Index index = must(Index::open(":memory:"));
  IndexBatch batch = must(index.begin());
  for (std::size_t i = 0; i < kFailuresMax; ++i) {
    must(batch.put_failure(numbered_key(i), "x", 1));
  }
  BOOST_TEST((code_of(batch.put_failure("one more", "x", 1)) == Code::Exhausted));
  must(batch.put_failure(numbered_key(0), "again", 1));
  must(batch.clear_failure(numbered_key(1)));
  must(batch.put_failure("one more", "x", 1));
  must(batch.commit());
  BOOST_TEST(must(index.failure_count()) == kFailuresMax);
}

BOOST_AUTO_TEST_CASE(a_failed_write_spoils_the_batch) {
  Folder folder;
  Index index = must(Index::open(folder.file()));
  {
    // Another program's hand: the table of journals is gone.
    sys::Database other = must(sys::Database::open(
        folder.file(), {"index", kSchemaApplication, kSchemaVersion, ""}, {sys::OpenMode::ReadWrite}));
    must(other.execute("DROP TABLE journal"));
  }
  IndexBatch batch = must(index.begin());
  must(batch.put(make_entry("a", 1)));
  BOOST_TEST((code_of(batch.put_journal("a", "s", 1)) == Code::Internal));
  BOOST_TEST((code_of(batch.commit()) == Code::Internal));
  BOOST_TEST(index.head() == 0U);
  BOOST_TEST(!must(index.get("a")));
  put_all(index, {make_entry("b", 1)});
  BOOST_TEST(index.head() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
