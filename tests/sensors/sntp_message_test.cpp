#include "failover/sensors/sntp_message.h"

#include <boost/test/unit_test.hpp>

namespace ha::failover {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kToken = 0x0123456789abcdefU;
const WallTime kSent(seconds(1'800'000'000));

void put(Bytes& out, std::size_t at, std::uint64_t value) {
  for (std::size_t i = 0; i < 8; ++i) {
    out[at + i] = static_cast<char>(value >> (56U - 8U * i) & 0xffU);
  }
}

std::uint64_t stamp(WallTime time) {
  const auto since = time.time_since_epoch() + seconds(2'208'988'800);
  const auto whole = std::chrono::floor<seconds>(since);
  const auto parts = static_cast<std::uint64_t>((since - whole).count()) * (1ULL << 32U) / 1'000'000'000U;
  return static_cast<std::uint64_t>(whole.count()) << 32U | parts;
}

// A server that got it 20 ms after it was sent, and answers 10 ms later, by a clock that is so far ahead.
Bytes reply(Duration ahead) {
  Bytes out(kSntpBytes, '\0');
  out[0] = 0x24;
  out[1] = 2;
  put(out, 24, kToken);
  put(out, 32, stamp(kSent + milliseconds(20) + ahead));
  put(out, 40, stamp(kSent + milliseconds(30) + ahead));
  return out;
}

Result<Duration> offset(const Bytes& bytes) {
  return sntp_offset(bytes, kToken, kSent, kSent + milliseconds(50));
}

BOOST_AUTO_TEST_SUITE(sensors_sntp_message)

BOOST_AUTO_TEST_CASE(the_offset_is_what_the_way_does_not_explain) {
  for (const int ms : {0, 250, -3000, 3'600'000}) {
    const Duration found = offset(reply(milliseconds(ms))).value();
    BOOST_TEST((std::chrono::abs(found - milliseconds(ms)) < std::chrono::microseconds(1)), ms);
  }
}

BOOST_AUTO_TEST_CASE(the_year_2036_is_none_that_matters) {
  const WallTime late(seconds(2'100'000'000));  // 2036-07-18: the stamps have begun anew
  Bytes bytes = reply(Duration::zero());
  put(bytes, 32, stamp(late));
  put(bytes, 40, stamp(late));
  const Duration found = sntp_offset(bytes, kToken, late, late).value();
  BOOST_TEST((std::chrono::abs(found) < std::chrono::microseconds(1)));
}

BOOST_AUTO_TEST_CASE(the_question_carries_the_token_only) {
  const Bytes bytes = sntp_request(kToken);
  BOOST_TEST(hex(bytes) == "23" + std::string(78, '0') + "0123456789abcdef");
}

BOOST_AUTO_TEST_CASE(what_does_not_answer_is_told_apart) {
  const auto code = [](const Bytes& bytes) { return offset(bytes).error().code(); };
  BOOST_TEST((code(Bytes(47, 'x')) == Code::Corrupt));
  Bytes bytes = reply({});
  bytes[31] ^= 1;
  BOOST_TEST((code(bytes) == Code::Conflict));
  bytes = reply({});
  bytes[0] = 0x23;  // a question
  BOOST_TEST((code(bytes) == Code::Conflict));
  for (const int stratum : {0, 16}) {
    bytes = reply({});
    bytes[1] = static_cast<char>(stratum);
    BOOST_TEST((code(bytes) == Code::Unavailable));
  }
  bytes = reply({});
  bytes[0] = static_cast<char>(0xe4);  // leap indicator: not synchronised
  BOOST_TEST((code(bytes) == Code::Unavailable));
  bytes = reply({});
  put(bytes, 40, 0);
  BOOST_TEST((code(bytes) == Code::Unavailable));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
