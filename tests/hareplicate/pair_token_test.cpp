#include <boost/test/unit_test.hpp>

#include "common/base/bytes.h"
#include "tests/sys/temp_directory.h"
#include "tools/hareplicate/pair_token.h"

using namespace ha;        // NOLINT: a test
using namespace ha::tool;  // NOLINT

namespace {

const std::string kHost = "fra1.voice.example.net:7401";

PairToken sample(std::vector<std::string> endpoints = {kHost, "203.0.113.9:7401"}) {
  PairToken token;
  token.server_key = wire::KeyPair::generate().value().public_key;
  token.secret = sys::Secret::copy_of("0123456789abcdef").value();
  token.expires = WallTime(std::chrono::seconds(1'795'252'489));
  token.site = "nyc1";
  token.cluster = "acme-voice";
  token.endpoints = std::move(endpoints);
  return token;
}

// The token of these bytes with a checksum that fits, as an attacker or a newer version would make it.
std::string hostile(Bytes raw) {
  std::uint32_t crc = 0xffffffffU;
  for (const char byte : raw) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc >> 1 ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
    }
  }
  put_u32(raw, ~crc);
  std::string out = "hr1.";
  std::string bits;
  for (const char byte : raw) {
    for (int bit = 7; bit >= 0; --bit) {
      bits += (static_cast<unsigned char>(byte) >> bit & 1) != 0 ? '1' : '0';
    }
  }
  bits.resize((bits.size() + 4) / 5 * 5, '0');
  for (std::size_t at = 0; at < bits.size(); at += 5) {
    out += "abcdefghijklmnopqrstuvwxyz234567"[std::stoul(bits.substr(at, 5), nullptr, 2)];
  }
  return out;
}

Bytes fixed_part(char format = 1) {
  return Bytes(1, format) + Bytes(32, 'k') + Bytes(16, 's') + Bytes(4, '\1');
}
Bytes texts(const std::string& site, const std::string& where) {
  return Bytes(1, static_cast<char>(site.size())) + site + Bytes("\4acme", 5) +
         Bytes(1, static_cast<char>(where.size())) + where;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hareplicate_pair_token)

BOOST_AUTO_TEST_CASE(what_goes_in_comes_out) {
  const PairToken token = sample();
  const std::string text = encode_token(token).value();
  const auto back = decode_token(text);
  BOOST_TEST_REQUIRE(back.ok());
  BOOST_TEST((back->server_key == token.server_key));
  BOOST_TEST(back->secret.equals("0123456789abcdef"));
  BOOST_TEST((back->expires == token.expires));
  BOOST_TEST(back->site == "nyc1");
  BOOST_TEST(back->cluster == "acme-voice");
  BOOST_TEST(back->endpoints == token.endpoints, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_is_one_short_word_that_no_shell_changes) {
  const std::string text = encode_token(sample()).value();
  BOOST_TEST(text.starts_with("hr1."));
  BOOST_TEST(text.size() < 250U);
  BOOST_TEST(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(capitals_blanks_and_quotes_around_it_are_forgiven) {
  std::string text = encode_token(sample()).value();
  BOOST_TEST(decode_token(" \"" + text + "\".\n").ok());
  for (char& each : text) {
    each = static_cast<char>(std::toupper(static_cast<unsigned char>(each)));
  }
  BOOST_TEST(decode_token(text).ok());
}

BOOST_AUTO_TEST_CASE(every_cut_and_every_changed_character_is_found) {
  const std::string text = encode_token(sample()).value();
  for (std::size_t length = 5; length < text.size(); ++length) {
    const auto cut = decode_token(text.substr(0, length));
    BOOST_TEST((sys::code_of(cut) == Code::Invalid), "cut to " << length);
    BOOST_TEST(cut.error().what().find("cut or mistyped") != std::string::npos);
  }
  for (std::size_t at = 4; at < text.size(); ++at) {
    std::string other = text;
    other[at] = other[at] == 'a' ? 'b' : 'a';
    BOOST_TEST(!decode_token(other).ok(), "changed at " << at);
    if (at + 1 < text.size() && text[at] != text[at + 1]) {
      other = text;
      std::swap(other[at], other[at + 1]);
      BOOST_TEST(!decode_token(other).ok(), "swapped at " << at);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_token_or_a_newer_one_is_called_so) {
  BOOST_TEST(decode_token("").error().what().find("does not begin with hr1.") != std::string::npos);
  BOOST_TEST(decode_token("nyc1").error().hint().find("hareplicate invite") != std::string::npos);
  BOOST_TEST(decode_token("hr2.abcdef").error().hint().find("same version") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_inside_is_checked_although_the_checksum_fits) {
  BOOST_TEST(decode_token(hostile(fixed_part() + texts("nyc1", "a:1"))).ok());
  BOOST_TEST(!decode_token(hostile(fixed_part(2) + texts("nyc1", "a:1"))).ok());
  BOOST_TEST(!decode_token(hostile(fixed_part() + texts("../x", "a:1"))).ok());
  BOOST_TEST(!decode_token(hostile(fixed_part() + texts("", "a:1"))).ok());
  BOOST_TEST(!decode_token(hostile(fixed_part() + texts("nyc1", ""))).ok());
  BOOST_TEST(!decode_token(hostile(fixed_part() + texts("nyc1", "a b:1"))).ok());
  BOOST_TEST(!decode_token(hostile(fixed_part() + texts("nyc1", "a:0"))).ok());
  BOOST_TEST(!decode_token(hostile(fixed_part() + texts("nyc1", "a:1,b:1,c:1,d:1,e:1"))).ok());
  BOOST_TEST(!decode_token(hostile(fixed_part() + texts("nyc1", "a:1") + "more")).ok());
  BOOST_TEST(!decode_token(hostile(fixed_part())).ok());
  BOOST_TEST(!decode_token(hostile(fixed_part() + "\xff")).ok());
}

BOOST_AUTO_TEST_CASE(addresses_that_do_not_fit_are_left_out_but_never_the_first) {
  const std::string long_host = std::string(60, 'h') + ":7401";
  const auto two = encode_token(sample({kHost, long_host, "b:1"}));
  BOOST_TEST(two->size() < 250U);
  BOOST_TEST(decode_token(*two)->endpoints.front() == kHost);
  BOOST_TEST(decode_token(*two)->endpoints.size() == 1U);
  const auto none = encode_token(sample({std::string(200, 'h') + ":1"}));
  BOOST_TEST((sys::code_of(none) == Code::Exhausted));
  BOOST_TEST(none.error().hint().find("--at") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_long_name_of_a_cluster_is_cut) {
  PairToken token = sample({"a:1"});
  token.cluster = std::string(300, 'x');
  BOOST_TEST(decode_token(encode_token(token).value())->cluster == std::string(kTokenClusterBytes, 'x'));
}

BOOST_AUTO_TEST_SUITE_END()
