#include "replicator/apply/file_target.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "replicator/delta/chunker.h"
#include "replicator/model/item_hash.h"
#include "tests/apply/apply_fixture.h"

using namespace ha;
using namespace ha::replicator;
using namespace ha::replicator::test;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMiB = 1024 * 1024;

Bytes edited(Bytes content, std::size_t every) {
  for (std::size_t at = every / 2; at < content.size(); at += every) {
    content[at] = static_cast<char>(content[at] + 1);
  }
  return content;
}

ItemPart zeros_item(const Bytes& key, std::uint64_t bytes) {
  ItemPart part = same_content_item(key, "", meta_of(FileType::Regular));
  part.header->size = bytes;
  part.header->content = part.content = digest_of("never asked for");
  part.header->hash = item_hash(test_key(), *part.header);
  part.basis = {};
  part.ops.push_back({0, ZerosOp{bytes}});
  return part;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(apply_file_target)

BOOST_AUTO_TEST_CASE(a_root_that_does_not_exist_is_an_error_with_a_hint_and_is_not_made) {
  TemporaryDirectory directory;
  auto index = Index::open(":memory:").value();
  const std::string root = (directory.path() / "no").string();
  const auto target = FileTarget::open(root, index, test_key());
  BOOST_REQUIRE(!target.ok());
  BOOST_TEST((target.error().code() == Code::NotFound));
  BOOST_TEST(target.error().hint().find("mkdir") != std::string::npos);
  BOOST_TEST(!fs::exists(root));
}

BOOST_AUTO_TEST_CASE(a_root_whose_marker_is_gone_is_refused) {
  Target t;
  fs::remove_all(t.root / ".hareplicate");
  t.target = FileTarget::open(t.root.string(), t.index, test_key()).value();
  const auto recovered = t.target.recover();
  BOOST_REQUIRE(!recovered.ok());
  BOOST_TEST((recovered.error().code() == Code::Held));
  BOOST_TEST(recovered.error().what().find("not mounted") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(nothing_works_before_recover) {
  Target t;
  t.target = FileTarget::open(t.root.string(), t.index, test_key()).value();
  BOOST_TEST((t.target.close_batch(1).error().code() == Code::Internal));
  BOOST_TEST((t.target.apply_frame(1, 0, {}).error().code() == Code::Internal));
}

BOOST_AUTO_TEST_CASE(the_staging_directory_is_closed_to_others_and_marked) {
  Target t;
  BOOST_TEST((stat_of(t.root / ".hareplicate").st_mode & 07777U) == 0700U);
  BOOST_TEST(fs::exists(t.root / ".hareplicate" / "marker"));
}

BOOST_AUTO_TEST_CASE(small_files_and_directories_arrive_with_their_metadata) {
  Target t;
  FileMeta directory = meta_of(FileType::Directory, 02751);
  directory.mtime_s = -5;
  FileMeta file = meta_of(FileType::Regular, 04710);
  file.xattrs = {{"user.color", "blue"}};
  const auto outcome =
      t.batch({plain_item("d", directory), literal_item("d/f", "hello", file), literal_item("empty", "")});
  BOOST_TEST(outcome.troubles.empty());
  BOOST_TEST(outcome.applied_items == 3U);
  BOOST_TEST(outcome.applied_bytes == 5U);
  check_converged(t, "d/f", "hello");
  check_converged(t, "empty", "");
  BOOST_TEST((stat_of(t.at("d")).st_mode & 07777U) == 02751U);
  BOOST_TEST(stat_of(t.at("d")).st_mtim.tv_sec == -5);
  BOOST_TEST((stat_of(t.at("d/f")).st_mode & 07777U) == 04710U);
  BOOST_TEST(stat_of(t.at("d/f")).st_mtim.tv_nsec == 123'456'789);
  BOOST_TEST(t.staged_count() == 0U);
}

BOOST_AUTO_TEST_CASE(a_large_file_is_built_from_frames_in_any_order_and_twice) {
  Target t;
  const Bytes content = random_content(1, 6 * kMiB);
  std::vector<ItemPart> parts = split(literal_item("big", content));
  BOOST_REQUIRE(parts.size() > 3U);
  std::reverse(parts.begin(), parts.end());
  parts.push_back(parts[1]);
  BOOST_TEST(t.batch(parts).troubles.empty());
  check_converged(t, "big", content);
  const auto stored = t.index.current_chunks("big").value();
  BOOST_REQUIRE(stored.has_value());
  BOOST_TEST(stored->list == encode_chunks(chunks_of(content)));
}

BOOST_AUTO_TEST_CASE(a_change_is_made_from_copies_and_patches) {
  Target t;
  const Bytes old_content = random_content(2, 5 * kMiB);
  BOOST_TEST(t.batch({literal_item("f", old_content)}).troubles.empty());
  Bytes new_content = edited(old_content, 700'000);
  new_content.insert(kMiB, "something new in the middle");
  const ItemPart item = delta_item("f", old_content, new_content, meta_of(FileType::Regular, 0600));
  std::size_t patches = 0;
  for (const Op& op : item.ops) {
    patches += std::holds_alternative<PatchOp>(op.kind) ? 1U : 0U;
  }
  BOOST_TEST(patches > 3U);
  BOOST_TEST(t.batch(split(item)).troubles.empty());
  check_converged(t, "f", new_content);
}

BOOST_AUTO_TEST_CASE(a_small_file_can_be_a_patch) {
  Target t;
  const Bytes old_content = random_content(3, 30'000);
  BOOST_TEST(t.batch({literal_item("f", old_content)}).troubles.empty());
  const Bytes new_content = edited(old_content, 20'000);
  BOOST_TEST(
      t.batch({delta_item("f", old_content, new_content, meta_of(FileType::Regular))}).troubles.empty());
  check_converged(t, "f", new_content);
}

BOOST_AUTO_TEST_CASE(holes_stay_holes) {
  Target t;
  Bytes content(40 * kMiB, '\0');
  content.replace(20 * kMiB, 100'000, random_content(4, 100'000));
  BOOST_TEST(t.batch({literal_item("sparse", content)}).troubles.empty());
  check_converged(t, "sparse", content);
  BOOST_TEST(stat_of(t.at("sparse")).st_blocks * 512 < 400'000);
  // Blocks of zeros within a chunk too.
  Bytes small(600'000, '\0');
  small.replace(0, 4096, random_content(5, 4096));
  BOOST_TEST(t.batch({literal_item("small", small)}).troubles.empty());
  check_converged(t, "small", small);
  BOOST_TEST(stat_of(t.at("small")).st_blocks * 512 < 20'000);
}

BOOST_AUTO_TEST_CASE(a_file_that_was_changed_here_is_asked_for_again_with_what_is_here) {
  Target t;
  const Bytes old_content = random_content(6, 2 * kMiB);
  const Bytes new_content = edited(old_content, 500'000);
  BOOST_TEST(t.batch({literal_item("f", old_content)}).troubles.empty());
  write_all(t.at("f"), "changed by somebody");
  auto outcome = t.batch({delta_item("f", old_content, new_content, meta_of(FileType::Regular))});
  BOOST_REQUIRE(outcome.troubles.size() == 1U);
  BOOST_TEST(outcome.troubles[0].redo);
  const BasisReport basis = decode_basis(outcome.troubles[0].basis).value();
  BOOST_TEST((basis.content == digest_of("changed by somebody")));
  BOOST_TEST(basis.chunks.size() == 1U);
  BOOST_TEST(read_all(t.at("f")) == "changed by somebody");
  BOOST_TEST(t.index.failure_count().value() == 0U);
  BOOST_TEST(t.staged_count() == 0U);
  // Gone altogether: the zero digest.
  fs::remove(t.at("f"));
  outcome = t.batch({delta_item("f", old_content, new_content, meta_of(FileType::Regular))});
  BOOST_REQUIRE(outcome.troubles.size() == 1U);
  BOOST_TEST(decode_basis(outcome.troubles[0].basis).value().content.is_zero());
}

BOOST_AUTO_TEST_CASE(a_touched_but_equal_basis_still_serves) {
  Target t;
  const Bytes old_content = random_content(7, 2 * kMiB);
  const Bytes new_content = edited(old_content, 500'000);
  BOOST_TEST(t.batch({literal_item("f", old_content)}).troubles.empty());
  fs::remove(t.at("f"));
  write_all(t.at("f"), old_content);
  BOOST_TEST(
      t.batch({delta_item("f", old_content, new_content, meta_of(FileType::Regular))}).troubles.empty());
  check_converged(t, "f", new_content);
}

BOOST_AUTO_TEST_CASE(wrong_data_is_never_published) {
  Target t;
  ItemPart item = literal_item("f", "hello");
  std::get<LiteralOp>(item.ops[0].kind).data = "jello";
  const auto outcome = t.batch({item});
  BOOST_REQUIRE(outcome.troubles.size() == 1U);
  BOOST_TEST(outcome.troubles[0].redo);
  BOOST_TEST(!fs::exists(t.at("f")));
  BOOST_TEST(t.staged_count() == 0U);
}

BOOST_AUTO_TEST_CASE(an_unfinished_item_is_let_go) {
  Target t;
  std::vector<ItemPart> parts = split(literal_item("f", random_content(8, 3 * kMiB)));
  parts.pop_back();
  const auto outcome = t.batch(parts);
  BOOST_REQUIRE(outcome.troubles.size() == 1U);
  BOOST_TEST(outcome.troubles[0].redo);
  BOOST_TEST(t.staged_count() == 0U);
}

BOOST_AUTO_TEST_CASE(our_own_name_is_trouble_of_that_item_alone) {
  Target t;
  const Bytes marker = read_all(t.at(".hareplicate/marker"));
  ItemPart known = deleted_item(".hareplicate/marker");
  const auto outcome =
      t.batch({literal_item(".hareplicate/f", "x"), literal_item("d/.hareplicate", "x"), known,
               plain_item("e/.hareplicate", meta_of(FileType::Directory)), literal_item("g", "y")});
  BOOST_REQUIRE(outcome.troubles.size() == 4U);
  for (const Trouble& trouble : outcome.troubles) {
    BOOST_TEST(!trouble.redo);
    BOOST_TEST(trouble.reason.find(".hareplicate") != std::string::npos);
  }
  BOOST_TEST(read_all(t.at("g")) == "y");
  BOOST_TEST(t.staged_count() == 0U);
  BOOST_TEST(read_all(t.at(".hareplicate/marker")) == marker);
}

BOOST_AUTO_TEST_CASE(frames_that_break_the_rules_are_corrupt) {
  Target t;
  const auto code = [&](const ItemPart& item) { return t.try_batch({item}).error().code(); };
  BOOST_TEST((t.target.apply_frame(1, 0, "\xff\xff\xff").error().code() == Code::Corrupt));
  BOOST_TEST((code(literal_item("../f", "x")) == Code::Corrupt));
  BOOST_TEST((code(literal_item("/f", "x")) == Code::Corrupt));
  ItemPart item = literal_item("f", "hello");
  item.ops[0].offset = 3;
  BOOST_TEST((code(item) == Code::Corrupt));
  item = literal_item("f", "hello");
  item.header->hash.low ^= 1U;
  BOOST_TEST((code(item) == Code::Corrupt));
  item = plain_item("d", meta_of(FileType::Directory));
  item.ops = literal_item("f", "hello").ops;
  BOOST_TEST((code(item) == Code::Corrupt));
  item = literal_item("f", "hello");
  item.basis = digest_of("hello");
  BOOST_TEST(t.batch({literal_item("g", "hello")}).troubles.empty());
  ItemPart copy = same_content_item("g", "hello", meta_of(FileType::Regular));
  copy.ops.push_back({0, CopyOp{0, 2}});
  BOOST_TEST((code(copy) == Code::Corrupt));
  BOOST_TEST(read_all(t.at("g")) == "hello");
}

BOOST_AUTO_TEST_CASE(only_metadata_changes_in_place) {
  Target t;
  BOOST_TEST(t.batch({literal_item("f", "hello")}).troubles.empty());
  const std::uint64_t inode = inode_of(t.at("f"));
  FileMeta meta = meta_of(FileType::Regular, 0400);
  meta.mtime_s = 5;
  BOOST_TEST(t.batch({same_content_item("f", "hello", meta)}).troubles.empty());
  BOOST_TEST(inode_of(t.at("f")) == inode);
  BOOST_TEST((stat_of(t.at("f")).st_mode & 07777U) == 0400U);
  BOOST_TEST(stat_of(t.at("f")).st_mtim.tv_sec == 5);
  check_converged(t, "f", "hello");
}

BOOST_AUTO_TEST_CASE(a_link_somebody_put_in_place_of_a_file_keeps_its_own_metadata) {
  Target t;
  TemporaryDirectory outside;
  BOOST_TEST(t.batch({literal_item("f", "hello")}).troubles.empty());
  write_all(outside.path() / "canary", "hello");
  fs::permissions(outside.path() / "canary", fs::perms(0600));
  fs::remove(t.at("f"));
  fs::create_hard_link(outside.path() / "canary", t.at("f"));
  BOOST_TEST(t.batch({same_content_item("f", "hello", meta_of(FileType::Regular, 04777))}).troubles.empty());
  BOOST_TEST((stat_of(outside.path() / "canary").st_mode & 07777U) == 0600U);
  BOOST_TEST((stat_of(t.at("f")).st_mode & 07777U) == 04777U);
  check_converged(t, "f", "hello");
}

BOOST_AUTO_TEST_CASE(hard_links_share_the_leader) {
  Target t;
  BOOST_TEST(t.batch({literal_item("a", "one"), link_item("b", "a", "one"), link_item("d/c", "a", "one")})
                 .troubles.empty());
  BOOST_TEST(inode_of(t.at("a")) == inode_of(t.at("b")));
  BOOST_TEST(inode_of(t.at("a")) == inode_of(t.at("d/c")));
  check_converged(t, "a", "one");
  // The leader changes, the others follow with their own items.
  BOOST_TEST(t.batch({literal_item("a", "two")}).troubles.empty());
  BOOST_TEST(t.batch({link_item("b", "a", "two"), link_item("d/c", "a", "two")}).troubles.empty());
  BOOST_TEST(inode_of(t.at("a")) == inode_of(t.at("d/c")));
  check_converged(t, "a", "two");
  // Again: nothing to do, and no trouble.
  BOOST_TEST(t.batch({link_item("b", "a", "two")}).troubles.empty());
  BOOST_TEST(t.staged_count() == 0U);
  // The leader goes, the next one leads.
  BOOST_TEST(t.batch({same_content_item("b", "two", meta_of(FileType::Regular))}).troubles.empty());
  BOOST_TEST(t.batch({link_item("d/c", "b", "two")}).troubles.empty());
  BOOST_TEST(t.batch({deleted_item("a")}).troubles.empty());
  BOOST_TEST(inode_of(t.at("b")) == inode_of(t.at("d/c")));
}

BOOST_AUTO_TEST_CASE(a_link_without_its_leader_is_trouble) {
  Target t;
  auto outcome = t.batch({link_item("b", "a", "one")});
  BOOST_REQUIRE(outcome.troubles.size() == 1U);
  BOOST_TEST(t.index.failure("b").value().has_value());
  BOOST_TEST(t.batch({literal_item("a", "one"), link_item("b", "a", "one")}).troubles.empty());
  BOOST_TEST(!t.index.failure("b").value().has_value());
  write_all(t.at("a"), "changed");
  outcome = t.batch({link_item("c", "a", "one")});
  BOOST_TEST(outcome.troubles.size() == 1U);
}

BOOST_AUTO_TEST_CASE(deletions_go_from_the_bottom) {
  Target t;
  BOOST_TEST(t.batch({plain_item("d", meta_of(FileType::Directory, 0755)),
                      plain_item("d/e", meta_of(FileType::Directory, 0755)), literal_item("d/e/f", "x"),
                      literal_item("d.x", "y")})
                 .troubles.empty());
  const auto outcome = t.batch({deleted_item("d"), deleted_item("d/e"), deleted_item("d/e/f")});
  BOOST_TEST(outcome.troubles.empty());
  BOOST_TEST(outcome.applied_items == 3U);
  BOOST_TEST(!fs::exists(t.at("d")));
  BOOST_TEST(fs::exists(t.at("d.x")));
  BOOST_TEST(t.entry("d/e/f")->deleted);
  BOOST_TEST(t.batch({deleted_item("d/e/f"), deleted_item("never")}).troubles.empty());
}

BOOST_AUTO_TEST_CASE(a_directory_waits_for_its_items_in_later_batches) {
  Target t;
  BOOST_TEST(t.batch({plain_item("d", meta_of(FileType::Directory, 0755)), literal_item("d/f", "x")})
                 .troubles.empty());
  BOOST_TEST(t.batch({deleted_item("d")}).troubles.empty());
  BOOST_TEST(fs::exists(t.at("d/f")));
  BOOST_TEST(t.batch({deleted_item("d/f")}).troubles.empty());
  BOOST_TEST(!fs::exists(t.at("d")));
  BOOST_TEST(t.entry("d")->deleted);
}

BOOST_AUTO_TEST_CASE(a_directory_that_is_never_emptied_fails_at_the_end_of_the_pass) {
  Target t;
  BOOST_TEST(t.batch({plain_item("d", meta_of(FileType::Directory, 0755)), literal_item("d/f", "x")})
                 .troubles.empty());
  BOOST_TEST(t.batch({deleted_item("d")}).troubles.empty());
  BOOST_TEST(t.commit().published.troubles.size() == 1U);
  BOOST_TEST(t.index.failure("d").value().has_value());
}

BOOST_AUTO_TEST_CASE(a_directory_with_items_nobody_knows_is_not_removed) {
  Target t;
  BOOST_TEST(t.batch({plain_item("d", meta_of(FileType::Directory, 0755))}).troubles.empty());
  write_all(t.at("d/mine"), "precious");
  const auto outcome = t.batch({deleted_item("d")});
  BOOST_REQUIRE(outcome.troubles.size() == 1U);
  BOOST_TEST(outcome.troubles[0].reason.find("holds 1 items this set does not know") != std::string::npos);
  BOOST_TEST(read_all(t.at("d/mine")) == "precious");
  // Nor is it replaced by a file.
  BOOST_TEST(t.batch({literal_item("d", "file")}).troubles.size() == 1U);
  BOOST_TEST(read_all(t.at("d/mine")) == "precious");
  BOOST_TEST(t.staged_count() == 0U);
}

BOOST_AUTO_TEST_CASE(a_deletion_takes_the_link_and_not_what_it_points_to) {
  Target t;
  TemporaryDirectory outside;
  write_all(outside.path() / "canary", "alive");
  BOOST_TEST(t.batch({literal_item("f", "x")}).troubles.empty());
  fs::remove(t.at("f"));
  fs::create_symlink(outside.path(), t.at("f"));
  BOOST_TEST(t.batch({deleted_item("f/canary"), deleted_item("f")}).troubles.empty());
  BOOST_TEST(read_all(outside.path() / "canary") == "alive");
  BOOST_TEST(!fs::exists(fs::symlink_status(t.at("f"))));
}

BOOST_AUTO_TEST_CASE(types_change_in_every_direction) {
  Target t;
  FileMeta symlink = meta_of(FileType::Symlink, 0777);
  symlink.target = "/nowhere";
  const std::vector<ItemPart> kinds{literal_item("x", "file"),
                                    plain_item("x", meta_of(FileType::Directory, 0750)),
                                    plain_item("x", symlink), plain_item("x", meta_of(FileType::Fifo, 0640))};
  for (const ItemPart& from : kinds) {
    for (const ItemPart& to : kinds) {
      BOOST_TEST(t.batch({from}).troubles.empty());
      if (from.header->meta == kinds[1].header->meta) {
        BOOST_TEST(t.batch({literal_item("x/child", "c")}).troubles.empty());
      }
      BOOST_TEST(t.batch({to}).troubles.empty());
      const mode_t type = stat_of(t.at("x")).st_mode & static_cast<mode_t>(S_IFMT);
      const FileMeta wanted = decode_meta(to.header->meta).value();
      BOOST_TEST((type == (wanted.type == FileType::Regular     ? S_IFREG
                           : wanted.type == FileType::Directory ? S_IFDIR
                           : wanted.type == FileType::Symlink   ? S_IFLNK
                                                                : S_IFIFO)));
      BOOST_TEST(t.staged_count() == 0U);
      BOOST_TEST(t.batch({deleted_item("x/child")}).troubles.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(directory_times_are_those_of_the_origin_after_all_changes) {
  Target t;
  FileMeta meta = meta_of(FileType::Directory, 0555);
  BOOST_TEST(t.batch({plain_item("d", meta)}).troubles.empty());
  BOOST_TEST(t.batch({literal_item("d/a", "1"), literal_item("d/b", "2")}).troubles.empty());
  BOOST_TEST(t.batch({deleted_item("d/a")}).troubles.empty());
  const struct stat facts = stat_of(t.at("d"));
  BOOST_TEST(facts.st_mtim.tv_sec == meta.mtime_s);
  BOOST_TEST(facts.st_mtim.tv_nsec == meta.mtime_ns);
  const LocalStat local = decode_local(t.entry("d")->local).value();
  BOOST_TEST(local.ctime_ns == facts.st_ctim.tv_nsec);
}

BOOST_AUTO_TEST_CASE(missing_parents_are_made_closed_and_fixed_by_their_own_items) {
  Target t;
  BOOST_TEST(t.batch({literal_item("a/b/c", "x")}).troubles.empty());
  BOOST_TEST((stat_of(t.at("a")).st_mode & 07777U) == 0700U);
  BOOST_TEST(t.batch({plain_item("a", meta_of(FileType::Directory, 0755))}).troubles.empty());
  BOOST_TEST((stat_of(t.at("a")).st_mode & 07777U) == 0755U);
}

BOOST_AUTO_TEST_CASE(an_item_larger_than_any_file_is_corrupt) {
  Target t;
  const auto applied = t.target.apply_frame(1, 0, frame_of({zeros_item("f", kChunkedFileBytesMax + 1)}));
  BOOST_TEST((applied.error().code() == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(zeros_of_many_items_at_one_time_are_bounded) {
  Target t;
  Status applied = ok();
  for (int i = 0; i < 10 && applied.ok(); ++i) {
    applied =
        t.target.apply_frame(1, 0, frame_of({zeros_item("f" + std::to_string(i), kChunkedFileBytesMax)}));
  }
  BOOST_REQUIRE(!applied.ok());
  BOOST_TEST((applied.error().code() == Code::Exhausted));
  BOOST_REQUIRE(t.target.abort_transfers().ok());
  BOOST_TEST(t.target.apply_frame(1, 0, frame_of({zeros_item("f", kChunkedFileBytesMax)})).ok());
}

BOOST_AUTO_TEST_SUITE_END()
