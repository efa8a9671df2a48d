#include "dnsupdater/rdata_text.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Code;

namespace {

bool same(std::string_view a, std::string_view b) {
  return same_numbers(must(zone_words(a)), must(zone_words(b)));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_rdata_text)

BOOST_AUTO_TEST_CASE(words_are_split_at_blanks_outside_of_quotes) {
  const auto words = must(zone_words(R"( 10 "a b;(c)@" x\ y "" "q\"r" )"));
  BOOST_REQUIRE(words.size() == 5U);
  BOOST_TEST(words[0].text == "10");
  BOOST_TEST(words[1].text == "a b;(c)@");
  BOOST_TEST(words[1].quoted);
  BOOST_TEST(words[2].text == R"(x\ y)");
  BOOST_TEST(words[3].text.empty());
  BOOST_TEST(words[4].text == R"(q\"r)");
  BOOST_TEST(must(zone_words("")).empty());
}

BOOST_AUTO_TEST_CASE(what_has_no_end_or_belongs_to_zone_files_is_refused) {
  for (const char* const text :
       {"\"a", "a \"b\\\"", "a\\", "\"", "a ; b", "( a b )", "@", "a\tb", "a\nb", "ä"}) {
    const auto words = zone_words(text);
    BOOST_TEST((code_of(words) == Code::Invalid), text);
    BOOST_TEST(!words.error().hint().empty());
  }
}

BOOST_AUTO_TEST_CASE(numbers_have_to_come_back_as_they_were) {
  BOOST_TEST(same("10 20 5060 sip.example.", "10 20 5060 sip.example."));
  BOOST_TEST(same("10 20 5060 SIP.example", "10 20 5060 sip.example."));
  BOOST_TEST(same("12 a", R"("12" "a")"));
  BOOST_TEST(!same("10 20 99999 a.", "10 20 34463 a."));
  BOOST_TEST(!same("-1 a.", "65535 a."));
  BOOST_TEST(!same("010 a.", "10 a."));
  BOOST_TEST(!same("10 a.", "10 a. b."));
}

BOOST_AUTO_TEST_CASE(unknown_data_is_a_length_and_bytes) {
  const auto bytes = [](std::string_view text) { return must(generic_rdata(must(zone_words(text)))); };
  BOOST_TEST((bytes(R"(\# 3 616263)") == "abc"));
  BOOST_TEST((bytes(R"(\# 3 61 6263)") == "abc"));
  BOOST_TEST((bytes(R"(\# 0)") == ""));
  BOOST_TEST(!bytes("3 616263").has_value());
  BOOST_TEST(!bytes(R"("\#" 3 616263)").has_value());
  BOOST_TEST(!bytes("").has_value());
  for (const char* const text :
       {R"(\#)", R"(\# 2 616263)", R"(\# 3 61626)", R"(\# 3 61626g)", R"(\# 03 616263)", R"(\# 1 -1)"}) {
    BOOST_TEST((code_of(generic_rdata(must(zone_words(text)))) == Code::Invalid), text);
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_printable_is_escaped_in_decimal) {
  BOOST_TEST(zone_escape("a\tb\x7f\xc3") == R"(a\009b\127\195)");
}

BOOST_AUTO_TEST_SUITE_END()
