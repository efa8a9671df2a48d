// What a SetStore must not do: look at a tree that is not the one it knows.
#include "replicator/set_store.h"

#include <sys/mount.h>

#include <boost/test/unit_test.hpp>

#include "tests/replicator/set_fixture.h"

namespace ha::replicator {
namespace {

namespace fs = std::filesystem;

bool is_held(const Result<ScanResult>& result) {
  return !result.ok() && result.error().code() == Code::Held;
}

BOOST_AUTO_TEST_SUITE(replicator_set_store)

BOOST_AUTO_TEST_CASE(an_event_in_a_tree_that_has_lost_its_marker_deletes_nothing) {
  SetFixture test(true);
  test.write("d/f", "1");
  BOOST_REQUIRE(test.store->scan_all({}).ok());
  const std::uint64_t count = test.count();
  fs::remove_all(test.path(".hareplicate"));
  fs::remove(test.path("d/f"));
  BOOST_TEST(is_held(test.store->scan_directories({"d"})));
  BOOST_TEST(test.count() == count);
  BOOST_REQUIRE(test.store->accept_markers().ok());
  BOOST_TEST(test.store->scan_directories({"d"}).ok());
  BOOST_TEST(test.count() == count - 1);
}

BOOST_AUTO_TEST_CASE(an_event_beneath_a_mount_that_is_gone_deletes_nothing) {
  SetFixture test(true);
  fs::create_directories(test.path("monitor"));
  if (::mount("tmpfs", test.path("monitor").c_str(), "tmpfs", 0, "size=1m") != 0) {
    BOOST_TEST_MESSAGE("skipped: cannot mount");
    return;
  }
  test.write("monitor/call.wav", "1");
  const bool scanned = test.store->scan_all({}).ok();
  BOOST_TEST(::umount2(test.path("monitor").c_str(), MNT_DETACH) == 0);
  BOOST_REQUIRE(scanned);
  const std::uint64_t count = test.count();
  test.write("monitor/other.wav", "2");  // in the directory below
  BOOST_TEST(is_held(test.store->scan_directories({"monitor"})));
  BOOST_TEST(test.count() == count);
}

BOOST_AUTO_TEST_CASE(an_event_finds_another_root_that_has_taken_the_place_of_the_first) {
  SetFixture test(true);
  test.write("f", "1");
  BOOST_REQUIRE(test.store->scan_all({}).ok());
  fs::rename(test.root, test.root.string() + ".away");
  fs::create_directory(test.root);
  const unsigned before = test.store->root_generation();
  BOOST_TEST(is_held(test.store->scan_directories({""})));
  BOOST_TEST(test.store->root_generation() != before);
  BOOST_TEST(test.count() == 1U);
}

// Who may write in the tree would otherwise keep the daemon, with all its sets, from starting.
BOOST_AUTO_TEST_CASE(a_link_in_place_of_the_staging_directory_stops_scans_and_not_the_start) {
  SetFixture test(true);
  test.write("f", "1");
  BOOST_REQUIRE(test.store->scan_all({}).ok());
  const fs::path staging = test.path(".hareplicate");
  fs::rename(staging, test.root.string() + ".staging");
  fs::create_directory_symlink(test.root.string() + ".staging", staging);
  test.restart();
  test.write("f", "22");
  const auto refused = test.store->scan_all({});
  BOOST_REQUIRE(!refused.ok());
  BOOST_TEST((refused.error().code() == Code::Conflict));
  BOOST_TEST(refused.error().what().find("a symbolic link is in the way") != std::string::npos);
  fs::remove(staging);
  fs::rename(test.root.string() + ".staging", staging);
  const auto scanned = test.store->scan_all({});
  BOOST_REQUIRE(scanned.ok());
  BOOST_TEST(scanned->changed == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::replicator
