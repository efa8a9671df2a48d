#include "common/base/bytes.h"

#include <limits>

#include <boost/test/unit_test.hpp>

#include "common/base/random.h"

namespace {

using ha::Bytes;
using ha::Digest;

BOOST_AUTO_TEST_SUITE(base_bytes)

BOOST_AUTO_TEST_CASE(fields_are_little_endian_and_read_back) {
  Bytes out;
  ha::put_u16(out, 0x0102);
  ha::put_u32(out, 0x03040506);
  ha::put_u64(out, 0x0708090a0b0c0d0eU);
  ha::put_digest(out, {1, 2});
  BOOST_TEST(ha::hex(out) == "0201060504030e0d0c0b0a09080701000000000000000200000000000000");
  BOOST_TEST(ha::get_u16(out, 0) == 0x0102);
  BOOST_TEST(ha::get_u32(out, 2) == 0x03040506U);
  BOOST_TEST(ha::get_u64(out, 6) == 0x0708090a0b0c0d0eU);
  BOOST_TEST((ha::get_digest(out, 14) == Digest{1, 2}));
}

BOOST_AUTO_TEST_CASE(digests_add_and_subtract_with_carry) {
  const Digest most{0, std::numeric_limits<std::uint64_t>::max()};
  BOOST_TEST((most + Digest{0, 1} == Digest{1, 0}));
  BOOST_TEST((Digest{1, 0} - Digest{0, 1} == most));
  BOOST_TEST((Digest{0, 0} - Digest{0, 1} + Digest{0, 1}).is_zero());
}

BOOST_AUTO_TEST_CASE(sums_of_digests_do_not_depend_on_the_order) {
  ha::Random random(3);
  Digest forward;
  Digest backward;
  std::vector<Digest> all(100);
  for (Digest& digest : all) {
    digest = {random.next(), random.next()};
    forward += digest;
  }
  for (auto digest = all.rbegin(); digest != all.rend(); ++digest) {
    backward += *digest;
  }
  BOOST_TEST((forward == backward));
  for (const Digest& digest : all) {
    forward -= digest;
  }
  BOOST_TEST(forward.is_zero());
}

BOOST_AUTO_TEST_CASE(a_digest_of_a_wrong_length_is_refused) {
  Digest digest{7, 7};
  BOOST_TEST(ha::parse_digest(ha::digest_bytes({1, 2}), digest));
  BOOST_TEST((digest == Digest{1, 2}));
  BOOST_TEST(!ha::parse_digest("short", digest));
  BOOST_TEST(digest.is_zero());
}

BOOST_AUTO_TEST_CASE(hex_is_lower_case_and_full_width) {
  BOOST_TEST(ha::hex(Bytes("\x00\xff\x10", 3)) == "00ff10");
  BOOST_TEST(ha::hex(Digest{0xab, 1}) == "00000000000000ab0000000000000001");
}

BOOST_AUTO_TEST_CASE(printable_names_stay_as_they_are) {
  for (const char* name : {"plain", "with space", "über/Ärger", "日本語", "😀", "a=b\"c"}) {
    BOOST_TEST(ha::escape(name) == name);
  }
}

BOOST_AUTO_TEST_CASE(what_could_fool_a_terminal_is_escaped) {
  BOOST_TEST(ha::in_quotes("a\nb") == "\"a\\x0ab\"");
  BOOST_TEST(ha::escape("a\nb\x1b[31m") == "a\\x0ab\\x1b[31m");
  BOOST_TEST(ha::escape("\x7f") == "\\x7f");
  BOOST_TEST(ha::escape("\\") == "\\x5c");
  BOOST_TEST(ha::escape("\xc2\x9b") == "\\xc2\\x9b");           // C1 control
  BOOST_TEST(ha::escape("\xe2\x80\xae") == "\\xe2\\x80\\xae");  // right-to-left override
  BOOST_TEST(ha::escape("\xff\xc0\x80") == "\\xff\\xc0\\x80");  // not UTF-8, overlong
  BOOST_TEST(ha::escape("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // surrogate
  BOOST_TEST(ha::escape("\xe2\x82") == "\\xe2\\x82");           // cut short
}

BOOST_AUTO_TEST_CASE(escaped_bytes_read_back_whatever_they_were) {
  ha::Random random(11);
  for (int round = 0; round < 500; ++round) {
    Bytes name;
    for (std::uint64_t left = random.below(20); left > 0; --left) {
      name += static_cast<char>(random.below(256));
    }
    BOOST_TEST(ha::unescape(ha::escape(name)) == name);
  }
}

BOOST_AUTO_TEST_CASE(unescape_leaves_what_is_not_an_escape) {
  BOOST_TEST(ha::unescape("a\\x4") == "a\\x4");
  BOOST_TEST(ha::unescape("a\\xgg\\x41\\x4B") == "a\\xggAK");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
