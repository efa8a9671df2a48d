#include "dnsupdater/message.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/messages.h"

using namespace ha::dns;
using ha::Bytes;
using ha::Code;
using ha::Result;

namespace {

const Name kZone = name("example.net");
const Question kAsk{name("sip.example.net"), RrType::A};

Rdata a_rdata(std::string_view text) {
  return address_rdata(address(text));
}

// The message without its signature.
Bytes unsigned_part(const Request& request) {
  const Layout layout = must(lay_out(request.wire));
  Bytes out = request.wire.substr(0, layout.additional.back().begin);
  out[11] = static_cast<char>(out[11] - 1);
  return out;
}

Request query() {
  return must(make_query(kAsk, 0x1234, nullptr, at_second(kNowS)));
}

Request signed_query() {
  const TsigKey key = key_of();
  return must(make_query(kAsk, 0x1234, &key, at_second(kNowS)));
}

Request update() {
  return must(make_update({kZone, {{Need::NameInUse, kZone}}}, 0x1234, key_of(), at_second(kNowS)));
}

Result<Reply> read(const Bytes& wire, const Request& request) {
  const TsigKey key = key_of();
  return read_reply(wire, request, &key, at_second(kNowS));
}

// A reply to kAsk with `answers` RRs, given as bytes.
Bytes answer(unsigned answers, const Bytes& rrs, std::uint16_t flags = kQueryReply) {
  Bytes out = empty_reply(flags, kAsk.name, kAsk.type);
  out.replace(6, 2, be(answers, 2));
  return out + rrs;
}

Bytes rr(const Bytes& owner, std::uint16_t type, const Bytes& rdata, std::uint16_t rr_class = 1) {
  return owner + be(type, 2) + be(rr_class, 2) + be(30, 4) + be(rdata.size(), 2) + rdata;
}

const Bytes kPointer("\xc0\x0c", 2);  // to the question's name

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_message)

BOOST_AUTO_TEST_CASE(a_query_is_one_question) {
  BOOST_TEST(ha::hex(query().wire) == "12340000000100000000000003736970076578616d706c65036e65740000010001");
  Question ask = kAsk;
  ask.recursion = true;
  ask.chaos = true;
  const Request asked = must(make_query(ask, 1, nullptr, at_second(0)));
  BOOST_TEST(get_be16(asked.wire, 2) == 0x0100U);
  BOOST_TEST(must(lay_out(asked.wire)).question->rr_class == 3U);
  BOOST_TEST((unsigned_part(signed_query()) == query().wire));
}

BOOST_AUTO_TEST_CASE(edns_is_sent_when_something_of_it_is_wanted) {
  Question ask = kAsk;
  ask.dnssec = true;
  ask.nsid = true;
  const Request asked = must(make_query(ask, 1, nullptr, at_second(0)));
  const Layout layout = must(lay_out(asked.wire));
  BOOST_REQUIRE(layout.additional.size() == 1U);
  BOOST_TEST(layout.additional[0].type == 41U);
  BOOST_TEST(layout.additional[0].rr_class == kEdnsBytes);
  BOOST_TEST(layout.additional[0].ttl_s == 0x8000U);
  BOOST_TEST(ha::hex(asked.wire.substr(layout.additional[0].rdata)) == "00030000");
}

// RFC 2136, sections 2.4 and 2.5, in bytes.
BOOST_AUTO_TEST_CASE(an_update_has_every_kind_of_prerequisite_and_change) {
  const Name a = name("a.example.net");
  const Update wanted{kZone,
                      {{Need::NameInUse, a},
                       {Need::NameUnused, a},
                       {Need::SetExists, a, RrType::A},
                       {Need::SetAbsent, a, RrType::A},
                       {Need::SetIs, a, RrType::A, {a_rdata("192.0.2.1")}}},
                      {{a}, {a, RrType::A}, {a, RrType::A, a_rdata("192.0.2.2")}},
                      {a_set("a.example.net", 30, {"192.0.2.3"})}};
  const Request request = must(make_update(wanted, 0x1234, key_of(), at_second(kNowS)));
  BOOST_TEST(request.is_update);
  BOOST_TEST(ha::hex(unsigned_part(request)) ==
             "123428000001000500040000"            // five prerequisites, four changes
             "076578616d706c65036e65740000060001"  // example.net SOA
             "0161c00c00ff00ff000000000000"        // a.example.net ANY ANY: in use
             "c01d00ff00fe000000000000"            // ANY NONE: not in use
             "c01d000100ff000000000000"            // A ANY: exists
             "c01d000100fe000000000000"            // A NONE: does not
             "c01d00010001000000000004c0000201"    // A IN: is this
             "c01d00ff00ff000000000000"            // deletes the name,
             "c01d000100ff000000000000"            // the RRset,
             "c01d000100fe000000000004c0000202"    // the RR
             "c01d000100010000001e0004c0000203");  // adds, TTL 30
}

