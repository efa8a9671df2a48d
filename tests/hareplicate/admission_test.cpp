#include <boost/test/unit_test.hpp>

#include "tests/hareplicate/pair_fixture.h"
#include "tests/sys/temp_directory.h"
#include "tools/hareplicate/admission.h"

using namespace ha;                 // NOLINT: a test
using namespace ha::tool;           // NOLINT
using namespace ha::tool::testing;  // NOLINT

namespace {

AdmissionCase about(std::string cluster = cluster_text()) {
  return {texts(std::move(cluster)), "nyc1", "", {}, kNycKey, "198.51.100.20", "joined today"};
}

std::string nyc_block(const std::string& key = kNycKey, const std::string& name = "nyc1") {
  return "[[site]]\nname = \"" + name + "\"\naddress = [\"tcp://nyc1.example.net:7400\"]\nkey = \"" + key +
         "\"\n";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hareplicate_admission)

BOOST_AUTO_TEST_CASE(a_new_site_is_added_where_it_is_seen_from_and_nothing_else_changes) {
  const auto out = plan_admission(about(), request());
  BOOST_TEST_REQUIRE(out.ok());
  BOOST_TEST(!out->was_member);
  BOOST_TEST(out->addresses.front() == "tcp://198.51.100.20:7400");
  BOOST_TEST(out->warning.empty());
  const replicator::Config after = config(out->cluster_text);
  BOOST_TEST(after.sites().size() == 2U);
  BOOST_TEST(after.site("nyc1")->key == kNycKey);
  BOOST_TEST(after.service("pbx")->sites.size() == 1U);
  BOOST_TEST(out->cluster_text.find("\n\n# services\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_invitations_address_counts_before_the_machines_and_that_before_what_is_seen) {
  PairRequest asked = request();
  asked.addresses = {"tcp://nyc1.example.net:7400", "tcp://192.0.2.7:7400"};
  BOOST_TEST(plan_admission(about(), asked)->addresses.size() == 2U);
  AdmissionCase with = about();
  with.address = "tcp://10.0.0.1:7410";
  BOOST_TEST(plan_admission(with, asked)->addresses.front() == "tcp://10.0.0.1:7410");
  AdmissionCase ipv6 = about();
  ipv6.seen_from = "2001:db8::7";
  BOOST_TEST(plan_admission(ipv6, request())->addresses.front() == "tcp://[2001:db8::7]:7400");
}

BOOST_AUTO_TEST_CASE(a_translated_address_is_warned_of_unless_somebody_has_said_which) {
  PairRequest asked = request();
  asked.local_address = "10.0.0.5";
  BOOST_TEST(plan_admission(about(), asked)->warning.find("10.0.0.5") != std::string::npos);
  asked.addresses = {"tcp://nyc1.example.net:7400"};
  BOOST_TEST(plan_admission(about(), asked)->warning.empty());
}

BOOST_AUTO_TEST_CASE(eligible_services_get_the_site) {
  AdmissionCase with = about();
  with.services = {"pbx"};
  const auto out = plan_admission(with, request());
  BOOST_TEST_REQUIRE(out.ok());
  BOOST_TEST(config(out->cluster_text).service("pbx")->sites.back() == "nyc1");
}

BOOST_AUTO_TEST_CASE(a_member_that_comes_again_changes_nothing) {
  const auto out = plan_admission(about(cluster_text(nyc_block())), request());
  BOOST_TEST_REQUIRE(out.ok());
  BOOST_TEST(out->was_member);
  BOOST_TEST(out->cluster_text == cluster_text(nyc_block()));
}

BOOST_AUTO_TEST_CASE(a_name_or_key_that_is_taken_is_refused) {
  const std::string other = "9a0000000000000000000000000000000000000A";
  const auto name = plan_admission(about(cluster_text(nyc_block(other))), request());
  BOOST_TEST((sys::code_of(name) == Code::Refused));
  BOOST_TEST(name.error().what().find("with another key") != std::string::npos);
  const auto key = plan_admission(about(cluster_text(nyc_block(kNycKey, "syd1"))), request());
  BOOST_TEST((sys::code_of(key) == Code::Refused));
  BOOST_TEST(key.error().what().find("key of site syd1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_address_that_is_none_or_is_taken_is_refused_with_the_flag_to_use) {
  PairRequest asked = request();
  asked.addresses = {"nyc1:7400"};
  BOOST_TEST((sys::code_of(plan_admission(about(), asked)) == Code::Invalid));
  asked.addresses = {"tcp://a:7400\"]\nkey = \"x"};  // no way out of the quotes
  BOOST_TEST((sys::code_of(plan_admission(about(), asked)) == Code::Invalid));
  asked.addresses = {"tcp://fra1.example.net:7400"};
  const auto taken = plan_admission(about(), asked);
  BOOST_TEST((sys::code_of(taken) == Code::Invalid));
  BOOST_TEST(taken.error().hint().find("--address") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_broken_or_full_configuration_is_left_alone) {
  BOOST_TEST((sys::code_of(plan_admission(about("nonsense"), request())) == Code::Invalid));
  std::string full = cluster_text();
  full += "#" + std::string(replicator::kConfigBytesMax - full.size() - 2, 'x') + "\n";
  BOOST_TEST((sys::code_of(plan_admission(about(full), request())) == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(sites_that_are_written_inline_are_left_for_a_hand) {
  const std::string odd = "version = 1\nsite = [{name = \"fra1\", address = [\"tcp://a:1\"], key = \"" +
                          kFraKey +
                          "\"}]\n[cluster]\nname = \"acme\"\nid = \"5b1f\"\n[[service]]\nname = \"pbx\"\n"
                          "sites = [\"fra1\"]\nholder = \"fra1\"\n";
  BOOST_TEST((sys::code_of(plan_admission(about(odd), request())) == Code::Invalid));
}

BOOST_AUTO_TEST_SUITE_END()
