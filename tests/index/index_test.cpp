#include "replicator/index/index.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <thread>

#include "common/sys/sqlite.h"
#include "replicator/index/schema_info.h"
#include "tests/index/index_fixture.h"

namespace fs = std::filesystem;

namespace ha::replicator {
namespace {

const Bytes kKey(32, 'k');

// In a child that is killed: what it did not commit must be gone.
template <typename Work>
void run_and_kill(Work work) {
  const pid_t child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    work();
    ::raise(SIGKILL);
    ::_exit(1);
  }
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  BOOST_REQUIRE(WIFSIGNALED(status));
}

void overwrite(const std::string& path, std::streamoff at, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(at);
  file << bytes;
  BOOST_REQUIRE(file.good());
}

}  // namespace
}  // namespace ha::replicator

BOOST_AUTO_TEST_SUITE(index_index)

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_CASE(a_new_index_has_an_id_and_nothing_else) {
  Index first = must(Index::open(":memory:"));
  Index second = must(Index::open(":memory:"));
  BOOST_TEST(first.index_id() != 0U);
  BOOST_TEST(first.index_id() != second.index_id());
  BOOST_TEST(first.head() == 0U);
  BOOST_TEST(first.epoch() == 0U);
  BOOST_TEST(first.count() == 0U);
  BOOST_TEST(first.sum().is_zero());
  BOOST_TEST(first.digest_key().empty());
  BOOST_TEST(must(first.begin()).put(make_entry("a", 1)).value() == 1U);
}

BOOST_AUTO_TEST_CASE(everything_is_there_after_reopening) {
  Folder folder;
  Position before;
  {
    Index index = must(Index::open(folder.file()));
    put_all(index, {make_entry("a", 1), make_entry("b", 2)});
    IndexBatch batch = must(index.begin());
    must(batch.erase("a"));
    must(batch.set_epoch(7));
    must(batch.set_digest_key(kKey));
    must(batch.commit());
    before = index.position();
  }
  Index index = must(Index::open(folder.file()));
  BOOST_TEST((index.position() == before));
  BOOST_TEST(index.head() == 3U);
  BOOST_TEST(index.epoch() == 7U);
  BOOST_TEST((index.digest_key() == kKey));
  BOOST_TEST(index.count() == 1U);
  BOOST_TEST((must(index.get("b"))->meta == "meta of b"));
}

BOOST_AUTO_TEST_CASE(sequences_are_never_given_out_twice) {
  Folder folder;
  std::uint64_t last = 0;
  for (int round = 0; round < 3; ++round) {
    Index index = must(Index::open(folder.file()));
    IndexBatch batch = must(index.begin());
    const std::uint64_t put = must(batch.put(make_entry("a", 1)));
    BOOST_TEST(put > last);
    last = must(batch.erase("a"));
    BOOST_TEST(last > put);
    must(batch.trim_tombstones(last, 0));
    must(batch.commit());
  }
  BOOST_TEST(last == 6U);
}

BOOST_AUTO_TEST_CASE(epochs_never_go_back) {
  Index index = must(Index::open(":memory:"));
  IndexBatch batch = must(index.begin());
  must(batch.set_epoch(5));
  must(batch.set_epoch(5));
  BOOST_TEST((code_of(batch.set_epoch(4)) == Code::Refused));
  BOOST_TEST((code_of(batch.set_epoch(1ULL << 63)) == Code::Invalid));
  must(batch.set_epoch(6));
  must(batch.commit());
  BOOST_TEST(index.epoch() == 6U);
}

BOOST_AUTO_TEST_CASE(the_lineage_keeps_what_it_was_told_first) {
  Index index = must(Index::open(":memory:"));
  const EpochStart second{2, {7, 1, 100, {1, 2}}};
  const EpochStart fifth{5, {8, 2, 30, {}}};
  IndexBatch batch = must(index.begin());
  must(batch.add_lineage(second));
  must(batch.add_lineage(fifth));
  must(batch.add_lineage({2, {9, 1, 1, {}}}));
  BOOST_TEST((code_of(batch.add_lineage({3, {9, 3, 1, {}}})) == Code::Invalid));
  must(batch.commit());
  BOOST_TEST((must(index.lineage()) == Lineage{fifth, second}));
}

