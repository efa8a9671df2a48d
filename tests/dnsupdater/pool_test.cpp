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

BOOST_AUTO_TEST_CASE(what_one_does_is_done_beside_what_others_have_done_meanwhile) {
  const Pool from = pool();
  const Pool to = must(with_state(from, address("192.0.2.10"), AddressState::Draining));
  BOOST_TEST((must(rebased(from, from, to)) == to));
  BOOST_TEST((must(rebased(to, from, to)) == to));  // done already
  Pool theirs = must(with_weight(from, address("192.0.2.20"), 99));
  theirs = must(with_address(theirs, {address("192.0.2.15"), AddressState::In, 1}));
  Pool both = theirs;
  both[0].state = AddressState::Draining;
  BOOST_TEST((must(rebased(theirs, from, to)) == both));
  BOOST_TEST((must(rebased(both, to, from)) == theirs));  // and taken back
  // What comes and goes, in its order.
  const Pool more = must(with_address(from, {address("192.0.2.5"), AddressState::In, 3}));
  BOOST_TEST((must(rebased(theirs, from, more)).front() == more.front()));
  BOOST_TEST((must(rebased(more, more, from)) == from));
  BOOST_TEST((must(rebased({}, {}, from)) == from));
  BOOST_TEST((must(rebased(from, from, {})).empty()));  // the making of a pool taken back
}

BOOST_AUTO_TEST_CASE(what_somebody_else_has_made_of_the_same_address_is_a_conflict) {
  const Pool from = pool();
  const Pool to = must(with_state(from, address("192.0.2.10"), AddressState::Draining));
  Pool theirs = from;
  theirs[0].state = AddressState::Down;
  const auto refused = rebased(theirs, from, to);
  BOOST_TEST((code_of(refused) == Code::Conflict));
  BOOST_TEST(
      refused.error().what().find("192.0.2.10 is down with weight 10, not in with weight 10 any more") == 0U);
  BOOST_TEST((code_of(rebased({from.begin() + 1, from.end()}, from, to)) == Code::Conflict));
  // Half of it is not it: each change is one swap.
  Pool both = to;
  both[1].state = AddressState::Draining;
  BOOST_TEST((code_of(rebased(to, from, both)) == Code::Conflict));
}

BOOST_AUTO_TEST_CASE(of_two_who_leave_at_once_the_second_is_the_last_and_stays) {
  const Pool two{{address("192.0.2.10"), AddressState::In, 1}, {address("192.0.2.20"), AddressState::In, 1}};
  const Pool first = must(with_state(two, two[0].address, AddressState::Draining));
  const Pool second = must(with_state(two, two[1].address, AddressState::Maint));
  const auto late = rebased(first, two, second);
  BOOST_TEST((code_of(late) == Code::Refused));
  BOOST_TEST(late.error().what().find("192.0.2.20 is the last address in service") == 0U);
  // Also when each leaves with what the other one would have kept: two families.
  Pool six = two;
  six[1].address = address("2001:db8::1");
  const Pool no_six = must(with_state(six, six[1].address, AddressState::Down, LastOfFamily::MayGo));
  const Pool no_four = must(with_state(six, six[0].address, AddressState::Down, LastOfFamily::MayGo));
  BOOST_TEST((code_of(rebased(no_six, six, no_four)) == Code::Refused));
  BOOST_TEST((must(rebased(six, six, no_four)) == no_four));  // that was said
  // And the last of a family, if nobody said that it may go.
  const Pool four{two[0],
                  two[1],
                  {address("2001:db8::1"), AddressState::In, 1},
                  {address("2001:db8::2"), AddressState::In, 1}};
  const Pool without_1 = must(with_state(four, four[2].address, AddressState::Down));
  const Pool without_2 = must(without_address(four, four[3].address));
  BOOST_TEST((code_of(rebased(without_1, four, without_2)) == Code::Refused));
}

BOOST_AUTO_TEST_CASE(an_address_that_is_not_there_is_not_found) {
  const Address none = address("192.0.2.77");
  BOOST_TEST((code_of(with_state(pool(), none, AddressState::In)) == Code::NotFound));
  BOOST_TEST((code_of(with_weight(pool(), none, 1)) == Code::NotFound));
  BOOST_TEST((code_of(without_address(pool(), none)) == Code::NotFound));
}

BOOST_AUTO_TEST_CASE(a_pool_is_bounded_as_its_record_is) {
  Pool full;
  for (int i = 0; i < 64; ++i) {
    full = must(with_address(full, {address("192.0.2." + std::to_string(i)), AddressState::In, 1}));
  }
  BOOST_TEST((code_of(with_address(full, {address("192.0.2.99"), AddressState::In, 1})) == Code::Exhausted));
}

BOOST_AUTO_TEST_SUITE_END()
