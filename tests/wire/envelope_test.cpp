#include "common/wire/envelope.h"

#include <boost/test/unit_test.hpp>

namespace ha::wire {
namespace {

EnvelopeHeader plain_header() {
  return {0x1234, Lane::Bulk, 7, 0x1122334455667788, false, 5};
}

Bytes encoded() {
  return encode_envelope(plain_header(), "hello").value();
}

Code code_of_patched(std::size_t at, char value) {
  Bytes message = encoded();
  message[at] = value;
  const auto out = decode_envelope(message);
  BOOST_REQUIRE(!out.ok());
  return out.error().code();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(wire_envelope)

BOOST_AUTO_TEST_CASE(what_was_encoded_is_decoded) {
  const Bytes message = encoded();
  BOOST_TEST(message.size() == kEnvelopeHeaderBytes + 5);
  const auto out = decode_envelope(message);
  BOOST_REQUIRE(out.ok());
  BOOST_TEST((out.value().header == plain_header()));
  BOOST_TEST(out.value().body == "hello");
  BOOST_TEST(out.value().minor == kWireMinor);
}

BOOST_AUTO_TEST_CASE(the_layout_is_the_documented_one) {
  BOOST_TEST(hex(encoded()) ==
             "48520100"
             "3412"
             "00"
             "02"
             "07000000"
             "8877665544332211"
             "05000000"
             "05000000"
             "68656c6c6f");
}

BOOST_AUTO_TEST_CASE(an_empty_body_is_a_message) {
  const Bytes message = encode_envelope({}, "").value();
  const auto out = decode_envelope(message);
  BOOST_REQUIRE(out.ok());
  BOOST_TEST(out.value().body.empty());
}

BOOST_AUTO_TEST_CASE(a_compressed_body_says_its_raw_size) {
  EnvelopeHeader header = plain_header();
  header.compressed = true;
  header.raw_bytes = 1000;
  const Bytes message = encode_envelope(header, "zz").value();
  const auto out = decode_envelope(message);
  BOOST_REQUIRE(out.ok());
  BOOST_TEST((out.value().header == header));
}

BOOST_AUTO_TEST_CASE(every_truncation_is_corrupt) {
  const Bytes message = encoded();
  for (std::size_t length = 0; length < message.size(); ++length) {
    const auto out = decode_envelope(BytesView(message).substr(0, length));
    BOOST_REQUIRE(!out.ok());
    BOOST_TEST((out.error().code() == Code::Corrupt));
  }
}

BOOST_AUTO_TEST_CASE(more_bytes_than_announced_are_corrupt) {
  BOOST_TEST((decode_envelope(encoded() + "x").error().code() == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(bad_fields_are_corrupt) {
  BOOST_TEST((code_of_patched(0, 'h') == Code::Corrupt));
  BOOST_TEST((code_of_patched(1, 'h') == Code::Corrupt));
  BOOST_TEST((code_of_patched(6, 2) == Code::Corrupt));   // an unknown flag
  BOOST_TEST((code_of_patched(7, 3) == Code::Corrupt));   // an unknown lane
  BOOST_TEST((code_of_patched(20, 4) == Code::Corrupt));  // body size
  BOOST_TEST((code_of_patched(24, 6) == Code::Corrupt));  // raw size of a plain body
  BOOST_TEST((code_of_patched(27, 0x7f) == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(a_raw_size_over_the_limit_is_corrupt_before_anything_is_allocated) {
  EnvelopeHeader header = plain_header();
  header.compressed = true;
  header.raw_bytes = kRawBytesMax;
  Bytes message = encode_envelope(header, "zz").value();
  BOOST_TEST(decode_envelope(message).ok());
  message[24] = 1;  // one more
  BOOST_TEST((decode_envelope(message).error().code() == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(another_major_version_is_unsupported_and_says_which_end_to_upgrade) {
  Bytes message = encoded();
  message[2] = 2;
  const auto newer = decode_envelope(message);
  BOOST_TEST((newer.error().code() == Code::Unsupported));
  BOOST_TEST(newer.error().hint() == "upgrade hareplicate on this site");
  message[2] = 0;
  BOOST_TEST(decode_envelope(message).error().hint() == "upgrade hareplicate on the peer");
  // Also when the rest is laid out in another way.
  BOOST_TEST((decode_envelope(message.substr(0, 4)).error().code() == Code::Unsupported));
}

BOOST_AUTO_TEST_CASE(a_newer_minor_version_is_read) {
  Bytes message = encoded();
  message[3] = 9;
  const auto out = decode_envelope(message);
  BOOST_REQUIRE(out.ok());
  BOOST_TEST(out.value().minor == 9);
}

BOOST_AUTO_TEST_CASE(encoding_keeps_to_the_limits) {
  BOOST_TEST(encode_envelope({}, Bytes(kBodyBytesMax, 'x')).value().size() == kMessageBytesMax);
  BOOST_TEST((encode_envelope({}, Bytes(kBodyBytesMax + 1, 'x')).error().code() == Code::Exhausted));
  EnvelopeHeader header = plain_header();
  header.compressed = true;
  header.raw_bytes = kRawBytesMax + 1;
  BOOST_TEST((encode_envelope(header, "zz").error().code() == Code::Exhausted));
  header.raw_bytes = 0;
  BOOST_TEST((encode_envelope(header, "zz").error().code() == Code::Invalid));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::wire
