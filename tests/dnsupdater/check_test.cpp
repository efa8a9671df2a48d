#include "dnsupdater/check.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Code;
using ha::Digest;
using ha::Error;
using std::chrono::seconds;

namespace {

const Name kZone = name("voice.test");

const std::string kText =
    "[cluster]\nname = \"voice\"\nid = \"c-1\"\n"
    "[[site]]\nname = \"fra\"\naddress = [\"tcp://fra:1\"]\nkey = \"k\"\n"
    "public_ip = [\"192.0.2.10\", \"2001:db8::10\"]\nmaintenance_ip = [\"192.0.2.11\", \"2001:db8::11\"]\n"
    "[[site]]\nname = \"nyc\"\naddress = [\"tcp://nyc:1\"]\nkey = \"k\"\npublic_ip = [\"192.0.2.20\"]\n"
    "[[site]]\nname = \"lab\"\naddress = [\"tcp://lab:1\"]\nkey = \"k\"\npublic_ip = [\"192.0.2.30\"]\n"
    "[[service]]\nname = \"pbx\"\nsites = [\"fra\", \"nyc\"]\nholder = \"fra\"\n"
    "[arbiter]\nkind = \"dns\"\nzone = \"lease.test\"\n"
    "[[dns.zone]]\nname = \"voice.test\"\nprimary = [\"192.0.2.53\"]\n"
    "[[dns.zone]]\nname = \"lease.test\"\nprimary = [\"192.0.2.53\"]\n"
    "[[dns.record]]\nservice = \"pbx\"\nname = \"sip.voice.test\"\n"
    "[[dns.record]]\nservice = \"pbx\"\nname = \"_sip._udp.voice.test\"\ntype = \"SRV\"\n"
    "[[dns.pool]]\nname = \"pool.voice.test\"\nservices = [\"pbx\"]\n";

DnsConfig config() {
  ha::ConfigProblems problems;
  auto out = DnsConfig::parse({"cluster.toml", kText, "node.toml", "", "fra"}, problems);
  BOOST_REQUIRE_MESSAGE(out.ok(), problems.text());
  return std::move(out).value();
}

// What is not good, a line each: "bad records: … -> next".
std::string worries(const Findings& findings) {
  std::string out;
  for (const Finding& each : findings) {
    if (each.mark != Mark::Good) {
      out += std::string(mark_text(each.mark)) + " " + each.check + ": " + each.found + " -> " + each.next +
             "\n";
    }
  }
  return out;
}

ServerFacts server(const char* at, std::uint32_t serial = 7) {
  return {must(Endpoint::parse(at)), serial, true, {}};
}

ZoneFacts good_zone() {
  ZoneFacts facts;
  facts.zone = kZone;
  facts.ahead = seconds(1);
  facts.serial = 7;
  facts.rights.names = 5;
  facts.servers = {server("192.0.2.53"), server("192.0.2.54:5353")};
  facts.delegated = {{name("ns1.voice.test"), true, {address("192.0.2.53")}},
                     {name("ns2.voice.test"), true, {address("192.0.2.54")}}};
  facts.parent = {name("ns1.voice.test"), name("ns2.voice.test")};
  return facts;
}

RrSet srv() {
  return must(RrSet::make(name("_sip._udp.voice.test"), RrType::Srv, 30,
                          {srv_rdata(0, 10, 5060, name("sip.voice.test"))}));
}

ServiceFacts good_service() {
  ServiceFacts facts{"pbx", {name("_ha.pbx.lease.test"), name("lease.test"), held_record(), {}, {}}, {}, {}};
  facts.copies.push_back({name("_ha.pbx.voice.test"), kZone, held_record(), {}, {}});
  facts.sets = {a_set("sip.voice.test", 30, {"192.0.2.10"}), a_set("sip.voice.test", 30, {"2001:db8::10"}),
                srv()};
  return facts;
}

PoolFacts good_pool() {
  PoolFacts facts;
  facts.guard = {name("_ha.pool.voice.test"), kZone, {}, {}, {}};
  Record record{"pool.voice.test", "", {0, 5}, HoldState::Free, Digest{1, 2}, std::nullopt};
  record.at = {{address("192.0.2.10"), AddressState::In, 10},
               {address("192.0.2.20"), AddressState::Maint, 10}};
  facts.guard.record = record;
  facts.sets = {a_set("pool.voice.test", 30, {"192.0.2.10"})};
  return facts;
}

bool is_worry(const Findings& findings, const std::string& text) {
  return worries(findings).find(text) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_check)

BOOST_AUTO_TEST_CASE(a_good_zone_service_and_pool_worry_nobody) {
  BOOST_TEST(worries(check_zone(good_zone())) == "");
  BOOST_TEST(worries(check_service(config(), good_service())) == "");
  BOOST_TEST(worries(check_pool(config(), config().pools().at(0), good_pool())) == "");
  BOOST_TEST(check_zone(good_zone()).size() == 5U);
}

BOOST_AUTO_TEST_CASE(a_primary_that_cannot_be_asked_is_named_with_its_cause) {
  ZoneFacts facts = good_zone();
  facts.trouble = Trouble{Cause::Key, Error(Code::Denied, "the primary does not know the key k", "add it")};
  const Findings findings = check_zone(facts);
  BOOST_TEST(worries(findings) == "bad key: the primary does not know the key k -> add it\n");
  BOOST_TEST((findings[0].cause == Cause::Key));
}

BOOST_AUTO_TEST_CASE(rights_that_are_missing_and_a_server_without_prerequisites_are_named) {
  ZoneFacts facts = good_zone();
  facts.rights.refused = {"_ha.pbx.voice.test TXT"};
  BOOST_TEST(is_worry(check_zone(facts), "bad rights: the key may not write _ha.pbx.voice.test TXT -> "));
  facts.rights.took = true;
  BOOST_TEST(is_worry(check_zone(facts), "whose prerequisite was not met -> dnsupdater doctor voice.test"));
}

BOOST_AUTO_TEST_CASE(clocks_apart_are_a_note) {
  ZoneFacts facts = good_zone();
  facts.ahead = -seconds(40);
  BOOST_TEST(is_worry(check_zone(facts), "note clock: ours is 40 s behind the primary's"));
}

BOOST_AUTO_TEST_CASE(servers_that_are_silent_behind_or_lame_are_named) {
  ZoneFacts facts = good_zone();
  facts.servers[1].serial = 6;
  BOOST_TEST(is_worry(check_zone(facts),
                      "note servers: 192.0.2.54:5353 has serial 6, the primary 7 -> dnsupdater wait"));
  facts.servers[1].authoritative = false;
  BOOST_TEST(
      is_worry(check_zone(facts), "bad servers: 192.0.2.54:5353 answers, but not for the zone itself"));
  facts.servers[1].serial.reset();
  BOOST_TEST(is_worry(check_zone(facts), "does not have the zone -> dig @192.0.2.54 -p 5353 voice.test SOA"));
  facts.servers[1].trouble = Trouble{Cause::Network, Error(Code::TimedOut, "silence")};
  BOOST_TEST(is_worry(check_zone(facts), "192.0.2.54:5353 does not answer: silence"));
}

BOOST_AUTO_TEST_CASE(a_delegation_that_does_not_fit_the_servers_is_named) {
  ZoneFacts facts = good_zone();
  facts.delegated[1].addresses = {address("198.51.100.1")};
  BOOST_TEST(is_worry(check_zone(facts), "note delegation: callers ask ns2.voice.test (198.51.100.1)"));
  BOOST_TEST(is_worry(check_zone(facts), "192.0.2.54:5353 is in servers, but no NS of the zone leads to it"));
  facts.delegated[1].addresses.clear();
  BOOST_TEST(is_worry(check_zone(facts), "bad delegation: NS ns2.voice.test has no address"));
  facts = good_zone();
  facts.parent = {name("ns1.voice.test")};
  BOOST_TEST(worries(check_zone(facts)) ==
             "bad delegation: the parent zone does not name ns2.voice.test, the zone does -> correct the NS "
             "records in the parent zone\n");
  facts.delegated.clear();
  BOOST_TEST(is_worry(check_zone(facts), "the zone has no NS"));
  facts = good_zone();
  facts.delegated[1] = {name("ns.provider.test"), false, {}};
  facts.parent.reset();
  BOOST_TEST(worries(check_zone(facts)) == "");
}

BOOST_AUTO_TEST_CASE(records_that_lead_elsewhere_are_named_with_the_command_that_leads_them_back) {
  const auto with = [](const char* v4) {
    ServiceFacts facts = good_service();
    facts.sets[0] = a_set("sip.voice.test", 30, {v4});
    return worries(check_service(config(), facts));
  };
  BOOST_TEST(with("203.0.113.9")
                 .find("bad records: leads to 203.0.113.9, an address of no site -> dnsupdater set "
                       "sip.voice.test A 192.0.2.10 --ttl 30s\n") == 0U);
  BOOST_TEST(with("192.0.2.20").find("leads to 192.0.2.20 of nyc, but fra holds pbx") != std::string::npos);
  BOOST_TEST(with("192.0.2.20").find("leads to several sites") != std::string::npos);
  BOOST_TEST(with("192.0.2.30").find("of lab, which may not hold pbx") != std::string::npos);
  BOOST_TEST(with("192.0.2.11") ==
             "note records: leads to 192.0.2.11, the maintenance address of fra -> dnsupdater maintenance "
             "stop fra\n");
  ServiceFacts facts = good_service();
  facts.sets.erase(facts.sets.begin() + 1);
  BOOST_TEST(worries(check_service(config(), facts)) ==
             "note records: has no AAAA, fra has one -> dnsupdater set sip.voice.test AAAA 2001:db8::10 "
             "--ttl 30s\n");
  facts.sets.clear();
  BOOST_TEST(is_worry(check_service(config(), facts),
                      "is not in DNS: nobody can call pbx -> dnsupdater set "
                      "sip.voice.test A 192.0.2.10 --ttl 30s"));
  BOOST_TEST(is_worry(check_service(config(), facts), "bad records: has no SRV"));
}

BOOST_AUTO_TEST_CASE(an_address_of_a_family_that_the_holder_does_not_have_gets_no_wrong_command) {
  ServiceFacts facts = good_service();
  facts.lease.record->owner = "nyc";
  facts.copies[0].record->owner = "nyc";
  BOOST_TEST(is_worry(check_service(config(), facts),
                      "2001:db8::10 of fra, but nyc holds pbx -> dnsupdater show sip.voice.test\n"));
}

BOOST_AUTO_TEST_CASE(ttls_and_srv_data_are_compared_with_the_configuration) {
  ServiceFacts facts = good_service();
  facts.sets[0].ttl_s = 0;
  facts.sets[1].ttl_s = 300;
  facts.sets[2] =
      must(RrSet::make(facts.sets[2].name, RrType::Srv, 30, {srv_rdata(0, 0, 5070, name("sip.voice.test"))}));
  const Findings findings = check_service(config(), facts);
  BOOST_TEST(is_worry(findings, "bad ttl: A has TTL 0"));
  BOOST_TEST(is_worry(findings, "note ttl: AAAA has TTL 300"));
  BOOST_TEST(is_worry(findings, "the configuration says … 5060 sip.voice.test. -> dnsupdater set"));
}

BOOST_AUTO_TEST_CASE(a_takeover_half_done_and_a_lease_that_went_back_are_told_apart) {
  ServiceFacts facts = good_service();
  facts.lease.record->version.epoch = 8;
  facts.lease.record->owner = "nyc";
  // Records are still those of fra, and that is no finding of its own.
  BOOST_TEST(
      worries(check_service(config(), facts)) ==
      "bad takeover: voice.test: records at epoch 7, lease at 8 of nyc: its takeover is half done; its "
      "coordinator finishes it -> dnsupdater check      (again; then look at the coordinator of nyc)\n");
  facts = good_service();
  facts.lease.record->version.epoch = 6;
  const Findings back = check_service(config(), facts);
  BOOST_TEST(is_worry(back, "at each site: dnsupdater accept _ha.pbx.lease.test"));
  facts.lease.record->version.epoch = 7;
  facts.lease.record->owner = "nyc";
  BOOST_TEST(is_worry(check_service(config(), facts),
                      "epoch 7 has two owners: nyc in the lease, fra in voice.test"));
  facts.lease.regression = Error(Code::Refused, "went back", "accept");
  BOOST_TEST((check_service(config(), facts)[0].cause == Cause::Regression));
  facts.lease.trouble = Trouble{Cause::Ours, Error(Code::Corrupt, "not ours", "dig")};
  BOOST_TEST(is_worry(check_service(config(), facts), "bad guard: not ours -> dig"));
}

BOOST_AUTO_TEST_CASE(a_service_that_nobody_holds_may_lead_to_any_site_that_may_hold_it) {
  ServiceFacts facts = good_service();
  facts.lease.record.reset();
  facts.copies[0].record.reset();
  BOOST_TEST(worries(check_service(config(), facts)) == "");
}

BOOST_AUTO_TEST_CASE(a_pool_is_compared_with_its_guard) {
  const DnsConfig with = config();
  const PoolConfig& pool = with.pools().at(0);
  PoolFacts facts = good_pool();
  facts.sets = {a_set("pool.voice.test", 30, {"192.0.2.10", "192.0.2.20"})};
  BOOST_TEST(
      is_worry(check_pool(with, pool, facts), "bad pool: its addresses are not those that its guard says"));
  facts.sets = {a_set("pool.voice.test", 30, {"192.0.2.77"})};
  BOOST_TEST(is_worry(check_pool(with, pool, facts), "has 192.0.2.77, an address of no site"));
  facts.sets.clear();
  BOOST_TEST(is_worry(check_pool(with, pool, facts), "bad pool: has a guard, but no addresses"));
  facts.guard.record.reset();
  BOOST_TEST(is_worry(check_pool(with, pool, facts), "note pool: is not in DNS yet"));
  facts.sets = {a_set("pool.voice.test", 30, {"192.0.2.10"})};
  BOOST_TEST(is_worry(check_pool(with, pool, facts), "bad pool: has addresses, but no guard"));
}

BOOST_AUTO_TEST_SUITE_END()
