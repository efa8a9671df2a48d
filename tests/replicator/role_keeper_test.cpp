#include "replicator/role_keeper.h"

#include <boost/test/unit_test.hpp>

#include "tests/sys/temp_directory.h"

namespace ha::replicator {
namespace {

const SteadyTime kStart{std::chrono::hours(1)};

struct Fixture {
  sys::TempDirectory temp;
  Logger log{make_log_sink(LogFormat::Silent, "test"), LogLevel::Debug};

  RoleKeeper open() { return sys::must(RoleKeeper::open(temp.path, "fra1", log)); }
  static RoleOrder order(const std::string& holder, std::uint64_t epoch) {
    return {"pbx", holder, epoch, std::chrono::seconds(2), true};
  }
  [[nodiscard]] std::string last_event() const {
    const auto events = log.recent();
    return events.empty() ? "" : events.back().name;
  }
};

BOOST_AUTO_TEST_SUITE(replicator_role_keeper)

BOOST_FIXTURE_TEST_CASE(a_role_is_known_after_a_restart_and_its_right_is_not, Fixture) {
  RoleKeeper keeper = open();
  BOOST_TEST(keeper.take(order("fra1", 3), kStart).ok());
  BOOST_TEST(keeper.book().right("pbx").may_send(kStart));
  const RoleKeeper again = open();
  BOOST_TEST((again.book().role("pbx") == Role{"fra1", 3, 3, false}));
  BOOST_TEST(!again.book().right("pbx").may_send(kStart));
}

BOOST_FIXTURE_TEST_CASE(what_is_refused_is_not_kept, Fixture) {
  RoleKeeper keeper = open();
  BOOST_TEST(keeper.take(order("fra1", 3), kStart).ok());
  BOOST_TEST(!keeper.take(order("nyc1", 2), kStart).ok());
  BOOST_TEST(open().book().role("pbx").holder == "fra1");
}

BOOST_FIXTURE_TEST_CASE(a_damaged_file_is_told_and_left_out, Fixture) {
  BOOST_REQUIRE(sys::replace_file(temp.root, "roles", "\x01garbage", 0600).ok());
  RoleKeeper keeper = open();
  BOOST_TEST(last_event() == "roles.damaged");
  BOOST_TEST(keeper.take(order("nyc1", 3), kStart).ok());
  BOOST_TEST(open().book().role("pbx").holder == "nyc1");
}

BOOST_FIXTURE_TEST_CASE(a_role_counts_also_when_it_cannot_be_written, Fixture) {
  RoleKeeper keeper = open();
  BOOST_REQUIRE(temp.root.make_directory("roles", 0700).ok());  // nothing can be renamed onto it
  BOOST_TEST(keeper.take(order("fra1", 3), kStart).ok());
  BOOST_TEST(last_event() == "roles.not_written");
  BOOST_TEST(keeper.book().right("pbx").may_send(kStart));
  BOOST_REQUIRE(temp.root.remove_tree("roles").ok());
  BOOST_TEST(keeper.take(order("fra1", 3), kStart).ok());
  BOOST_TEST(open().book().role("pbx").epoch == 3U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::replicator
