// Files that are still being written: what is left as it was, for how long, and what is never left.
#include <boost/test/unit_test.hpp>

#include "replicator/source/disk_facts.h"
#include "replicator/source/stable_book.h"
#include "tests/source/tree_fixture.h"

namespace ha::replicator {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kNowSeconds = 1'800'000'000;

sys::Stat file_of(std::int64_t mtime_s, std::int64_t ctime_s, std::uint64_t inode = 7) {
  sys::Stat stat{};
  stat.type = sys::FileType::Regular;
  stat.ino = inode;
  stat.mtime.seconds = mtime_s;
  stat.ctime.seconds = ctime_s;
  return stat;
}

Now at(Duration steady, Duration wall = {}) {
  return {SteadyTime(steady), WallTime(std::chrono::seconds(kNowSeconds) + wall)};
}

// A clock that the test turns; it begins when the files of the test are made.
struct StableFixture : TreeFixture {
  StableFixture() {
    options.clock = [this] { return Now{SteadyTime(1h + later), WallTime(begin + later)}; };
    index.set_own_changes(true);
    write("known", "1");
    write("d/deep", "2");
    scan();
    options.stable = &book;
    later = 1min;
    begin = read_clocks().wall.time_since_epoch() - later;
  }
  // As if nobody had touched anything for so long.
  void wait(Duration span) { later += span; }
  [[nodiscard]] bool is_deleted(const Bytes& name) {
    const auto found = must(index.get(name));
    return found && found->deleted;
  }

  StableBook book{20s};
  // So that nothing is young at the first scan.
  Duration begin = read_clocks().wall.time_since_epoch() + 1h;
  Duration later{};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(source_stable)

BOOST_AUTO_TEST_CASE(a_file_waits_until_the_younger_of_its_times_is_old_enough) {
  StableBook book(20s);
  BOOST_TEST((book.waits("f", file_of(kNowSeconds - 5, kNowSeconds - 3), at(0s)) == Duration(17s)));
  BOOST_TEST((book.waits("f", file_of(kNowSeconds - 5, kNowSeconds - 3), at(10s, 10s)) == Duration(7s)));
  BOOST_TEST(!book.waits("f", file_of(kNowSeconds - 5, kNowSeconds - 3), at(17s, 17s)).has_value());
  BOOST_TEST(!book.waits("g", file_of(kNowSeconds - 20, kNowSeconds - 20), at(0s)).has_value());
  BOOST_TEST(!book.waits("h", file_of(-5, 0), at(0s)).has_value());
  BOOST_TEST(book.size() == 0U);
}

BOOST_AUTO_TEST_CASE(a_time_in_the_future_or_a_clock_that_was_set_back_delays_it_once) {
  StableBook book(20s);
  for (const std::int64_t ahead : {3600L, 9'100'000'000L}) {
    const sys::Stat stat = file_of(kNowSeconds + ahead, kNowSeconds + 3600);
    BOOST_TEST((book.waits("f", stat, at(0s)) == Duration(20s)));
    BOOST_TEST((book.waits("f", stat, at(15s, -1h)) == Duration(5s)));
    BOOST_TEST(!book.waits("f", stat, at(20s, -1h)).has_value());
  }
}

BOOST_AUTO_TEST_CASE(whatever_is_written_begins_the_time_anew) {
  StableBook book(20s);
  BOOST_TEST((book.waits("f", file_of(kNowSeconds + 50, 1), at(0s)) == Duration(20s)));
  BOOST_TEST((book.waits("f", file_of(kNowSeconds + 51, 1), at(19s, 19s)) == Duration(20s)));
  BOOST_TEST((book.waits("f", file_of(kNowSeconds + 51, 1), at(30s, 30s)) == Duration(9s)));
}

BOOST_AUTO_TEST_CASE(what_waits_is_found_by_what_it_was_before_it_was_renamed) {
  StableBook book(20s);
  BOOST_TEST(book.waits("b", file_of(kNowSeconds - 900, kNowSeconds), at(0s)).has_value());
  LocalStat before = stat_record(file_of(kNowSeconds - 900, kNowSeconds - 900));
  BOOST_TEST((book.renamed_from(before) == std::vector<Bytes>{"b"}));
  before.mtime_s -= 1;  // the same inode, but another file
  BOOST_TEST(book.renamed_from(before).empty());
  book.forget_unasked();
  BOOST_TEST(book.size() == 1U);
  book.forget_unasked();
  BOOST_TEST(book.size() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_new_file_is_not_recorded_before_it_is_stable, StableFixture) {
  write("new", "1");
  const ScanResult first = scan();
  BOOST_TEST(!entry("new").has_value());
  BOOST_TEST(first.waiting == 1U);
  BOOST_TEST((first.waiting_for > 0s && first.waiting_for <= 20s));
  BOOST_TEST((first.waiting_keys == std::vector<Bytes>{"new"}));
  wait(25s);
  BOOST_TEST(scan_in({""}).waiting == 0U);
  BOOST_TEST(entry("new").has_value());
}

BOOST_FIXTURE_TEST_CASE(a_known_file_keeps_its_old_version_meanwhile, StableFixture) {
  const Digest old = entry("known")->content;
  write("known", "another");
  BOOST_TEST(scan().waiting == 1U);
  BOOST_TEST((entry("known")->content == old));
  wait(25s);
  scan();
  BOOST_TEST((entry("known")->content != old));
}

BOOST_FIXTURE_TEST_CASE(deletions_and_directories_do_not_wait, StableFixture) {
  std::filesystem::remove(path("known"));
  std::filesystem::create_directories(path("x/y"));
  std::filesystem::create_symlink("y", path("x/link"));
  const ScanResult result = scan();
  BOOST_TEST(result.waiting == 0U);
  BOOST_TEST(result.deleted == 1U);
  BOOST_TEST(is_deleted("known"));
  BOOST_TEST((entry("x/y").has_value() && entry("x/link").has_value()));
}

BOOST_FIXTURE_TEST_CASE(a_renamed_file_goes_by_its_old_name_until_it_is_stable, StableFixture) {
  for (const char* name : {"a", "z"}) {  // before and after the old name
    const Bytes from = std::string(name) == "a" ? "known" : "a";
    std::filesystem::rename(path(from), path(name));
    BOOST_TEST(scan().waiting == 2U);
    BOOST_TEST(entry(from).has_value());
    BOOST_TEST(!entry(name).has_value());
    wait(25s);
    BOOST_TEST(scan().waiting == 0U);
    BOOST_TEST(is_deleted(from));
    BOOST_TEST(entry(name).has_value());
    begin -= 25s;  // the next rename is of this moment
  }
}

BOOST_FIXTURE_TEST_CASE(the_directory_of_a_renamed_file_stays_with_it, StableFixture) {
  std::filesystem::rename(path("d/deep"), path("moved"));
  std::filesystem::remove(path("d"));
  BOOST_TEST(scan().deleted == 0U);
  BOOST_TEST((entry("d").has_value() && entry("d/deep").has_value()));
  wait(25s);
  BOOST_TEST(scan().deleted == 2U);
  BOOST_TEST(entry("moved").has_value());
}

BOOST_FIXTURE_TEST_CASE(what_was_renamed_and_then_deleted_is_deleted, StableFixture) {
  std::filesystem::rename(path("known"), path("a"));
  BOOST_TEST(scan().waiting == 2U);
  std::filesystem::remove(path("a"));
  BOOST_TEST(scan_in({""}).deleted == 1U);
  BOOST_TEST(is_deleted("known"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::replicator