BOOST_AUTO_TEST_CASE(an_entry_says_whose_change_it_is) {
  const Folder folder;
  const std::string path = folder.file();
  {
    Index index = must(Index::open(path));
    IndexBatch batch = must(index.begin());
    must(batch.set_epoch(3));
    Entry theirs = make_entry("theirs", 1);
    theirs.source = {7, 2};
    theirs.version = 55;
    must(batch.put(theirs));
    must(batch.put(make_entry("nobodys", 2)));
    index.set_own_changes(true);
    must(batch.put(make_entry("ours", 3)));
    must(batch.erase("nobodys"));
    batch.set_reconciled(2);
    batch.set_reconciled(1);
    must(batch.commit());
    BOOST_TEST((must(index.get("nobodys"))->source == Source{index.index_id(), 3}));
  }
  Index index = must(Index::open(path));
  const Entry theirs = *must(index.get("theirs"));
  BOOST_TEST((theirs.source == Source{7, 2}));
  BOOST_TEST(theirs.version == 55U);
  const Entry ours = *must(index.get("ours"));
  BOOST_TEST((ours.source == Source{index.index_id(), 3}));
  BOOST_TEST(ours.version == ours.sequence);
  BOOST_TEST(must(index.get("nobodys"))->version == 4U);
  BOOST_TEST(index.reconciled() == 2U);
}

BOOST_AUTO_TEST_CASE(what_is_nobodys_is_the_holders_when_both_are_equal) {
  Index index = must(Index::open(":memory:"));
  IndexBatch batch = must(index.begin());
  Entry theirs = make_entry("theirs", 1);
  theirs.source = {7, 2};
  theirs.version = 55;
  must(batch.put(theirs));
  must(batch.put(make_entry("found", 2)));
  must(batch.put(make_entry("gone", 3)));
  must(batch.erase("gone"));
  const std::uint64_t head = index.head();
  must(batch.attribute({}, 9));  // nobody is not somebody
  must(batch.attribute({8, 4}, 60));
  must(batch.attribute({9, 5}, 70));
  must(batch.commit());
  BOOST_TEST((must(index.get("theirs"))->source == Source{7, 2}));
  BOOST_TEST((must(index.get("found"))->source == Source{8, 4}));
  BOOST_TEST((must(index.get("gone"))->source == Source{8, 4}));
  BOOST_TEST(must(index.get("gone"))->version == 60U);
  BOOST_TEST(must(index.get("gone"))->deleted);
  BOOST_TEST(index.head() == head);  // it is no change
}

BOOST_AUTO_TEST_CASE(what_was_beyond_is_the_holders_when_both_are_equal) {
  Index index = must(Index::open(":memory:"));
  IndexBatch batch = must(index.begin());
  const auto put = [&](const Bytes& key, const Source& source, std::uint64_t version) {
    Entry entry = make_entry(key, 1);
    entry.source = source;
    entry.version = version;
    must(batch.put(entry));
  };
  put("seen", {7, 2}, 10);
  put("unseen", {7, 2}, 11);
  put("passed over", {5, 1}, 1);
  put("newest", {8, 3}, 4);
  put("nobodys", {}, 0);
  put("deleted", {7, 2}, 9);
  must(batch.erase("deleted", {7, 2}, 12));
  must(batch.attribute_unseen({8, 3}, 60, {{3, {7, 2, 10, {}}}}));
  must(batch.commit());
  BOOST_TEST((must(index.get("seen"))->source == Source{7, 2}));
  BOOST_TEST((must(index.get("unseen"))->source == Source{8, 3}));
  BOOST_TEST(must(index.get("unseen"))->version == 60U);
  BOOST_TEST((must(index.get("passed over"))->source == Source{8, 3}));
  BOOST_TEST(must(index.get("newest"))->version == 4U);
  BOOST_TEST((must(index.get("nobodys"))->source == Source{}));
  BOOST_TEST((must(index.get("deleted"))->source == Source{7, 2}));  // it may be undone yet
}

