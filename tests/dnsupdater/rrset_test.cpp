#include "dnsupdater/rrset.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Bytes;
using ha::Code;

BOOST_AUTO_TEST_SUITE(dnsupdater_rrset)

BOOST_AUTO_TEST_CASE(a_name_is_in_lower_case_and_without_its_last_dot) {
  BOOST_TEST(name("SIP.Example.NET.").text() == "sip.example.net");
  BOOST_TEST(name("sip.example.net").absolute() == "sip.example.net.");
  BOOST_TEST((name("_ha.pbx") == name("_HA.pbx.")));
  BOOST_TEST(name(".").text() == ".");
  BOOST_TEST(name(".").absolute() == ".");
  BOOST_TEST(name("*.example.net").text() == "*.example.net");
}

BOOST_AUTO_TEST_CASE(a_name_goes_to_wire_form_and_back) {
  BOOST_TEST((name("_ha.pbx").wire() == Bytes("\3_ha\3pbx\0", 9)));
  BOOST_TEST((name(".").wire() == Bytes(1, '\0')));
  for (const char* const text : {".", "a", "sip.voice.example.net", "*.example.net"}) {
    BOOST_TEST(must(Name::from_wire(name(text).wire())).text() == text);
  }
  BOOST_TEST(must(Name::from_wire(Bytes("\3SIP\0", 5))).text() == "sip");
}

