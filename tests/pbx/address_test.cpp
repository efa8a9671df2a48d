#include "common/pbx/address.h"

#include "tests/sys/temp_directory.h"

using namespace ha;
using namespace ha::pbx;
using ha::sys::code_of;
using ha::sys::must;

BOOST_AUTO_TEST_SUITE(pbx_address)

BOOST_AUTO_TEST_CASE(an_address_is_on_loopback_and_may_have_a_port) {
  const auto text = [](const char* from) { return must(PbxAddress::parse(from, kAmiPort)).text(); };
  BOOST_TEST(text("127.0.0.1") == "127.0.0.1:5038");
  BOOST_TEST(text("127.0.0.1:5039") == "127.0.0.1:5039");
  BOOST_TEST(text("127.255.0.7:65535") == "127.255.0.7:65535");
  BOOST_TEST(text("::1") == "[::1]:5038");
  BOOST_TEST(text("[::1]") == "[::1]:5038");
  BOOST_TEST(text("[::1]:1") == "[::1]:1");
}

BOOST_AUTO_TEST_CASE(what_is_elsewhere_is_refused) {
  for (const char* const far : {"192.0.2.1", "192.0.2.1:5038", "0.0.0.0", "128.0.0.1",
                                "::", "[2001:db8::1]:5038", "::ffff:127.0.0.1"}) {
    const auto address = PbxAddress::parse(far, kAmiPort);
    BOOST_TEST((code_of(address) == Code::Refused));
    BOOST_TEST(address.error().hint() == "write 127.0.0.1:5038");
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_address_is_invalid) {
  for (const char* const wrong :
       {"", ":", ":5038", "localhost", "localhost:5038", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
        "127.0.0.1:5038x", "127.0.0.1 :5038", "127.1", "[::1", "[::1]5038", "[::1]:", "[]", "[",
        "127.0.0.1:5038:1", "127.0.0.1:-1"}) {
    BOOST_TEST_CONTEXT(wrong) {
      BOOST_TEST((code_of(PbxAddress::parse(wrong, kAmiPort)) == Code::Invalid));
    }
  }
  BOOST_TEST((code_of(PbxAddress::parse(std::string_view("127.0.0.1\0x", 11), 1)) == Code::Invalid));
}

BOOST_AUTO_TEST_SUITE_END()
