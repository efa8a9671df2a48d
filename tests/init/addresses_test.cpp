#include "tools/init/addresses.h"

#include <boost/test/unit_test.hpp>

namespace {

using namespace ha::init;
using Words = std::vector<std::string>;

std::string value_of(const char* key, const char* value, const Words& own = {}) {
  const auto line = site_line(key, value, own);
  return line ? line->value : "(none)";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(init_addresses)

BOOST_AUTO_TEST_CASE(addresses_are_found_with_ports_brackets_and_masks) {
  const auto found = addresses_in("192.0.2.1:5060,[2001:db8::1]:5061 10.0.0.0/255.0.0.0 udp:198.51.100.7");
  BOOST_TEST(found == (Words{"192.0.2.1", "2001:db8::1", "10.0.0.0", "198.51.100.7"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(wildcards_loopback_and_what_only_looks_like_an_address_do_not_count) {
  BOOST_TEST(addresses_in("0.0.0.0 :: ::1 127.0.0.1 256.1.1.1 1.2.3 16.28.0.4.5 decade:beef 12:30").empty());
}

BOOST_AUTO_TEST_CASE(some_keys_always_differ_by_site) {
  BOOST_TEST(value_of("externip", "203.0.113.5") == "203.0.113.5");
  BOOST_TEST(value_of("External_Media_Address", "203.0.113.5") == "203.0.113.5");
  BOOST_TEST(value_of("externhost", "pbx.example.net") == "pbx.example.net");
  BOOST_TEST(value_of("external_sip_ip", "host:fs.example.net") == "fs.example.net");
  BOOST_TEST(value_of("external_sip_ip", "stun:stun.example.net") == "(none)");
  BOOST_TEST(value_of("bindaddr", "0.0.0.0") == "(none)");
  BOOST_TEST(value_of("ext-rtp-ip", "$${external_rtp_ip}") == "(none)");
  BOOST_TEST(value_of("ext-rtp-ip", "auto-nat") == "(none)");
}

BOOST_AUTO_TEST_CASE(other_keys_count_only_with_an_address_of_this_host_and_show_nothing_else) {
  BOOST_TEST(value_of("register", "user:s3cret@192.0.2.1/100") == "(none)");
  BOOST_TEST(value_of("register", "user:s3cret@192.0.2.1/100", {"192.0.2.1"}) == "192.0.2.1");
}

BOOST_AUTO_TEST_CASE(private_networks_are_known) {
  for (const char* address : {"10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "fe80::1"}) {
    BOOST_TEST(is_private_address(address), address);
  }
  for (const char* address : {"203.0.113.5", "172.32.0.1", "2001:db8::1", "nonsense"}) {
    BOOST_TEST(!is_private_address(address), address);
  }
}

BOOST_AUTO_TEST_CASE(the_host_is_a_public_address_then_that_of_the_pbx_then_a_private_one_then_a_name) {
  SiteLine line;
  line.key = "externip";
  line.value = "203.0.113.5";
  BOOST_TEST(choose_host({"10.0.0.1", "2001:db8::1"}, {line}, "fra1").host == "[2001:db8::1]");
  BOOST_TEST(choose_host({"10.0.0.1"}, {line}, "fra1").host == "203.0.113.5");
  BOOST_TEST(choose_host({"10.0.0.1"}, {}, "fra1").host == "10.0.0.1");
  BOOST_TEST(choose_host({}, {}, "fra1").host == "fra1");
}

BOOST_AUTO_TEST_SUITE_END()