BOOST_AUTO_TEST_CASE(a_source_of_a_batch_that_was_dropped_is_forgotten) {
  Index index = must(Index::open(":memory:"));
  Entry entry = make_entry("a", 1);
  entry.source = {7, 2};
  {
    IndexBatch batch = must(index.begin());
    must(batch.put(entry));
  }
  IndexBatch batch = must(index.begin());
  entry.source = {8, 2};
  must(batch.put(entry));
  must(batch.commit());
  BOOST_TEST((must(index.get("a"))->source == Source{8, 2}));
}

BOOST_AUTO_TEST_CASE(the_lineage_is_bounded) {
  Index index = must(Index::open(":memory:"));
  IndexBatch batch = must(index.begin());
  for (std::uint64_t epoch = 1; epoch <= 200; ++epoch) {
    must(batch.add_lineage({epoch, {7, epoch - 1, 1, {}}}));
  }
  must(batch.commit());
  const auto lineage = must(index.lineage());
  BOOST_TEST(lineage.size() == kLineageMax);
  BOOST_TEST(lineage.front().epoch == 200U);
}

BOOST_AUTO_TEST_CASE(another_digest_key_starts_over_under_a_new_id) {
  Index index = must(Index::open(":memory:"));
  IndexBatch batch = must(index.begin());
  BOOST_TEST((code_of(batch.set_digest_key("short")) == Code::Invalid));
  const std::uint64_t id = index.index_id();
  must(batch.set_digest_key(kKey));
  must(batch.put(make_entry("a", 1)));
  must(batch.put(make_entry("gone", 2)));
  must(batch.erase("gone", {7, 2}, 55));
  must(batch.set_acknowledged("fra1", {1, 2, 3, {}}));
  must(batch.set_applied("fra1", {4, 5, 6, {}}));
  must(batch.set_digest_key(kKey));
  BOOST_TEST(index.index_id() == id);
  BOOST_TEST(index.count() == 1U);
  must(batch.set_digest_key(Bytes(32, 'n')));
  must(batch.commit());
  BOOST_TEST(index.index_id() != id);
  BOOST_TEST(index.count() == 0U);
  BOOST_TEST(index.sum().is_zero());
  BOOST_TEST(index.head() == 3U);
  BOOST_TEST(index.trimmed_to() == 3U);
  BOOST_TEST(!must(index.get("a")));
  const auto gone = must(index.get("gone"));
  BOOST_REQUIRE(gone);
  BOOST_TEST((gone->deleted && gone->source == Source{7, 2} && gone->version == 55));
  BOOST_TEST(!must(index.acknowledged("fra1")));
  BOOST_TEST(must(index.applied("fra1"))->sequence == 6U);
}

BOOST_AUTO_TEST_CASE(a_batch_without_commit_changes_nothing) {
  Folder folder;
  Index index = must(Index::open(folder.file()));
  put_all(index, {make_entry("a", 1)});
  const Identity before = index.identity();
  {
    IndexBatch batch = must(index.begin());
    must(batch.put(make_entry("b", 2)));
    must(batch.erase("a"));
    must(batch.set_epoch(9));
    BOOST_TEST(index.head() == 3U);
    BOOST_TEST((code_of(index.begin()) == Code::Internal));
  }
  BOOST_TEST((index.identity() == before));
  BOOST_TEST((must(index.get("a"))->hash == make_entry("a", 1).hash));
  BOOST_TEST(!must(index.get("b")));
  put_all(index, {make_entry("c", 3)});
  BOOST_TEST(index.head() == 2U);
}

BOOST_AUTO_TEST_CASE(a_killed_process_leaves_what_it_committed_and_no_more) {
  Folder folder;
  { must(Index::open(folder.file())); }
  run_and_kill([&] {
    Index index = must(Index::open(folder.file()));
    put_all(index, {make_entry("kept", 1)});
    IndexBatch batch = must(index.begin());
    for (std::uint64_t i = 0; i < 20'000; ++i) {  // more than the cache holds, so some of it is in the WAL
      must(batch.put(make_entry("lost" + std::to_string(i), i)));
    }
    ::raise(SIGKILL);
  });
  Index index = must(Index::open(folder.file()));
  BOOST_TEST(index.count() == 1U);
  BOOST_TEST(index.head() == 1U);
  BOOST_TEST(must(index.get("kept")).has_value());
  BOOST_TEST(!must(index.get("lost0")));
}

