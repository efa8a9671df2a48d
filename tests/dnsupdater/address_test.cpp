#include "dnsupdater/address.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;

BOOST_AUTO_TEST_SUITE(dnsupdater_address)

BOOST_AUTO_TEST_CASE(both_families_have_one_spelling_and_their_bytes) {
  BOOST_TEST(address("192.0.2.10").text() == "192.0.2.10");
  BOOST_TEST(!address("192.0.2.10").is_v6());
  BOOST_TEST(ha::hex(address("192.0.2.10").wire()) == "c000020a");
  BOOST_TEST(address("2001:DB8:0:0:0::1").text() == "2001:db8::1");
  BOOST_TEST(address("2001:db8::1").is_v6());
  BOOST_TEST(ha::hex(address("2001:db8::1").wire()) == "20010db8000000000000000000000001");
}

BOOST_AUTO_TEST_CASE(ipv4_comes_first_and_then_the_bytes_decide) {
  BOOST_TEST((address("192.0.2.9") < address("192.0.2.10")));
  BOOST_TEST((address("255.255.255.255") < address("::1")));
  BOOST_TEST((address("2001:db8::1") == address("2001:db8:0::1")));
}

BOOST_AUTO_TEST_CASE(what_is_no_address_is_refused_with_an_example) {
  using namespace std::string_view_literals;
  for (const std::string_view text :
       {""sv, "192.0.2"sv, "192.0.2.256"sv, "192.0.2.010"sv, "192.0.2.1:53"sv, "[2001:db8::1]"sv,
        "fe80::1%eth0"sv, "192.0.2.1\0"sv, "sip.example.net"sv, " 192.0.2.1"sv}) {
    const auto parsed = Address::parse(text);
    BOOST_TEST((code_of(parsed) == ha::Code::Invalid), ha::escape(text));
    BOOST_TEST(parsed.error().hint().find("192.0.2.10") != std::string::npos);
  }
  BOOST_TEST((code_of(Address::parse(std::string(100'000, '1'))) == ha::Code::Invalid));
}

BOOST_AUTO_TEST_SUITE_END()
