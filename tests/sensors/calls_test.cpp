// Sensors of what a PBX does for callers, against recordings of real ones.
#include <boost/test/unit_test.hpp>

#include "tests/sensors/fake_pbx.h"
#include "tests/sensors/told.h"

namespace ha::failover {
namespace {

const std::string kSuccess = "Response: Success\r\nActionID: @\r\n";

std::string contacts(unsigned reachable, unsigned unreachable) {
  std::string out = kSuccess + "EventList: start\r\n\r\n";
  for (unsigned i = 0; i < reachable + unreachable; ++i) {
    out += "Event: ContactStatusDetail\r\nActionID: @\r\nAOR: " + std::to_string(i) +
           "\r\nID: " + std::to_string(i) +
           ";x\r\nURI: sip:a\r\nStatus: " + (i < reachable ? "Reachable" : "Unreachable") +
           "\r\nEndpointName: e\r\n\r\n";
  }
  return out +
         "Event: ContactStatusDetailComplete\r\nActionID: @\r\nEventList: Complete\r\nListItems: 1\r\n\r\n";
}

BOOST_AUTO_TEST_SUITE(sensors_calls)

BOOST_AUTO_TEST_CASE(calls_are_compared_with_what_asterisk_takes) {
  std::string calls = "3";
  std::string most = "0";
  const auto answering = [&](const std::string& action, const std::string&) {
    return (kSuccess +
            (action == "CoreSettings" ? "CoreMaxCalls: " + most
                                      : "CoreStartupDate: a\r\nCoreStartupTime: b\r\nCoreReloadDate: c\r\n"
                                        "CoreReloadTime: d\r\nCoreCurrentCalls: " +
                                            calls) +
            "\r\n\r\n");
  };
  const FakePbx free(pbx::asterisk(answering));
  const auto unlimited = free.sensor("call.limit");
  HA_READS(read_now(*unlimited), Ok, "3 calls, there is no limit");
  most = "10";
  const FakePbx limited(pbx::asterisk(answering));
  const auto sensor = limited.sensor("call.limit");
  HA_READS(read_now(*sensor), Ok, "3 of 10 calls");
  calls = "8";
  HA_READS(read_now(*sensor), Warn, "8 of 10 calls");
  calls = "9";
  HA_READS(read_now(*sensor), Trip, "9 of 10 calls");
  const FakePbx ours(pbx::asterisk(answering));
  const auto own = ours.sensor("call.limit", {{"limit", std::int64_t{100}}});
  HA_READS(read_now(*own), Ok, "9 of 100 calls");
}

BOOST_AUTO_TEST_CASE(sessions_and_new_ones_a_second_are_compared_with_what_freeswitch_takes) {
  std::string text = recorded_status();
  Told<std::string> says(text);
  const FakePbx pbx(freeswitch([&](const std::string&) { return says.get(); }), true);
  const auto sensor = pbx.sensor("call.limit");
  HA_READS(read_now(*sensor), Ok, " of 2000 sessions");
  const std::size_t at = text.find("session(s) - peak");
  const std::size_t begin = text.rfind('\n', at) + 1;
  says = text.replace(begin, at - begin, "1900 ");
  HA_READS(read_now(*sensor), Trip, "1900 of 2000 sessions");
}

BOOST_AUTO_TEST_CASE(registrations_are_compared_with_the_most_of_their_time) {
  Told<unsigned> count(100);
  const FakePbx pbx(
      pbx::asterisk([&](const std::string&, const std::string&) { return contacts(count.get(), 0); }));
  const auto sensor = pbx.sensor("reg.count_drop", {{"window", "10m"}});
  const auto read_at = [&](unsigned registrations, Duration later) {
    count = registrations;
    const Now now = read_clocks();
    return sensor->measure({{now.steady + later, now.wall}, now.steady + seconds(60), -1});
  };
  HA_READS(read_at(100, seconds(0)), Ok, "100 registrations, of at most 100 in 10m");
  HA_READS(read_at(90, seconds(10)), Ok, "90 registrations, of at most 100");
  HA_READS(read_at(85, seconds(20)), Warn, "85 registrations, of at most 100");
  HA_READS(read_at(70, seconds(30)), Trip, "70 registrations, of at most 100");
  HA_READS(read_at(70, seconds(605)), Warn, "70 registrations, of at most 90");
  HA_READS(read_at(70, seconds(635)), Ok, "70 registrations, of at most 70");
  HA_READS(read_at(5, seconds(2000)), Ok, "5 registrations");  // fewer than `least` for long
  HA_READS(read_at(0, seconds(2010)), Ok, "0 registrations");
}

BOOST_AUTO_TEST_CASE(registrations_of_freeswitch_are_counted_too) {
  Told<std::string> total("50");
  const FakePbx pbx(freeswitch([&](const std::string&) { return "\n" + total.get() + " total.\n"; }), true);
  const auto sensor = pbx.sensor("reg.count_drop");
  HA_READS(read_now(*sensor), Ok, "50 registrations");
  total = "10";
  HA_READS(read_now(*sensor), Trip, "10 registrations, of at most 50 in 15m");
}

BOOST_AUTO_TEST_CASE(contacts_that_do_not_answer_are_counted) {
  Told<unsigned> bad(0);
  const FakePbx pbx(pbx::asterisk(
      [&](const std::string&, const std::string&) { return contacts(20 - bad.get(), bad.get()); }));
  const auto sensor = pbx.sensor("reg.reachable");
  HA_READS(read_now(*sensor), Ok, "20 of 20 contacts that are asked answer");
  bad = 2;
  HA_READS(read_now(*sensor), Warn, "18 of 20");
  bad = 4;
  HA_READS(read_now(*sensor), Trip, "16 of 20");
  const FakePbx real(pbx::asterisk("asterisk22-answers.txt"));
  const auto few = real.sensor("reg.reachable");
  HA_READS(read_now(*few), Ok, "1 of 1 contacts");
}

BOOST_AUTO_TEST_CASE(trunks_of_asterisk_are_reachable_and_registered_or_not) {
  for (const char* const name : {"asterisk16-answers.txt", "asterisk22-answers.txt"}) {
    const FakePbx pbx(pbx::asterisk(name));
    const auto registered = pbx.sensor("trunk.registration");
    HA_READS(read_now(*registered), Warn, "1 of 2 trunks are registered; nobody is ");
    const FakePbx again(pbx::asterisk(name));
    const auto named = again.sensor("trunk.registration", {{"trunks", Texts{"self"}}});
    HA_READS(read_now(*named), Ok, "1 of 1 trunks are registered");
    const FakePbx third(pbx::asterisk(name));
    const auto unknown = third.sensor("trunk.registration", {{"trunks", Texts{"provider"}}});
    HA_READS(read_now(*unknown), Trip, "0 of 1 trunks are registered; provider is not known to Asterisk");
    const FakePbx fourth(pbx::asterisk(name));
    const auto trunk = fourth.sensor("trunk.qualify", {{"trunks", Texts{"trunk", "nobody"}}});
    const Reading reading = read_now(*trunk);
    HA_READS(reading, Trip, "0 of 2 trunks are reachable; trunk is unreachable");
  }
}

BOOST_AUTO_TEST_CASE(gateways_of_freeswitch_are_reachable_and_registered_or_not) {
  std::string state = "REGED";
  std::string status = "UP (ping)";
  const auto answering = [&](const std::string& asked) -> std::string {
    if (asked == "api sofia status gateway") {
      return "external::a\tsip:b\t" + state +
             "\t0.00\t0/0\t0/0\nexternal::b\tsip:b\tNOREG\t0.00\t0/0\t0/0\n2 gateways: Inbound\n";
    }
    return asked.ends_with(" a") ? "Name    \ta\nState   \t" + state + "\nStatus  \t" + status + "\n"
                                 : "Invalid Gateway!\n";
  };
  const FakePbx pbx(freeswitch(answering), true);
  const auto registered = pbx.sensor("trunk.registration");
  HA_READS(read_now(*registered), Ok, "1 of 1 trunks are registered");
  state = "FAIL_WAIT";
  HA_READS(read_now(*registered), Trip, "0 of 1 trunks are registered; a is FAIL_WAIT");
  const FakePbx other(freeswitch(answering), true);
  const auto reachable = other.sensor("trunk.qualify", {{"trunks", Texts{"a"}}});
  HA_READS(read_now(*reachable), Ok, "1 of 1 trunks are reachable");
  status = "DOWN (ping)";
  HA_READS(read_now(*reachable), Trip, "0 of 1 trunks are reachable; a is down");
  const FakePbx third(freeswitch(answering), true);
  const auto unknown = third.sensor("trunk.qualify", {{"trunks", Texts{"c"}}});
  HA_READS(read_now(*unknown), Trip, "c is no gateway");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
