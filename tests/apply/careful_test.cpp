// What must not be lost when a holder's item takes the place of something: docs/divergence.md, "A peer that
// is ahead". And what a holder takes over from a peer.
#include <boost/test/unit_test.hpp>

#include "replicator/apply/file_target.h"
#include "replicator/apply/stranded.h"
#include "tests/apply/apply_fixture.h"

using namespace ha;
using namespace ha::replicator;
using namespace ha::replicator::test;
namespace fs = std::filesystem;

namespace {

constexpr Source kOldTurn{7, 1};
constexpr Source kNewTurn{8, 2};
constexpr std::uint64_t kKnown = 10;   // of the old turn, to the holder of the new one
constexpr std::uint64_t kUnseen = 11;  // beyond the start of the new one

ItemPart at(std::uint64_t sequence, ItemPart part) {
  part.header->sequence = sequence;
  return part;
}

// A replica that has had items of the old turn, and is now sent those of the new one.
struct Careful : Target {
  Careful() { target.set_origin({kOldTurn, false, false, {}, 0}); }

  void turn(bool careful = true, std::uint64_t stranded_max = 100) {
    IndexBatch batch = index.begin().value();
    BOOST_REQUIRE(batch.set_epoch(2).ok());
    BOOST_REQUIRE(batch.commit().ok());
    target.set_origin({kNewTurn, false, careful, {{2, {7, 1, kKnown, {}}}}, stranded_max});
  }
  // This site is the holder and takes over what a peer has.
  void adopt() {
    index.set_own_changes(true);
    target.set_origin({{}, true, false, {}, 0});
  }
  std::vector<StrandedItem> stranded() {
    const auto root_directory = sys::Directory::open_root(root.string()).value();
    const auto listed = list_stranded(root_directory, index.staging_directories().value(), 100);
    BOOST_REQUIRE(listed.ok());
    return listed->empty() ? std::vector<StrandedItem>() : listed->front().items;
  }
  // The content that was put aside for `key`.
  Bytes kept(const Bytes& key) {
    for (const auto& incident : fs::directory_iterator(root / ".hareplicate" / "stranded")) {
      if (const fs::path path = incident.path() / "0" / key; fs::exists(path)) {
        return read_all(path);
      }
    }
    return "nothing";
  }
  std::string only_trouble(const BatchOutcome& outcome) {
    BOOST_REQUIRE(outcome.troubles.size() == 1U);
    BOOST_TEST(!outcome.troubles[0].redo);
    return outcome.troubles[0].reason;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(apply_careful)

BOOST_AUTO_TEST_CASE(what_the_holder_has_never_seen_is_put_aside_before_it_is_replaced_or_deleted) {
  Careful t;
  t.batch({at(kUnseen, literal_item("changed", "ours")), at(kUnseen, literal_item("deleted", "ours too"))});
  t.turn();
  BOOST_TEST(t.batch({literal_item("changed", "theirs"), deleted_item("deleted")}).stranded_items == 2U);
  check_converged(t, "changed", "theirs");
  BOOST_TEST(!fs::exists(t.at("deleted")));
  BOOST_TEST(t.kept("changed") == "ours");
  BOOST_TEST(t.kept("deleted") == "ours too");
}

BOOST_AUTO_TEST_CASE(what_the_holder_knew_is_overwritten) {
  Careful t;
  t.batch({at(kKnown, literal_item("changed", "old")), at(kKnown, literal_item("deleted", "old"))});
  t.turn();
  BOOST_TEST(t.batch({literal_item("changed", "new"), deleted_item("deleted")}).stranded_items == 0U);
  check_converged(t, "changed", "new");
  BOOST_TEST(t.stranded().empty());
}

BOOST_AUTO_TEST_CASE(another_mode_alone_is_nothing_to_keep) {
  Careful t;
  t.batch({at(kUnseen, literal_item("same", "content"))});
  t.turn();
  const FileMeta meta = meta_of(FileType::Regular, 0600);
  BOOST_TEST(t.batch({same_content_item("same", "content", meta)}).stranded_items == 0U);
  BOOST_TEST((stat_of(t.at("same")).st_mode & 07777U) == 0600U);
}

BOOST_AUTO_TEST_CASE(what_is_not_as_the_index_says_is_put_aside) {
  Careful t;
  t.batch({at(kKnown, literal_item("written", "as sent"))});
  t.turn();
  write_all(t.at("written"), "since then");
  write_all(t.at("unknown"), "never looked at");
  BOOST_TEST(t.batch({literal_item("written", "theirs"), literal_item("unknown", "theirs")}).stranded_items ==
             2U);
  BOOST_TEST(t.kept("written") == "since then");
  BOOST_TEST(t.kept("unknown") == "never looked at");
}

BOOST_AUTO_TEST_CASE(a_directory_that_gives_way_to_a_file_is_put_aside_whole) {
  Careful t;
  t.batch({plain_item("d", meta_of(FileType::Directory, 0755)), at(kUnseen, literal_item("d/f", "ours"))});
  t.turn();
  BOOST_TEST(t.batch({literal_item("d", "a file"), deleted_item("d/f")}).troubles.empty());
  check_converged(t, "d", "a file");
  BOOST_TEST(t.kept("d/f") == "ours");
}

BOOST_AUTO_TEST_CASE(a_deletion_that_is_undone_is_listed_in_careful_mode_and_after_it) {
  for (const bool careful : {true, false}) {
    Careful t;
    t.batch({at(1, literal_item("unseen", "x")), at(2, literal_item("known", "x"))});
    t.batch({at(kUnseen, deleted_item("unseen")), at(kKnown, deleted_item("known"))});
    t.turn(careful);
    BOOST_TEST(t.batch({literal_item("unseen", "y"), literal_item("known", "y")}).stranded_items == 1U);
    const auto listed = t.stranded();
    BOOST_REQUIRE(listed.size() == 1U);
    BOOST_TEST((listed[0].deleted && listed[0].key == "unseen"));
    check_converged(t, "unseen", "y");
  }
}

BOOST_AUTO_TEST_CASE(a_deletion_of_a_former_turn_is_listed_when_the_same_content_comes_back) {
  Careful t;
  t.batch({at(2, literal_item("known", "x"))});
  t.batch({at(kKnown, deleted_item("known"))});
  t.turn(false);
  BOOST_TEST(t.batch({literal_item("known", "x")}).stranded_items == 1U);
  t.batch({deleted_item("known")});  // and in the same turn it comes and goes as the holder likes
  BOOST_TEST(t.batch({literal_item("known", "x")}).stranded_items == 0U);
}

BOOST_AUTO_TEST_CASE(when_careful_mode_is_over_nothing_is_put_aside) {
  Careful t;
  t.batch({at(kUnseen, literal_item("a", "ours"))});
  t.turn(false);
  BOOST_TEST(t.batch({literal_item("a", "theirs")}).stranded_items == 0U);
  BOOST_TEST(t.stranded().empty());
}

BOOST_AUTO_TEST_CASE(a_full_store_is_held_and_nothing_is_overwritten) {
  Careful t;
  t.batch({at(kUnseen, literal_item("a", "ours")), at(kUnseen, literal_item("b", "ours"))});
  t.turn(true, 1);
  const auto outcome = t.try_batch({literal_item("a", "theirs"), literal_item("b", "theirs")});
  BOOST_REQUIRE(!outcome.ok());
  BOOST_TEST((outcome.error().code() == Code::Held));
  BOOST_TEST(outcome.error().hint().find("stranded drop") != std::string::npos);
  BOOST_TEST(read_all(t.at("a")) == "theirs");
  BOOST_TEST(read_all(t.at("b")) == "ours");
  BOOST_TEST(t.kept("a") == "ours");
}

BOOST_AUTO_TEST_CASE(confirming_the_same_sum_ends_careful_mode_and_clears_what_had_failed) {
  Careful t;
  t.batch({at(kUnseen, literal_item("a", "ours"))});
  t.turn();
  write_all(t.at("drift"), "found by a scan");
  IndexBatch batch = t.index.begin().value();
  BOOST_REQUIRE(batch.put(header_of("drift", meta_of(FileType::Regular), "found by a scan")).ok());
  BOOST_REQUIRE(batch.put_failure("a", "long ago", 1).ok());
  BOOST_REQUIRE(batch.commit().ok());
  BOOST_REQUIRE(t.target.commit("fra1", {8, 2, 5, {}}, true).ok());  // another sum
  BOOST_TEST(t.index.failure_count().value() == 1U);
  BOOST_TEST(t.index.reconciled() == 0U);
  BOOST_REQUIRE(t.target.commit("fra1", {8, 2, 5, t.index.sum()}, true).ok());
  BOOST_TEST(t.index.failure_count().value() == 0U);
  BOOST_TEST(t.index.reconciled() == 2U);
  BOOST_TEST((t.entry("drift")->source == kNewTurn && t.entry("drift")->version == 5));
  BOOST_TEST((t.entry("a")->source == kNewTurn && t.entry("a")->version == 5));
  BOOST_TEST(t.batch({literal_item("a", "theirs")}).stranded_items == 0U);
}

// A kill between the tree and the index leaves a deletion that the next look finds: it has no source.
BOOST_AUTO_TEST_CASE(a_deletion_that_was_nobodys_is_listed_when_a_holder_who_never_saw_it_undoes_it) {
  Careful t;
  t.batch({at(2, literal_item("a", "x"))});
  t.turn();
  fs::remove(t.at("a"));
  IndexBatch found = t.index.begin().value();
  BOOST_REQUIRE(found.erase("a").ok());
  BOOST_REQUIRE(found.commit().ok());
  BOOST_REQUIRE(t.target.commit("fra1", {8, 2, 5, t.index.sum()}, true).ok());
  IndexBatch batch = t.index.begin().value();
  BOOST_REQUIRE(batch.set_epoch(3).ok());
  BOOST_REQUIRE(batch.commit().ok());
  t.target.set_origin(
      {{9, 3}, false, true, {{3, {7, 1, kKnown, {}}}}, 100});  // it passed over the second turn
  BOOST_TEST(t.batch({literal_item("a", "x")}).stranded_items == 1U);
  BOOST_TEST(t.stranded().at(0).deleted);
}

BOOST_AUTO_TEST_CASE(a_deletion_is_listed_although_the_digest_key_is_another) {
  Careful t;
  IndexBatch first = t.index.begin().value();
  BOOST_REQUIRE(first.set_digest_key(Bytes(32, 'a')).ok());
  BOOST_REQUIRE(first.commit().ok());
  t.batch({at(2, literal_item("a", "x"))});
  t.batch({at(kUnseen, deleted_item("a"))});
  IndexBatch batch = t.index.begin().value();
  BOOST_REQUIRE(batch.set_digest_key(Bytes(32, 'b')).ok());
  BOOST_REQUIRE(batch.commit().ok());
  t.turn();
  BOOST_TEST(t.batch({literal_item("a", "y")}).stranded_items == 1U);
}

BOOST_AUTO_TEST_CASE(a_holder_takes_over_what_is_absent_as_its_own_change) {
  Careful t;
  t.adopt();
  BOOST_TEST(t.batch({at(77, literal_item("new", "from a peer"))}).applied_items == 1U);
  check_converged(t, "new", "from a peer");
  BOOST_TEST(t.entry("new")->source.index_id == t.index.index_id());
  BOOST_TEST(t.entry("new")->version == t.entry("new")->sequence);
}

BOOST_AUTO_TEST_CASE(a_holder_takes_over_nothing_that_is_there_or_was_deleted_and_lists_no_failure) {
  Careful t;
  t.batch({literal_item("gone", "x")});
  t.batch({deleted_item("gone")});
  write_all(t.at("there"), "made meanwhile");
  t.adopt();
  BOOST_TEST(t.only_trouble(t.batch({literal_item("there", "from a peer")})).find("has come into being") !=
             std::string::npos);
  BOOST_TEST(t.only_trouble(t.batch({literal_item("gone", "from a peer")})).find("was deleted") !=
             std::string::npos);
  BOOST_TEST(read_all(t.at("there")) == "made meanwhile");
  BOOST_TEST(!fs::exists(t.at("gone")));
  BOOST_TEST(t.index.failure_count().value() == 0U);
}

BOOST_AUTO_TEST_CASE(a_batch_that_is_broken_off_leaves_nothing_behind) {
  Careful t;
  t.adopt();
  const std::size_t before = t.staged_count();
  const std::vector<ItemPart> parts = split(literal_item("large", random_content(1, 5'000'000)));
  BOOST_REQUIRE(parts.size() > 1U);
  BOOST_REQUIRE(t.target.apply_frame(1, 0, frame_of({parts[0]})).ok());
  BOOST_TEST(t.staged_count() > before);
  BOOST_REQUIRE(t.target.drop_batch(1).ok());
  BOOST_TEST(t.staged_count() == before);
  BOOST_REQUIRE(t.target.drop_batch(1).ok());  // it is gone already
  BOOST_TEST(t.target.close_batch(1).value().applied_items == 0U);
  BOOST_TEST(!fs::exists(t.at("large")));
}

BOOST_AUTO_TEST_CASE(a_holder_alters_nothing_of_what_is_there_although_a_peer_says_it_has_the_same_content) {
  Careful t;
  t.batch({literal_item("there", "x"), plain_item("d", meta_of(FileType::Directory, 0755))});
  t.adopt();
  const auto outcome = t.batch({same_content_item("there", "x", meta_of(FileType::Regular, 04755))});
  BOOST_TEST(t.only_trouble(outcome).find("has come into being") != std::string::npos);
  BOOST_TEST((stat_of(t.at("there")).st_mode & 07777U) == 0644U);
  BOOST_TEST(t.batch({plain_item("d", meta_of(FileType::Directory, 0777))}).troubles.size() == 1U);
  BOOST_TEST((stat_of(t.at("d")).st_mode & 07777U) == 0755U);
}

BOOST_AUTO_TEST_CASE(what_is_put_aside_already_is_not_put_aside_again_when_its_place_is_tried_again) {
  Careful t;
  t.batch({at(kUnseen, literal_item("b", "ours"))});
  t.turn(true, 1);
  std::uint64_t counted = 0;
  for (int tries = 0; tries < 3; ++tries) {
    const auto outcome = t.batch({link_item("b", "leader", "theirs")});
    BOOST_TEST(outcome.troubles.size() == 1U);  // the leader is not here
    counted += outcome.stranded_items;
  }
  BOOST_TEST(counted == 1U);
  BOOST_TEST(t.stranded().size() == 1U);
  BOOST_TEST(t.kept("b") == "ours");
}

BOOST_AUTO_TEST_CASE(what_was_put_aside_before_a_full_store_is_counted_with_the_next_batch) {
  Careful t;
  t.batch({at(kUnseen, literal_item("a", "ours")), at(kUnseen, literal_item("b", "ours"))});
  t.turn(true, 1);
  BOOST_REQUIRE(!t.try_batch({literal_item("a", "theirs"), literal_item("b", "theirs")}).ok());
  t.turn();
  BOOST_TEST(t.batch({literal_item("b", "theirs")}).stranded_items == 2U);
}

BOOST_AUTO_TEST_CASE(who_keeps_what_is_stranded_is_told_a_directory_beside_the_set) {
  Careful t;
  const auto root_directory = sys::Directory::open_root(t.root.string()).value();
  const Status kept = keep_stranded(root_directory, {""}, "x-2-7f3a", "not/absolute");
  BOOST_TEST(kept.error().hint().find("--to " + t.root.parent_path().string() + "/x-2-7f3a") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
