#include "common/pbx/freeswitch.h"

#include <map>

#include "tests/pbx/transcript.h"

using namespace ha;
using namespace ha::pbx;

namespace {

EslAnswer answer(const std::string& text) {
  return {text, {}};
}

// The outputs of freeswitch-commands.raw, in order.
std::vector<std::string> outputs() {
  std::vector<std::string> out;
  for (const EslFrame& each : decode<EslDecoder>({fixture("freeswitch-commands.raw")})) {
    if (each.type() == "api/response") {
      out.push_back(each.body);
    }
  }
  return out;
}

const std::string kGateways =
    "    Profile::Gateway-Name\t                        Data    \tState\tPing Time\tIB Calls(F/T)\tOB "
    "Calls(F/T)\n"
    "=================================================================================================\n"
    "     external::carrier-a\tsip:0033972320690@siptrunk.example.net\tREGED\t  0.00\t0/0\t2/3\n"
    "         external-v6::b\t             sip:joeuser@example.com\tNOREG\t 12.49\t0/0\t0/0\n"
    "            external::c\t             sip:joeuser@example.com\tFAILED\t  0.00\t0/0\t0/0 (retry: 27s)\n"
    "=================================================================================================\n"
    "3 gateways: Inbound(Failed/Total): 0/0,Outbound(Failed/Total):2/3\n";

const std::string kGateway =
    "=================================================================================================\n"
    "Name    \tcarrier-a\nProfile \texternal\nScheme  \tDigest\nRealm   \tsip.example.net\nUsername\t0963\n"
    "Password\tyes\nFrom    \t<sip:0963@sip.example.net>\nContact \t<sip:0963@192.0.2.2:5080;gw=carrier-a>\n"
    "Expires \t3600\nFreq    \t3600\nPing    \t1795212500\nPingFreq\t25\nPingTime\t12.49\nPingState\t1/1/1\n"
    "State   \tREGED\nStatus  \tUP (ping)\nUptime  \t120s\nCallsIN \t0\nCallsOUT\t3\nFailedCallsIN\t0\n"
    "FailedCallsOUT\t2\n"
    "=================================================================================================\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(pbx_freeswitch)

BOOST_AUTO_TEST_CASE(status_says_how_it_is) {
  const SwitchStatus status = must(read_status(answer(outputs()[0])));
  BOOST_TEST(status.is_ready);
  BOOST_TEST(status.version == "1.10.12-release  64bit");
  BOOST_TEST((status.up == std::chrono::microseconds(140'560'526)));
  BOOST_TEST(status.sessions == 0U);
  BOOST_TEST(status.sessions_max == 2000U);
  BOOST_TEST(status.sessions_since_start == 3U);
  BOOST_TEST(status.per_second == 0U);
  BOOST_TEST(status.per_second_max.value() == 200U);
  BOOST_TEST(status.idle_cpu_percent == 0.33);
}

BOOST_AUTO_TEST_CASE(a_freeswitch_that_is_not_ready_is_not) {
  std::string text = outputs()[0];
  text.replace(text.find(") is ready"), 10, ") is not ready");
  BOOST_TEST(!must(read_status(answer(text))).is_ready);
}

BOOST_AUTO_TEST_CASE(uptime_is_the_sum_of_its_parts) {
  std::string text = outputs()[0];
  text.replace(0, text.find('\n'),
               "UP 1 year, 2 days, 3 hours, 4 minutes, 5 seconds, 6 milliseconds, 7 microseconds");
  const auto wanted = std::chrono::hours(24 * 367 + 3) + std::chrono::minutes(4) + std::chrono::seconds(5) +
                      std::chrono::milliseconds(6) + std::chrono::microseconds(7);
  BOOST_TEST((must(read_status(answer(text))).up == wanted));
  text.replace(0, text.find('\n'), "UP 99999999999999999999 years, -3 days, 18446744073709551615 hours, x");
  BOOST_TEST((must(read_status(answer(text))).up == std::chrono::hours(1'000)));
}

BOOST_AUTO_TEST_CASE(an_answer_without_what_it_always_has_is_corrupt) {
  for (const char* const wrong :
       {"", "UP 1 year\n", "FreeSWITCH (Version 1.10) is ready\n", "2000 session(s) max\n",
        "FreeSWITCH (Version 1) is ready\n1 session(s) per Sec out of max x,\n1 session(s) max",
        "FreeSWITCH (Version 1) is ready\n99999999999999999999 session(s) max"}) {
    BOOST_TEST((code_of(read_status(answer(wrong))) == Code::Corrupt));
  }
  for (const char* const wrong : {"", "total.", "x total.", "99999999999999999999 total.", "1 totals"}) {
    BOOST_TEST((code_of(read_total(answer(wrong))) == Code::Corrupt));
  }
  BOOST_TEST((code_of(read_gateways(answer(kGateways.substr(0, 300)))) == Code::Corrupt));
  BOOST_TEST((code_of(read_gateway(answer("Name\tx\n"))) == Code::Corrupt));
  BOOST_TEST((code_of(read_gateway(answer("State\tREGED\n"))) == Code::Corrupt));
  BOOST_TEST((code_of(read_gateway(answer(""))) == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(what_is_refused_is_an_error_of_every_question) {
  const EslAnswer refused = answer("-ERR command not found");
  BOOST_TEST((code_of(read_status(refused)) == Code::Unsupported));
  BOOST_TEST((code_of(read_total(refused)) == Code::Unsupported));
  BOOST_TEST((code_of(read_gateways(refused)) == Code::Unsupported));
  BOOST_TEST((code_of(read_gateway(refused)) == Code::Unsupported));
}

BOOST_AUTO_TEST_CASE(a_heartbeat_says_the_same_as_status) {
  std::size_t heartbeats = 0;
  for (const EslFrame& each : decode<EslDecoder>({fixture("freeswitch-plain.raw")})) {
    if (!each.type().starts_with("text/event")) {
      continue;
    }
    const EslEvent event = must(read_event(each));
    if (event.name() != "HEARTBEAT") {
      BOOST_TEST((code_of(read_heartbeat(event)) == Code::Corrupt));
      continue;
    }
    const SwitchStatus status = must(read_heartbeat(event));
    BOOST_TEST(status.is_ready);
    BOOST_TEST(status.sessions_max == 2000U);
    BOOST_TEST(!status.per_second_max.has_value());
    BOOST_TEST(status.version == "1.10.12-release~64bit");
    if (++heartbeats == 1) {
      BOOST_TEST((status.up == std::chrono::milliseconds(39'526)));
      BOOST_TEST(status.sessions == 2U);
      BOOST_TEST(status.idle_cpu_percent == 79.933333);
    }
  }
  BOOST_TEST(heartbeats == 2U);
}

BOOST_AUTO_TEST_CASE(totals_are_read) {
  BOOST_TEST(must(read_total(answer("\n0 total.\n"))) == 0U);
  BOOST_TEST(must(read_total(answer("\n12 total.\n"))) == 12U);
  BOOST_TEST(must(read_total(answer("uuid,direction\nx,inbound\n\n1 total.\n"))) == 1U);
}

BOOST_AUTO_TEST_CASE(gateways_are_listed_with_their_state) {
  const auto gateways = must(read_gateways(answer(kGateways)));
  BOOST_REQUIRE(gateways.size() == 3U);
  BOOST_TEST(gateways[0].profile == "external");
  BOOST_TEST(gateways[0].name == "carrier-a");
  BOOST_TEST(gateways[0].is_registered);
  BOOST_TEST(!gateways[0].is_up.has_value());
  BOOST_TEST(gateways[1].profile == "external-v6");
  BOOST_TEST(gateways[1].state == "NOREG");
  BOOST_TEST(gateways[2].state == "FAILED");
  BOOST_TEST(!gateways[2].is_registered);
  BOOST_TEST(must(read_gateways(answer("0 gateways: Inbound(Failed/Total): 0/0\n"))).empty());
}

BOOST_AUTO_TEST_CASE(one_gateway_says_if_it_is_up) {
  const Gateway gateway = must(read_gateway(answer(kGateway)));
  BOOST_TEST(gateway.name == "carrier-a");
  BOOST_TEST(gateway.profile == "external");
  BOOST_TEST(gateway.is_registered);
  BOOST_TEST(gateway.is_up.value());
  BOOST_TEST(gateway.is_pinged);
  std::string down = kGateway;
  down.replace(down.find("UP (ping)"), 9, "DOWN");
  BOOST_TEST(!must(read_gateway(answer(down))).is_up.value());
  BOOST_TEST((code_of(read_gateway(answer("Invalid Gateway!\n"))) == Code::NotFound));
}

BOOST_AUTO_TEST_CASE(events_of_ours_are_known_by_their_subclass) {
  const EslEvent ours{Fields({{"Event-Name", "CUSTOM"}, {"Event-Subclass", "hareplicate::alive"}}), {}};
  BOOST_TEST(our_custom_event(ours).value() == "alive");
  const EslEvent other{Fields({{"Event-Name", "CUSTOM"}, {"Event-Subclass", "sofia::register"}}), {}};
  BOOST_TEST(!our_custom_event(other).has_value());
  BOOST_TEST(!our_custom_event({}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
