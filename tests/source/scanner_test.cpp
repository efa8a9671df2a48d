#include "replicator/source/scanner.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replicator/model/item_hash.h"
#include "tests/source/tree_fixture.h"

namespace fs = std::filesystem;

namespace ha::replicator {
namespace {

std::vector<Bytes> names(std::initializer_list<const char*> list) {
  return {list.begin(), list.end()};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(source_scanner)

BOOST_FIXTURE_TEST_CASE(every_item_is_found_in_full_path_byte_order, TreeFixture) {
  write("a/x", "1");
  write("a/x.d/y", "2");
  write("a.b/z", "3");
  write("a-", "4");
  write("a0", "5");
  fs::create_directory(path("empty"));
  const ScanResult first = scan();
  BOOST_TEST(first.complete);
  BOOST_TEST(first.changed == 9U);
  BOOST_TEST((keys() == names({"a", "a-", "a.b", "a.b/z", "a/x", "a/x.d", "a/x.d/y", "a0", "empty"})));
  const ScanResult second = scan();
  BOOST_TEST(second.changed + second.refreshed + second.deleted == 0U);
  BOOST_TEST(second.items == 9U);
  BOOST_TEST(second.bytes_hashed == 0U);
}

BOOST_FIXTURE_TEST_CASE(an_entry_says_what_the_disk_says, TreeFixture) {
  write("f", "hello");
  BOOST_REQUIRE(::chmod(path("f").c_str(), 04751) == 0);
  BOOST_REQUIRE(::chown(path("f").c_str(), 12345, 54321) == 0);
  const timespec times[2] = {{-5, 7}, {-5, 7}};
  BOOST_REQUIRE(::utimensat(AT_FDCWD, path("f").c_str(), times, 0) == 0);
  fs::create_symlink("anywhere/../else", path("l"));
  BOOST_REQUIRE(::mkfifo(path("p").c_str(), 0600) == 0);
  scan();
  const FileMeta f = meta("f");
  BOOST_TEST((f.type == FileType::Regular));
  BOOST_TEST(f.mode == 0751U);  // chown cleared setuid
  BOOST_TEST(f.uid == 12345U);
  BOOST_TEST(f.gid == 54321U);
  BOOST_TEST(f.user.empty());
  BOOST_TEST(f.mtime_s == -5);
  BOOST_TEST(f.mtime_ns == 7U);
  const Entry e = *entry("f");
  BOOST_TEST(e.size == 5U);
  BOOST_TEST((e.content == sys::digest(key, "hello")));
  BOOST_TEST((e.hash == item_hash(key, e)));
  BOOST_TEST(meta("l").target == "anywhere/../else");
  BOOST_TEST((entry("l")->content == Digest{}));
  BOOST_TEST((meta("p").type == FileType::Fifo));
}

BOOST_FIXTURE_TEST_CASE(awkward_names_are_names, TreeFixture) {
  const std::vector<Bytes> awkward = {"new\nline",
                                      "\xff\xfe",
                                      "\x01",
                                      Bytes(255, 'n'),
                                      " ",
                                      "\xe2\x80\xae"
                                      "x",
                                      "-rf",
                                      "*",
                                      "a\\b"};
  for (const Bytes& name : awkward) {
    write(name, name);
  }
  scan();
  for (const Bytes& name : awkward) {
    BOOST_TEST(entry(name).has_value(), escape(name));
  }
  BOOST_TEST(scan().changed == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_tree_deeper_than_path_max_and_than_the_levels_held_open_is_walked, TreeFixture) {
  Bytes deep;
  sys::Directory at = must(root.duplicate());
  for (int i = 0; i < 150; ++i) {
    const Bytes name = Bytes(40, static_cast<char>('a' + i % 26));
    must(at.make_directory(name, 0700));
    must(at.make_directory(name + "z", 0700));  // comes after the content, when the level is needed again
    at = must(at.open_beneath(name));
    deep += (deep.empty() ? "" : "/") + name;
  }
  BOOST_TEST(scan().changed == 300U);
  BOOST_TEST(deep.size() > 4096U);
  BOOST_TEST(entry(deep).has_value());
  BOOST_TEST(scan().changed == 0U);
  const Bytes top(40, 'a');
  must(root.remove_tree(top));
  BOOST_TEST(scan().deleted == 299U);
}

BOOST_FIXTURE_TEST_CASE(a_change_of_content_or_metadata_is_a_change_and_a_touched_ctime_is_not, TreeFixture) {
  write("a", "one");
  write("b", "two");
  write("c", "three");
  scan();
  const std::uint64_t head = index.head();
  write("a", "ONE");
  BOOST_REQUIRE(::chmod(path("b").c_str(), 0600) == 0);
  struct stat before {};
  BOOST_REQUIRE(::stat(path("c").c_str(), &before) == 0);
  BOOST_REQUIRE(::chmod(path("c").c_str(), 0700) == 0);
  BOOST_REQUIRE(::chmod(path("c").c_str(), before.st_mode & 07777U) == 0);
  const ScanResult result = scan();
  BOOST_TEST(result.changed == 2U);
  BOOST_TEST(result.refreshed == 1U);
  BOOST_TEST(index.head() == head + 2);
  BOOST_TEST((entry("a")->content == sys::digest(key, "ONE")));
  BOOST_TEST(scan().refreshed == 0U);
}

BOOST_FIXTURE_TEST_CASE(what_is_gone_becomes_a_tombstone, TreeFixture) {
  write("d/e/f", "1");
  write("d.x", "2");
  write("g", "3");
  scan();
  fs::remove_all(path("d"));
  const ScanResult result = scan();
  BOOST_TEST(result.deleted == 3U);
  BOOST_TEST((keys() == names({"d.x", "g"})));
  BOOST_TEST(must(index.get("d/e/f"))->deleted);
}

BOOST_FIXTURE_TEST_CASE(a_directory_that_becomes_a_file_or_a_link_and_back_takes_its_content_along,
                        TreeFixture) {
  write("d/x", "1");
  scan();
  fs::remove_all(path("d"));
  write("d", "file");
  BOOST_TEST(scan().deleted == 1U);
  BOOST_TEST((entry("d")->rank == Rank::Content));
  fs::remove(path("d"));
  write("elsewhere/x", "outside");
  fs::create_symlink("elsewhere", path("d"));
  scan();
  BOOST_TEST((keys() == names({"d", "elsewhere", "elsewhere/x"})));
  fs::remove(path("d"));
  write("d/x", "1");
  scan();
  BOOST_TEST((keys() == names({"d", "d/x", "elsewhere", "elsewhere/x"})));
}

BOOST_FIXTURE_TEST_CASE(a_young_file_is_read_again_by_the_next_scan_and_no_later, TreeFixture) {
  write("f", "same");
  struct stat raw {};
  BOOST_REQUIRE(::stat(path("f").c_str(), &raw) == 0);
  std::int64_t age_s = 1;
  options.clock = [&] {
    return Now{SteadyTime{}, WallTime{std::chrono::seconds(raw.st_ctim.tv_sec + age_s)}};
  };
  BOOST_TEST(scan().racy == 1U);
  BOOST_TEST(must(decode_local(entry("f")->local)).inode == 0U);
  // The same length, and the times of before: only reading it tells.
  write("f", "SAME");
  const timespec times[2] = {raw.st_mtim, raw.st_mtim};
  BOOST_REQUIRE(::utimensat(AT_FDCWD, path("f").c_str(), times, 0) == 0);
  age_s = 100;
  BOOST_TEST(scan().changed == 1U);
  BOOST_TEST((entry("f")->content == sys::digest(key, "SAME")));
  BOOST_TEST(scan().bytes_hashed == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_young_file_that_stays_is_only_refreshed, TreeFixture) {
  write("f", "same");
  struct stat raw {};
  BOOST_REQUIRE(::stat(path("f").c_str(), &raw) == 0);
  options.clock = [&] { return Now{SteadyTime{}, WallTime{std::chrono::seconds(raw.st_ctim.tv_sec)}}; };
  scan();
  const std::uint64_t head = index.head();
  BOOST_TEST(scan().refreshed == 0U);  // still young
  options.clock = distant_clock;
  BOOST_TEST(scan().refreshed == 1U);
  BOOST_TEST(index.head() == head);
}

BOOST_FIXTURE_TEST_CASE(a_file_that_keeps_changing_is_busy_and_keeps_its_old_entry, TreeFixture) {
  write("f", "old");
  scan();
  const Entry old = *entry("f");
  write("f", "new!");
  int reads = 0;
  options.progress = [&](const ScanProgress& progress) {
    if (progress.key == "f" && reads < 100) {
      write("f", Bytes(static_cast<std::size_t>(++reads) + 10, 'x'));
    }
  };
  const ScanResult busy = scan();
  BOOST_TEST(busy.busy == 1U);
  BOOST_TEST((busy.busy_keys == names({"f"})));
  BOOST_TEST((entry("f")->content == old.content));
  options.progress = {};
  BOOST_TEST(scan().changed == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_file_that_shrinks_once_while_it_is_read_is_read_again, TreeFixture) {
  write("f", Bytes(9 * 1024 * 1024, 'x'));
  bool done = false;
  options.progress = [&](const ScanProgress& progress) {
    if (!done && progress.bytes_hashed > 0) {
      done = true;
      fs::resize_file(path("f"), 100);
    }
  };
  const ScanResult result = scan();
  BOOST_TEST(result.changed == 1U);
  BOOST_TEST(result.busy == 0U);
  BOOST_TEST(entry("f")->size == 100U);
}

BOOST_FIXTURE_TEST_CASE(what_vanishes_in_the_middle_is_no_error, TreeFixture) {
  write("a/1", "1");
  write("b", Bytes(5 * 1024 * 1024, 'b'));
  write("c/2", "2");
  options.progress = [&](const ScanProgress& progress) {
    if (progress.key == "a") {
      fs::remove_all(path("a"));
    }
    if (progress.bytes_hashed > 0) {
      fs::remove(path("b"));
    }
    if (progress.key == "b") {
      fs::remove_all(path("c"));
    }
  };
  const ScanResult result = scan();
  BOOST_TEST(result.failed == 0U);
  BOOST_TEST(result.busy == 1U);  // "a", which was there and then could not be entered
  options.progress = {};
  scan();
  BOOST_TEST(keys().empty());
}

BOOST_FIXTURE_TEST_CASE(excluded_items_leave_without_a_tombstone, TreeFixture) {
  write("keep/a", "1");
  write("log/a", "2");
  write("log/deep/b", "3");
  write("x.swp", "4");
  scan();
  options.exclude = [](BytesView item, bool is_directory) {
    return (is_directory && item == "log") || item.ends_with(".swp");
  };
  const ScanResult result = scan();
  BOOST_TEST(result.excluded == 5U);
  BOOST_TEST(result.deleted == 0U);
  BOOST_TEST((keys() == names({"keep", "keep/a"})));
  BOOST_TEST(!must(index.get("log/a")).has_value());
  write("log/new", "5");
  BOOST_TEST(scan_in({"log", "log/deep", ""}).changed == 0U);
}

// Replicas do not take it either: what is read and not taken would be sent for ever.
BOOST_FIXTURE_TEST_CASE(our_own_name_is_never_in_at_whatever_depth, TreeFixture) {
  write(".hareplicate/t/1", "staged");
  write("d/.hareplicate", "a file");
  write("d/e/.hareplicate/marker", "a set's root was copied here");
  write("d/e/f.hareplicate", "another name");
  scan();
  const auto wanted = names({"d", "d/e", "d/e/f.hareplicate"});
  BOOST_TEST((keys() == wanted));
  scan_in({"", "d", "d/e", "d/e/.hareplicate", "d/e/.hareplicate/deep"});
  BOOST_TEST((keys() == wanted));
}

BOOST_FIXTURE_TEST_CASE(our_own_name_leaves_an_index_that_has_it_without_a_tombstone, TreeFixture) {
  write("d/f", "1");
  write("d/.hareplicate", "x");
  scan();
  Entry old = *entry("d/f");
  old.key = "d/.hareplicate";
  IndexBatch batch = must(index.begin());
  must(batch.put(old));
  must(batch.commit());
  BOOST_TEST(scan().excluded == 1U);
  BOOST_TEST(!must(index.get("d/.hareplicate")).has_value());
}

// Deeper than so many levels a directory is opened again when the walk comes back to it.
BOOST_FIXTURE_TEST_CASE(what_is_renamed_far_above_the_walk_does_not_end_it, TreeFixture) {
  Bytes deep = "a/d-";
  for (int level = 0; level < 100; ++level) {
    deep += "/x";
  }
  write(deep + "/f", "1");
  write("a/d/f", "2");  // "a/d" has been seen by then, and is entered after "a/d-"
  write("z", "3");
  options.progress = [&](const ScanProgress& at) {
    if (at.key == deep + "/f" && fs::exists(path("a"))) {
      fs::rename(path("a"), path("b"));
    }
  };
  const ScanResult result = scan();
  BOOST_TEST(result.failed == 0U);
  BOOST_TEST(result.busy > 0U);
  BOOST_TEST(entry("z").has_value());
  scan();
  BOOST_TEST(entry("b/d/f").has_value());
  BOOST_TEST(!entry("a").has_value());
}

// Root may read anything, so these cases scan as somebody else.
struct NobodyFixture : TreeFixture {
  NobodyFixture() { fs::permissions(place, fs::perms::all); }
  ScanResult scan_as_nobody() {
    BOOST_REQUIRE(::seteuid(65534) == 0);
    auto result = FileScanner(root, index, key, options).scan_all(stop);
    BOOST_REQUIRE(::seteuid(0) == 0);
    return must(std::move(result));
  }
};

BOOST_FIXTURE_TEST_CASE(what_cannot_be_read_fails_by_name_and_is_not_deleted, NobodyFixture) {
  write("closed/deep/x", "1");
  write("closed.txt", "2");
  write("secret", "3");
  write("open", "4");
  scan();
  const Entry old = *entry("secret");
  write("secret", "other");
  write("open", "other");
  write("new", "5");
  fs::permissions(path("secret"), fs::perms::owner_read);
  fs::permissions(path("new"), fs::perms::none);
  fs::permissions(path("closed"), fs::perms::owner_all);
  fs::remove(path("closed.txt"));
  const ScanResult result = scan_as_nobody();
  BOOST_TEST(result.failed == 3U);
  BOOST_TEST(result.deleted == 1U);
  BOOST_TEST(!entry("new").has_value());
  BOOST_TEST((entry("secret")->content == old.content));
  BOOST_TEST((entry("open")->content == sys::digest(key, "other")));
  BOOST_TEST(entry("closed/deep/x").has_value());
  BOOST_TEST(must(index.failure("secret"))->reason.starts_with(kReadFailurePrefix));
  BOOST_TEST(must(index.failure("closed")).has_value());
  BOOST_TEST(must(index.failure_count()) == 3U);

  BOOST_TEST(scan().failed == 0U);
  BOOST_TEST(must(index.failure_count()) == 0U);
  BOOST_TEST((entry("secret")->content == sys::digest(key, "other")));
}

BOOST_FIXTURE_TEST_CASE(a_failure_of_what_is_gone_is_forgotten_and_that_of_others_is_not, NobodyFixture) {
  write("secret", "1");
  fs::permissions(path("secret"), fs::perms::none);
  BOOST_TEST(scan_as_nobody().failed == 1U);
  IndexBatch batch = must(index.begin());
  must(batch.put_failure("applied", "no such user", 1));
  must(batch.commit());
  fs::remove(path("secret"));
  scan();
  BOOST_TEST(!must(index.failure("secret")).has_value());
  BOOST_TEST(must(index.failure("applied")).has_value());
}

BOOST_FIXTURE_TEST_CASE(a_root_that_is_gone_deletes_nothing, TreeFixture) {
  write("sub/f", "1");
  const sys::Directory sub = must(sys::Directory::open_root(path("sub").string()));
  Index own = must(Index::open(":memory:"));
  FileScanner scanner(sub, own, key, options);
  must(scanner.scan_all(stop));
  fs::rename(path("sub"), path("moved"));
  BOOST_TEST(must(scanner.scan_all(stop)).deleted == 0U);  // held, wherever it goes
  // A handle that lists nothing at all: what a dead mount does.
  const sys::Directory dead;
  const auto result = FileScanner(dead, own, key, options).scan_all(stop);
  BOOST_TEST(!result.ok());
  BOOST_TEST(own.count() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_stop_leaves_what_was_done_and_the_next_scan_goes_on, TreeFixture) {
  for (int i = 0; i < 50; ++i) {
    write("f" + std::to_string(i), "x");
  }
  options.progress = [&](const ScanProgress& progress) { stop = progress.items >= 10; };
  const ScanResult result = scan();
  BOOST_TEST(!result.complete);
  BOOST_TEST(keys().size() == 9U);  // the one being read was let go
  stop = false;
  options.progress = {};
  BOOST_TEST(scan().changed == 41U);
}

BOOST_FIXTURE_TEST_CASE(a_stopped_scan_deletes_nothing_it_has_not_looked_for, TreeFixture) {
  write("a", "1");
  write("z/1", "1");
  scan();
  options.progress = [&](const ScanProgress&) { stop = true; };
  BOOST_TEST(scan().deleted == 0U);
  BOOST_TEST(keys().size() == 3U);
}

BOOST_FIXTURE_TEST_CASE(directories_are_scanned_by_themselves, TreeFixture) {
  write("a/1", "1");
  write("a/sub/2", "2");
  write("b/3", "3");
  scan();
  write("a/1", "ONE");
  write("a/sub/2", "TWO");
  write("a/fresh/deep/4", "4");
  write("b/3", "THREE");
  const ScanResult result = scan_in({"a"});
  BOOST_TEST((entry("a/1")->content == sys::digest(key, "ONE")));
  BOOST_TEST((entry("a/sub/2")->content == sys::digest(key, "2")));
  BOOST_TEST((entry("b/3")->content == sys::digest(key, "3")));
  BOOST_TEST(entry("a/fresh/deep/4").has_value());
  BOOST_TEST(result.deleted == 0U);
  scan_in({"b", "a/sub"});
  BOOST_TEST(scan().changed == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_directory_that_vanished_is_deleted_with_its_content_and_its_neighbours_stay,
                        TreeFixture) {
  write("a/sub/2", "2");
  write("a.b", "neighbour");
  write("b/3", "3");
  scan();
  fs::remove_all(path("a"));
  BOOST_TEST(scan_in({"a/sub"}).deleted == 2U);
  BOOST_TEST(scan_in({"a"}).deleted == 1U);
  BOOST_TEST((keys() == names({"a.b", "b", "b/3"})));
}

BOOST_FIXTURE_TEST_CASE(a_directory_beneath_an_unknown_one_brings_that_one_in, TreeFixture) {
  scan();
  write("new/sub/f", "1");
  write("new/other", "2");
  scan_in({"new/sub"});
  BOOST_TEST((keys() == names({"new", "new/other", "new/sub", "new/sub/f"})));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::replicator