BOOST_AUTO_TEST_CASE(two_connections_see_whole_batches_only) {
  Folder folder;
  Index index = must(Index::open(folder.file()));
  put_numbered(index, 500);
  std::thread reader([&] {
    IndexReader other = must(IndexReader::open(folder.file()));
    std::uint64_t last = 0;
    while (last < 600) {
      const sys::Transaction snapshot = must(other.snapshot());
      const Identity identity = must(other.identity());
      const RangeSum sum = must(other.sum_of({}));
      BOOST_REQUIRE((sum.sum == identity.sum && sum.count == identity.count));
      last = identity.head;
    }
  });
  for (std::uint64_t i = 0; i < 100; ++i) {
    put_all(index, {make_entry("k/new" + std::to_string(i % 7), i)});
  }
  reader.join();
}

BOOST_AUTO_TEST_CASE(a_reader_needs_an_index) {
  Folder folder;
  BOOST_TEST((code_of(IndexReader::open(folder.file())) == Code::NotFound));
  Index index = must(Index::open(folder.file()));
  IndexReader reader = must(IndexReader::open(folder.file()));
  BOOST_TEST((must(reader.identity()) == index.identity()));
}

BOOST_AUTO_TEST_CASE(what_is_acknowledged_by_all_is_the_least) {
  Index index = must(Index::open(":memory:"));
  put_numbered(index, 10);
  IndexBatch batch = must(index.begin());
  must(batch.set_acknowledged("a", {index.index_id(), 0, 8, {}}));
  must(batch.set_acknowledged("b", {index.index_id(), 0, 5, {}}));
  must(batch.set_acknowledged("c", {index.index_id() + 1, 0, 9, {}}));
  must(batch.commit());
  BOOST_TEST(must(index.acknowledged_by_all({})) == 10U);
  BOOST_TEST(must(index.acknowledged_by_all({"a", "b"})) == 5U);
  BOOST_TEST(must(index.acknowledged_by_all({"a", "c"})) == 0U);
  BOOST_TEST(must(index.acknowledged_by_all({"a", "unknown"})) == 0U);
}

// Between two turns of this site another holder may have put back what it deleted.
BOOST_AUTO_TEST_CASE(what_was_acknowledged_in_a_former_epoch_is_not_any_more) {
  Index index = must(Index::open(":memory:"));
  put_numbered(index, 10);
  IndexBatch batch = must(index.begin());
  must(batch.set_epoch(3));
  must(batch.set_acknowledged("a", {index.index_id(), 3, 8, {}}));
  must(batch.set_acknowledged("b", {index.index_id(), 1, 9, {}}));
  must(batch.commit());
  BOOST_TEST(must(index.acknowledged_by_all({"a"})) == 8U);
  BOOST_TEST(must(index.acknowledged_by_all({"a", "b"})) == 0U);
}

// --- damage ---

