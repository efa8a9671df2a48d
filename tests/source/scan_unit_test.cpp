// Units: what is recorded together, and when nothing of it is. docs/units.md, "Reading".
#include <boost/test/unit_test.hpp>

#include "tests/source/tree_fixture.h"

namespace ha::replicator {
namespace {

using namespace std::chrono_literals;

struct UnitFixture : TreeFixture {
  UnitFixture() {
    options.is_unit = [](BytesView name) {
      return std::count(name.begin(), name.end(), '/') == 2 && name.starts_with("default/");
    };
    index.set_own_changes(true);
    write(box + "/msg0000.txt", "t0");
    write(box + "/msg0000.wav", "w0");
    write(box + "/msg0001.txt", "t1");
    write(box + "/msg0001.wav", "w1");
  }
  Digest digest(const Bytes& unit) { return meta(unit).unit.value_or(Digest{9, 9}); }
  Digest sum(const std::vector<Bytes>& files) {
    Digest out;
    for (const Bytes& file : files) {
      out += entry(box + "/" + file).value().hash;
    }
    return out;
  }
  void move(const Bytes& from, const Bytes& to) const {
    std::filesystem::rename(path(box + "/" + from), path(box + "/" + to));
  }

  Bytes box = "default/1001/INBOX";
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(source_unit, UnitFixture)

BOOST_AUTO_TEST_CASE(the_directory_says_what_its_files_come_to) {
  write(box + "/deeper/file", "no part of it");
  scan();
  BOOST_TEST((digest(box) == sum({"msg0000.txt", "msg0000.wav", "msg0001.txt", "msg0001.wav"})));
  BOOST_TEST(!meta("default/1001").unit.has_value());
  BOOST_TEST(entry(box + "/deeper/file").has_value());
  const std::uint64_t head = index.head();
  scan();
  BOOST_TEST(index.head() == head);
}

BOOST_AUTO_TEST_CASE(a_renumbered_unit_is_recorded_with_its_deletions) {
  scan();
  std::filesystem::remove(path(box + "/msg0000.txt"));
  std::filesystem::remove(path(box + "/msg0000.wav"));
  move("msg0001.wav", "msg0000.wav");
  move("msg0001.txt", "msg0000.txt");
  const ScanResult result = scan_in({box});
  BOOST_TEST(result.deleted == 2U);
  BOOST_TEST(!entry(box + "/msg0001.txt").has_value());
  BOOST_TEST((digest(box) == sum({"msg0000.txt", "msg0000.wav"})));
}

BOOST_AUTO_TEST_CASE(a_unit_that_changes_while_it_is_read_stays_as_it_was) {
  scan();
  const Digest before = digest(box);
  write(box + "/msg0002.wav", "w2");
  write(box + "/msg0002.txt", "t2");
  bool moved = false;
  options.progress = [&](const ScanProgress& at) {
    if (!moved && at.key == box + "/msg0002.txt") {
      moved = true;
      move("msg0002.wav", "msg0003.wav");
    }
  };
  const ScanResult result = scan_in({box});
  BOOST_TEST(moved);
  BOOST_TEST(result.waiting == 1U);
  BOOST_TEST(result.changed == 0U);
  BOOST_TEST(!entry(box + "/msg0002.txt").has_value());
  BOOST_TEST((digest(box) == before));
  options.progress = {};
  BOOST_TEST(scan_in({box}).waiting == 0U);
  BOOST_TEST(entry(box + "/msg0003.wav").has_value());
}

BOOST_AUTO_TEST_CASE(a_locked_unit_waits_and_another_does_not) {
  scan();
  write(box + "/.lock", "");
  write(box + "/msg0002.wav", "w2");
  write("default/1002/INBOX/msg0000.txt", "other");
  // A little later, so that only the lock is in the way.
  const Duration now = read_clocks().wall.time_since_epoch();
  options.clock = [&] { return Now{SteadyTime{}, WallTime(now + 1s)}; };
  const ScanResult result = scan();
  BOOST_TEST(result.waiting == 1U);
  BOOST_TEST(!entry(box + "/msg0002.wav").has_value());
  BOOST_TEST(entry("default/1002/INBOX/msg0000.txt").has_value());
}

BOOST_AUTO_TEST_CASE(a_lock_that_nobody_can_still_hold_is_in_nobodys_way) {
  write(box + "/.lock", "");
  write(box + "/.lock-00c0ffee", "");
  scan();  // long after
  BOOST_TEST(entry(box + "/msg0001.wav").has_value());
  BOOST_TEST(!entry(box + "/.lock").has_value());
  BOOST_TEST(!entry(box + "/.lock-00c0ffee").has_value());
}

BOOST_AUTO_TEST_CASE(a_directory_that_is_called_like_a_lock_does_not_travel) {
  write(box + "/lock/inside", "x");
  write(box + "/.lock-00c0ffee/inside", "x");
  scan();
  BOOST_TEST(entry(box + "/msg0001.wav").has_value());
  BOOST_TEST(!entry(box + "/lock").has_value());
  BOOST_TEST(!entry(box + "/lock/inside").has_value());
  BOOST_TEST(!entry(box + "/.lock-00c0ffee").has_value());
}

BOOST_AUTO_TEST_CASE(a_unit_that_was_touched_within_a_tick_is_not_believed) {
  const sys::Timestamp changed = must(root.stat(box)).ctime;
  const Duration now = std::chrono::seconds(changed.seconds) + std::chrono::nanoseconds(changed.nanoseconds);
  options.clock = [&] { return Now{SteadyTime{}, WallTime(now + 5ms)}; };
  BOOST_TEST(scan().waiting == 1U);
  BOOST_TEST(!entry(box + "/msg0000.txt").has_value());
}

BOOST_AUTO_TEST_CASE(a_message_left_at_a_replica_is_its_own_and_a_greeting_is_drift) {
  scan();
  index.set_own_changes(false);
  options.replica_messages_count = true;
  write(box + "/msg0002.txt", "t2");
  write(box + "/greet.wav", "hello");
  write("default/1003/INBOX/msg0000.txt", "first of a new mailbox");
  scan();
  const Source ours{index.index_id(), index.epoch()};
  BOOST_TEST((entry(box + "/msg0002.txt")->source == ours));
  BOOST_TEST((entry(box + "/greet.wav")->source == Source{}));
  for (const char* name : {"default/1003", "default/1003/INBOX", "default/1003/INBOX/msg0000.txt"}) {
    BOOST_TEST((entry(name)->source == ours), name);
  }
}

BOOST_AUTO_TEST_CASE(a_unit_that_goes_takes_its_files_along) {
  scan();
  std::filesystem::remove_all(path("default/1001"));
  const ScanResult result = scan();
  BOOST_TEST(result.deleted == 6U);
  BOOST_TEST(!entry(box).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::replicator
