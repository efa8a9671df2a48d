#include "dnsupdater/tsig.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/messages.h"

using namespace ha::dns;
using ha::Bytes;
using ha::Code;

namespace {

const Bytes kMac(32, 'm');  // of the question
const Bytes kReply = empty_reply(kUpdateReply, Name(), RrType::Soa);

Tsig tsig_of(const Signature& how, const Bytes& wire) {
  Tsig out{must(Name::from_wire(how.key_wire)),
           must(Name::from_wire(how.algorithm_wire)),
           how.time_s,
           how.fudge_s,
           {},
           how.original_id,
           how.error,
           how.other};
  const std::size_t rest = 2 + 2 + 2 + how.other.size();
  const std::size_t mac_bytes = !how.with_mac                                              ? 0
                                : how.algorithm_wire.find("512") != std::string_view::npos ? 64
                                                                                           : 32;
  out.mac = wire.substr(wire.size() - rest - mac_bytes, mac_bytes);
  return out;
}

TsigVerdict verdict(const Signature& how, const TsigKey& key = key_of(), const Bytes& mac = kMac) {
  const Bytes wire = with_tsig(kReply, kMac, how);
  return tsig_verify(wire, kReply.size(), tsig_of(how, wire), key, mac, at_second(kNowS));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_tsig)

BOOST_AUTO_TEST_CASE(a_message_gets_a_signature_at_its_end) {
  const Bytes message = be(0x1234, 2) + be(0, 2) + be(1, 2) + be(0, 6) + Bytes(1, '\0') + be(6, 2) + be(1, 2);
  const auto sent = must(tsig_sign(message, key_of(), at_second(kNowS)));
  BOOST_TEST(sent.mac.size() == 32U);
  BOOST_TEST(get_be16(sent.wire, 10) == 1U);
  const Layout layout = must(lay_out(sent.wire));
  BOOST_TEST(layout.additional[0].type == kTypeTsig);
  BOOST_TEST(layout.additional[0].rr_class == 255U);
  BOOST_TEST(layout.additional[0].begin == message.size());
  // Computed with Python's hmac module over the bytes of RFC 8945, section 4.3.3.
  BOOST_TEST(ha::hex(sent.mac) == "04424c04cf2639a0dbcff3be73655d22bdbb64f2d7f113190e40cf1f938b6d3c");
  const auto longer =
      must(tsig_sign(message, key_of("fra.key", TsigAlgorithm::HmacSha512), at_second(kNowS)));
  BOOST_TEST(ha::hex(longer.mac) ==
             "e368bcfefcc641f9d5cfdea05b18463c1aa10986827cb67ef772735090f7dfcf"
             "89d1d20236abc64da1044f0c2f66c0ee0e490bca5161e9f09df4a2f422ce1a7d");
}

BOOST_AUTO_TEST_CASE(a_signature_fits_or_there_is_none) {
  BOOST_TEST((code_of(tsig_sign(Bytes(kMessageBytesMax - kTsigBytesMax + 1, 'x'), key_of(), at_second(0))) ==
              Code::Exhausted));
  BOOST_TEST((code_of(tsig_sign("short", key_of(), at_second(0))) == Code::Internal));
  const TsigKey longest = key_of(std::string(61, 'a') + '.' + std::string(63, 'b') + '.' +
                                     std::string(63, 'c') + '.' + std::string(63, 'd'),
                                 TsigAlgorithm::HmacSha512);
  const Bytes message(kMessageBytesMax - kTsigBytesMax, '\0');
  BOOST_TEST(must(tsig_sign(message, longest, at_second(kNowS))).wire.size() <= kMessageBytesMax);
}

BOOST_AUTO_TEST_CASE(algorithms_have_names) {
  BOOST_TEST((must(parse_tsig_algorithm("hmac-sha256")) == TsigAlgorithm::HmacSha256));
  BOOST_TEST((must(parse_tsig_algorithm("HMAC-SHA512.")) == TsigAlgorithm::HmacSha512));
  for (const char* const text : {"hmac-md5", "hmac-sha1", "hmac-sha384", "hmac-sha256-128", ""}) {
    const auto parsed = parse_tsig_algorithm(text);
    BOOST_TEST((code_of(parsed) == Code::Unsupported));
    BOOST_TEST(parsed.error().hint().find("hmac-sha256") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_signed_answer_is_good) {
  BOOST_TEST((verdict({}) == TsigVerdict::Good));
  Signature longer;
  longer.algorithm_wire = std::string_view("\13hmac-sha512\0", 13);
  BOOST_TEST((verdict(longer, key_of("fra.key", TsigAlgorithm::HmacSha512)) == TsigVerdict::Good));
}

BOOST_AUTO_TEST_CASE(an_answer_that_was_forwarded_has_another_id_and_is_good) {
  Signature how;
  how.original_id = 0x7777;
  BOOST_TEST((verdict(how) == TsigVerdict::Good));
}

BOOST_AUTO_TEST_CASE(an_answer_to_another_question_is_wrong) {
  BOOST_TEST((verdict({}, key_of(), Bytes(32, 'x')) == TsigVerdict::WrongMac));
  BOOST_TEST((verdict({}, key_of(), Bytes()) == TsigVerdict::WrongMac));
}

BOOST_AUTO_TEST_CASE(another_secret_name_or_algorithm_is_told) {
  BOOST_TEST((verdict({}, key_of("fra.key", TsigAlgorithm::HmacSha256, "fedcba9876543210")) ==
              TsigVerdict::WrongMac));
  BOOST_TEST((verdict({}, key_of("nyc.key")) == TsigVerdict::OtherKey));
  BOOST_TEST((verdict({}, key_of("fra.key", TsigAlgorithm::HmacSha512)) == TsigVerdict::OtherKey));
}

BOOST_AUTO_TEST_CASE(a_changed_byte_or_a_short_mac_is_wrong) {
  const Bytes wire = with_tsig(kReply, kMac, {});
  const Tsig tsig = tsig_of({}, wire);
  for (std::size_t at = 2; at < kReply.size(); ++at) {  // the ID is the original one
    if (at == 10 || at == 11) {
      continue;  // the count of additional RRs is checked by whoever finds the TSIG
    }
    Bytes changed = wire;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    BOOST_TEST((tsig_verify(changed, kReply.size(), tsig, key_of(), kMac, at_second(kNowS)) ==
                TsigVerdict::WrongMac));
  }
  for (const std::size_t bytes : {0U, 10U, 16U, 31U}) {
    Tsig shorter = tsig;
    shorter.mac.resize(bytes);
    BOOST_TEST((tsig_verify(wire, kReply.size(), shorter, key_of(), kMac, at_second(kNowS)) ==
                TsigVerdict::WrongMac));
  }
}

BOOST_AUTO_TEST_CASE(a_clock_may_be_300_seconds_off) {
  for (const std::uint64_t time_s : {kNowS - 300, kNowS + 300}) {
    Signature how;
    how.time_s = time_s;
    BOOST_TEST((verdict(how) == TsigVerdict::Good));
  }
  for (const std::uint64_t time_s :
       {kNowS - 301, kNowS + 301, std::uint64_t{0}, (std::uint64_t{1} << 48) - 1}) {
    Signature how;
    how.time_s = time_s;
    how.fudge_s = 65535;  // what the answer allows itself does not count
    BOOST_TEST((verdict(how) == TsigVerdict::OutOfTime));
  }
}

BOOST_AUTO_TEST_CASE(a_servers_errors_are_told_apart) {
  Signature unsigned_error;
  unsigned_error.with_mac = false;
  unsigned_error.error = 17;
  BOOST_TEST((verdict(unsigned_error) == TsigVerdict::ServerBadKey));
  unsigned_error.error = 16;
  BOOST_TEST((verdict(unsigned_error) == TsigVerdict::ServerBadMac));
  unsigned_error.error = 18;  // this one has to be signed
  BOOST_TEST((verdict(unsigned_error) == TsigVerdict::WrongMac));
  Signature other;
  other.error = 22;
  BOOST_TEST((verdict(other) == TsigVerdict::ServerError));
}

BOOST_AUTO_TEST_CASE(a_server_with_another_clock_says_its_time) {
  Signature how;
  how.error = 18;
  how.time_s = kNowS - 400;  // the question's
  how.other = be(kNowS + 1234, 6);
  BOOST_TEST((verdict(how) == TsigVerdict::ServerBadTime));
  Tsig tsig;
  tsig.error = 18;
  tsig.other = how.other;
  BOOST_TEST((tsig_server_time(tsig) == at_second(kNowS + 1234)));
  tsig.other = Bytes(6, '\xff');  // does not overflow
  BOOST_TEST((tsig_server_time(tsig) > at_second(kNowS)));
  tsig.other = Bytes(5, '\0');
  BOOST_TEST(!tsig_server_time(tsig).has_value());
  tsig.error = 0;
  tsig.other = how.other;
  BOOST_TEST(!tsig_server_time(tsig).has_value());
}

BOOST_AUTO_TEST_CASE(a_place_that_is_none_is_malformed) {
  const Bytes wire = with_tsig(kReply, kMac, {});
  const Tsig tsig = tsig_of({}, wire);
  BOOST_TEST((tsig_verify(wire, 3, tsig, key_of(), kMac, at_second(kNowS)) == TsigVerdict::Malformed));
  BOOST_TEST(
      (tsig_verify(wire, wire.size() + 1, tsig, key_of(), kMac, at_second(kNowS)) == TsigVerdict::Malformed));
  BOOST_TEST(
      (tsig_verify(kReply, kReply.size(), tsig, key_of(), kMac, at_second(kNowS)) == TsigVerdict::Malformed));
}

BOOST_AUTO_TEST_SUITE_END()
