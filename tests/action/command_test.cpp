#include "failover/action/command.h"

#include <boost/test/unit_test.hpp>

#include "failover/action/fence.h"

namespace ha::failover {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ActionCommand shell(const std::string& text, Duration limit = seconds(20)) {
  return {.argv = {text}, .limit = limit, .shell = true};
}

BOOST_AUTO_TEST_SUITE(action_command)

BOOST_AUTO_TEST_CASE(how_a_command_ended_is_said_in_words) {
  const CommandOutcome good = run_action({.argv = {"/bin/true"}}, {});
  BOOST_TEST(good.good);
  BOOST_TEST(good.words.starts_with("\"true\" was good, in "));
  const CommandOutcome bad = run_action(shell("echo first; echo 'no route' >&2; exit 7"), {});
  BOOST_TEST(!bad.good);
  BOOST_TEST(bad.exit_status == 7);
  BOOST_TEST(bad.words == "\"echo first; echo 'no route' >&2; exit 7\" ended with 7: no route");
  BOOST_TEST(bad.output == "first\\x0ano route\\x0a");
  const CommandOutcome late = run_action(shell("echo begun; sleep 100", milliseconds(200)), {});
  BOOST_TEST((!late.good && !late.in_time && late.exit_status == -1));
  BOOST_TEST(late.words == "\"echo begun; sleep 100\" did not end within 200ms: begun");
  BOOST_TEST(run_action(shell("kill -6 $$"), {}).words == "\"kill -6 $$\" was ended by signal 6");
  const CommandOutcome none = run_action({.argv = {"/no/such"}}, {});
  BOOST_TEST(none.words == "cannot run \"/no/such\": No such file or directory");
}

BOOST_AUTO_TEST_CASE(a_command_gets_variables_input_a_directory_and_a_mask) {
  const CommandOutcome out =
      run_action(shell("echo $HA_A $PWD $(umask) $(cat)"), {{"HA_A=b c"}, "input", -1});
  BOOST_TEST(out.output == "b c / 0077 input\\x0a");
  const CommandOutcome plain = run_action({.argv = {"/bin/echo", "$HOME;", "a b"}}, {});
  BOOST_TEST(plain.output == "$HOME; a b\\x0a");
}

BOOST_AUTO_TEST_CASE(what_is_no_command_is_refused) {
  const auto refused = [](const ActionCommand& command) {
    const Status status = check_action(command);
    return status.ok() ? "" : status.error().what();
  };
  BOOST_TEST(refused({}) == "there is no command");
  BOOST_TEST(refused({.argv = {""}}) == "there is no command");
  BOOST_TEST(refused({.argv = {"asterisk"}}) == "the command \"asterisk\" has no path");
  BOOST_TEST(refused({.argv = {"a", "b"}, .shell = true}) == "with shell = true the command is one text");
  BOOST_TEST(refused({.argv = {"/a"}, .limit = Duration::zero()}) == "the command \"/a\" has no time");
  BOOST_TEST(refused(shell("a | b")).empty());
}

BOOST_AUTO_TEST_CASE(a_fence_is_confirmed_by_its_exit_status_only) {
  const FenceWish wish{"nyc1", "pbx-eu", 41, "silent for 3 s", "fra1"};
  const FenceOutcome good = fence(shell("test \"$HA_FENCE_SITE $HA_SERVICE $HA_EPOCH $HA_SITE $HA_REASON\" = "
                                        "'nyc1 pbx-eu 41 fra1 silent for 3 s'"),
                                  wish);
  BOOST_TEST(good.confirmed);
  BOOST_TEST(good.words.starts_with("nyc1 is off: "));
  const FenceOutcome bad = fence(shell("echo Success: Powered OFF; exit 1"), wish);
  BOOST_TEST(!bad.confirmed);
  BOOST_TEST(bad.words.starts_with("it is not known whether nyc1 is off: "));
  BOOST_TEST((bad.words.find("ended with 1: Success: Powered OFF") != std::string::npos));
  BOOST_TEST(!fence(shell("trap '' TERM; sleep 100 & wait", milliseconds(100)), wish).confirmed);
  BOOST_TEST(fence({}, wish).words == "there is no fence command for nyc1");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
