#include "dnsupdater/service.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Code;
using ha::Digest;

namespace {

const std::string kSites =
    "[cluster]\nname = \"voice\"\nid = \"c-1\"\n"
    "[[site]]\nname = \"fra1\"\naddress = [\"tcp://fra1:1\"]\nkey = \"k\"\n"
    "public_ip = [\"192.0.2.10\", \"2001:db8::10\"]\n"
    "[[site]]\nname = \"nyc1\"\naddress = [\"tcp://nyc1:1\"]\nkey = \"k\"\npublic_ip = [\"192.0.2.20\"]\n"
    "[[site]]\nname = \"bare\"\naddress = [\"tcp://bare:1\"]\nkey = \"k\"\n"
    "[[service]]\nname = \"pbx\"\nsites = [\"fra1\", \"nyc1\"]\nholder = \"fra1\"\n"
    "[[service]]\nname = \"fax\"\nsites = [\"fra1\"]\nholder = \"fra1\"\n"
    "[[dns.zone]]\nname = \"voice.test\"\nprimary = [\"192.0.2.53\"]\n"
    "[[dns.zone]]\nname = \"other.test\"\nprimary = [\"192.0.2.53\"]\n"
    "[[dns.zone]]\nname = \"lease.test\"\nprimary = [\"192.0.2.54\"]\n"
    "[[dns.record]]\nservice = \"pbx\"\nname = \"sip.voice.test\"\nttl = \"20s\"\n"
    "[[dns.record]]\nservice = \"pbx\"\nname = \"_sip._udp.voice.test\"\ntype = \"SRV\"\nport = 5070\n"
    "target = \"sip.voice.test\"\n"
    "[[dns.record]]\nservice = \"pbx\"\nname = \"sip.other.test\"\n";

DnsConfig config(const std::string& more = "") {
  ha::ConfigProblems problems;
  auto out = DnsConfig::parse({"cluster.toml", kSites + more, "node.toml", "", "fra1"}, problems);
  BOOST_REQUIRE_MESSAGE(out.ok(), problems.text());
  return std::move(out).value();
}

const std::string kArbiter = "[arbiter]\nkind = \"dns\"\nzone = \"lease.test\"\n";

std::string lines_of(const ServiceZone& zone) {
  std::string out;
  for (const Expected& each : zone.sets) {
    for (const std::string& line : each.set ? zone_lines(*each.set) : std::vector<std::string>()) {
      out += line + "\n";
    }
    out += each.set ? "" : "no " + type_text(each.type) + " " + each.name.text() + "\n";
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_service)

BOOST_AUTO_TEST_CASE(names_lead_to_the_addresses_of_the_site_that_holds_the_service) {
  const auto zones = must(service_sets(config(), "pbx", "fra1"));
  BOOST_REQUIRE(zones.size() == 2U);
  BOOST_TEST((zones[0].guard == name("_ha.pbx.voice.test")));
  BOOST_TEST(lines_of(zones[0]) ==
             "sip.voice.test. 20 IN A 192.0.2.10\nsip.voice.test. 20 IN AAAA 2001:db8::10\n"
             "_sip._udp.voice.test. 30 IN SRV 0 0 5070 sip.voice.test.\n");
  BOOST_TEST(lines_of(zones[1]) ==
             "sip.other.test. 30 IN A 192.0.2.10\nsip.other.test. 30 IN AAAA 2001:db8::10\n");
}

BOOST_AUTO_TEST_CASE(a_family_that_the_site_does_not_have_goes_and_the_service_is_never_empty) {
  const auto zones = must(service_sets(config(), "pbx", "nyc1"));
  BOOST_TEST(lines_of(zones[1]) == "sip.other.test. 30 IN A 192.0.2.20\nno AAAA sip.other.test\n");
  // The plan of it is one that may be made.
  const RrSet old_v6 = a_set("sip.other.test", 30, {"2001:db8::10"});
  Change change{name("other.test"), {}, service_changes(zones[1], {old_v6})};
  change.guards.push_back({zones[1].guard, std::nullopt, held_record()});
  const Plan plan = must(make_plan(change));
  BOOST_TEST(plan.update.deletions.size() == 2U);
  const auto refused = service_sets(config(), "pbx", "bare");
  BOOST_TEST((code_of(refused) == Code::Refused));
  BOOST_TEST(refused.error().what().find("nobody could call sip.voice.test") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_not_configured_is_not_found) {
  BOOST_TEST((code_of(service_sets(config(), "pbx", "ams1")) == Code::NotFound));
  BOOST_TEST((code_of(service_sets(config(), "web", "fra1")) == Code::NotFound));
  BOOST_TEST((code_of(place_of(config(), "web")) == Code::NotFound));
}

BOOST_AUTO_TEST_CASE(a_lease_has_a_zone_of_its_own_or_that_of_the_first_record) {
  const ServicePlace apart = must(place_of(config(kArbiter), "pbx"));
  BOOST_TEST((apart.lease == name("_ha.pbx.lease.test")));
  BOOST_REQUIRE(apart.copies.size() == 2U);
  BOOST_TEST((apart.copies[0].guard == name("_ha.pbx.voice.test")));
  const ServicePlace beside = must(place_of(config(), "pbx"));
  BOOST_TEST((beside.lease == name("_ha.pbx.voice.test")));
  BOOST_REQUIRE(beside.copies.size() == 1U);
  BOOST_TEST((beside.copies[0].zone == name("other.test")));
  BOOST_TEST(must(place_of(config(kArbiter), "fax")).copies.empty());
  BOOST_TEST((code_of(place_of(config(), "fax")) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(keys_are_those_of_every_family_whoever_holds_it) {
  const auto keys = service_keys(config(), "pbx", name("voice.test"));
  BOOST_REQUIRE(keys.size() == 3U);
  BOOST_TEST((keys[1] == SetKey{name("sip.voice.test"), RrType::Aaaa}));
  BOOST_TEST((keys[2] == SetKey{name("_sip._udp.voice.test"), RrType::Srv}));
}

BOOST_AUTO_TEST_CASE(what_differs_from_the_wanted_records_is_said) {
  const auto zones = must(service_sets(config(), "pbx", "nyc1"));
  BOOST_TEST(service_differences(zones[1], {a_set("sip.other.test", 30, {"192.0.2.20"})}).empty());
  const auto said = service_differences(
      zones[1], {a_set("sip.other.test", 30, {"192.0.2.66"}), a_set("sip.other.test", 30, {"2001:db8::1"})});
  BOOST_REQUIRE(said.size() == 2U);
  BOOST_TEST(said[0] == "sip.other.test A is 192.0.2.66 with TTL 30; it should be 192.0.2.20 with TTL 30");
}

BOOST_AUTO_TEST_SUITE_END()
