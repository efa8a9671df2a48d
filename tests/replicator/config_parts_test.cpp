#include "replicator/config_parts.h"

#include <boost/test/unit_test.hpp>

#include "replicator/config.h"

namespace {

namespace r = ha::replicator;

BOOST_AUTO_TEST_SUITE(replicator_config_parts)

BOOST_AUTO_TEST_CASE(names_are_short_and_plain) {
  for (const char* name : {"fra1", "a", "9", "pbx-eu_2"}) {
    BOOST_TEST(r::check_name(name).ok(), name);
  }
  for (const char* name :
       {"", "-a", "_a", "Fra1", "a b", "a.b", "a/b", "ä", "a23456789012345678901234567890123"}) {
    BOOST_TEST(!r::check_name(name).ok(), name);
  }
}

BOOST_AUTO_TEST_CASE(addresses_are_tcp_with_host_and_port) {
  for (const char* address :
       {"tcp://fra1.example.net:7400", "tcp://192.0.2.1:1", "tcp://[2001:db8::1]:65535"}) {
    BOOST_TEST(r::check_address(address).ok(), address);
  }
  for (const char* address : {"", "fra1:7400", "udp://a:1", "tcp://a", "tcp://a:", "tcp://a:0",
                              "tcp://a:65536", "tcp://a:7400x", "tcp://:7400", "tcp://[]:7400",
                              "tcp://a b:7400", "tcp://a/b:7400", "tcp://2001:db8::1:7400", "tcp://*:7400"}) {
    BOOST_TEST(!r::check_address(address).ok(), address);
  }
}

BOOST_AUTO_TEST_CASE(listen_is_an_address_without_port) {
  for (const char* listen : {"*", "0.0.0.0", "::", "[::1]", "2001:db8::1"}) {
    BOOST_TEST(r::check_listen(listen).ok(), listen);
  }
  for (const char* listen : {"", "tcp://0.0.0.0", "0.0.0.0:7400", "a b"}) {
    BOOST_TEST(!r::check_listen(listen).ok(), listen);
  }
}

BOOST_AUTO_TEST_CASE(paths_are_absolute_and_normal) {
  BOOST_TEST(*r::clean_path("/etc/asterisk//") == "/etc/asterisk");
  BOOST_TEST(*r::clean_path("/a b/\xff") == "/a b/\xff");
  for (const std::string& path : std::vector<std::string>{"", "etc", "/", "//", "/a//b", "/a/./b", "/a/..",
                                                          "/a/../b", std::string("/a\0b", 4)}) {
    BOOST_TEST(!r::clean_path(path).ok());
  }
}

BOOST_AUTO_TEST_CASE(paths_overlap_by_whole_names) {
  BOOST_TEST(r::paths_overlap("/a/b", "/a/b"));
  BOOST_TEST(r::paths_overlap("/a", "/a/b"));
  BOOST_TEST(r::paths_overlap("/a/b/c", "/a/b"));
  BOOST_TEST(!r::paths_overlap("/a/b", "/a/bc"));
  BOOST_TEST(!r::paths_overlap("/a", "/b"));
}

BOOST_AUTO_TEST_CASE(curve_keys_are_40_characters_that_decode) {
  BOOST_TEST(r::is_curve_key("FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR"));
  BOOST_TEST(!r::is_curve_key("FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hB"));
  BOOST_TEST(!r::is_curve_key("FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hB\""));
  BOOST_TEST(!r::is_curve_key("#####69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hB"));  // over 32 bits
  BOOST_TEST(!r::is_curve_key(""));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