BOOST_AUTO_TEST_CASE(lengths_are_those_of_rfc_1035) {
  const std::string label(63, 'a');
  const std::string longest = label + '.' + label + '.' + label + '.' + std::string(61, 'b');
  BOOST_TEST(name(longest).wire().size() == 255U);
  BOOST_TEST((code_of(Name::parse(longest + 'b')) == Code::Invalid));
  BOOST_TEST((code_of(Name::parse(label + 'a')) == Code::Invalid));
  BOOST_TEST((code_of(Name::parse(std::string(1'000'000, '.'))) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(a_name_that_is_refused_says_which_rule_it_breaks) {
  const auto why = [](std::string_view text) {
    const auto parsed = Name::parse(text);
    BOOST_TEST((code_of(parsed) == Code::Invalid));
    BOOST_TEST(!parsed.error().hint().empty());
    return parsed.error().what();
  };
  BOOST_TEST(why("") == R"("" is not a domain name: a part is empty)");
  BOOST_TEST(why("a..b").find("a part is empty") != std::string::npos);
  BOOST_TEST(why(".a").find("a part is empty") != std::string::npos);
  BOOST_TEST(why("a\\.b").find("escapes are not supported") != std::string::npos);
  BOOST_TEST(why("büro.example").find("not ASCII") != std::string::npos);
  BOOST_TEST(why("a b").find("a character is not allowed") != std::string::npos);
  BOOST_TEST(why("a*.b").find("a character is not allowed") != std::string::npos);
  BOOST_TEST(why(std::string_view("a\0b", 3)).find("not a domain name") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(wire_that_is_no_name_is_corrupt_and_odd_names_are_invalid) {
  for (const Bytes& wire :
       {Bytes(), Bytes("\3ab", 3), Bytes("\1a", 2), Bytes("\1a\0\0", 4), Bytes("\xc0\x0c", 2),
        Bytes("\xc0\x00", 2), Bytes("\100aaaa\0", 6), Bytes(300, '\0')}) {
    BOOST_TEST((code_of(Name::from_wire(wire)) == Code::Corrupt), ha::hex(wire));
  }
  BOOST_TEST((code_of(Name::from_wire(Bytes("\3a.b\0", 5))) == Code::Invalid));
  BOOST_TEST((code_of(Name::from_wire(Bytes("\3a b\0", 5))) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(a_name_is_in_its_zone_at_whole_labels_only) {
  BOOST_TEST(name("sip.example.net").is_in(name("example.net")));
  BOOST_TEST(name("example.net").is_in(name("example.net")));
  BOOST_TEST(name("example.net").is_in(name(".")));
  BOOST_TEST(!name("badexample.net").is_in(name("example.net")));
  BOOST_TEST(!name("net").is_in(name("example.net")));
  BOOST_TEST(must(name("example.net").below("_ha.pbx")).text() == "_ha.pbx.example.net");
  BOOST_TEST(must(name(".").below("net")).text() == "net");
}

BOOST_AUTO_TEST_CASE(types_have_names_or_numbers) {
  BOOST_TEST(type_text(RrType::Aaaa) == "AAAA");
  BOOST_TEST(type_text(static_cast<RrType>(65280)) == "TYPE65280");
  BOOST_TEST((must(parse_type("srv")) == RrType::Srv));
  BOOST_TEST((must(parse_type("type33")) == RrType::Srv));
  BOOST_TEST((static_cast<unsigned>(must(parse_type("TYPE65280"))) == 65280U));
  for (const char* const text : {"", "B", "TYPE", "TYPE01", "TYPE65536", "TYPE-1", "A ", "TYPE1x"}) {
    BOOST_TEST((code_of(parse_type(text)) == Code::Invalid), text);
  }
}

BOOST_AUTO_TEST_CASE(rdata_that_we_make_has_bytes_and_the_text_of_a_zone_file) {
  BOOST_TEST(address_rdata(address("192.0.2.10")).text == "192.0.2.10");
  const Rdata srv = srv_rdata(10, 20, 5060, name("a.example"));
  BOOST_TEST(srv.text == "10 20 5060 a.example.");
  BOOST_TEST(ha::hex(srv.wire) == "000a001413c40161076578616d706c6500");
  const Rdata txt = must(txt_rdata({"v=1 a", Bytes("\"\\\n\xff", 4)}));
  BOOST_TEST(txt.text == R"("v=1 a" "\"\\\010\255")");
  BOOST_TEST((must(txt_strings(txt.wire)) == std::vector<Bytes>{"v=1 a", Bytes("\"\\\n\xff", 4)}));
}

BOOST_AUTO_TEST_CASE(txt_is_bounded_and_garbage_is_corrupt) {
  BOOST_TEST((code_of(txt_rdata({})) == Code::Invalid));
  BOOST_TEST((code_of(txt_rdata({Bytes(256, 'x')})) == Code::Invalid));
  BOOST_TEST((code_of(txt_rdata(std::vector<Bytes>(256, Bytes(255, 'x')))) == Code::Exhausted));
  BOOST_TEST((code_of(txt_strings("")) == Code::Corrupt));
  BOOST_TEST((code_of(txt_strings("\2a")) == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(an_rrset_is_sorted_and_has_everything_once) {
  const RrSet set = a_set("sip.example.net", 30, {"192.0.2.200", "192.0.2.10", "192.0.2.200"});
  BOOST_TEST((set == a_set("sip.example.net", 30, {"192.0.2.10", "192.0.2.200"})));
  BOOST_TEST(zone_lines(set).front() == "sip.example.net. 30 IN A 192.0.2.10");
  BOOST_TEST(zone_lines(set).size() == 2U);
  BOOST_TEST((set != a_set("sip.example.net", 31, {"192.0.2.10", "192.0.2.200"})));
}

BOOST_AUTO_TEST_CASE(an_rrset_is_never_empty_nor_out_of_bounds) {
  BOOST_TEST((code_of(RrSet::make(name("a"), RrType::A, 30, {})) == Code::Invalid));
  BOOST_TEST((code_of(RrSet::make(name("a"), RrType::A, kTtlMaxS + 1, {{"abcd", ""}})) == Code::Invalid));
  BOOST_TEST((code_of(RrSet::make(name("a"), RrType::A, 30, {{Bytes(65'536, 'x'), ""}})) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(what_was_read_is_gathered_by_name_and_type) {
  const Rdata one = address_rdata(address("192.0.2.1"));
  const Rdata two = address_rdata(address("192.0.2.2"));
  const std::vector<Rr> rrs = {{name("a"), RrType::A, 30, two},
                               {name("b"), RrType::A, 30, one},
                               {name("a"), RrType::Txt, 30, one},
                               {name("a"), RrType::A, 30, one}};
  BOOST_TEST((gather(rrs, name("a"), RrType::A) == a_set("a", 30, {"192.0.2.1", "192.0.2.2"})));
  BOOST_TEST(!gather(rrs, name("c"), RrType::A).has_value());
}

BOOST_AUTO_TEST_CASE(two_ttls_in_what_was_read_are_seen) {
  const Rdata one = address_rdata(address("192.0.2.1"));
  const Rdata two = address_rdata(address("192.0.2.2"));
  const auto set =
      gather({{name("a"), RrType::A, 60, one}, {name("a"), RrType::A, 30, two}}, name("a"), RrType::A);
  BOOST_TEST(set->ttls_differ);
  BOOST_TEST(set->ttl_s == 30U);
  BOOST_TEST((*set != a_set("a", 30, {"192.0.2.1", "192.0.2.2"})));
  const auto huge = gather({{name("a"), RrType::A, 0xffff'ffff, one}}, name("a"), RrType::A);
  BOOST_TEST(huge->ttl_s == 0U);
}

BOOST_AUTO_TEST_CASE(the_serial_is_the_third_field_of_an_soa) {
  const auto soa = [](const char* text) {
    return must(RrSet::make(name("example.net"), RrType::Soa, 30, {{"x", text}}));
  };
  BOOST_TEST(soa_number(soa("ns1.example.net. h.example.net. 4294967295 1 1 1 60"), kSoaSerial).value_or(0) ==
             4294967295U);
  BOOST_TEST(soa_number(soa("ns1.example.net. h.example.net. 7 1 1 1 60"), kSoaMinimum).value_or(0) == 60U);
  BOOST_TEST(!soa_number(soa("ns1.example.net. h.example.net. x 3600"), kSoaSerial).has_value());
  BOOST_TEST(!soa_number(soa("ns1.example.net. h.example.net."), kSoaSerial).has_value());
}

BOOST_AUTO_TEST_CASE(serials_are_compared_around_their_end) {
  BOOST_TEST(serials_behind(12, 10) == 2);
  BOOST_TEST(serials_behind(10, 12) == -2);
  BOOST_TEST(serials_behind(1, 0xffff'ffff) == 2);
  BOOST_TEST(serials_behind(7, 7) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
