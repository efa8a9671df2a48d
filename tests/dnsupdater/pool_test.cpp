#include "dnsupdater/pool.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Code;

namespace {

const Name kName = name("sip.example.net");

// Two IPv4 addresses and one of IPv6 in service, one away.
Pool pool() {
  return {{address("192.0.2.10"), AddressState::In, 10},
          {address("192.0.2.20"), AddressState::In, 20},
          {address("192.0.2.30"), AddressState::Maint, 30},
          {address("2001:db8::1"), AddressState::In, 40}};
}

SrvShape shape() {
  return {5,
          5060,
          {{address("192.0.2.10"), name("fra.example.net")},
           {address("2001:db8::1"), name("fra.example.net")},
           {address("192.0.2.20"), name("nyc.example.net")}}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_pool)

BOOST_AUTO_TEST_CASE(the_rrsets_have_what_is_in_service) {
  const AddressSets sets = must(address_sets(kName, 30, pool()));
  BOOST_TEST((sets.a == a_set("sip.example.net", 30, {"192.0.2.10", "192.0.2.20"})));
  BOOST_TEST((sets.aaaa == a_set("sip.example.net", 30, {"2001:db8::1"})));
}

BOOST_AUTO_TEST_CASE(a_family_that_is_not_in_service_has_no_rrset) {
  const Pool out = must(with_state(pool(), address("2001:db8::1"), AddressState::Down, LastOfFamily::MayGo));
  const AddressSets sets = must(address_sets(kName, 30, out));
  BOOST_TEST(sets.a.has_value());
  BOOST_TEST(!sets.aaaa.has_value());
}

BOOST_AUTO_TEST_CASE(srv_records_have_weights_and_each_target_once) {
  const RrSet set = must(srv_set(kName, 30, pool(), shape()));
  BOOST_TEST((set.type == RrType::Srv));
  BOOST_REQUIRE(set.rdata.size() == 2U);
  BOOST_TEST(set.rdata[0].text == "5 10 5060 fra.example.net.");
  BOOST_TEST(set.rdata[1].text == "5 20 5060 nyc.example.net.");
  const Pool heavy = must(with_weight(pool(), address("192.0.2.20"), 0));
  BOOST_TEST(must(srv_set(kName, 30, heavy, shape())).rdata[0].text == "5 0 5060 nyc.example.net.");
}

BOOST_AUTO_TEST_CASE(an_address_in_service_without_a_target_is_named) {
  const Pool in = must(with_state(pool(), address("192.0.2.30"), AddressState::In));
  const auto set = srv_set(kName, 30, in, shape());
  BOOST_TEST((code_of(set) == Code::NotFound));
  BOOST_TEST(set.error().what().find("192.0.2.30") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_address_changes_and_the_others_stay) {
  Pool expected = pool();
  expected[0].state = AddressState::Draining;
  BOOST_TEST((must(with_state(pool(), address("192.0.2.10"), AddressState::Draining)) == expected));
  BOOST_TEST((must(with_state(expected, address("192.0.2.10"), AddressState::In)) == pool()));
}

BOOST_AUTO_TEST_CASE(the_last_address_in_service_stays) {
  Pool last = must(with_state(pool(), address("2001:db8::1"), AddressState::Down, LastOfFamily::MayGo));
  last = must(with_state(last, address("192.0.2.10"), AddressState::Maint));
  for (const LastOfFamily family : {LastOfFamily::Stays, LastOfFamily::MayGo}) {
    for (const AddressState state : {AddressState::Draining, AddressState::Maint, AddressState::Down}) {
      const auto left = with_state(last, address("192.0.2.20"), state, family);
      BOOST_TEST((code_of(left) == Code::Refused));
      BOOST_TEST(left.error().what().find("192.0.2.20") == 0U);
    }
    BOOST_TEST((code_of(without_address(last, address("192.0.2.20"), family)) == Code::Refused));
  }
  BOOST_TEST(
      (code_of(address_sets(kName, 30, {{address("192.0.2.1"), AddressState::Down, 1}})) == Code::Refused));
  BOOST_TEST((code_of(address_sets(kName, 30, {})) == Code::Refused));
  BOOST_TEST((code_of(srv_set(kName, 30, {}, shape())) == Code::Refused));
}

BOOST_AUTO_TEST_CASE(the_last_of_a_family_goes_only_on_purpose) {
  const Address six = address("2001:db8::1");
  BOOST_TEST((code_of(with_state(pool(), six, AddressState::Maint)) == Code::Refused));
  BOOST_TEST((code_of(without_address(pool(), six)) == Code::Refused));
  BOOST_TEST(must(without_address(pool(), six, LastOfFamily::MayGo)).size() == 3U);
}

BOOST_AUTO_TEST_CASE(addresses_come_and_go_in_their_order) {
  const Pool more = must(with_address(pool(), {address("192.0.2.15"), AddressState::In, 1}));
  BOOST_TEST(more[1].address.text() == "192.0.2.15");
  BOOST_TEST((must(without_address(more, address("192.0.2.15"))) == pool()));
  const Pool first = must(with_address({}, {address("192.0.2.15"), AddressState::In, 1}));
  BOOST_TEST(first.size() == 1U);
  BOOST_TEST((code_of(with_address(pool(), pool()[2])) == Code::Exists));
}

BOOST_AUTO_TEST_CASE(a_swap_keeps_state_and_weight) {
  const Pool out = must(with_replaced(pool(), address("192.0.2.10"), address("192.0.2.99")));
  BOOST_TEST(out.size() == 4U);
  BOOST_TEST((out[2] == PoolAddress{address("192.0.2.99"), AddressState::In, 10}));
  BOOST_TEST((code_of(with_replaced(pool(), address("192.0.2.10"), address("192.0.2.20"))) == Code::Exists));
  BOOST_TEST(
      (code_of(with_replaced(pool(), address("2001:db8::1"), address("192.0.2.99"))) == Code::Refused));
}

BOOST_AUTO_TEST_CASE(an_address_that_is_not_there_is_not_found) {
  const Address none = address("192.0.2.77");
  BOOST_TEST((code_of(with_state(pool(), none, AddressState::In)) == Code::NotFound));
  BOOST_TEST((code_of(with_weight(pool(), none, 1)) == Code::NotFound));
  BOOST_TEST((code_of(without_address(pool(), none)) == Code::NotFound));
  BOOST_TEST((code_of(with_replaced(pool(), none, none)) == Code::NotFound));
}

BOOST_AUTO_TEST_CASE(a_pool_is_bounded_as_its_record_is) {
  Pool full;
  for (int i = 0; i < 64; ++i) {
    full = must(with_address(full, {address("192.0.2." + std::to_string(i)), AddressState::In, 1}));
  }
  BOOST_TEST((code_of(with_address(full, {address("192.0.2.99"), AddressState::In, 1})) == Code::Exhausted));
}

BOOST_AUTO_TEST_SUITE_END()
