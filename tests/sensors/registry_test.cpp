#include "failover/sensors/registry.h"

#include <boost/test/unit_test.hpp>
#include <set>

#include "tests/sensors/sensor_fixture.h"

namespace ha::failover {
namespace {

std::string refused(const std::string& kind, const Options& written) {
  const auto setup = sensor_setup("it", kind, written);
  BOOST_REQUIRE(!setup.ok());
  BOOST_TEST((setup.error().code() == Code::Invalid));
  return setup.error().what();
}

// What each kind needs before it can be made.
const std::map<std::string, Options> kNeeds{
    {"ping", {{"address", "192.0.2.1"}}},
    {"net.loss", {{"address", "2001:db8::1"}}},
    {"tcp", {{"address", "192.0.2.1:80"}}},
    {"http", {{"address", "[2001:db8::1]:80"}}},
    {"sip.options", {{"address", "192.0.2.1:5060"}}},
    {"sip.register", {{"address", "192.0.2.1:5060"}, {"user", "probe"}}},
    {"process", {{"process", "asterisk"}}},
    {"fd.use", {{"process", "asterisk"}}},
    {"thread.use", {{"pidfile", "/run/asterisk/asterisk.pid"}}},
    {"disk.space", {{"path", "/var"}}},
    {"disk.inodes", {{"path", "/var"}}},
    {"disk.readonly", {{"path", "/var"}}},
    {"disk.latency", {{"path", "/var"}}},
    {"voicemail.spool", {{"path", "/var/spool"}}},
    {"recording.growth", {{"path", "/var/spool"}, {"process", "asterisk"}}},
    {"net.link", {{"interface", "eth0"}}},
    {"net.errors", {{"interface", "eth0"}}},
    {"dns.resolve", {{"query", "sip.example.net"}}},
    {"dns.authority", {{"zone", "example.net"}, {"servers", Texts{"192.0.2.53", "192.0.2.54"}}}},
    {"tls.cert", {{"address", "192.0.2.1:5061"}}},
    {"config.drift", {{"path", "/etc/asterisk"}}},
    {"trunk.qualify", {{"trunks", Texts{"provider"}}}},
    {"plugin", {{"command", Texts{"/usr/lib/nagios/plugins/check_load"}}}},
};

Options needs_of(std::string_view kind) {
  if (kind == "pbx.events" || kind == "sip.profiles") {
    return {{"pbx", "freeswitch"}};
  }
  const auto found = kNeeds.find(std::string(kind));
  return found == kNeeds.end() ? Options{} : found->second;
}

BOOST_AUTO_TEST_SUITE(sensors_registry)

BOOST_AUTO_TEST_CASE(there_are_forty_kinds_and_each_can_be_made_with_its_defaults) {
  std::set<std::string_view> names;
  for (const SensorKind& kind : sensor_kinds()) {
    BOOST_TEST_CONTEXT(kind.name) {
      BOOST_TEST(names.insert(kind.name).second);
      BOOST_TEST((kind.doc.ends_with('.') && kind.doc.size() < 120));
      const SensorSetup setup = must(sensor_setup("it", kind.name, needs_of(kind.name)));
      BOOST_TEST(check_spec(setup.spec).ok());
      BOOST_TEST(make_sensor(setup).ok());
      BOOST_TEST((kind.unit == SensorUnit::State) == kind.trip.empty());
      BOOST_TEST((setup.spec.timeout <= setup.spec.every));
      for (const ConfigKey& option : kind.options) {
        BOOST_TEST((option.doc.ends_with('.') && !option.name.empty()));
        for (const ConfigKey& common : sensor_keys()) {
          BOOST_TEST((option.name != common.name));
        }
      }
    }
  }
  BOOST_TEST(names.size() >= 40U);
}

BOOST_AUTO_TEST_CASE(what_a_kind_needs_is_said) {
  for (const auto& [kind, needs] : kNeeds) {
    const auto setup = sensor_setup("it", kind, {});
    const auto made = setup.ok() ? make_sensor(*setup) : SensorMade(setup.error());
    BOOST_TEST((!made.ok() && made.error().code() == Code::Invalid), kind);
    BOOST_TEST(made.error().what().starts_with("sensor \"it\": " + kind + " needs "), made.error().what());
  }
}

BOOST_AUTO_TEST_CASE(keys_that_all_have_and_levels_in_the_unit_of_the_kind) {
  const SensorSetup disk = must(sensor_setup("it", "disk.space",
                                             {{"path", "/var"},
                                              {"every", "1m"},
                                              {"timeout", "10s"},
                                              {"weight", std::int64_t{33}},
                                              {"warn", "20%"},
                                              {"trip", "7.5%"},
                                              {"rise", std::int64_t{5}},
                                              {"fall", std::int64_t{9}}}));
  const SensorSpec wanted{"it", std::chrono::minutes(1), seconds(10), 33, {20, 7.5, Worse::Below}, 5, 9};
  BOOST_TEST((disk.spec == wanted));
  BOOST_TEST(disk.text("path") == "/var");
  const SensorSetup clock = must(sensor_setup("it", "clock.offset", {{"trip", "250ms"}, {"warn", "1ms"}}));
  BOOST_TEST(clock.spec.levels.trip == 0.25);
  BOOST_TEST(must(sensor_setup("it", "cpu.load", {{"trip", 2.5}})).spec.levels.trip == 2.5);
  BOOST_TEST(*must(sensor_setup("it", "cpu.load", {{"warn", std::int64_t{1}}})).spec.levels.warn == 1.0);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said_with_the_key) {
  BOOST_TEST(refused("disk.space", {{"pth", "/var"}}) ==
             "sensor \"it\": unknown key \"pth\" of disk.space; did you mean \"path\"?");
  BOOST_TEST(refused("disk.space", {{"path", "/"}, {"trip", "5"}}) ==
             "sensor \"it\": trip — must be a percentage, \"85%\"");
  BOOST_TEST(refused("disk.space", {{"path", "/"}, {"trip", std::int64_t{5}}}) ==
             "sensor \"it\": trip — must be a percentage in quotes, \"85%\"");
  BOOST_TEST(refused("clock.offset", {{"warn", 0.5}}) ==
             "sensor \"it\": warn — must be a duration in quotes, \"500ms\"");
  BOOST_TEST(refused("cpu.load", {{"warn", "2"}}) ==
             "sensor \"it\": warn — must be a number, without quotes");
  BOOST_TEST(refused("process", {{"process", "a"}, {"trip", std::int64_t{1}}}) ==
             "sensor \"it\": trip — process has no levels, it is good or not");
  BOOST_TEST(refused("cpu.load", {{"trip", std::int64_t{1}}}) ==
             "sensor \"it\": it would trip before it warns");
  BOOST_TEST(refused("cpu.load", {{"every", std::int64_t{5}}}).starts_with("sensor \"it\": every = 5 — "));
  BOOST_TEST(refused("cpu.load", {{"fall", std::int64_t{1}}}).find("must be from 2 to 100") !=
             std::string::npos);
  BOOST_TEST(
      refused("net.loss", {{"address", "192.0.2.1"}, {"count", std::int64_t{51}}}).find("from 2 to 50") !=
      std::string::npos);
  const auto unknown = sensor_setup("it", "disk.spce", {});
  BOOST_TEST((unknown.error().code() == Code::NotFound));
  BOOST_TEST(unknown.error().what() ==
             "there is no kind of sensor \"disk.spce\"; did you mean \"disk.space\"?");
}

BOOST_AUTO_TEST_CASE(options_that_do_not_go_together_are_refused) {
  const auto made = [](const std::string& kind, const Options& options) {
    const SensorMade out = make_sensor(must(sensor_setup("it", kind, options)));
    return out.ok() ? "" : out.error().what();
  };
  BOOST_TEST(made("tcp", {{"address", "192.0.2.1"}}) ==
             "sensor \"it\": \"192.0.2.1\" is no address and port");
  BOOST_TEST(made("tcp", {{"address", "2001:db8::53"}}) ==
             "sensor \"it\": \"2001:db8::53\" is no address and port");
  BOOST_TEST(made("tcp", {{"address", "localhost:80"}}) != "");
  BOOST_TEST(made("ping", {{"address", "localhost"}}) != "");
  BOOST_TEST(made("http", {{"address", "192.0.2.1:80"}, {"path", "x"}}) != "");
  BOOST_TEST(made("sip.options", {{"address", "192.0.2.1:5060"}, {"user", "a b"}}) != "");
  BOOST_TEST(made("sip.register", {{"address", "192.0.2.1:5060"}, {"user", "p"}, {"domain", "a b"}}) != "");
  BOOST_TEST(made("sip.register", {{"address", "192.0.2.1:5060"}, {"user", "p"}, {"timeout", "1s"}}) != "");
  BOOST_TEST(made("net.link", {{"interface", "../../x"}}) != "");
  BOOST_TEST(made("rtp.ports", {{"first", std::int64_t{20}}, {"last", std::int64_t{10}}}) != "");
  BOOST_TEST(made("disk.latency", {{"path", "/"}, {"device", "vda"}}) != "");
  BOOST_TEST(made("tls.cert", {{"address", "192.0.2.1:1"}, {"file", "x"}}) != "");
  BOOST_TEST(made("dns.authority", {{"zone", "example.net"}, {"servers", Texts{"192.0.2.53"}}}) != "");
  BOOST_TEST(made("dns.resolve", {{"query", "a b"}}) != "");
  BOOST_TEST(made("dns.resolve", {{"query", "a.test"}, {"expect", Texts{"x"}}}) != "");
  BOOST_TEST(made("dns.resolve", {{"query", "a.test"}, {"resolvers", Texts(33, "192.0.2.1")}}) != "");
  BOOST_TEST(made("plugin", {{"command", Texts{"check_load"}}}) != "");
  BOOST_TEST(made("pbx.events", {}) == "sensor \"it\": pbx.events is of freeswitch alone, not of asterisk");
  BOOST_TEST(made("astdb.write", {{"pbx", "freeswitch"}}) ==
             "sensor \"it\": astdb.write is of asterisk alone, not of freeswitch");
  BOOST_TEST(made("pbx.booted", {{"address", "192.0.2.1:5038"}}) != "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
