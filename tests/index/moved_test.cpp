// Who has a content, and who had it: docs/index.md, "Moved content".
#include <boost/test/unit_test.hpp>

#include "replicator/index/index.h"
#include "tests/index/index_fixture.h"

namespace ha::replicator {
namespace {

Entry file(const Bytes& key, std::uint64_t content, std::uint64_t size = kMovedBytesMin) {
  Entry entry = make_entry(key, content);
  entry.content = {content, content};
  entry.size = size;
  return entry;
}

struct Fixture {
  Index index = must(Index::open(":memory:"));

  std::uint64_t put(const Entry& entry) {
    put_all(index, {entry});
    return index.head();
  }
  std::uint64_t erase(const Bytes& key) {
    IndexBatch batch = must(index.begin());
    must(batch.erase(key));
    must(batch.commit());
    return index.head();
  }
  bool elsewhere(const Entry& entry, std::optional<std::uint64_t> after = std::nullopt) {
    return must(index.is_elsewhere(entry, after));
  }
};

}  // namespace
}  // namespace ha::replicator

BOOST_AUTO_TEST_SUITE(index_moved)

using namespace ha;
using namespace ha::replicator;

BOOST_FIXTURE_TEST_CASE(a_copy_is_elsewhere_for_those_who_have_the_first, Fixture) {
  put(file("a", 1));
  put(file("b", 1));
  BOOST_TEST(elsewhere(file("b", 1), 1));
  BOOST_TEST(!elsewhere(file("b", 1), 0));  // who has nothing has both to come
  BOOST_TEST(!elsewhere(file("c", 2), 1));
  BOOST_TEST(elsewhere(file("b", 1)));
  BOOST_TEST(!elsewhere(file("a", 2)));
}

BOOST_FIXTURE_TEST_CASE(an_item_is_not_elsewhere_because_it_is_there_itself, Fixture) {
  put(file("a", 1));
  BOOST_TEST(!elsewhere(file("a", 1)));
  BOOST_TEST(!elsewhere(file("a", 1), 1));
}

BOOST_FIXTURE_TEST_CASE(what_was_renamed_is_elsewhere_until_the_deletion_is_known, Fixture) {
  put(file("a", 1));
  put(file("b", 1));
  const std::uint64_t gone = erase("a");
  BOOST_TEST(elsewhere(file("b", 1), 1));
  BOOST_TEST(elsewhere(file("b", 1), gone - 1));
  BOOST_TEST(!elsewhere(file("b", 1), gone));
  BOOST_TEST(elsewhere(file("b", 1)));  // who knows what the replica has
}

BOOST_FIXTURE_TEST_CASE(what_was_renumbered_is_elsewhere, Fixture) {
  for (std::uint64_t i = 0; i < 4; ++i) {
    put(file(numbered_key(i), i + 1));
  }
  const std::uint64_t after = index.head();
  for (std::uint64_t i = 0; i < 3; ++i) {
    put(file(numbered_key(i), i + 2));
  }
  erase(numbered_key(3));
  for (std::uint64_t i = 0; i < 3; ++i) {
    BOOST_TEST(elsewhere(file(numbered_key(i), i + 2), after));
    BOOST_TEST(!elsewhere(file(numbered_key(i), i + 2), index.head()));
  }
  BOOST_TEST(elsewhere(file("x", 1), after));  // the first one, which is nowhere now
}

BOOST_FIXTURE_TEST_CASE(what_stood_there_before_is_known_whatever_else_changes, Fixture) {
  put(file("a", 1));
  const std::uint64_t after = index.head();
  put(file("a", 2));
  Entry touched = file("a", 2);
  touched.meta = "other";
  put(touched);
  BOOST_TEST(elsewhere(file("b", 1), after));
  erase("a");
  BOOST_TEST(elsewhere(file("b", 2), after));
  BOOST_TEST(!elsewhere(file("b", 1), after));  // one version is remembered
  put(file("a", 3));
  BOOST_TEST(elsewhere(file("b", 2), after));
}

BOOST_FIXTURE_TEST_CASE(what_is_small_is_not_looked_for, Fixture) {
  put(file("a", 1, kMovedBytesMin - 1));
  BOOST_TEST(!elsewhere(file("b", 1, kMovedBytesMin - 1), 1));
  BOOST_TEST(must(index.keys_of({1, 1}, 9)).empty());
  erase("a");
  BOOST_TEST(!elsewhere(file("b", 1), 1));
}

BOOST_FIXTURE_TEST_CASE(only_files_have_a_content_that_moves, Fixture) {
  put(file("a", 1));
  Entry other = file("b", 1);
  other.rank = Rank::Link;
  BOOST_TEST(!elsewhere(other));
  other = file("b", 1);
  other.deleted = true;
  BOOST_TEST(!elsewhere(other));
  other = file("b", 1);
  other.content = {};
  BOOST_TEST(!elsewhere(other));
}

BOOST_FIXTURE_TEST_CASE(what_the_replica_does_not_have_is_not_elsewhere, Fixture) {
  Entry kept = file("a", 1);
  kept.state = EntryState::Kept;
  put(kept);
  Entry failed = file("b", 1);
  failed.state = EntryState::Failed;
  put(failed);
  BOOST_TEST(!elsewhere(file("c", 1)));
  BOOST_TEST((must(index.keys_of({1, 1}, 9)) == std::vector<Bytes>{"a"}));  // kept is there
}

BOOST_FIXTURE_TEST_CASE(keys_of_a_content_are_bounded_and_follow_every_change, Fixture) {
  for (std::uint64_t i = 0; i < 5; ++i) {
    put(file(numbered_key(i), 7));
  }
  BOOST_TEST(must(index.keys_of({7, 7}, 3)).size() == 3U);
  erase(numbered_key(0));
  put(file(numbered_key(1), 8));
  BOOST_TEST(must(index.keys_of({7, 7}, 9)).size() == 3U);
  BOOST_TEST((must(index.keys_of({8, 8}, 9)) == std::vector<Bytes>{numbered_key(1)}));
}

BOOST_AUTO_TEST_SUITE_END()
