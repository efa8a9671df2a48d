#include "failover/lease/arbiter_check.h"

#include <boost/test/unit_test.hpp>

using namespace ha::failover;
using ha::Code;
using ha::Error;
using ha::dns::Cause;
using ha::dns::DnsConfig;
using ha::dns::Finding;
using ha::dns::Findings;
using ha::dns::Mark;
using std::chrono::seconds;

namespace {

DnsConfig config() {
  const std::string text =
      "[cluster]\nname = \"voice\"\nid = \"c-1\"\n"
      "[[site]]\nname = \"fra1\"\naddress = [\"tcp://192.0.2.1:1\"]\nkey = \"k\"\npublic_ip = "
      "[\"192.0.2.10\"]\n"
      "[[site]]\nname = \"nyc1\"\naddress = [\"tcp://nyc1:1\"]\nkey = \"k\"\npublic_ip = [\"192.0.2.20\"]\n"
      "[[service]]\nname = \"pbx\"\nsites = [\"fra1\", \"nyc1\"]\nholder = \"fra1\"\n"
      "[arbiter]\nkind = \"etcd\"\nendpoint = [\"https://192.0.2.61\"]\n";
  ha::ConfigProblems problems;
  auto out = DnsConfig::parse({"cluster.toml", text, "node.toml", "", "fra1"}, problems);
  BOOST_REQUIRE_MESSAGE(out.ok(), problems.text());
  return std::move(out).value();
}

EtcdMemberFacts member(const std::string& url, std::uint64_t cluster = 3) {
  auto endpoint = ha::dns::EtcdEndpoint::parse(url);
  BOOST_REQUIRE(endpoint.ok());
  return {*endpoint, EtcdStatus{cluster, 4, 4, "3.4.23"}, std::nullopt, seconds(1), true};
}

EtcdFacts good() {
  EtcdFacts facts;
  facts.members = {member("https://198.51.100.1"), member("https://198.51.100.2"),
                   member("https://198.51.100.3")};
  facts.cluster_size = 3;
  facts.keys = 2;
  return facts;
}

std::string text_of(const Findings& findings) {
  std::string out;
  for (const Finding& each : findings) {
    out += std::string(ha::dns::mark_sign(each.mark)) + " " + each.about + " " + each.check + ": " +
           each.found + "\n";
  }
  return out;
}

void finds(const EtcdFacts& facts, Mark mark, const std::string& check, const std::string& what) {
  const Findings all = judge_etcd(config(), facts);
  const bool found = std::any_of(all.begin(), all.end(), [&](const Finding& each) {
    const bool says_next = each.mark != Mark::Bad || (!each.next.empty() && each.cause);
    return each.mark == mark && each.check == check && each.found.find(what) != std::string::npos &&
           says_next;
  });
  BOOST_TEST(found, check << ": " << what << " is not in\n" << text_of(all));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lease_arbiter_check)

BOOST_AUTO_TEST_CASE(a_good_cluster_is_good_throughout) {
  const Findings all = judge_etcd(config(), good());
  for (const Finding& each : all) {
    BOOST_TEST((each.mark == Mark::Good), text_of(all));
  }
  for (const char* const check :
       {"reachable", "version", "clock", "cluster", "members", "rights", "place", "encryption"}) {
    BOOST_TEST(std::any_of(all.begin(), all.end(), [&](const Finding& each) { return each.check == check; }),
               check);
  }
  finds(good(), Mark::Good, "members", "3, of which 1 may be away");
}

BOOST_AUTO_TEST_CASE(a_member_that_cannot_be_asked_is_named_with_its_reason) {
  EtcdFacts facts = good();
  facts.members[1] = {
      facts.members[1].endpoint, {}, Error(Code::TimedOut, "no answer in time", "is it up?"), {}, {}};
  finds(facts, Mark::Bad, "reachable", "no answer in time");
  finds(facts, Mark::Good, "cluster", "one cluster");
  EtcdFacts nobody;
  nobody.members = {facts.members[1]};
  const Findings all = judge_etcd(config(), nobody);
  BOOST_TEST(all.size() == 3U, text_of(all));
}

BOOST_AUTO_TEST_CASE(an_old_version_has_another_gateway) {
  for (const char* const version : {"3.3.25", "2.3.8", "3", "x", "3.x"}) {
    EtcdFacts facts = good();
    facts.members[0].status->version = version;
    finds(facts, Mark::Bad, "version", "too old");
  }
  for (const char* const version : {"3.4.0", "3.5.16", "4.0.0", "3.10.1-rc.0"}) {
    EtcdFacts facts = good();
    facts.members[0].status->version = version;
    finds(facts, Mark::Good, "version", version);
  }
}

BOOST_AUTO_TEST_CASE(endpoints_of_several_clusters_are_bad) {
  EtcdFacts facts = good();
  facts.members[2].status->cluster = 9;
  finds(facts, Mark::Bad, "cluster", "different clusters");
  EtcdFacts clones = good();  // the same name and number, and yet another one
  clones.members[2].reads_the_write = false;
  finds(clones, Mark::Bad, "cluster", "is not read at https://198.51.100.3:2379");
  EtcdFacts headless = good();
  for (EtcdMemberFacts& each : headless.members) {
    each.status->leader = 0;
  }
  finds(headless, Mark::Bad, "cluster", "no leader");
}

BOOST_AUTO_TEST_CASE(one_member_and_an_even_number_are_to_be_known) {
  EtcdFacts facts = good();
  facts.cluster_size = 4;
  finds(facts, Mark::Note, "members", "4, of which 1 may be away: no more than with one less");
  facts.members.resize(1);
  facts.cluster_size = 1;
  finds(facts, Mark::Note, "members", "one member");
}

BOOST_AUTO_TEST_CASE(rights_that_are_missing_are_named) {
  EtcdFacts facts = good();
  facts.refused = {"/hareplicate/c-1/pbx"};
  finds(facts, Mark::Bad, "rights", "not for /hareplicate/c-1/pbx");
  facts.refused = {"k/1", "k/2", "k/3", "k/4", "k/5"};
  finds(facts, Mark::Bad, "rights", "not for k/1, k/2, k/3 and 2 more");
  facts = good();
  facts.write_trouble = Error(Code::Denied, "permission denied");
  finds(facts, Mark::Bad, "rights", "permission denied");
  facts = good();
  facts.rights_trouble = Error(Code::Unavailable, "no leader", "wait");
  finds(facts, Mark::Bad, "rights", "no leader");
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_off_is_a_note) {
  EtcdFacts facts = good();
  facts.members[0].ahead = seconds(61);
  finds(facts, Mark::Note, "clock", "61 s apart");
  facts.members[0].ahead = -seconds(3600);
  finds(facts, Mark::Note, "clock", "3600 s apart");
  facts.members[0].ahead.reset();
  finds(facts, Mark::Note, "clock", "does not say");
}

BOOST_AUTO_TEST_CASE(an_arbiter_at_a_site_is_named_with_the_site) {
  EtcdFacts facts = good();
  facts.members = {member("https://192.0.2.20")};
  facts.cluster_size = 1;
  finds(facts, Mark::Note, "place", "stands at nyc1: when nyc1 dies nobody can take over");
  facts.members = {member("https://192.0.2.1")};  // where its replicator listens
  finds(facts, Mark::Note, "place", "stands at fra1");
  facts.members = {member("http://127.0.0.1")};
  finds(facts, Mark::Note, "place", "stands at fra1");
  // One of three may go with its site, two of three not.
  facts.members = {member("https://192.0.2.20"), member("https://198.51.100.2"),
                   member("https://198.51.100.3")};
  facts.cluster_size = 3;
  finds(facts, Mark::Note, "place", "a member stands at nyc1");
  facts.members[1] = member("https://192.0.2.20:2380");
  finds(facts, Mark::Note, "place", "nobody can take over");
}

BOOST_AUTO_TEST_CASE(what_is_not_encrypted_is_said) {
  EtcdFacts facts = good();
  facts.members = {member("http://198.51.100.1")};
  finds(facts, Mark::Note, "encryption", "plain HTTP");
  facts.members = {member("http://127.0.0.1")};
  finds(facts, Mark::Good, "encryption", "this machine");
}

BOOST_AUTO_TEST_SUITE_END()
