// FileTarget: a content that is here under another key is not sent. docs/wire.md, "Moved content".
#include <boost/test/unit_test.hpp>

#include "replicator/apply/file_target.h"
#include "tests/apply/apply_fixture.h"

using namespace ha;
using namespace ha::replicator;
using namespace ha::replicator::test;
namespace fs = std::filesystem;

namespace {

// Nothing but the name of its content.
ItemPart moved_item(const Bytes& key, BytesView content, std::uint32_t mode = 0640) {
  return same_content_item(key, content, meta_of(FileType::Regular, mode));
}

struct Moved : Target {
  explicit Moved(const FileTargetOptions& how = fast()) : Target(how) {}

  const Bytes content = random_content(1, 300'000);
  void check_redo(const BatchOutcome& outcome, const Bytes& key) {
    BOOST_REQUIRE(outcome.troubles.size() == 1U);
    BOOST_TEST(outcome.troubles[0].key == key);
    BOOST_TEST(outcome.troubles[0].redo);
    const auto here = decode_basis(outcome.troubles[0].basis);
    BOOST_REQUIRE(here.ok());
    BOOST_TEST((here->content == (fs::exists(at(key)) ? digest_of(read_all(at(key))) : Digest{})));
    BOOST_TEST(staged_count() == 0U);
  }
};

struct MovedPerSet : Moved {
  static FileTargetOptions per_set() {
    FileTargetOptions options = fast();
    options.publish = Publish::PerSet;
    return options;
  }
  MovedPerSet() : Moved(per_set()) {}
};

}  // namespace

BOOST_AUTO_TEST_SUITE(apply_moved)

BOOST_FIXTURE_TEST_CASE(what_was_renamed_is_made_from_the_old_file, Moved) {
  batch({literal_item("old", content)});
  BOOST_TEST(batch({moved_item("new", content)}).troubles.empty());
  batch({deleted_item("old")});
  check_converged(*this, "new", content);
  BOOST_TEST((stat_of(at("new")).st_mode & 0777) == 0640U);
  BOOST_TEST(!fs::exists(at("old")));
  BOOST_TEST(staged_count() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_large_one_with_holes_is_copied_with_its_chunks, Moved) {
  Bytes large = random_content(2, 3'000'000) + Bytes(4 << 20, '\0') + random_content(3, 700'001);
  batch({literal_item("old", large)});
  BOOST_TEST(batch({moved_item("new", large)}).troubles.empty());
  check_converged(*this, "new", large);
  BOOST_TEST((index.current_chunks("new").value()->list == encode_chunks(chunks_of(large))));
  BOOST_TEST(inode_of(at("new")) != inode_of(at("old")));
}

BOOST_FIXTURE_TEST_CASE(a_row_that_is_renumbered_in_one_batch_moves_as_a_whole, Moved) {
  std::vector<Bytes> contents;
  std::vector<ItemPart> first;
  std::vector<ItemPart> then;
  for (std::uint64_t i = 0; i < 6; ++i) {
    contents.push_back(random_content(10 + i, 50'000 + i));
    first.push_back(literal_item("m" + std::to_string(i), contents.back()));
  }
  batch(first);
  for (std::size_t i = 1; i < contents.size(); ++i) {
    then.push_back(moved_item("m" + std::to_string(i - 1), contents[i]));
  }
  BOOST_TEST(batch(then).troubles.empty());
  batch({deleted_item("m5")});
  for (std::size_t i = 1; i < contents.size(); ++i) {
    check_converged(*this, "m" + std::to_string(i - 1), contents[i]);
  }
}

BOOST_FIXTURE_TEST_CASE(two_that_change_places_in_one_batch_do_so, Moved) {
  const Bytes other = random_content(4, 100'000);
  batch({literal_item("a", content), literal_item("b", other)});
  BOOST_TEST(batch({moved_item("a", other), moved_item("b", content)}).troubles.empty());
  check_converged(*this, "a", other);
  check_converged(*this, "b", content);
}

BOOST_FIXTURE_TEST_CASE(what_is_nowhere_is_asked_for, Moved) {
  batch({literal_item("here", random_content(5, 9'000))});
  check_redo(batch({moved_item("new", content)}), "new");
  check_redo(batch({moved_item("here", content)}), "here");
  BOOST_TEST(batch({literal_item("new", content)}).troubles.empty());
  check_converged(*this, "new", content);
}

BOOST_FIXTURE_TEST_CASE(what_was_small_is_asked_for, Moved) {
  batch({literal_item("old", "small")});
  check_redo(batch({moved_item("new", "small")}), "new");
}

BOOST_FIXTURE_TEST_CASE(a_file_that_somebody_has_changed_is_not_taken, Moved) {
  batch({literal_item("old", content)});
  write_all(at("old"), random_content(6, content.size()));
  check_redo(batch({moved_item("new", content)}), "new");
}

// Its times and size are what the index says: only reading tells.
BOOST_FIXTURE_TEST_CASE(a_file_that_has_rotted_is_not_taken, Moved) {
  batch({literal_item("old", content)});
  Bytes rotten = content;
  rotten[100'000] ^= 1;
  write_all(at("old"), rotten);
  Entry entry = *this->entry("old");
  LocalStat local = decode_local(entry.local).value();
  const auto now = stat_of(at("old"));
  local.mtime_s = now.st_mtim.tv_sec;
  local.mtime_ns = static_cast<std::uint32_t>(now.st_mtim.tv_nsec);
  local.ctime_s = now.st_ctim.tv_sec;
  local.ctime_ns = static_cast<std::uint32_t>(now.st_ctim.tv_nsec);
  {
    auto writing = index.begin();
    BOOST_REQUIRE(writing.ok());
    BOOST_REQUIRE(writing->update_local("old", encode_local(local)).ok());
    BOOST_REQUIRE(writing->commit().ok());
  }
  check_redo(batch({moved_item("new", content)}), "new");
  BOOST_TEST(!fs::exists(at("new")));
}

BOOST_FIXTURE_TEST_CASE(another_copy_is_taken_when_the_first_is_not_what_it_was, Moved) {
  batch({literal_item("a", content), literal_item("b", content)});
  fs::remove(at("a"));
  BOOST_TEST(batch({moved_item("new", content)}).troubles.empty());
  check_converged(*this, "new", content);
}

BOOST_FIXTURE_TEST_CASE(a_link_in_the_place_of_the_old_file_is_not_followed, Moved) {
  batch({literal_item("old", content)});
  write_all(directory.path() / "outside", content);
  fs::remove(at("old"));
  fs::create_symlink(directory.path() / "outside", at("old"));
  check_redo(batch({moved_item("new", content)}), "new");
}

BOOST_FIXTURE_TEST_CASE(a_size_that_is_not_that_of_the_content_is_redone_and_nothing_more, Moved) {
  batch({literal_item("old", content)});
  ItemPart lie = moved_item("new", content);
  lie.header->size -= 1;
  check_redo(batch({lie}), "new");
}

BOOST_FIXTURE_TEST_CASE(what_was_begun_before_the_move_is_let_go, Moved) {
  const Bytes large = random_content(7, 6'000'000);
  batch({literal_item("old", large), literal_item("new", random_content(8, 6'000'000))});
  for (bool more = target.expect("new"); more;) {
    more = target.precopy_more();
  }
  BOOST_TEST(batch({moved_item("new", large)}).troubles.empty());
  check_converged(*this, "new", large);
  BOOST_TEST(staged_count() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_set_that_is_published_whole_moves_before_it_deletes, MovedPerSet) {
  batch({literal_item("old", content)});
  commit();
  batch({moved_item("new", content)});
  batch({deleted_item("old")});
  BOOST_TEST(commit().published.troubles.empty());
  check_converged(*this, "new", content);
  BOOST_TEST(!fs::exists(at("old")));
}

BOOST_AUTO_TEST_SUITE_END()
