#include "failover/sensors/plugin_output.h"

#include <boost/test/unit_test.hpp>

namespace ha::failover {
namespace {

BOOST_AUTO_TEST_SUITE(sensors_plugin_output)

BOOST_AUTO_TEST_CASE(exit_statuses_are_those_of_nagios) {
  BOOST_TEST((grade_of_exit(0) == Grade::Ok));
  BOOST_TEST((grade_of_exit(1) == Grade::Warn));
  BOOST_TEST((grade_of_exit(2) == Grade::Trip));
  for (const int status : {3, 4, 127, -1}) {
    BOOST_TEST((grade_of_exit(status) == Grade::Unknown));
  }
}

BOOST_AUTO_TEST_CASE(the_first_line_is_the_text_and_the_first_number_the_value) {
  const auto said = parse_plugin_output(
      "DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968 x=1\nmore | y=2\n");
  BOOST_TEST(said.text == "DISK OK - free space: / 3326 MB (56%);");
  BOOST_TEST(said.first->label == "/");
  BOOST_TEST(said.first->value == 2643);
  BOOST_TEST(said.first->unit == "MB");
  BOOST_TEST(!said.score.has_value());
}

BOOST_AUTO_TEST_CASE(a_score_is_found_wherever_it_stands_and_bounded) {
  BOOST_TEST(*parse_plugin_output("x | a=1 'it''s'=2s score=35;40;70").score == 35);
  BOOST_TEST(*parse_plugin_output("x|score=1e9").score == 100);
  BOOST_TEST(*parse_plugin_output("x|score=-3").score == 0);
  BOOST_TEST(!parse_plugin_output("x|score=nan").score.has_value());
  BOOST_TEST(!parse_plugin_output("score=35").score.has_value());  // text, not a number
}

BOOST_AUTO_TEST_CASE(quoted_labels_may_have_blanks_and_quotes) {
  const auto said = parse_plugin_output("x|'free on ''C:'' ='=7%;;");
  BOOST_TEST(said.first->label == "free on 'C:' =");
  BOOST_TEST(said.first->unit == "%");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_ends_the_numbers) {
  for (const char* text :
       {"", "|", "x|", "x| =1", "x|a", "x|a=", "x|a=b", "x|'a=1", "x|'a'1", "x|''=1", "x|a=inf"}) {
    BOOST_TEST(!parse_plugin_output(text).first.has_value(), text);
  }
  BOOST_TEST(parse_plugin_output("").text.empty());
  BOOST_TEST(parse_plugin_output("a\x1b[2Jb \r\nc").text == "a\\x1b[2Jb");
  BOOST_TEST(parse_plugin_output(std::string(100'000, 'x')).text.size() == kReadingTextMax);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