BOOST_AUTO_TEST_CASE(two_sends_differ_in_id_and_signature_only) {
  const Update wanted{kZone, {{Need::NameInUse, kZone}}};
  const Request one = must(make_update(wanted, 1, key_of(), at_second(kNowS)));
  const Request two = must(make_update(wanted, 2, key_of(), at_second(kNowS + 1)));
  BOOST_TEST((unsigned_part(one).substr(2) == unsigned_part(two).substr(2)));
  BOOST_TEST((one.mac != two.mac));
}

BOOST_AUTO_TEST_CASE(an_update_that_is_none_is_not_made) {
  const auto refused = [](const Update& wanted) {
    return code_of(make_update(wanted, 1, key_of(), at_second(kNowS)));
  };
  const Name a = name("a.example.net");
  BOOST_TEST((refused({kZone, {}, {{a}}}) == Code::Invalid));
  BOOST_TEST((refused({kZone, {{Need::SetIs, a, RrType::A, {}}}}) == Code::Invalid));
  BOOST_TEST((refused({kZone, {{Need::SetIs, a, RrType::A, {{"abc", ""}}}}}) == Code::Invalid));
  BOOST_TEST((refused({kZone, {{Need::SetIs, a, RrType::A, {{"abcde", ""}}}}}) == Code::Invalid));
  BOOST_TEST(
      (refused({kZone, {{Need::SetIs, a, RrType::A, {{Bytes(65'536, 'x'), ""}}}}}) == Code::Exhausted));
  BOOST_TEST((refused({kZone, {{Need::NameInUse, a}}, {{a, {}, a_rdata("192.0.2.1")}}}) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(a_message_never_gets_near_the_end_of_what_ldns_can_do) {
  std::vector<Rdata> texts;
  for (int i = 0; i < 400; ++i) {
    texts.push_back(must(txt_rdata({Bytes(200, static_cast<char>('a' + i % 26)) + std::to_string(i)})));
  }
  const auto with = [&](std::size_t count) {
    const RrSet set = must(RrSet::make(name("a.example.net"), RrType::Txt, 30,
                                       {texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(count)}));
    return make_update({kZone, {{Need::NameInUse, kZone}}, {}, {set}}, 1, key_of(), at_second(kNowS));
  };
  BOOST_TEST((code_of(with(400)) == Code::Exhausted));
  std::size_t most = 0;
  for (std::size_t count = 1; count < 400 && with(count).ok(); ++count) {
    most = count;
  }
  const Request request = must(with(most));
  BOOST_TEST(request.wire.size() <= kMessageBytesMax);
  BOOST_TEST(request.wire.size() > 50'000U);
  BOOST_TEST(must(lay_out(request.wire)).authority.size() == most);
}

BOOST_AUTO_TEST_CASE(a_signed_answer_is_read) {
  const Request request = signed_query();
  const Bytes plain = answer(
      2, rr(kPointer, 1, "\xc0" + Bytes("\0\2\x0a", 3)) + rr(kPointer, 1, "\xc0" + Bytes("\0\2\x0b", 3)));
  const Reply reply = must(read(with_tsig(plain, request.mac, {}), request));
  BOOST_TEST((reply.tsig == TsigVerdict::Good));
  BOOST_TEST((reply.signed_at == at_second(kNowS)));
  BOOST_TEST((reply.rcode == Rcode::NoError));
  BOOST_TEST(reply.authoritative);
  BOOST_TEST(!reply.truncated);
  BOOST_TEST((gather(reply.answers, kAsk.name, RrType::A) ==
              a_set("sip.example.net", 30, {"192.0.2.10", "192.0.2.11"})));
  BOOST_TEST(reply.answers[0].rdata.text == "192.0.2.10");
}

BOOST_AUTO_TEST_CASE(what_the_signature_of_an_answer_is_worth_is_said) {
  const Request request = update();
  const Bytes plain = empty_reply(kUpdateReply, kZone, RrType::Soa);
  const auto verdict = [&](const Bytes& wire) { return must(read(wire, request)).tsig; };
  BOOST_TEST((verdict(with_tsig(plain, request.mac, {})) == TsigVerdict::Good));
  BOOST_TEST((verdict(plain) == TsigVerdict::Missing));
  Signature how;
  how.secret = "another secret!!";
  BOOST_TEST((verdict(with_tsig(plain, request.mac, how)) == TsigVerdict::WrongMac));
  BOOST_TEST((verdict(with_tsig(plain, Bytes(32, 'x'), {})) == TsigVerdict::WrongMac));
  how = {};
  how.key_wire = std::string_view("\3nyc\3key\0", 9);
  BOOST_TEST((verdict(with_tsig(plain, request.mac, how)) == TsigVerdict::OtherKey));
  how.key_wire = std::string_view("\3f a\3key\0", 9);  // no Name
  BOOST_TEST((verdict(with_tsig(plain, request.mac, how)) == TsigVerdict::Malformed));
  how = {};
  how.time_s = kNowS - 301;
  BOOST_TEST((verdict(with_tsig(plain, request.mac, how)) == TsigVerdict::OutOfTime));
  how = {};
  how.original_id = 99;
  BOOST_TEST((verdict(with_tsig(plain, request.mac, how)) == TsigVerdict::Good));
  // Two of them, and one that is not the last.
  const Bytes good = with_tsig(plain, request.mac, {});
  BOOST_TEST((verdict(with_tsig(good, request.mac, {})) == TsigVerdict::Malformed));
  Bytes not_last = good + rr(Bytes(1, '\0'), 1, "abcd");
  not_last[11] = 2;
  BOOST_TEST((verdict(not_last) == TsigVerdict::Malformed));
}

BOOST_AUTO_TEST_CASE(a_servers_clock_comes_with_its_refusal) {
  const Request request = update();
  Signature how;
  how.error = 18;
  how.other = be(kNowS + 400, 6);
  const Reply reply =
      must(read(with_tsig(empty_reply(kUpdateReply | 9, kZone, RrType::Soa), request.mac, how), request));
  BOOST_TEST((reply.rcode == Rcode::NotAuth));
  BOOST_TEST((reply.tsig == TsigVerdict::ServerBadTime));
  BOOST_TEST(reply.tsig_error == 18U);
  BOOST_TEST((reply.server_time == at_second(kNowS + 400)));
}

BOOST_AUTO_TEST_CASE(an_unsigned_refusal_of_the_key_is_told) {
  const Request request = update();
  Signature how;
  how.with_mac = false;
  how.error = 17;
  const Reply reply =
      must(read(with_tsig(empty_reply(kUpdateReply | 9, kZone, RrType::Soa), request.mac, how), request));
  BOOST_TEST((reply.tsig == TsigVerdict::ServerBadKey));
  BOOST_TEST(reply.tsig_error == 17U);
  BOOST_TEST(!reply.server_time.has_value());
}

BOOST_AUTO_TEST_CASE(a_signature_nobody_asked_for_is_not_judged) {
  const Request request = query();
  BOOST_TEST((must(read_reply(answer(0, ""), request, nullptr, at_second(0))).tsig == TsigVerdict::NotAsked));
  BOOST_TEST((must(read(with_tsig(answer(0, ""), "", {}), request)).tsig == TsigVerdict::NotAsked));
}

BOOST_AUTO_TEST_CASE(strays_are_no_answers) {
  const Request request = query();
  const auto stray = [&](const Bytes& wire) { return code_of(read(wire, request)) == Code::Conflict; };
  Bytes other_id = answer(0, "");
  other_id[0] = 'x';
  BOOST_TEST(stray(other_id));
  BOOST_TEST(stray(answer(0, "", 0x0400)));  // a question
  BOOST_TEST(stray(answer(0, "", kUpdateReply)));
  BOOST_TEST(stray(empty_reply(kQueryReply, name("tip.example.net"), RrType::A)));
  BOOST_TEST(stray(empty_reply(kQueryReply, kAsk.name, RrType::Aaaa)));
  Bytes other_class = answer(0, "");
  other_class.back() = 3;
  BOOST_TEST(stray(other_class));
  const Bytes no_question = be(0x1234, 2) + be(kQueryReply, 2) + be(0, 8);
  BOOST_TEST(stray(no_question));
  BOOST_TEST((code_of(read(answer(0, ""), update())) == Code::Conflict));
}

BOOST_AUTO_TEST_CASE(errors_and_answers_to_updates_may_leave_the_question_out) {
  const Bytes refused = be(0x1234, 2) + be(kQueryReply | 5, 2) + be(0, 8);
  BOOST_TEST((must(read(refused, query())).rcode == Rcode::Refused));
  const Bytes applied = be(0x1234, 2) + be(kUpdateReply, 2) + be(0, 8);
  BOOST_TEST((must(read(applied, update())).rcode == Rcode::NoError));
}

BOOST_AUTO_TEST_CASE(a_question_comes_back_in_any_case) {
  Bytes wire = answer(0, "");
  wire.replace(12, 4, "\3SIP");
  BOOST_TEST(read(wire, query()).ok());
}

BOOST_AUTO_TEST_CASE(names_in_rdata_are_made_canonical) {
  const Bytes srv = be(10, 2) + be(20, 2) + be(5060, 2) + Bytes("\4HosT\xc0\x10", 7);
  const Reply reply = must(read(answer(1, rr(kPointer, 33, srv)), query()));
  BOOST_REQUIRE(reply.answers.size() == 1U);
  BOOST_TEST((reply.answers[0].rdata == srv_rdata(10, 20, 5060, name("host.example.net"))));
  BOOST_TEST(reply.answers[0].rdata.text == "10 20 5060 host.example.net.");
}

BOOST_AUTO_TEST_CASE(types_that_nobody_knows_stay_as_they_are) {
  const Reply reply = must(read(answer(1, rr(kPointer, 65280, "abc")), query()));
  BOOST_TEST((reply.answers[0].type == static_cast<RrType>(65280)));
  BOOST_TEST(reply.answers[0].rdata.wire == "abc");
  BOOST_TEST(reply.answers[0].rdata.text == R"(\# 3 616263)");
}

BOOST_AUTO_TEST_CASE(an_owner_that_is_no_name_of_ours_is_left_out) {
  const Reply reply =
      must(read(answer(2, rr(Bytes("\3a b\0", 5), 1, "abcd") + rr(kPointer, 1, "abcd")), query()));
  BOOST_TEST(reply.answers.size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_rr_that_is_not_what_it_says_is_corrupt) {
  const auto corrupt = [](const Bytes& rrs) {
    return code_of(read(answer(1, rrs), query())) == Code::Corrupt;
  };
  BOOST_TEST(corrupt(rr(kPointer, 1, "")));
  BOOST_TEST(corrupt(rr(kPointer, 1, "abc")));
  BOOST_TEST(corrupt(rr(kPointer, 1, "abcde")));
  BOOST_TEST(corrupt(rr(kPointer, 1, "abcd", 3)));                    // another class
  BOOST_TEST(corrupt(rr(kPointer, 33, be(1, 6) + Bytes("\1a", 2))));  // a target without an end
  BOOST_TEST(corrupt(rr(kPointer, 16, "\5abc")));
  BOOST_TEST(corrupt(rr(Bytes("\xc0\x21", 2), 1, "abcd")));  // a pointer to itself
  BOOST_TEST(corrupt(rr(Bytes("\xff\xff", 2), 1, "abcd")));  // out of the message
}

BOOST_AUTO_TEST_CASE(what_is_cut_off_is_corrupt_and_what_is_too_long_is_refused) {
  const Request request = signed_query();
  const Bytes whole = with_tsig(answer(1, rr(kPointer, 1, "abcd")), request.mac, {});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    BOOST_TEST((code_of(read(whole.substr(0, length), request)) == Code::Corrupt), length);
  }
  BOOST_TEST((code_of(read(Bytes(kMessageBytesMax + 1, 'x'), request)) == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(edns_adds_upper_bits_and_the_servers_name) {
  Bytes wire = answer(0, "") + Bytes(1, '\0') + be(41, 2) + be(1232, 2) + be(0x01000000, 4) + be(7, 2) +
               be(3, 2) + be(3, 2) + "ns1";
  wire[11] = 1;
  const Reply reply = must(read(wire, query()));
  BOOST_TEST((reply.rcode == Rcode::BadVers));
  BOOST_TEST(reply.nsid == "ns1");
  wire[wire.size() - 4] = 9;  // longer than the option
  BOOST_TEST(must(read(wire, query())).nsid.empty());
}

BOOST_AUTO_TEST_CASE(flags_and_rcodes_are_read) {
  const Reply reply = must(read(answer(0, "", 0x8203), query()));
  BOOST_TEST(!reply.authoritative);
  BOOST_TEST(reply.truncated);
  BOOST_TEST((reply.rcode == Rcode::NxDomain));
  BOOST_TEST(rcode_text(Rcode::NxRrset) == "NXRRSET");
  BOOST_TEST(rcode_text(Rcode::BadVers) == "BADVERS");
  BOOST_TEST(rcode_text(static_cast<Rcode>(11)) == "RCODE11");
}

BOOST_AUTO_TEST_CASE(text_becomes_canonical_rdata) {
  const auto text = [](RrType type, std::string_view from) { return must(rdata_from_text(type, from)); };
  BOOST_TEST((text(RrType::A, "192.0.2.10") == a_rdata("192.0.2.10")));
  BOOST_TEST((text(RrType::Aaaa, "2001:DB8::1") == a_rdata("2001:db8::1")));
  BOOST_TEST(
      (text(RrType::Srv, "10 20 5060 SIP.example.net") == srv_rdata(10, 20, 5060, name("sip.example.net"))));
  BOOST_TEST(text(RrType::Srv, "10 20 5060 sip.example.net").text == "10 20 5060 sip.example.net.");
  const Rdata txt = text(RrType::Txt, R"("a b" c "q\"\\" "\009")");
  BOOST_TEST((txt == must(txt_rdata({"a b", "c", "q\"\\", "\t"}))));
  BOOST_TEST(txt.text == must(txt_rdata({"a b", "c", "q\"\\", "\t"})).text);
  BOOST_TEST(text(RrType::Naptr, R"(100 10 "u" "E2U+sip" "!^.*$!sip:info@example.net!" .)").text ==
             R"(100 10 "u" "E2U+sip" "!^.*$!sip:info@example.net!" .)");
  BOOST_TEST(text(RrType::Caa, R"(0 issue "ca.example")").text == R"(0 issue "ca.example")");
  BOOST_TEST(text(static_cast<RrType>(65280), R"(\# 3 616263)").wire == "abc");
  BOOST_TEST((text(RrType::A, R"(\# 4 c000020a)") == a_rdata("192.0.2.10")));
}

BOOST_AUTO_TEST_CASE(text_that_does_not_say_what_it_would_become_is_refused) {
  const auto refused = [](RrType type, std::string_view from) {
    const auto made = rdata_from_text(type, from);
    return !made.ok() && made.error().code() == Code::Invalid && !made.error().hint().empty();
  };
  BOOST_TEST(refused(RrType::A, ""));
  BOOST_TEST(refused(RrType::A, "192.0.2.1 192.0.2.2"));
  BOOST_TEST(refused(RrType::A, "192.0.2.256"));
  BOOST_TEST(refused(RrType::A, "192.0.2.1\nx. 1 IN A 192.0.2.2"));
  BOOST_TEST(refused(RrType::Srv, "10 20 99999 a."));
  BOOST_TEST(refused(RrType::Srv, "-1 20 5060 a."));
  BOOST_TEST(refused(RrType::Srv, "10 20 5060"));
  BOOST_TEST(refused(RrType::Srv, "10 20 sip a."));
  BOOST_TEST(refused(RrType::Txt, "\"a"));
  BOOST_TEST(refused(RrType::Txt, ""));
  BOOST_TEST(refused(RrType::Txt, "a ; b"));
  BOOST_TEST(refused(RrType::Txt, '"' + std::string(256, 'a') + '"'));
  BOOST_TEST(refused(RrType::Txt, std::string(kRdataTextBytesMax + 1, 'a')));
  BOOST_TEST(refused(RrType::Cname, "@"));
  BOOST_TEST(refused(RrType::Cname, "a..b"));
  BOOST_TEST(refused(static_cast<RrType>(65280), "abc"));
  BOOST_TEST(refused(RrType::Any, "abc"));
  BOOST_TEST(refused(static_cast<RrType>(45), "10 1 2 192.0.2.38 AQNR"));  // IPSECKEY
  BOOST_TEST(refused(RrType::A, R"(\# 3 616263)"));
  BOOST_TEST(refused(RrType::A, R"(\# 4 616263)"));
}

BOOST_AUTO_TEST_CASE(what_was_made_here_and_what_ldns_makes_is_the_same) {
  for (const Rdata& rdata : {srv_rdata(1, 2, 3, name("a.b")), srv_rdata(0, 65535, 5060, Name())}) {
    const Rdata again = must(rdata_from_wire(RrType::Srv, rdata.wire));
    BOOST_TEST((again == rdata));
    BOOST_TEST(again.text == rdata.text);
  }
  const Rdata record = must(record_rdata(held_record()));
  BOOST_TEST(must(rdata_from_wire(RrType::Txt, record.wire)).text == record.text);
  const Rdata six = a_rdata("2001:db8:0:0:1::1");
  BOOST_TEST(must(rdata_from_wire(RrType::Aaaa, six.wire)).text == six.text);
  BOOST_TEST((code_of(rdata_from_wire(RrType::A, "abc")) == Code::Corrupt));
  BOOST_TEST((code_of(rdata_from_wire(RrType::A, Bytes(70'000, 'a'))) == Code::Corrupt));
}

BOOST_AUTO_TEST_SUITE_END()
