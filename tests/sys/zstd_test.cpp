#include "common/sys/zstd.h"

#include <boost/test/unit_test.hpp>

using namespace ha;

namespace {

Bytes sample() {
  Bytes data;
  for (int i = 0; i < 20'000; ++i) {
    data += "line " + std::to_string(i * i % 977) + "\n";
  }
  return data;
}

bool is_corrupt(BytesView frame, std::size_t raw_bytes_max) {
  const auto result = sys::Decompressor().decompress(frame, raw_bytes_max);
  return !result.ok() && result.error().code() == Code::Corrupt;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sys_zstd)

BOOST_AUTO_TEST_CASE(what_was_compressed_comes_back_with_the_same_contexts) {
  sys::Compressor compressor;
  sys::Decompressor decompressor;
  for (const Bytes& raw : {Bytes(), Bytes("x"), sample(), Bytes(1'000'000, '\0')}) {
    const Bytes frame = compressor.compress(raw).value();
    BOOST_TEST(frame.size() < raw.size() / 2 + 20);
    BOOST_TEST((decompressor.decompress(frame, raw.size()).value() == raw));
  }
}

BOOST_AUTO_TEST_CASE(more_than_the_limit_is_corrupt_before_memory_is_taken) {
  const Bytes frame = sys::Compressor().compress(Bytes(1'000'000, '\0')).value();
  BOOST_TEST(is_corrupt(frame, 999'999));
  BOOST_TEST(is_corrupt(frame, 0));
}

BOOST_AUTO_TEST_CASE(a_frame_that_lies_about_its_size_is_corrupt) {
  const Bytes frame = sys::Compressor().compress(sample()).value();
  // RFC 8878, 3.1.1.1: magic, descriptor, then the size in 4 bytes (single segment, flag 2).
  BOOST_REQUIRE(static_cast<unsigned char>(frame[4]) >> 5 == 5);
  for (const char wrong : {'\0', '\x7f'}) {
    Bytes lie = frame;
    lie[6] = wrong;
    BOOST_TEST(is_corrupt(lie, 1U << 30));
  }
}

BOOST_AUTO_TEST_CASE(a_frame_that_does_not_say_its_size_is_corrupt) {
  // Magic, descriptor without size, window of 1 KiB, one empty last block.
  const Bytes frame("\x28\xb5\x2f\xfd\x00\x00\x01\x00\x00", 9);
  BOOST_TEST(is_corrupt(frame, 1000));
}

BOOST_AUTO_TEST_CASE(anything_after_the_frame_is_corrupt) {
  const Bytes frame = sys::Compressor().compress("raw").value();
  BOOST_TEST(is_corrupt(frame + "x", 1000));
  BOOST_TEST(is_corrupt(frame + frame, 1000));
}

BOOST_AUTO_TEST_CASE(garbage_is_corrupt_not_a_crash_and_does_not_spoil_the_context) {
  const Bytes raw = sample();
  const Bytes frame = sys::Compressor().compress(raw).value();
  BOOST_TEST(is_corrupt("", 1000));
  BOOST_TEST(is_corrupt("garbage", 1000));
  for (std::size_t length = 0; length < frame.size(); length += 7) {
    BOOST_TEST(is_corrupt(BytesView(frame).substr(0, length), raw.size()));
  }
  sys::Decompressor decompressor;
  for (std::size_t at = 0; at < frame.size(); at += 3) {
    Bytes damaged = frame;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    const auto result = decompressor.decompress(damaged, raw.size());
    BOOST_TEST((result.ok() || result.error().code() == Code::Corrupt));
    BOOST_TEST((decompressor.decompress(frame, raw.size()).value() == raw));
  }
}

BOOST_AUTO_TEST_SUITE_END()
