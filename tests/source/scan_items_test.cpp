// Single items in a scan: hard links, holes, chunk lists, owners, states.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replicator/delta/chunker.h"
#include "replicator/model/chunk.h"
#include "replicator/model/item_hash.h"
#include "replicator/source/scanner.h"
#include "tests/source/tree_fixture.h"

namespace fs = std::filesystem;

namespace ha::replicator {
namespace {

std::vector<Bytes> names(std::initializer_list<const char*> list) {
  return {list.begin(), list.end()};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(source_scan_items)

BOOST_FIXTURE_TEST_CASE(hard_links_follow_their_lowest_name, TreeFixture) {
  write("m/leader", "content");
  fs::create_hard_link(path("m/leader"), path("z"));
  scan();
  BOOST_TEST((entry("m/leader")->rank == Rank::Content));
  BOOST_TEST((entry("z")->rank == Rank::Link));
  BOOST_TEST(meta("z").target == "m/leader");
  BOOST_TEST((entry("z")->content == entry("m/leader")->content));
  BOOST_TEST(scan().changed == 0U);

  fs::create_hard_link(path("z"), path("a"));  // a lower name takes over
  BOOST_TEST(scan().changed == 3U);
  BOOST_TEST((entry("a")->rank == Rank::Content));
  BOOST_TEST(meta("m/leader").target == "a");
  BOOST_TEST(meta("z").target == "a");

  const Digest before = entry("z")->hash;
  write("z", "other content");
  scan();
  BOOST_TEST((entry("z")->hash != before));
  BOOST_TEST((entry("z")->content == sys::digest(key, "other content")));

  fs::remove(path("a"));
  fs::remove(path("z"));
  scan();
  BOOST_TEST((meta("m/leader").type == FileType::Regular));
  BOOST_TEST((keys() == names({"m", "m/leader"})));
}

BOOST_FIXTURE_TEST_CASE(a_rescan_of_a_directory_leaves_hard_links_to_a_full_scan, TreeFixture) {
  write("a", "1");
  write("d/b", "2");
  scan();
  fs::create_hard_link(path("d/b"), path("d/c"));
  const ScanResult result = scan_in({"d"});
  BOOST_TEST(result.need_full);
  BOOST_TEST(!entry("d/c").has_value());
  BOOST_TEST((entry("d/b")->rank == Rank::Content));
  scan();
  BOOST_TEST((entry("d/c")->rank == Rank::Link));
  BOOST_TEST(!scan_in({"d"}).need_full);
  write("d/c", "3");
  BOOST_TEST(scan_in({"d"}).need_full);
  BOOST_TEST((entry("d/b")->content == sys::digest(key, "3")));
}

BOOST_FIXTURE_TEST_CASE(holes_and_written_zeros_are_the_same_content, TreeFixture) {
  Random random(1);
  Bytes content = random_bytes_of(random, 200'000) + Bytes(3'000'000, '\0') + random_bytes_of(random, 50'000);
  write("zeros", content);
  const int fd = ::open(path("holes").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  BOOST_REQUIRE(fd >= 0);
  BOOST_REQUIRE(::pwrite(fd, content.data(), 200'000, 0) == 200'000);
  BOOST_REQUIRE(::pwrite(fd, content.data() + 3'200'000, 50'000, 3'200'000) == 50'000);
  ::close(fd);
  const ScanResult result = scan();
  BOOST_TEST((entry("zeros")->content == entry("holes")->content));
  BOOST_TEST(result.bytes_hashed < 2 * content.size());
  BOOST_REQUIRE(::truncate(path("holes").c_str(), 3'000'000'000'000) == 0);
  BOOST_TEST(scan().bytes_hashed < 1'000'000U);
  BOOST_TEST(entry("holes")->size == 3'000'000'000'000U);
}

BOOST_FIXTURE_TEST_CASE(chunk_lists_are_kept_and_age_when_the_peers_have_them, TreeFixture) {
  Random random(2);
  bool acknowledged = true;
  options.keep_previous = [&](const Entry&) { return acknowledged; };
  write("f", random_bytes_of(random, 100'000));
  write("small", "x");
  scan();
  const Digest first = entry("f")->content;
  BOOST_TEST(must(index.current_chunks("f")).has_value());
  BOOST_TEST(!must(index.current_chunks("small")).has_value());
  write("f", random_bytes_of(random, 2'000'000));
  scan();
  const Digest second = entry("f")->content;
  BOOST_TEST(must(index.find_chunks("f", first)).has_value());
  const ChunkList list = must(decode_chunks(*must(index.find_chunks("f", second))));
  BOOST_TEST((must(content_digest(key, list, 2'000'000)) == second));
  acknowledged = false;  // nobody has the second one, so the first stays the one to delta against
  write("f", random_bytes_of(random, 300'000));
  scan();
  BOOST_TEST(must(index.find_chunks("f", first)).has_value());
  BOOST_TEST(!must(index.find_chunks("f", second)).has_value());
  write("f", "small");
  scan();
  BOOST_TEST(!must(index.current_chunks("f")).has_value());
}

BOOST_FIXTURE_TEST_CASE(a_copy_with_the_owner_names_of_its_origin_is_equal_to_it, TreeFixture) {
  write("f", "1");
  scan();
  // As apply would have recorded it: the origin's numbers are others, but root is root.
  Entry received = *entry("f");
  FileMeta m = meta("f");
  m.uid = 4321;
  m.gid = 4321;
  m.user = "root";
  m.group = "root";
  received.meta = encode_meta(m);
  received.hash = item_hash(key, received);
  received.local = encode_local({});
  IndexBatch batch = must(index.begin());
  must(batch.put(received));
  must(batch.commit());
  const std::uint64_t head = index.head();
  BOOST_TEST(scan().refreshed == 1U);
  BOOST_TEST(index.head() == head);
  BOOST_TEST(entry("f")->meta == received.meta);
  BOOST_REQUIRE(::chown(path("f").c_str(), 4321, 0) == 0);
  BOOST_TEST(scan().changed == 1U);
  BOOST_TEST(meta("f").uid == 4321U);
  BOOST_TEST(meta("f").user.empty());
  BOOST_TEST(meta("f").group == "root");
}

BOOST_FIXTURE_TEST_CASE(kept_items_stay_kept_and_go_without_a_tombstone, TreeFixture) {
  write("f", "1");
  scan();
  Entry kept = *entry("f");
  kept.state = EntryState::Kept;
  IndexBatch batch = must(index.begin());
  must(batch.put(kept));
  must(batch.commit());
  write("f", "2");
  scan();
  BOOST_TEST((entry("f")->state == EntryState::Kept));
  fs::remove(path("f"));
  scan();
  BOOST_TEST(!must(index.get("f")).has_value());
}

BOOST_FIXTURE_TEST_CASE(a_holder_leaves_kept_items_alone_and_takes_what_is_made_anew_in_their_place,
                        TreeFixture) {
  write("d/e/f", "1");
  write("d/e/g", "1");
  write("h", "1");
  scan();
  IndexBatch batch = must(index.begin());
  for (const char* name : {"d", "d/e", "d/e/f", "d/e/g", "h"}) {
    Entry kept = *entry(name);
    kept.state = EntryState::Kept;
    must(batch.put(kept));
  }
  must(batch.commit());
  index.set_own_changes(true);
  BOOST_TEST(scan().changed == 0U);
  BOOST_TEST(index.count() == 0U);
  write("d/e/f", "another");
  scan();
  for (const char* name : {"d", "d/e", "d/e/f"}) {  // replicas need the directories too
    BOOST_TEST((entry(name)->state == EntryState::Mirrored), name);
  }
  BOOST_TEST((entry("d/e/g")->state == EntryState::Kept));
  BOOST_TEST((entry("h")->state == EntryState::Kept));
  BOOST_TEST(index.count() == 3U);
  BOOST_REQUIRE(::chmod(path("h").c_str(), 0600) == 0);
  scan();
  BOOST_TEST((entry("h")->state == EntryState::Kept));
  write("i", "1");
  fs::rename(path("i"), path("h"));  // the same content, but put there
  scan();
  BOOST_TEST((entry("h")->state == EntryState::Mirrored));
}

BOOST_FIXTURE_TEST_CASE(a_kept_name_leads_no_other_name_of_its_inode, TreeFixture) {
  write("b", "1");
  scan();
  Entry other = *entry("b");
  fs::create_hard_link(path("b"), path("a"));
  scan();
  BOOST_TEST((entry("b")->rank == Rank::Link));
  Entry kept = *entry("a");
  kept.state = EntryState::Kept;
  IndexBatch batch = must(index.begin());
  must(batch.put(kept));
  must(batch.put(other));  // as the origin has it now
  must(batch.commit());
  for (const bool own : {false, true}) {
    index.set_own_changes(own);
    scan();
    BOOST_TEST((entry("b")->rank == Rank::Content && entry("b")->state == EntryState::Mirrored));
    BOOST_TEST((entry("a")->state == EntryState::Kept));
    BOOST_TEST((index.sum() == entry("b")->hash));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::replicator
