// What a deletion at the origin does to items, files and index here: docs/guards.md, "What deletions do".
#include <boost/test/unit_test.hpp>

#include "replicator/apply/file_target.h"
#include "replicator/apply/stranded.h"
#include "replicator/apply/trash.h"
#include "tests/apply/apply_fixture.h"

using namespace ha;
using namespace ha::replicator;
using namespace ha::replicator::test;
namespace fs = std::filesystem;

namespace {

FileTargetOptions deleting(DeleteMode mode, Publish publish = Publish::PerFile) {
  FileTargetOptions options = Target::fast();
  options.deletes = {mode, std::chrono::hours(24 * 30)};
  options.publish = publish;
  return options;
}

std::vector<ItemPart> tree() {
  return {plain_item("d", meta_of(FileType::Directory, 0755)), literal_item("d/f", "one"),
          literal_item("g", "two")};
}

std::vector<ItemPart> gone() {
  return {deleted_item("d"), deleted_item("d/f"), deleted_item("g")};
}

bool is_kept(Target& t, const Bytes& key) {
  const auto entry = t.entry(key);
  return entry && !entry->deleted && entry->state == EntryState::Kept;
}

// Where in the trash the only day's directory has it.
fs::path in_trash(const Target& t, const Bytes& key) {
  for (const auto& day : fs::directory_iterator(t.root / ".hareplicate" / "trash")) {
    if (fs::exists(day.path() / key)) {
      return day.path() / key;
    }
  }
  return {};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(apply_deletes)

BOOST_AUTO_TEST_CASE(never_leaves_items_and_directories_in_place_outside_the_sum) {
  for (const Publish publish : {Publish::PerFile, Publish::PerSet}) {
    Target t(deleting(DeleteMode::Never, publish));
    const Digest nothing = t.index.sum();
    t.batch(tree());
    t.commit();
    BOOST_TEST(t.index.count() == 3U);
    const BatchOutcome batch = t.batch(gone());
    const CommitOutcome commit = t.commit();
    BOOST_TEST(batch.kept_items + commit.published.kept_items == 3U);
    BOOST_TEST(batch.applied_items + commit.published.applied_items == 0U);
    BOOST_TEST(batch.troubles.empty());
    BOOST_TEST(commit.published.troubles.empty());
    BOOST_TEST(read_all(t.at("d/f")) == "one");
    BOOST_TEST(read_all(t.at("g")) == "two");
    BOOST_TEST((is_kept(t, "d") && is_kept(t, "d/f") && is_kept(t, "g")));
    BOOST_TEST(t.index.count() == 0U);
    BOOST_TEST((t.index.sum() == nothing));
  }
}

BOOST_AUTO_TEST_CASE(a_kept_item_that_the_origin_makes_anew_is_mirrored_again) {
  Target t(deleting(DeleteMode::Never));
  t.batch(tree());
  t.batch(gone());
  t.batch({plain_item("d", meta_of(FileType::Directory, 0755)), literal_item("d/f", "anew")});
  check_converged(t, "d/f", "anew");
  BOOST_TEST((t.entry("d")->state == EntryState::Mirrored));
  BOOST_TEST(is_kept(t, "g"));
  BOOST_TEST(t.index.count() == 2U);
  t.batch({deleted_item("g")});  // once more
  BOOST_TEST(t.index.count() == 2U);
  BOOST_TEST(is_kept(t, "g"));
}

BOOST_AUTO_TEST_CASE(a_directory_with_kept_items_is_not_replaced_by_a_file) {
  for (const bool deleted_first : {false, true}) {
    Target t(deleting(DeleteMode::Never));
    t.batch(tree());
    if (deleted_first) {
      t.batch(gone());
    }
    const BatchOutcome outcome = t.batch({literal_item("d", "a file")});
    BOOST_REQUIRE(outcome.troubles.size() == 1U);
    BOOST_TEST(outcome.troubles[0].reason.find("kept here") != std::string::npos);
    BOOST_TEST(read_all(t.at("d/f")) == "one");
    BOOST_TEST(t.staged_count() == 0U);
  }
}

BOOST_AUTO_TEST_CASE(a_directory_that_still_holds_kept_items_stays_as_kept_under_mirror) {
  Target t(deleting(DeleteMode::Never));
  t.batch(tree());
  t.batch({deleted_item("d/f")});
  t.options = deleting(DeleteMode::Mirror);
  t.reopen();
  t.batch({deleted_item("d"), deleted_item("g")});
  t.commit();
  BOOST_TEST((is_kept(t, "d") && is_kept(t, "d/f")));
  BOOST_TEST(!fs::exists(t.at("g")));
  BOOST_TEST(t.index.count() == 0U);
}

BOOST_AUTO_TEST_CASE(what_the_holder_has_never_seen_is_listed_though_it_stays) {
  for (const DeleteMode mode : {DeleteMode::Never, DeleteMode::Trash}) {
    Target t(deleting(mode));
    t.batch(tree());
    write_all(t.at("g"), "written here since");
    t.target.set_origin({{7, 2}, false, true, {}, 100});
    BOOST_TEST(t.batch({deleted_item("g")}).stranded_items == 1U);
    BOOST_TEST(fs::exists(t.at("g")) == (mode == DeleteMode::Never));
    BOOST_TEST(is_kept(t, "g") == (mode == DeleteMode::Never));
    const auto incidents =
        list_stranded(sys::Directory::open_root(t.root.string()).value(), {""}, 10).value();
    BOOST_REQUIRE(incidents.size() == 1U);
    BOOST_REQUIRE(incidents[0].items.size() == 1U);
    BOOST_TEST(incidents[0].items[0].key == "g");
  }
}

BOOST_AUTO_TEST_CASE(trash_moves_files_aside_and_they_survive_a_sweep) {
  for (const Publish publish : {Publish::PerFile, Publish::PerSet}) {
    Target t(deleting(DeleteMode::Trash, publish));
    t.batch(tree());
    t.commit();
    const std::uint64_t inode = inode_of(t.at("d/f"));
    t.batch(gone());
    t.commit();
    BOOST_TEST(!fs::exists(t.at("d")));
    BOOST_TEST(!fs::exists(t.at("g")));
    BOOST_TEST(t.entry("d/f")->deleted);
    BOOST_TEST(t.index.count() == 0U);
    t.reopen();
    BOOST_REQUIRE(!in_trash(t, "d/f").empty());
    BOOST_TEST(read_all(in_trash(t, "d/f")) == "one");
    BOOST_TEST(inode_of(in_trash(t, "d/f")) == inode);
    BOOST_TEST(read_all(in_trash(t, "g")) == "two");
  }
}

BOOST_AUTO_TEST_CASE(what_goes_twice_a_day_is_in_the_trash_twice) {
  Target t(deleting(DeleteMode::Trash));
  for (const char* content : {"1", "22", "333"}) {
    t.batch({literal_item("g", content)});
    t.batch({deleted_item("g")});
  }
  std::size_t found = 0;
  for (const auto& day : fs::directory_iterator(t.root / ".hareplicate" / "trash")) {
    found += read_all(day.path() / "g").size();
  }
  BOOST_TEST(found == 6U);
}

BOOST_AUTO_TEST_CASE(a_directory_that_gives_way_to_a_file_goes_to_the_trash_with_what_is_in_it) {
  Target t(deleting(DeleteMode::Trash));
  t.batch(tree());
  BOOST_TEST(t.batch({literal_item("d", "a file"), deleted_item("d/f")}).troubles.empty());
  check_converged(t, "d", "a file");
  BOOST_TEST(read_all(in_trash(t, "d/f")) == "one");
}

BOOST_AUTO_TEST_CASE(the_trash_is_emptied_when_a_whole_day_is_old_enough_and_nothing_else_goes) {
  Target t(deleting(DeleteMode::Trash));
  const fs::path trash = t.root / ".hareplicate" / "trash";
  for (const char* name : {"2026-03-01", "2026-03-01.1", "2026-03-02", "2026-02-30", "mine", "2026-03-0x"}) {
    fs::create_directories(trash / name / "d");
    write_all(trash / name / "d" / "f", "x");
  }
  const WallTime end = std::chrono::sys_days(std::chrono::year(2026) / 3 / 2);  // of the first
  const auto month = std::chrono::hours(24 * 30);
  BOOST_TEST(t.target.empty_trash(end + month - std::chrono::seconds(1)).value() == 0U);
  BOOST_TEST(t.target.empty_trash(end + month).value() == 2U);
  BOOST_TEST(!fs::exists(trash / "2026-03-01.1"));
  for (const char* name : {"2026-03-02", "2026-02-30", "mine", "2026-03-0x"}) {
    BOOST_TEST(fs::exists(trash / name / "d" / "f"), name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
