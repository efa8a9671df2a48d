#include "failover/sensors/icmp_message.h"

#include <boost/test/unit_test.hpp>

namespace ha::failover {
namespace {

constexpr std::uint64_t kToken = 0x1122334455667788U;

// What a host makes of an echo.
Bytes answer(Bytes request, bool v6) {
  request[0] = static_cast<char>(v6 ? 129 : 0);
  return request;
}

BOOST_AUTO_TEST_SUITE(sensors_icmp_message)

BOOST_AUTO_TEST_CASE(an_echo_sums_up_to_nothing) {
  const Bytes bytes = echo_request(false, kToken, 7);
  BOOST_REQUIRE(bytes.size() == 16U);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<unsigned>(static_cast<unsigned char>(bytes[i])) << 8U |
           static_cast<unsigned char>(bytes[i + 1]);
  }
  BOOST_TEST(((sum & 0xffffU) + (sum >> 16U)) == 0xffffU);
  BOOST_TEST(static_cast<int>(bytes[0]) == 8);
  BOOST_TEST(static_cast<unsigned char>(echo_request(true, kToken, 7)[0]) == 128U);
}

BOOST_AUTO_TEST_CASE(its_answer_is_known_by_the_token) {
  for (const bool v6 : {false, true}) {
    const Bytes bytes = answer(echo_request(v6, kToken, 513), v6);
    BOOST_TEST(*echo_answer(bytes, v6, false, kToken) == 513U);
    BOOST_TEST(!echo_answer(bytes, v6, false, kToken + 1).has_value());
    BOOST_TEST(!echo_answer(bytes, !v6, false, kToken).has_value());
    BOOST_TEST(!echo_answer(echo_request(v6, kToken, 1), v6, false, kToken).has_value());
    for (std::size_t end = 0; end < bytes.size(); ++end) {
      BOOST_TEST(!echo_answer(BytesView(bytes).substr(0, end), v6, false, kToken).has_value());
    }
  }
}

BOOST_AUTO_TEST_CASE(the_header_of_a_raw_socket_is_passed_over) {
  const Bytes bytes = answer(echo_request(false, kToken, 9), false);
  BOOST_TEST(*echo_answer(Bytes(1, '\x45') + Bytes(19, '\0') + bytes, false, true, kToken) == 9U);
  BOOST_TEST(*echo_answer(Bytes(1, '\x46') + Bytes(23, '\0') + bytes, false, true, kToken) == 9U);
  for (const char first : {'\x44', '\x4f', '\x65', '\0'}) {
    BOOST_TEST(!echo_answer(Bytes(1, first) + Bytes(19, '\0') + bytes, false, true, kToken).has_value());
  }
  BOOST_TEST(!echo_answer("", false, true, kToken).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
