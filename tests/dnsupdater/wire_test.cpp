#include "dnsupdater/wire.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/messages.h"

using namespace ha::dns;
using ha::Bytes;
using ha::Code;

namespace {

// One question, one answer with a pointer, one additional.
Bytes sample() {
  return be(7, 2) + be(0x8583, 2) + be(1, 2) + be(1, 2) + be(0, 2) + be(1, 2) + Bytes("\1a\0", 3) +
         be(16, 2) + be(1, 2) + Bytes("\xc0\x0c", 2) + be(16, 2) + be(1, 2) + be(30, 4) + be(2, 2) + "\1x" +
         Bytes(1, '\0') + be(41, 2) + be(1232, 2) + be(0, 4) + be(0, 2);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_wire)

BOOST_AUTO_TEST_CASE(numbers_are_in_network_order) {
  Bytes out;
  put_be16(out, 0x0102);
  put_be32(out, 0x03040506);
  put_be48(out, 0x0708090a0b0c);
  BOOST_TEST(ha::hex(out) == "0102030405060708090a0b0c");
  BOOST_TEST(get_be16(out, 0) == 0x0102U);
  BOOST_TEST(get_be32(out, 2) == 0x03040506U);
  BOOST_TEST(get_be48(out, 6) == 0x0708090a0b0cU);
}

BOOST_AUTO_TEST_CASE(a_message_is_laid_out) {
  const Layout layout = must(lay_out(sample()));
  BOOST_TEST(layout.id == 7U);
  BOOST_TEST(layout.is_reply());
  BOOST_TEST(layout.authoritative());
  BOOST_TEST(!layout.truncated());
  BOOST_TEST(layout.opcode() == 0U);
  BOOST_TEST(layout.rcode() == 3U);
  BOOST_TEST(layout.question->type == 16U);
  BOOST_REQUIRE(layout.answers.size() == 1U);
  BOOST_TEST(layout.answers[0].begin == 19U);
  BOOST_TEST(layout.answers[0].ttl_s == 30U);
  BOOST_TEST(sample().substr(layout.answers[0].rdata, 2) == "\1x");
  BOOST_TEST(layout.authority.empty());
  BOOST_TEST(layout.additional[0].rr_class == 1232U);
  BOOST_TEST(layout.additional[0].end == sample().size());
}

BOOST_AUTO_TEST_CASE(every_prefix_and_every_extension_is_corrupt) {
  for (std::size_t length = 0; length < sample().size(); ++length) {
    BOOST_TEST((code_of(lay_out(sample().substr(0, length))) == Code::Corrupt), length);
  }
  BOOST_TEST((code_of(lay_out(sample() + 'x')) == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(counts_lengths_and_labels_that_lie_are_corrupt) {
  const auto with = [](std::size_t at, const char* bytes, std::size_t count) {
    return code_of(lay_out(sample().replace(at, count, Bytes(bytes, count))));
  };
  BOOST_TEST((with(4, "\0\2", 2) == Code::Corrupt));  // two questions
  BOOST_TEST((with(6, "\xff\xff", 2) == Code::Corrupt));
  BOOST_TEST((with(29, "\xff\xff", 2) == Code::Corrupt));  // rdata's length
  BOOST_TEST((with(12, "\x40", 1) == Code::Corrupt));
  BOOST_TEST((with(12, "\x80", 1) == Code::Corrupt));
  Bytes endless = be(0, 4) + be(1, 2) + be(0, 6);
  for (int i = 0; i < 200; ++i) {
    endless += "\1a";
  }
  BOOST_TEST((code_of(lay_out(endless + Bytes(1, '\0') + be(1, 4))) == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(a_message_is_bounded) {
  BOOST_TEST((code_of(lay_out(Bytes(kMessageBytesMax + 1, '\0'))) == Code::Exhausted));
  // 5,454 RRs of eleven bytes.
  const Bytes rr = Bytes(1, '\0') + be(1, 2) + be(1, 2) + be(0, 4) + be(0, 2);
  Bytes many = be(0, 4) + be(0, 2) + be(5000, 2) + be(0, 4);
  for (int i = 0; i < 5000; ++i) {
    many += rr;
  }
  BOOST_TEST(must(lay_out(many)).answers.size() == 5000U);
}

BOOST_AUTO_TEST_SUITE_END()
