#include "tools/init/freeswitch_xml.h"

#include <boost/test/unit_test.hpp>

namespace {
using namespace ha::init;
}  // namespace

BOOST_AUTO_TEST_SUITE(init_freeswitch_xml)

BOOST_AUTO_TEST_CASE(tags_have_attributes_and_lines) {
  const XmlTags parsed =
      parse_xml_tags("<?xml version=\"1.0\"?>\n<a>\n  <Param name='x>y' VALUE = \"1 &amp; 2\"/>\n</a>\n");
  BOOST_TEST_REQUIRE(parsed.tags.size() == 2U);
  BOOST_TEST(parsed.tags[1].name == "param");
  BOOST_TEST(parsed.tags[1].attributes.at("name") == "x>y");
  BOOST_TEST(parsed.tags[1].attributes.at("value") == "1 & 2");
  BOOST_TEST(parsed.tags[1].line == 3U);
  BOOST_TEST(!parsed.cut);
}

BOOST_AUTO_TEST_CASE(what_is_commented_out_is_marked) {
  const XmlTags parsed = parse_xml_tags("<!-- <param name=\"a\"/> \n --><param name=\"b\"/>");
  BOOST_TEST_REQUIRE(parsed.tags.size() == 2U);
  BOOST_TEST(parsed.tags[0].in_comment);
  BOOST_TEST(!parsed.tags[1].in_comment);
}

BOOST_AUTO_TEST_CASE(the_pre_processor_sets_variables) {
  const XmlTags parsed = parse_xml_tags(
      "<X-PRE-PROCESS cmd=\"set\" data=\"external_rtp_ip=192.0.2.1\"/><X-PRE-PROCESS cmd=\"include\" "
      "data=\"a=b\"/>"
      "<X-PRE-PROCESS cmd=\"set\" data=\"nothing\"/>");
  BOOST_TEST_REQUIRE(parsed.tags.size() == 3U);
  BOOST_TEST(variable_of(parsed.tags[0]).name == "external_rtp_ip");
  BOOST_TEST(variable_of(parsed.tags[0]).value == "192.0.2.1");
  BOOST_TEST(variable_of(parsed.tags[1]).name.empty());
  BOOST_TEST(variable_of(parsed.tags[2]).name.empty());
}

BOOST_AUTO_TEST_CASE(variables_are_filled_in_and_circles_end) {
  const std::map<std::string, std::string> known = {{"base_dir", "/usr/local/freeswitch"},
                                                    {"sounds_dir", "$${base_dir}/sounds"},
                                                    {"loop", "$${loop}$${loop}"}};
  BOOST_TEST(fill_in("$${sounds_dir}/music", known) == "/usr/local/freeswitch/sounds/music");
  BOOST_TEST(fill_in("a$${none}b$${", known) == "a$${none}b$${");
  BOOST_TEST(fill_in("$${loop}", known).size() <= 2 * kXmlValueBytesMax);
}

BOOST_AUTO_TEST_CASE(a_tag_that_does_not_end_is_passed_over) {
  const XmlTags parsed =
      parse_xml_tags("<param name=\"" + std::string(kXmlTagBytesMax, 'x') + "\"/><b c=\"d\"/>");
  BOOST_TEST(parsed.cut);
  BOOST_TEST_REQUIRE(!parsed.tags.empty());
  BOOST_TEST(parsed.tags.back().name == "b");
}

BOOST_AUTO_TEST_CASE(broken_text_gives_no_tags) {
  for (const char* text : {"", "<", "<<<<", "<a", "<!--", "-->", "</a>", "<a b", "< a>"}) {
    BOOST_TEST(parse_xml_tags(text).tags.empty(), text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
