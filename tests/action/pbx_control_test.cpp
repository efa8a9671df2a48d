// A PBX that is a shell script: started in the background, known by the file with its id.
#include "failover/action/pbx_control.h"

#include <signal.h>

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "tests/sys/temp_directory.h"

namespace ha::failover {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Pbx {
  Pbx() {
    config.start = shell("echo start >> log; setsid sleep 1000 > /dev/null 2>&1 < /dev/null & echo $! > pid");
    config.stop = shell("echo stop >> log; kill $(cat pid)");
    config.pidfile = folder.path + "/pid";
    config.process = "sleep";
  }
  ~Pbx() {
    config.kill = true;
    config.stop = shell("false");  // then it is not waited for
    config.before_stop.clear();
    config.after_stop.clear();
    config.status = {};
    static_cast<void>(PbxControl(config).stop({}));
  }
  [[nodiscard]] ActionCommand shell(const std::string& text, Duration limit = seconds(20)) const {
    return {.argv = {"cd " + folder.path + "; " + text}, .limit = limit, .shell = true};
  }
  [[nodiscard]] PbxControl control() const { return PbxControl(config); }
  [[nodiscard]] std::string log() const {
    return folder.root.exists("log").value() ? folder.read("log") : "";
  }

  sys::TempDirectory folder;
  PbxConfig config;
};

std::string text(const PbxOutcome& outcome) {
  return std::string(pbx_result_text(outcome.result)) + ": " + outcome.words;
}

#define HA_OUTCOME(outcome, wanted, part)                                                           \
  do {                                                                                              \
    const PbxOutcome ha_outcome = (outcome);                                                        \
    BOOST_CHECK_MESSAGE(                                                                            \
        ha_outcome.result == PbxResult::wanted && ha_outcome.words.find(part) != std::string::npos, \
        "line " << __LINE__ << ": " << text(ha_outcome));                                           \
  } while (false)

BOOST_AUTO_TEST_SUITE(action_pbx_control)

BOOST_AUTO_TEST_CASE(it_is_started_and_stopped_once_however_often_it_is_asked_for) {
  const Pbx pbx;
  PbxControl control = pbx.control();
  HA_OUTCOME(control.stop({}), AlreadySo, "does not run");
  HA_OUTCOME(control.start({}), Done, "was good");
  BOOST_TEST((control.state({}) == PbxState::Running));
  HA_OUTCOME(control.start({}), AlreadySo, "is process ");
  HA_OUTCOME(control.prewarm({}), AlreadySo, "is process ");
  HA_OUTCOME(control.stop({}), Done, "was good");
  HA_OUTCOME(control.stop({}), AlreadySo, "does not run");
  BOOST_TEST(pbx.log() == "start\nstop\n");
}

BOOST_AUTO_TEST_CASE(hooks_run_in_order_and_one_before_that_fails_vetoes) {
  Pbx pbx;
  pbx.config.before_start = {pbx.shell("echo one $HA_PBX_ACTION $HA_EPOCH >> log"),
                             pbx.shell("echo two >> log")};
  pbx.config.after_start = {pbx.shell("echo three >> log")};
  HA_OUTCOME(pbx.control().start({{"HA_EPOCH=7"}, {}, -1}), Done, "");
  BOOST_TEST(pbx.log() == "one start 7\ntwo\nstart\nthree\n");
  pbx.config.before_stop = {pbx.shell("echo calls are up; exit 1"), pbx.shell("echo never >> log")};
  const PbxOutcome vetoed = pbx.control().stop({});
  HA_OUTCOME(vetoed, Vetoed, "ended with 1: calls are up");
  BOOST_TEST((vetoed.state == PbxState::Running));
  pbx.config.before_stop.clear();
  pbx.config.after_stop = {pbx.shell("sleep 100", milliseconds(50))};
  const PbxOutcome failed = pbx.control().stop({});
  HA_OUTCOME(failed, Failed, "did not end within 50ms");
  BOOST_TEST((failed.state == PbxState::Stopped));
  BOOST_TEST(pbx.log() == "one start 7\ntwo\nstart\nthree\nstop\n");
}

BOOST_AUTO_TEST_CASE(one_that_does_not_stop_is_killed_only_if_that_is_wanted) {
  Pbx pbx;
  HA_OUTCOME(pbx.control().start({}), Done, "");
  pbx.config.stop = pbx.shell("true", milliseconds(200));
  const PbxOutcome failed = pbx.control().stop({});
  HA_OUTCOME(failed, Failed, "was good, in ");
  BOOST_TEST(failed.words.ends_with("; it runs"));
  BOOST_TEST((!failed.killed && failed.state == PbxState::Running && failed.took >= milliseconds(200)));
  pbx.config.kill = true;
  const PbxOutcome killed = pbx.control().stop({});
  HA_OUTCOME(killed, Done, "sleep was killed, 1 processes");
  BOOST_TEST(killed.killed);
}

BOOST_AUTO_TEST_CASE(a_stop_command_that_hangs_or_fails_is_believed_less_than_what_is_there) {
  Pbx pbx;
  HA_OUTCOME(pbx.control().start({}), Done, "");
  pbx.config.stop = pbx.shell("kill $(cat pid); exit 1");
  pbx.config.kill = true;  // in case it is looked at before it has ended
  HA_OUTCOME(pbx.control().stop({}), Done, "ended with 1");
  HA_OUTCOME(pbx.control().start({}), Done, "");
  pbx.config.kill = false;
  pbx.config.stop = pbx.shell("sleep 100", milliseconds(100));
  HA_OUTCOME(pbx.control().stop({}), Failed, "did not end within 100ms; it runs");
}

BOOST_AUTO_TEST_CASE(all_that_it_has_started_is_killed_with_it) {
  Pbx pbx;
  // A parent, known by its name, and two generations below it that ignore SIGTERM.
  pbx.config.process = "sh";
  pbx.config.start = pbx.shell(
      "setsid sh -c 'trap \"\" TERM; sh -c \"trap \\\"\\\" TERM; sleep 1000 & echo \\$! > grandchild; wait\" "
      "& wait' "
      "> /dev/null 2>&1 < /dev/null & echo $! > pid; until [ -s grandchild ]; do :; done");
  HA_OUTCOME(pbx.control().start({}), Done, "");
  pbx.config.stop = pbx.shell("kill $(cat pid)", milliseconds(200));
  pbx.config.kill = true;
  HA_OUTCOME(pbx.control().stop({}), Done, "sh was killed, 3 processes");
  const pid_t grandchild = std::stoi(pbx.folder.read("grandchild"));
  while (::kill(grandchild, 0) == 0) {  // until init has taken it away
    std::ifstream stat("/proc/" + std::to_string(grandchild) + "/stat");
    std::string id, name, state;
    stat >> id >> name >> state;
    if (state == "Z" || state.empty()) {
      break;
    }
  }
}

BOOST_AUTO_TEST_CASE(one_that_does_not_come_up_has_failed) {
  Pbx pbx;
  pbx.config.start = pbx.shell("echo no licence; exit 3");
  HA_OUTCOME(pbx.control().start({}), Failed, "ended with 3: no licence; it does not run");
  pbx.config.start = pbx.shell("true", milliseconds(200));
  HA_OUTCOME(pbx.control().start({}), Failed, "; it does not run");
}

BOOST_AUTO_TEST_CASE(one_that_dies_as_soon_as_it_is_started_is_not_waited_for_to_the_deadline) {
  Pbx pbx;
  pbx.config.start = pbx.shell("sleep 0 & echo $! > pid; wait", std::chrono::minutes(10));
  const PbxOutcome outcome = pbx.control().start({});
  HA_OUTCOME(outcome, Failed, "; it does not run");
  BOOST_TEST((outcome.took < std::chrono::minutes(1)));
}

BOOST_AUTO_TEST_CASE(a_status_command_speaks_as_lsb_does) {
  Pbx pbx;
  pbx.config.status = pbx.shell("exit $(cat status)");
  for (const auto& [status, wanted] :
       {std::pair("0", PbxState::Running), std::pair("3", PbxState::Stopped),
        std::pair("1", PbxState::Stopped), std::pair("4", PbxState::Unknown)}) {
    pbx.folder.write("status", status);
    BOOST_TEST((pbx.control().state({}) == wanted), status);
  }
  pbx.config.start = pbx.shell("echo start >> log; echo 0 > status");
  HA_OUTCOME(pbx.control().start({}), Done, "");  // what is not known is started
  pbx.config.start = pbx.shell("echo 4 > status", milliseconds(200));
  pbx.folder.write("status", "3");
  HA_OUTCOME(pbx.control().start({}), Failed, "it is not known whether it runs");
}

BOOST_AUTO_TEST_CASE(a_restart_is_one_command_or_a_stop_and_a_start) {
  Pbx pbx;
  HA_OUTCOME(pbx.control().restart({}), Done, "");
  HA_OUTCOME(pbx.control().restart({}), Done, "");
  BOOST_TEST(pbx.log() == "start\nstop\nstart\n");
  pbx.config.restart = pbx.shell("echo restart >> log");
  HA_OUTCOME(pbx.control().restart({}), Done, "it runs");
  BOOST_TEST(pbx.log() == "start\nstop\nstart\nrestart\n");
  pbx.config.restart = pbx.shell("exit 5");
  HA_OUTCOME(pbx.control().restart({}), Failed, "ended with 5; it runs");
  pbx.config.restart = {};
  pbx.config.before_stop = {pbx.shell("exit 1")};
  HA_OUTCOME(pbx.control().restart({}), Vetoed, "hook");
}

BOOST_AUTO_TEST_CASE(what_cannot_work_is_refused) {
  const auto refused = [](const PbxConfig& config) {
    const Status status = check_pbx(config);
    return status.ok() ? "" : status.error().what();
  };
  PbxConfig config;
  BOOST_TEST(refused(config) == "there is no command");
  config.start = config.stop = {.argv = {"/bin/true"}};
  BOOST_TEST(refused(config) == "nothing says whether the PBX runs");
  config.status = {.argv = {"systemctl", "is-active", "asterisk"}};
  BOOST_TEST(refused(config) == "the command \"systemctl\" has no path");
  config.status.argv[0] = "/bin/systemctl";
  BOOST_TEST(refused(config).empty());
  config.kill = true;
  BOOST_TEST(refused(config) == "nothing says what is to be killed");
  config.process = "asterisk";
  BOOST_TEST(refused(config).empty());
  config.after_stop = {ActionCommand{}};
  BOOST_TEST(refused(config) == "there is no command");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
