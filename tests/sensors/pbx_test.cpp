// Sensors that ask whether a PBX lives, against recordings of real ones.
#include <boost/test/unit_test.hpp>

#include "tests/sensors/fake_pbx.h"
#include "tests/sensors/told.h"

namespace ha::failover {
namespace {

const std::string kSuccess = "Response: Success\r\nActionID: @\r\n";

std::string status_of(const std::string& started) {
  return kSuccess + "CoreStartupDate: 2026-11-22\r\nCoreStartupTime: " + started +
         "\r\nCoreReloadDate: 2026-11-22\r\nCoreReloadTime: 02:42:18\r\nCoreCurrentCalls: 3\r\n\r\n";
}

BOOST_AUTO_TEST_SUITE(sensors_pbx)

BOOST_AUTO_TEST_CASE(a_pbx_that_answers_is_alive) {
  for (const char* const name : {"asterisk16-answers.txt", "asterisk22-answers.txt"}) {
    const FakePbx asterisk(pbx::asterisk(name));
    const auto sensor = asterisk.sensor("pbx.ctl_latency");
    HA_READS(read_now(*sensor), Ok, "Asterisk answers after ");
    HA_READS(read_now(*sensor), Ok, "Asterisk answers after ");
  }
  const FakePbx freeswitch(failover::freeswitch([](const std::string&) { return recorded_status(); }), true);
  const auto sensor = freeswitch.sensor("pbx.ctl_latency");
  HA_READS(read_now(*sensor), Ok, "FreeSWITCH answers after ");
}

BOOST_AUTO_TEST_CASE(one_that_is_gone_or_silent_trips_only_who_is_about_that) {
  const FakePbx pbx(pbx::asterisk("asterisk16-answers.txt"));
  const Options closed{{"address", pbx::closed_port().text()}};
  for (const char* const kind : {"pbx.ctl_latency", "pbx.booted", "pbx.deadlock"}) {
    HA_READS(read_now(*pbx.sensor(kind, closed)), Trip, "Connection refused");
  }
  for (const char* const kind : {"pbx.taskprocessor", "astdb.write", "call.limit", "reg.count_drop",
                                 "reg.reachable", "trunk.registration"}) {
    HA_READS(read_now(*pbx.sensor(kind, closed)), Ok, "not known: AMI 127.0.0.1:");
  }
  const pbx::FakeServer silent;
  const auto waiting = pbx.sensor("pbx.ctl_latency", {{"address", silent.address.text()}});
  HA_READS(read_now(*waiting, milliseconds(50)), Trip, "");
}

BOOST_AUTO_TEST_CASE(trouble_of_our_own_is_not_the_pbxs) {
  const FakePbx pbx(pbx::asterisk("asterisk16-answers.txt"));
  BOOST_REQUIRE(::chmod(pbx.host.path("secret").c_str(), 0644) == 0);
  HA_READS(read_now(*pbx.sensor("pbx.ctl_latency")), Unknown, "secret");
  const Reading limit = read_now(*pbx.sensor("call.limit"));
  HA_READS(limit, Ok, "not known: ");
  BOOST_TEST((limit.text.find("s3cret") == limit.text.npos));
  const Options none{{"secret_file", pbx.host.path("none")}};
  HA_READS(read_now(*pbx.sensor("pbx.deadlock", none)), Unknown, "No such file");
  const FakePbx refusing([](pbx::Caller& caller) {
    caller.say("Asterisk Call Manager/5.0.4\r\n");
    caller.hear("\r\n\r\n");
    caller.say("Response: Error\r\nActionID: login\r\nMessage: Authentication failed\r\n\r\n");
  });
  const Reading denied = read_now(*refusing.sensor("pbx.ctl_latency"));
  HA_READS(denied, Unknown, "AMI 127.0.0.1:");
  BOOST_TEST((denied.text.find("s3cret") == denied.text.npos));
}

BOOST_AUTO_TEST_CASE(a_connection_that_ends_trips_once_and_is_made_anew) {
  int pings = 0;
  const FakePbx pbx(pbx::asterisk([&](const std::string& action, const std::string& last) {
    return ++pings == 2 ? Bytes() : pbx::recorded("asterisk16-answers.txt")(action, last);
  }));
  const auto sensor = pbx.sensor("pbx.ctl_latency");
  HA_READS(read_now(*sensor), Ok, "answers after");
  HA_READS(read_now(*sensor), Trip, "");
  HA_READS(read_now(*sensor), Ok, "answers after");
}

BOOST_AUTO_TEST_CASE(an_answer_that_does_not_come_is_asked_for_anew_by_another_connection) {
  int asked = 0;
  const FakePbx pbx(
      freeswitch([&](const std::string&) { return ++asked == 1 ? "silent" : recorded_status(); }), true);
  const auto sensor = pbx.sensor("pbx.ctl_latency");
  HA_READS(read_now(*sensor, milliseconds(100)), Trip, "");
  HA_READS(read_now(*sensor), Ok, "answers after");
}

BOOST_AUTO_TEST_CASE(a_restart_of_asterisk_warns_for_a_while) {
  Told<std::string> started("02:42:18");
  Told<bool> ends(false);
  const FakePbx pbx(pbx::asterisk([&](const std::string& action, const std::string& last) {
    return ends.get()               ? Bytes()
           : action == "CoreStatus" ? status_of(started.get())
                                    : pbx::recorded("asterisk16-answers.txt")(action, last);
  }));
  const auto sensor = pbx.sensor("pbx.booted", {{"restart_for", "60s"}});
  HA_READS(read_now(*sensor), Ok, "Asterisk is ready, it runs since 2026-11-22 02:42:18 of its own time");
  ends = true;
  HA_READS(read_now(*sensor), Trip, "");
  ends = false;
  started = "04:00:00";
  HA_READS(read_now(*sensor), Warn, "Asterisk was restarted ");
  HA_READS(read_now(*sensor), Warn, ", 1 times since this program began");
  const Now now = read_clocks();
  HA_READS(sensor->measure({{now.steady + seconds(61), now.wall}, now.steady + seconds(60), -1}), Ok,
           "ready");
}

BOOST_AUTO_TEST_CASE(a_restart_of_freeswitch_is_seen_by_its_age) {
  std::string text = recorded_status();
  Told<std::string> says(text);
  const FakePbx pbx(freeswitch([&](const std::string&) { return says.get(); }), true);
  const auto sensor = pbx.sensor("pbx.booted");
  const auto read_at = [&](Duration later) {
    const Now now = read_clocks();
    return sensor->measure({{now.steady + later, now.wall}, now.steady + seconds(60), -1});
  };
  HA_READS(read_at(Duration::zero()), Ok, "FreeSWITCH is ready, it runs for ");
  HA_READS(read_at(seconds(4)), Ok, "ready");
  HA_READS(read_at(seconds(3600)), Warn, "FreeSWITCH was restarted 0");
  HA_READS(read_at(seconds(3600)), Warn, "restarted");
  says = text.replace(text.find("is ready"), 8, "is not! ");
  HA_READS(read_at(seconds(3600)), Trip, "FreeSWITCH is not ready");
}

BOOST_AUTO_TEST_CASE(a_list_of_channels_that_does_not_end_is_a_deadlock) {
  Told<bool> hangs(false);
  const FakePbx pbx(pbx::asterisk([&](const std::string& action, const std::string& last) {
    Bytes answer = pbx::recorded("asterisk16-answers.txt")(action, last);
    return hangs.get() ? answer.substr(0, answer.size() / 2) : answer;
  }));
  const auto sensor = pbx.sensor("pbx.deadlock");
  HA_READS(read_now(*sensor), Ok, "Asterisk has listed 2 channels within ");
  hangs = true;
  HA_READS(read_now(*sensor, milliseconds(100)), Trip, "");
  hangs = false;
  HA_READS(read_now(*sensor), Ok, "has listed 2 channels");
  const FakePbx other(freeswitch([](const std::string&) { return "\n17 total.\n"; }), true);
  const auto switched = other.sensor("pbx.deadlock");
  HA_READS(read_now(*switched), Ok, "FreeSWITCH has listed 17 channels within ");
}

BOOST_AUTO_TEST_CASE(an_event_that_does_not_come_back_is_a_hanging_event_thread) {
  Told<std::string> way("back");
  const FakePbx pbx(freeswitch([&](const std::string&) { return way.get(); }), true);
  const auto sensor = pbx.sensor("pbx.events");
  HA_READS(read_now(*sensor), Ok, "an event of ours has come back after ");
  way = "silent";
  HA_READS(read_now(*sensor, milliseconds(100)), Trip, "");
  way = "back";
  HA_READS(read_now(*sensor), Ok, "come back");
}

BOOST_AUTO_TEST_CASE(queues_of_tasks_are_compared_with_their_high_water) {
  Told<std::string> waiting("20");
  const FakePbx pbx(pbx::asterisk([&](const std::string&, const std::string& command) {
    BOOST_TEST(command == "core show taskprocessors");
    return (kSuccess + "Message: Command output follows\r\nOutput: pjsip/distributor-1f 9 " + waiting.get() +
            " 3 450 500\r\nOutput: 1 taskprocessors\r\n\r\n");
  }));
  const auto sensor = pbx.sensor("pbx.taskprocessor");
  HA_READS(read_now(*sensor), Ok, "20 tasks wait for pjsip/distributor-1f, its high water is 500");
  waiting = "250";
  HA_READS(read_now(*sensor), Warn, "250 tasks");
  waiting = "500";
  HA_READS(read_now(*sensor), Trip, "500 tasks");
  waiting = "x";
  HA_READS(read_now(*sensor), Unknown, "shows none");
}

BOOST_AUTO_TEST_CASE(a_profile_that_does_not_run_trips) {
  Told<std::string> state("RUNNING (0)");
  const FakePbx pbx(freeswitch([&](const std::string& asked) -> std::string {
                      BOOST_TEST(asked == "api sofia status");
                      return "internal\tprofile\tsip:a\t" + state.get() + "\n1 profile 0 aliases\n";
                    }),
                    true);
  const auto any = pbx.sensor("sip.profiles");
  HA_READS(read_now(*any), Ok, "1 SIP profiles run");
  state = "DOWN (0)";
  HA_READS(read_now(*any), Trip, "the SIP profile internal is DOWN (0)");
  const FakePbx other(freeswitch([](const std::string&) { return "0 profiles 0 aliases\n"; }), true);
  const auto none = other.sensor("sip.profiles");
  HA_READS(read_now(*none), Trip, "no SIP profile runs");
  const FakePbx third(freeswitch([](const std::string&) {
                        return "internal\tprofile\tsip:a\tRUNNING (0)\n1 profile 0 aliases\n";
                      }),
                      true);
  const auto named = third.sensor("sip.profiles", {{"profiles", Texts{"internal", "external"}}});
  HA_READS(read_now(*named), Trip, "the SIP profile external does not run");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