BOOST_AUTO_TEST_CASE(damage_of_any_kind_is_corrupt) {
  Folder folder;
  {
    Index index = must(Index::open(folder.file()));
    put_numbered(index, 3000);
  }
  const std::string good = folder.file("good");
  fs::copy_file(folder.file(), good);
  const auto size = fs::file_size(good);
  const auto damaged = [&](const char* what, const auto& damage) {
    BOOST_TEST_CONTEXT(what) {
      fs::copy_file(good, folder.file(), fs::copy_options::overwrite_existing);
      damage();
      const auto opened = Index::open(folder.file());
      BOOST_REQUIRE((code_of(opened) == Code::Corrupt));
      BOOST_TEST(!opened.error().hint().empty());
      BOOST_TEST(opened.error().what().find(folder.file()) != std::string::npos);
    }
  };
  damaged("truncated", [&] { fs::resize_file(folder.file(), size / 2); });
  damaged("no whole page", [&] { fs::resize_file(folder.file(), 100); });
  damaged("header", [&] { overwrite(folder.file(), 0, std::string(64, 'x')); });
  damaged("pages", [&] { overwrite(folder.file(), 4096 * 9, std::string(4096 * 4, 'x')); });
  damaged("zeros", [&] { overwrite(folder.file(), 4096 * 9, std::string(4096 * 2, '\0')); });
  damaged("the tail", [&] {
    overwrite(folder.file(), static_cast<std::streamoff>(size) - 4096, std::string(4096, 'x'));
  });
  damaged("a hash", [&] {
    const std::string hash = digest_bytes(make_entry(numbered_key(1500), 1501).hash);
    std::ifstream in(good, std::ios::binary);
    const std::string all((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    const auto at = all.find(hash);
    BOOST_REQUIRE(at != std::string::npos);
    overwrite(folder.file(), static_cast<std::streamoff>(at), "?");
  });
}

BOOST_AUTO_TEST_CASE(a_damaged_index_is_moved_aside_and_a_new_one_made) {
  Folder folder;
  std::uint64_t old_id = 0;
  {
    Index index = must(Index::open(folder.file()));
    put_numbered(index, 100);
    old_id = index.index_id();
  }
  BOOST_TEST(must(Index::reset_aside(folder.file())) == folder.file() + ".damaged-1");
  BOOST_TEST((code_of(Index::reset_aside(folder.file())) == Code::NotFound));
  {
    Index index = must(Index::open(folder.file()));
    BOOST_TEST(index.index_id() != old_id);
    BOOST_TEST(index.head() == 0U);
  }
  BOOST_TEST(must(Index::reset_aside(folder.file())) == folder.file() + ".damaged-2");
  BOOST_TEST(must(Index::open(folder.file() + ".damaged-1")).index_id() == old_id);
}

BOOST_AUTO_TEST_CASE(the_old_log_goes_aside_too_and_is_never_replayed_into_the_new_file) {
  Folder folder;
  run_and_kill([&] {
    Index index = must(Index::open(folder.file()));
    put_numbered(index, 50);
    ::raise(SIGKILL);
  });
  BOOST_REQUIRE(fs::exists(folder.file() + "-wal"));
  const std::string aside = must(Index::reset_aside(folder.file()));
  BOOST_TEST(fs::exists(aside + "-wal"));
  BOOST_TEST(!fs::exists(folder.file() + "-wal"));
  BOOST_TEST(must(Index::open(folder.file())).count() == 0U);
  BOOST_TEST(must(Index::open(aside)).count() == 50U);
}

BOOST_AUTO_TEST_CASE(a_lost_file_with_its_log_left_behind_is_a_new_index) {
  Folder folder;
  run_and_kill([&] {
    Index index = must(Index::open(folder.file()));
    put_numbered(index, 50);
    ::raise(SIGKILL);
  });
  fs::remove(folder.file());
  Index index = must(Index::open(folder.file()));
  BOOST_TEST(index.count() == 0U);
  BOOST_TEST(index.head() == 0U);
}

BOOST_AUTO_TEST_CASE(files_of_other_versions_and_programs_are_not_opened) {
  Folder folder;
  sys::DatabaseOptions options;
  options.mode = sys::OpenMode::Create;
  for (const std::int32_t version : {0, kSchemaVersion - 1, kSchemaVersion + 1}) {
    const std::string path = folder.file("version" + std::to_string(version));
    const sys::Schema schema = {"index", kSchemaApplication, version, "CREATE TABLE x (y)"};
    { must(sys::Database::open(path, schema, options)); }
    const auto opened = Index::open(path);
    BOOST_TEST((code_of(opened) == Code::Unsupported));
    BOOST_TEST(opened.error().what().find("this program knows version " + std::to_string(kSchemaVersion)) !=
               std::string::npos);
    BOOST_TEST(opened.error().hint().find(version < kSchemaVersion ? "older" : "newer") != std::string::npos);
  }
  const std::string foreign = folder.file("foreign");
  { must(sys::Database::open(foreign, {"x", 77, 1, "CREATE TABLE x (y)"}, options)); }
  BOOST_TEST((code_of(Index::open(foreign)) == Code::Refused));
}

BOOST_AUTO_TEST_CASE(an_index_whose_making_was_interrupted_is_finished) {
  Folder folder;
  sys::DatabaseOptions options;
  options.mode = sys::OpenMode::Create;
  { must(sys::Database::open(folder.file(), index_schema(), options)); }
  BOOST_TEST((code_of(must(IndexReader::open(folder.file())).identity()) == Code::NotFound));
  BOOST_TEST(must(Index::open(folder.file())).index_id() != 0U);
}

BOOST_AUTO_TEST_SUITE_END()
