#include "dnsupdater/policy.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Code;

namespace {

const Name kZone = name("example.net");
const PolicyKey kKey{name("fra1-key"), TsigAlgorithm::HmacSha512, "/etc/hareplicate/secrets/tsig"};
const PolicyNames kNames{{name("_ha.pbx.example.net")}, {name("sip.example.net")}};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_policy)

BOOST_AUTO_TEST_CASE(bind_grants_each_name_what_it_needs) {
  const std::string text = must(policy_text(PolicyKind::Bind, kNames, kZone, kKey));
  BOOST_TEST(has(text, "grant fra1-key. name _ha.pbx.example.net. TXT;"));
  BOOST_TEST(has(text, "grant fra1-key. name sip.example.net. A AAAA SRV NAPTR TXT;"));
  BOOST_TEST(has(text, "grant fra1-key. subdomain _ha-doctor.example.net. A AAAA SRV NAPTR TXT;"));
  BOOST_TEST(has(text, "grant fra1-key. subdomain ha-probe.example.net. A AAAA SRV NAPTR TXT;"));
  BOOST_TEST(has(text, "zone \"example.net\" {"));
}

BOOST_AUTO_TEST_CASE(knot_has_one_rule_for_guards_and_records_as_they_change_in_one_message) {
  const std::string text = must(policy_text(PolicyKind::Knot, kNames, kZone, kKey));
  BOOST_TEST(has(text, "update-owner-name: [\"_ha.pbx.example.net.\", \"sip.example.net.\"]"));
  BOOST_TEST(has(text, "update-owner-name: [\"_ha-doctor.example.net.\", \"ha-probe.example.net.\"]"));
  BOOST_TEST(has(text, "acl: [\"fra1-key.example.net\", \"fra1-key.example.net.doctor\"]"));
}

BOOST_AUTO_TEST_CASE(a_zone_without_names_still_lets_doctor_in) {
  const std::string text = must(policy_text(PolicyKind::Knot, {}, kZone, kKey));
  BOOST_TEST(has(text, "acl: [\"fra1-key.example.net.doctor\"]"));
  BOOST_TEST(!has(text, "update-owner-match: equal"));
}

BOOST_AUTO_TEST_CASE(powerdns_gets_commands_with_the_algorithm) {
  const std::string text = must(policy_text(PolicyKind::PowerDns, kNames, kZone, kKey));
  BOOST_TEST(has(text, "\npdnsutil import-tsig-key fra1-key hmac-sha512 SECRET\n"));
  BOOST_TEST(has(text, "\npdnsutil add-meta example.net TSIG-ALLOW-DNSUPDATE fra1-key\n"));
}

BOOST_AUTO_TEST_CASE(each_zone_has_its_names_with_their_guards) {
  ha::ConfigProblems problems;
  const DnsConfig config = must(DnsConfig::parse(
      {"/etc/ha/cluster.toml",
       "version = 1\n[cluster]\nname = \"voice\"\nid = \"c-1\"\n[arbiter]\nkind = \"dns\"\nzone = "
       "\"lease.test\"\n"
       "[[dns.zone]]\nname = \"voice.test\"\nprimary = [\"192.0.2.53\"]\n"
       "[[dns.zone]]\nname = \"lease.test\"\nprimary = [\"192.0.2.53\"]\n"
       "[[site]]\nname = \"fra1\"\naddress = [\"tcp://fra1:7700\", \"tcp://[2001:db8::1]:7700\", "
       "\"tcp://192.0.2.1:7700\"]\nkey = \"k\"\npublic_ip = [\"192.0.2.10\"]\n"
       "[[service]]\nname = \"pbx\"\nsites = [\"fra1\"]\nholder = \"fra1\"\n"
       "[[dns.record]]\nservice = \"pbx\"\nname = \"sip.voice.test\"\n",
       "/etc/ha/node.toml", "", "fra1"},
      problems));
  const PolicyNames voice = must(policy_names(config, name("voice.test")));
  BOOST_TEST((voice.records == std::vector<Name>{name("sip.voice.test")}));
  BOOST_TEST((voice.guards == std::vector<Name>{name("_ha.pbx.voice.test")}));
  const PolicyNames lease = must(policy_names(config, name("lease.test")));
  BOOST_TEST(lease.records.empty());
  BOOST_TEST((lease.guards == std::vector<Name>{name("_ha.pbx.lease.test")}));
  // Where the replicator listens, as far as these are no names: for doctor, too.
  BOOST_TEST((config.sites()[0].hosts == std::vector<Address>{address("2001:db8::1"), address("192.0.2.1")}));
}

BOOST_AUTO_TEST_CASE(kinds_are_three) {
  BOOST_TEST((must(parse_policy_kind("bind")) == PolicyKind::Bind));
  BOOST_TEST((must(parse_policy_kind("knot")) == PolicyKind::Knot));
  BOOST_TEST((must(parse_policy_kind("powerdns")) == PolicyKind::PowerDns));
  BOOST_TEST((code_of(parse_policy_kind("nsd")) == Code::Invalid));
}

BOOST_AUTO_TEST_SUITE_END()
