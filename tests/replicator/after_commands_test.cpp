#include "replicator/after_commands.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include <boost/test/unit_test.hpp>

namespace ha::replicator {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

struct AfterFixture {
  fs::path place = [] {
    std::string name = (fs::temp_directory_path() / "ha-after-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    return fs::path(name);
  }();
  std::unique_ptr<wire::Loop> loop = wire::Loop::open().value();
  Logger log{make_log_sink(LogFormat::Silent, "test"), LogLevel::Debug};
  std::unique_ptr<AfterCommands> after;

  AfterFixture() = default;
  AfterFixture(const AfterFixture&) = delete;
  AfterFixture& operator=(const AfterFixture&) = delete;
  ~AfterFixture() {
    after.reset();
    fs::remove_all(place);
  }

  AfterSet set(bool is_origin = false, std::uint64_t epoch = 1) const {
    AfterSet out;
    out.config.name = "etc";
    out.config.service = "pbx";
    out.config.settle = 20ms;
    out.config.after_timeout = 20s;
    out.config.after = {{"sh", "-c", "cd " + place.string() + "; " + script}};
    out.is_origin = is_origin;
    out.epoch = epoch;
    return out;
  }
  void open(const AfterSet& about) {
    after.reset();
    after = AfterCommands::open(*loop, place.string(), "nyc1", {about}, log).value();
  }
  [[nodiscard]] bool turn_until(const std::function<bool()>& condition) const {
    for (int i = 0; i < 1000 && !condition(); ++i) {
      BOOST_REQUIRE(loop->turn(10ms).ok());
    }
    return condition();
  }
  void turn_for_a_while() const {
    for (int i = 0; i < 20; ++i) {
      BOOST_REQUIRE(loop->turn(10ms).ok());
    }
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> out;
    std::ifstream in(place / "runs");
    for (std::string line; std::getline(in, line);) {
      out.push_back(line);
    }
    return out;
  }
  [[nodiscard]] std::size_t done() const {
    std::size_t count = 0;
    for (const LogEvent& event : log.recent()) {
      count += event.name == "set.after_done" ? 1U : 0U;
    }
    return count;
  }
  [[nodiscard]] std::vector<AfterReport> failures() const {
    SideReport out;
    after->report(out);
    return out.after;
  }

  std::string script =
      "mkdir lock || echo overlap >> runs;"
      "echo $HA_SET $HA_SERVICE $HA_SITE $HA_ROLE $HA_EPOCH $HA_ITEMS >> runs; rmdir lock";
};

BOOST_AUTO_TEST_SUITE(replicator_after_commands)

BOOST_FIXTURE_TEST_CASE(a_burst_of_changes_is_one_run_with_all_its_items, AfterFixture) {
  open(set());
  for (std::uint64_t i = 1; i <= 3; ++i) {
    after->published("etc", {7, 1, i, {}}, i);
  }
  after->published("another", {7, 1, 1, {}}, 1);
  BOOST_TEST(turn_until([&] { return done() == 1U; }));
  turn_for_a_while();
  BOOST_TEST((lines() == std::vector<std::string>{"etc pbx nyc1 replica 1 6"}));
}

BOOST_FIXTURE_TEST_CASE(what_comes_during_a_run_is_the_next_one, AfterFixture) {
  open(set());
  after->published("etc", {7, 1, 1, {}}, 1);
  BOOST_TEST(turn_until([&] { return !lines().empty(); }));
  for (std::uint64_t i = 2; i <= 20; ++i) {
    after->published("etc", {7, 1, i, {}}, 1);
  }
  BOOST_TEST(turn_until([&] { return done() == 2U; }));
  BOOST_TEST((lines() == std::vector<std::string>{"etc pbx nyc1 replica 1 1", "etc pbx nyc1 replica 1 19"}));
}

BOOST_FIXTURE_TEST_CASE(a_failure_is_reported_with_the_last_line_until_it_succeeds, AfterFixture) {
  script = "echo first; echo the reason >&2; test -e good";
  open(set());
  after->published("etc", {7, 1, 1, {}}, 1);
  BOOST_TEST(turn_until([&] { return !failures().empty(); }));
  BOOST_REQUIRE(failures().size() == 1U);
  BOOST_TEST(failures()[0].set == "etc");
  BOOST_TEST(failures()[0].reason.find("exit code 1") != std::string::npos);
  BOOST_TEST(failures()[0].reason.find("the reason") != std::string::npos);
  BOOST_TEST(failures()[0].command == "sh -c 'cd " + place.string() + "; " + script + "'");
  std::ofstream(place / "good").put('x');
  after->published("etc", {7, 1, 2, {}}, 1);
  BOOST_TEST(turn_until([&] { return failures().empty(); }));
}

BOOST_FIXTURE_TEST_CASE(the_first_command_that_fails_is_the_last_one, AfterFixture) {
  AfterSet about = set();
  about.config.after = {{"/no/such/program"}, about.config.after[0]};
  open(about);
  after->published("etc", {7, 1, 1, {}}, 1);
  BOOST_TEST(turn_until([&] { return !failures().empty(); }));
  BOOST_TEST(lines().empty());
}

BOOST_FIXTURE_TEST_CASE(a_role_that_turns_has_the_commands_of_the_new_one, AfterFixture) {
  AfterSet about = set(false, 3);
  about.config.after_on = AfterOn::Holder;
  about.turns = true;
  open(about);
  BOOST_TEST(!after->has("etc"));
  after->published("etc", {7, 3, 1, {}}, 1);
  turn_for_a_while();
  BOOST_TEST(lines().empty());
  about.is_origin = true;
  about.epoch = 4;
  after->turn(about);
  BOOST_TEST(after->has("etc"));
  after->found("etc", {7, 4, 1, {}});
  BOOST_TEST(turn_until([&] { return done() == 1U; }));
  BOOST_TEST((lines() == std::vector<std::string>{"etc pbx nyc1 holder 4 0"}));
  about.is_origin = false;
  about.config.after_on = AfterOn::Always;
  about.config.shelved = true;  // no PBX reads it there
  after->turn(about);
  after->published("etc", {7, 5, 1, {}}, 1);
  turn_for_a_while();
  BOOST_TEST(done() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_holder_runs_it_once_in_each_epoch_and_again_after_a_failure, AfterFixture) {
  for (const std::uint64_t epoch : {3U, 3U, 4U, 4U}) {
    open(set(true, epoch));
    after->found("etc", {7, epoch, 0, {}});
    turn_for_a_while();
    BOOST_TEST(turn_until([&] { return done() == (epoch == 3 ? 1U : 2U); }));
  }
  BOOST_TEST((lines() == std::vector<std::string>{"etc pbx nyc1 holder 3 0", "etc pbx nyc1 holder 4 0"}));
  script = "echo >> tries; false";
  for (std::uintmax_t tries = 1; tries <= 2; ++tries) {
    open(set(true, 5));
    after->found("etc", {7, 5, 0, {}});
    BOOST_TEST(turn_until([&] { return !failures().empty(); }));
    BOOST_TEST(fs::file_size(place / "tries") == tries);
  }
}

BOOST_FIXTURE_TEST_CASE(a_replica_makes_up_at_its_start_for_what_a_kill_prevented, AfterFixture) {
  open(set());
  after->found("etc", {7, 1, 0, {}});  // nothing was ever published here
  turn_for_a_while();
  BOOST_TEST(lines().empty());
  after->published("etc", {7, 1, 10, {}}, 1);
  BOOST_TEST(turn_until([&] { return done() == 1U; }));
  open(set());
  after->found("etc", {7, 1, 10, {}});
  turn_for_a_while();
  BOOST_TEST(lines().size() == 1U);
  open(set());
  after->found("etc", {7, 1, 11, {}});
  BOOST_TEST(turn_until([&] { return done() == 2U; }));
}

BOOST_FIXTURE_TEST_CASE(it_runs_for_the_role_that_is_asked_for_only, AfterFixture) {
  for (const AfterOn on : {AfterOn::Replica, AfterOn::Holder, AfterOn::Always}) {
    for (const bool is_origin : {false, true}) {
      AfterSet about = set(is_origin);
      about.config.after_on = on;
      open(about);
      const bool wanted = on == AfterOn::Always || (on == AfterOn::Holder ? is_origin : !is_origin);
      BOOST_TEST(after->has("etc") == wanted);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(stopping_ends_a_command_that_hangs_and_it_is_made_up_for, AfterFixture) {
  script = "echo x >> runs; exec sleep 1000";
  open(set());
  after->published("etc", {7, 1, 1, {}}, 1);
  BOOST_TEST(turn_until([&] { return !lines().empty(); }));
  after->cancel();
  after->stop();
  BOOST_TEST(!fs::exists(place / "after" / "etc"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::replicator
