#include <boost/test/unit_test.hpp>

#include <utility>

#include "tests/sys/temp_directory.h"
#include "tools/hareplicate/key_rotation.h"

using namespace ha;        // NOLINT: a test
using namespace ha::tool;  // NOLINT

namespace {

KeyFacts facts(const std::string& key, const std::string& next_key, const std::string& file,
               std::optional<std::string> announced) {
  return {"fra1", key, next_key, file, std::move(announced)};
}

Code refusal(const KeyFacts& about) {
  return sys::code_of(next_rotation_step(about));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hareplicate_key_rotation)

BOOST_AUTO_TEST_CASE(the_steps_follow_from_what_is_there) {
  BOOST_TEST((next_rotation_step(facts("A", "", "A", {})).value() == RotationStep::Announce));
  BOOST_TEST((next_rotation_step(facts("A", "", "A", "B")).value() == RotationStep::Announce));
  BOOST_TEST((next_rotation_step(facts("A", "B", "A", "B")).value() == RotationStep::Switch));
  BOOST_TEST((next_rotation_step(facts("A", "B", "B", "A")).value() == RotationStep::Finish));
  BOOST_TEST((next_rotation_step(facts("A", "B", "B", {})).value() == RotationStep::Finish));
}

BOOST_AUTO_TEST_CASE(killed_after_any_part_of_the_last_step_it_finishes_and_never_goes_back_to_the_old_key) {
  KeyFacts at = facts("A", "B", "B", "A");
  for (std::vector<FinishPart> left = finish_parts(at); !left.empty(); left = finish_parts(at)) {
    BOOST_REQUIRE((next_rotation_step(at).value() == RotationStep::Finish));
    if (left.front() == FinishPart::DropNextFile) {
      at.announced_file.reset();
      continue;
    }
    at.key = std::exchange(at.next_key, "");
    break;
  }
  BOOST_TEST(at.key == "B");
  BOOST_TEST(at.next_key.empty());
  BOOST_TEST(!at.announced_file.has_value());
  BOOST_TEST((next_rotation_step(at).value() == RotationStep::Announce));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_together_changes_nothing) {
  BOOST_TEST((refusal(facts("A", "", "C", {})) == Code::Invalid));
  BOOST_TEST((refusal(facts("A", "B", "C", "B")) == Code::Invalid));
  BOOST_TEST((refusal(facts("A", "B", "A", {})) == Code::Refused));
  BOOST_TEST((refusal(facts("A", "B", "A", "C")) == Code::Refused));
  BOOST_TEST(next_rotation_step(facts("A", "B", "A", {})).error().hint().find("--cancel") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(only_a_key_that_is_not_in_use_is_taken_back) {
  BOOST_TEST(check_rotation_cancel(facts("A", "B", "A", "B")).ok());
  BOOST_TEST(check_rotation_cancel(facts("A", "", "A", "B")).ok());
  BOOST_TEST(check_rotation_cancel(facts("A", "B", "A", {})).ok());
  BOOST_TEST((sys::code_of(check_rotation_cancel(facts("A", "B", "B", "A"))) == Code::Refused));
  BOOST_TEST((sys::code_of(check_rotation_cancel(facts("A", "", "A", {}))) == Code::NotFound));
}

BOOST_AUTO_TEST_CASE(a_switch_that_would_cut_a_site_off_is_refused_with_its_name) {
  BOOST_TEST(check_switch("d", "d", {{"nyc1", true, true}, {"syd1", true, true}}).ok());
  BOOST_TEST(check_switch("d", "d", {}).ok());
  const auto old = check_switch("d", "e", {});
  BOOST_TEST((sys::code_of(old) == Code::Refused));
  BOOST_TEST(old.error().hint().find("reload") != std::string::npos);
  const auto differs = check_switch("d", "d", {{"nyc1", true, true}, {"syd1", true, false}});
  BOOST_TEST(differs.error().what().find("site syd1 has another cluster.toml") != std::string::npos);
  const auto down = check_switch("d", "d", {{"nyc1", false, true}});
  BOOST_TEST(down.error().hint().find("--force-cut-off") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_old_key_is_not_dropped_while_the_replicator_has_it) {
  BOOST_TEST(check_finish(101, 100).ok());
  const auto early = check_finish(99, 100);
  BOOST_TEST((sys::code_of(early) == Code::Refused));
  BOOST_TEST(early.error().hint().find("restart") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
