#include "dnsupdater/config.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Code;
using ha::ConfigProblems;

namespace {

const std::string kCluster =
    "version = 1\n"
    "[cluster]\n"
    "name = \"voice\"\n"
    "id = \"c-1\"\n"
    "[[dns.zone]]\n"
    "name = \"voice.test\"\n"
    "primary = [\"192.0.2.53\", \"[2001:db8::53]:5353\"]\n"
    "servers = [\"192.0.2.54:53\"]\n"
    "[[site]]\n"
    "name = \"fra1\"\n"
    "address = [\"tcp://fra1:7700\"]\n"
    "key = \"k\"\n"
    "public_ip = [\"192.0.2.10\", \"2001:db8::10\"]\n"
    "maintenance_ip = [\"192.0.2.11\", \"2001:db8::11\"]\n"
    "maintenance_name = \"fra1-maint.voice.test\"\n"
    "[[site]]\n"
    "name = \"nyc1\"\n"
    "address = [\"tcp://nyc1:7700\"]\n"
    "key = \"k\"\n"
    "public_ip = [\"192.0.2.20\"]\n"
    "[[service]]\n"
    "name = \"pbx\"\n"
    "sites = [\"fra1\", \"nyc1\"]\n"
    "holder = \"fra1\"\n"
    "[[dns.record]]\n"
    "service = \"pbx\"\n"
    "name = \"sip.voice.test\"\n"
    "[[dns.record]]\n"
    "service = \"pbx\"\n"
    "name = \"_sip._udp.voice.test\"\n"
    "type = \"SRV\"\n"
    "[[dns.pool]]\n"
    "name = \"pool.voice.test\"\n"
    "services = [\"*\"]\n";

struct Read {
  std::optional<DnsConfig> config;
  std::string problems;
};

Read read(const std::string& cluster, const std::string& node = "") {
  ConfigProblems problems;
  auto config =
      DnsConfig::parse({"/etc/ha/cluster.toml", cluster, "/etc/ha/node.toml", node, "fra1"}, problems);
  BOOST_TEST(config.ok() == (problems.errors() == 0U));
  if (!config.ok()) {
    BOOST_TEST((config.error().code() == Code::Invalid));
    BOOST_TEST(!config.error().hint().empty());
    return {std::nullopt, problems.text()};
  }
  return {std::move(config).value(), problems.text()};
}

std::string with(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  BOOST_REQUIRE_MESSAGE(at != std::string::npos, from);
  return text.replace(at, from.size(), to);
}

// The line of `what` in `text`, from 1.
std::size_t line_of(const std::string& text, std::string_view what) {
  const std::size_t at = text.find(what);
  BOOST_REQUIRE_MESSAGE(at != std::string::npos, what);
  return 1 + static_cast<std::size_t>(
                 std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

// The file has this problem where `at` first is.
void has_problem(const std::string& text, std::string_view at, const std::string& problem) {
  const Read got = read(text);
  const std::string place = "/etc/ha/cluster.toml:" + std::to_string(line_of(text, at)) + ":";
  bool found = false;
  for (std::size_t begin = 0; begin < got.problems.size();) {
    const std::size_t end = std::min(got.problems.find('\n', begin), got.problems.size());
    const std::string line = got.problems.substr(begin, end - begin);
    found = found || (line.starts_with(place) && line.find(problem) != std::string::npos);
    begin = end + 1;
  }
  BOOST_TEST(found, place << " … " << problem << " is not in:\n" << got.problems);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_config)

BOOST_AUTO_TEST_CASE(a_good_file_is_read_whole) {
  const Read got = read(kCluster, "state_dir = \"/srv/ha\"\n");
  BOOST_REQUIRE_MESSAGE(got.config, got.problems);
  BOOST_TEST(got.problems == "");
  const DnsConfig& config = *got.config;
  BOOST_TEST(config.self() == "fra1");
  BOOST_TEST(config.state_dir() == "/srv/ha");
  BOOST_TEST((config.timeout() == std::chrono::seconds(20)));
  BOOST_REQUIRE(config.zones().size() == 1U);
  const ZoneConfig& zone = config.zones()[0];
  BOOST_TEST(zone.name.text() == "voice.test");
  BOOST_REQUIRE(zone.primary.size() == 2U);
  BOOST_TEST(zone.primary[0].text() == "192.0.2.53:53");
  BOOST_TEST(zone.primary[1].text() == "[2001:db8::53]:5353");
  BOOST_TEST(zone.servers.size() == 1U);
  BOOST_TEST(zone.key_file == "/etc/ha/secrets/tsig");
  BOOST_REQUIRE(config.site("fra1") != nullptr);
  BOOST_TEST((config.site("fra1")->maintenance[1] == address("2001:db8::11")));
  BOOST_TEST((config.site("fra1")->maintenance_name == name("fra1-maint.voice.test")));
  BOOST_TEST(config.site("ams1") == nullptr);
  BOOST_REQUIRE(config.service("pbx") != nullptr);
  BOOST_TEST(config.service("pbx")->sites.size() == 2U);
  BOOST_TEST(config.service("fax") == nullptr);
  BOOST_REQUIRE(config.records().size() == 2U);
  BOOST_TEST(config.records()[0].ttl_s == 30U);
  BOOST_TEST((config.records()[1].kind == RecordKind::Srv));
  BOOST_TEST(config.records()[1].port == 5060U);
  BOOST_TEST((config.records()[1].target == name("sip.voice.test")));
  BOOST_REQUIRE(config.pools().size() == 1U);
  BOOST_TEST(config.pools()[0].services == std::vector<std::string>{"pbx"}, boost::test_tools::per_element());
  BOOST_TEST(config.pools()[0].weight == 10U);
  BOOST_TEST(!config.lease_zone().has_value());
}

BOOST_AUTO_TEST_CASE(node_toml_says_which_site_this_is) {
  const Read got = read(kCluster, "site = \"nyc1\"\n");
  BOOST_REQUIRE(got.config);
  BOOST_TEST(got.config->self() == "nyc1");
  BOOST_TEST(read(kCluster, "stie = \"nyc1\"\n").problems.find("/etc/ha/node.toml:1:") == 0U);
}

BOOST_AUTO_TEST_CASE(without_servers_the_primary_answers_callers) {
  const Read got = read(with(kCluster, "servers = [\"192.0.2.54:53\"]\n", ""));
  BOOST_REQUIRE(got.config);
  BOOST_TEST((got.config->zones()[0].servers == got.config->zones()[0].primary));
}

BOOST_AUTO_TEST_CASE(the_deepest_zone_has_a_name) {
  const Read got = read(kCluster +
                        "[[dns.zone]]\nname = \"sub.voice.test\"\nprimary = [\"192.0.2.53\"]\n"
                        "[[dns.zone]]\nname = \"test\"\nprimary = [\"192.0.2.53\"]\n");
  BOOST_REQUIRE_MESSAGE(got.config, got.problems);
  const auto zone_of = [&](const char* text) {
    const ZoneConfig* zone = got.config->zone_of(name(text));
    return zone != nullptr ? zone->name.text() : "";
  };
  BOOST_TEST(zone_of("a.sub.voice.test") == "sub.voice.test");
  BOOST_TEST(zone_of("a.voice.test") == "voice.test");
  BOOST_TEST(zone_of("xvoice.test") == "test");
  BOOST_TEST(zone_of("voice.example") == "");
}

BOOST_AUTO_TEST_CASE(a_name_has_to_be_one_and_lie_in_a_zone) {
  has_problem(with(kCluster, "\"sip.voice.test\"", "\"sip.voice.example\""), "\"sip.voice.example\"",
              "is in no [[dns.zone]]");
  has_problem(with(kCluster, "\"sip.voice.test\"", "\"s p.voice.test\""), "\"s p.voice.test\"",
              "dns.record \"s p.voice.test\": ");
  has_problem(with(kCluster, "\"sip.voice.test\"", "\"\""), "name = \"\"", "dns.record \"\": ");
  has_problem(with(kCluster, "\"sip.voice.test\"", "\"Voice.test\""), "\"Voice.test\"", "is the zone itself");
  has_problem(with(kCluster, "\"sip.voice.test\"", "\"_ha.pbx.voice.test\""), "\"_ha.pbx.voice.test\"",
              "names that begin with _ha are ours");
  has_problem(with(kCluster, "\"fra1-maint.voice.test\"", "\"fra1.example\""), "\"fra1.example\"",
              "maintenance_name is in no [[dns.zone]]");
  has_problem(with(kCluster, "\"pool.voice.test\"", "\"pool.example\""), "\"pool.example\"",
              "is in no [[dns.zone]]");
}

BOOST_AUTO_TEST_CASE(nothing_is_there_twice) {
  const std::string zone = kCluster + "[[dns.zone]]\nprimary = [\"192.0.2.53\"]\nname = \"Voice.Test.\"\n";
  has_problem(zone, "\"Voice.Test.\"", "is there twice, first at /etc/ha/cluster.toml:5");
  const std::string record =
      kCluster + "[[dns.record]]\nservice = \"pbx\"\ntype = \"SRV\"\nname = \"_SIP._udp.voice.test\"\n";
  has_problem(record, "\"_SIP._udp", "is there twice, first at /etc/ha/cluster.toml:");
  const std::string pool = kCluster + "[[dns.pool]]\nservices = [\"pbx\"]\nname = \"Pool.voice.test\"\n";
  has_problem(pool, "\"Pool.voice",
              "is a name of dns.pool \"pool.voice.test\" too, at /etc/ha/cluster.toml:");
  const std::string both = kCluster + "[[dns.pool]]\nservices = [\"pbx\"]\nname = \"Sip.voice.test\"\n";
  has_problem(both, "\"Sip.voice",
              "is a name of dns.record \"sip.voice.test\" too, at /etc/ha/cluster.toml:");
  has_problem(with(kCluster, "\"192.0.2.20\"", "\"192.0.2.11\""), "public_ip = [\"192.0.2.11\"]",
              "192.0.2.11 is there twice, first in site \"fra1\"");
  has_problem(with(kCluster, "[\"192.0.2.53\",", "[\"192.0.2.53\", \"192.0.2.53:53\","),
              "primary =", "primary has 192.0.2.53:53 twice");
}

BOOST_AUTO_TEST_CASE(a_name_has_one_guard_and_so_one_use) {
  const std::string_view maint = "\"fra1-maint.voice.test\"";
  // The one that comes later is at fault: sites come before records and pools.
  for (const char* const taken : {"dns.record \"sip.voice.test\"", "dns.pool \"pool.voice.test\""}) {
    const std::string name = std::string(taken).substr(std::string(taken).find('"'));
    const Read got = read(with(kCluster, maint, name));
    BOOST_TEST(got.problems.find(taken + std::string(": is a name of site \"fra1\" too, at "
                                                     "/etc/ha/cluster.toml:15:")) != std::string::npos,
               got.problems);
  }
  has_problem(with(kCluster, maint, "\"voice.test\""),
              "maintenance_name =", "maintenance_name is the zone itself");
  has_problem(with(kCluster, maint, "\"_ha.x.voice.test\""), "maintenance_name =", "begins with _ha");
  const std::string twice = with(kCluster, "public_ip = [\"192.0.2.20\"]\n",
                                 "public_ip = [\"192.0.2.20\"]\npublic_name = \"fra1-maint.voice.test\"\n");
  has_problem(twice,
              "public_name =", "public_name is a name of site \"fra1\" too, at /etc/ha/cluster.toml:15:");
}

BOOST_AUTO_TEST_CASE(a_name_is_of_one_service) {
  const std::string fax = kCluster + "[[service]]\nname = \"fax\"\nsites = [\"fra1\"]\nholder = \"fra1\"\n";
  const std::string srv = "[[dns.record]]\ntype = \"SRV\"\nname = \"sip.voice.test\"\nservice = ";
  has_problem(fax + srv + "\"fax\"\ntarget = \"sip.voice.test\"\n", "service = \"fax\"",
              "is a name of service \"pbx\" already, at /etc/ha/cluster.toml:");
  BOOST_TEST(read(fax + srv + "\"pbx\"\n").config.has_value());
}

BOOST_AUTO_TEST_CASE(the_srv_of_a_pool_leads_to_names_of_its_sites) {
  const std::string names = with(with(kCluster, "maintenance_name",
                                      "public_name = \"fra1.voice.test\"\n"
                                      "maintenance_name"),
                                 "public_ip = [\"192.0.2.20\"]\n",
                                 "public_ip = [\"192.0.2.20\"]\npublic_name = \"nyc1.voice.test\"\n");
  const Read good = read(names + "srv = \"_sip._tcp.voice.test\"\nport = 5061\n");
  BOOST_REQUIRE_MESSAGE(good.config, good.problems);
  BOOST_TEST((good.config->pools()[0].srv == name("_sip._tcp.voice.test")));
  BOOST_TEST(good.config->pools()[0].port == 5061U);
  BOOST_TEST((good.config->site("nyc1")->public_name == name("nyc1.voice.test")));
  has_problem(kCluster + "srv = \"_sip._tcp.voice.test\"\n",
              "srv =", "site \"nyc1\" has no public_name that srv could lead to");
  has_problem(names + "srv = \"_sip._udp.voice.test\"\n",
              "srv =", "srv is a name of dns.record \"_sip._udp.voice.test\" too, at");
  has_problem(names + "srv = \"pool.voice.test\"\n",
              "srv =", "srv is a name of dns.pool \"pool.voice.test\" too, at");
  has_problem(names + "srv = \"_sip._tcp.example\"\n",
              "srv =", "srv is not in the zone of the pool, voice.test");
  has_problem(names + "srv = \"voice.test\"\n", "srv =", "srv is the zone itself");
}

BOOST_AUTO_TEST_CASE(servers_are_addresses_and_ports) {
  has_problem(with(kCluster, "\"192.0.2.54:53\"", "\"ns1.voice.test\""),
              "servers =", "servers: \"ns1.voice.test\" is no address and port — 192.0.2.53:53");
  has_problem(with(kCluster, "\"192.0.2.54:53\"", "\"192.0.2.54:0\""), "servers =", "no address and port");
  has_problem(with(kCluster, "[\"192.0.2.53\", \"[2001:db8::53]:5353\"]", "[]"), "primary = []",
              "primary is empty");
  std::string many = "primary = [";
  for (int i = 0; i < 17; ++i) {
    many += "\"192.0.2." + std::to_string(100 + i) + "\", ";
  }
  has_problem(with(kCluster, "primary = [", many), "primary =", "primary has more than 16");
}

BOOST_AUTO_TEST_CASE(a_site_that_callers_may_be_sent_to_has_an_address) {
  const std::string text = with(kCluster, "public_ip = [\"192.0.2.20\"]\n", "");
  has_problem(text, "service = \"pbx\"", "site \"nyc1\" may hold pbx, but has no public_ip");
  has_problem(text, "services = [\"*\"]", "site \"nyc1\" may hold pbx, but has no public_ip");
  has_problem(with(kCluster, "\"192.0.2.20\"", "\"nyc1\""), "public_ip = [\"nyc1\"]", "public_ip: ");
}

BOOST_AUTO_TEST_CASE(maintenance_addresses_are_paired_with_public_ones) {
  const std::string_view pair = "[\"192.0.2.11\", \"2001:db8::11\"]";
  for (const char* const wrong :
       {"[\"192.0.2.11\"]", "[\"2001:db8::11\", \"192.0.2.11\"]", "[\"192.0.2.11\", \"192.0.2.12\"]"}) {
    has_problem(with(kCluster, pair, wrong),
                "maintenance_ip =", "one address for each of public_ip, IPv4 for IPv4");
  }
  BOOST_TEST(read(with(kCluster, pair, "[]")).config.has_value());
}

BOOST_AUTO_TEST_CASE(srv_leads_to_an_address_record_of_its_service) {
  const std::string srv = "type = \"SRV\"\n";
  const std::string address_record =
      "[[dns.record]]\nservice = \"pbx\"\nname = \"sip2.voice.test\"\n[[dns.pool]]\n";
  const std::string two = with(kCluster, "[[dns.pool]]\n", address_record);
  // A record's place is its table: the second one.
  const std::string table = "[[dns.record]]\nservice = \"pbx\"\nname = \"_sip";
  has_problem(two, table, "target is missing: there are several names");
  BOOST_TEST(read(with(two, srv, srv + "target = \"sip2.voice.test\"\n")).config.has_value());
  has_problem(with(two, srv, srv + "target = \"www.voice.test\"\n"), table,
              "target \"www.voice.test\" is no address record of service \"pbx\"");
  const std::string none =
      with(kCluster, "[[dns.record]]\nservice = \"pbx\"\nname = \"sip.voice.test\"\n", "");
  has_problem(none, table, "service \"pbx\" has no [[dns.record]] of type address");
  const std::string no_srv =
      with(kCluster, "name = \"sip.voice.test\"\n", "name = \"sip.voice.test\"\ntarget = \"x.voice.test\"\n");
  has_problem(no_srv, "target =", "only SRV has a target");
}

BOOST_AUTO_TEST_CASE(a_service_that_is_not_there_is_named_with_what_was_meant) {
  const std::string record = with(kCluster, "service = \"pbx\"", "service = \"pbxx\"");
  has_problem(record, "service = \"pbxx\"", "no service is called \"pbxx\"");
  BOOST_TEST(read(record).problems.find("did you mean \"pbx\"") != std::string::npos, read(record).problems);
  const std::string pool = with(kCluster, "services = [\"*\"]", "services = [\"fax\"]");
  has_problem(pool, "services = [\"fax\"]", "no service is called \"fax\"");
  has_problem(with(kCluster, "services = [\"*\"]", "services = []"), "services = []", "services is empty");
}

BOOST_AUTO_TEST_CASE(the_zone_of_the_leases_is_a_zone_that_is_configured) {
  const Read good = read(kCluster + "[arbiter]\nzone = \"voice.test\"\n");
  BOOST_REQUIRE(good.config);
  BOOST_TEST((good.config->lease_zone() == name("voice.test")));
  has_problem(kCluster + "[arbiter]\nzone = \"sub.voice.test\"\n", "zone = \"sub",
              "\"sub.voice.test\" is no [[dns.zone]]");
}

BOOST_AUTO_TEST_CASE(a_long_ttl_is_a_warning_and_no_error) {
  const std::string text =
      with(kCluster, "name = \"sip.voice.test\"\n", "name = \"sip.voice.test\"\nttl = \"61s\"\n");
  BOOST_TEST(read(text).config.has_value());
  has_problem(text, "ttl = \"61s\"", "warning: dns.record \"sip.voice.test\": ttl is over 60s");
  const std::string limit = with(text, "61s", "60s");
  BOOST_TEST(read(limit).problems == "");
  has_problem(kCluster + "ttl = \"2m\"\n", "ttl = \"2m\"", "warning: dns.pool");
}

BOOST_AUTO_TEST_CASE(every_problem_is_told_and_not_only_the_first) {
  std::string text = with(kCluster, "\"192.0.2.54:53\"", "\"ns1\"");
  text = with(text, "\"sip.voice.test\"", "\"sip.example\"");
  has_problem(text, "servers =", "no address and port");
  has_problem(text, "\"sip.example\"", "is in no [[dns.zone]]");
}

BOOST_AUTO_TEST_CASE(files_are_loaded_and_node_toml_may_be_missing) {
  const ha::sys::TempDirectory directory;
  ConfigProblems problems;
  BOOST_TEST((code_of(DnsConfig::load(directory.path + "/cluster.toml", problems)) == Code::Invalid));
  directory.write("cluster.toml", kCluster);
  const DnsConfig alone = must(DnsConfig::load(directory.path + "/cluster.toml", problems));
  BOOST_TEST(alone.zones()[0].key_file == directory.path + "/secrets/tsig");
  BOOST_TEST(alone.state_dir() == "/var/lib/hareplicate");
  directory.write("node.toml", "site = \"nyc1\"\n");
  BOOST_TEST(must(DnsConfig::load(directory.path + "/cluster.toml", problems)).self() == "nyc1");
}

BOOST_AUTO_TEST_SUITE_END()
