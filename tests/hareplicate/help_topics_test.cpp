#include "tools/hareplicate/help_topics.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "tools/hareplicate/context.h"

namespace {

using namespace ha;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hareplicate_help_topics)

BOOST_AUTO_TEST_CASE(every_topic_has_a_text_that_fits_a_terminal) {
  for (const tool::HelpTopic& topic : tool::help_topics()) {
    const auto text = tool::help_text(topic.name);
    BOOST_TEST_REQUIRE(text.has_value(), topic.name);
    BOOST_TEST(text->ends_with("\n"), topic.name);
  }
  BOOST_TEST(!tool::help_text("nonsense").has_value());
}

BOOST_AUTO_TEST_CASE(the_completion_offers_exactly_the_topics) {
  std::string topics;
  for (const tool::HelpTopic& topic : tool::help_topics()) {
    topics += (topics.empty() ? "" : "|") + std::string(topic.name);
  }
  const CliVerb* verb = find_verb(tool::program(), "help");
  BOOST_TEST_REQUIRE(verb != nullptr);
  BOOST_TEST(verb->arguments.front().choices == topics);
}

BOOST_AUTO_TEST_CASE(every_state_of_the_manual_is_explained) {
  std::ifstream file(std::string(HA_DOCS_DIR) + "/operations.md");
  std::string text = *tool::help_text("states");
  std::size_t states = 0;
  bool table = false;
  for (std::string line; std::getline(file, line);) {
    table = (table || line.starts_with("| State |")) && line.starts_with("|");
    if (!table || line.starts_with("| State") || line.starts_with("|--")) {
      continue;
    }
    std::istringstream names(line.substr(2, line.find(" |", 2) - 2));
    for (std::string name; std::getline(names, name, ',');) {
      name.erase(0, name.find_first_not_of(' '));
      BOOST_TEST((has(text, "\n" + name + " ") || text.starts_with(name + " ")), name);
      ++states;
    }
  }
  BOOST_TEST(states >= 9U);
}

BOOST_AUTO_TEST_CASE(the_commands_that_topics_name_exist) {
  for (const char* verb :
       {"init", "doctor", "status", "verify", "resync", "support-bundle", "config check"}) {
    BOOST_TEST((find_verb(tool::program(), verb) != nullptr), verb);
    const std::string all = *tool::help_text("first-hour") + *tool::help_text("problems");
    BOOST_TEST(has(all, "hareplicate " + std::string(verb)), verb);
  }
}

BOOST_AUTO_TEST_CASE(every_kind_of_problem_is_explained) {
  for (const char kind : std::string("LCPTHAF")) {
    BOOST_TEST(has(*tool::help_text("problems"), std::string("\n  ") + kind + "-...   "), kind);
  }
}

BOOST_AUTO_TEST_CASE(the_topic_config_is_made_from_the_tables) {
  const std::string text = *tool::help_text("config");
  BOOST_TEST(has(text, "[[set]]"));
  BOOST_TEST(has(text, "state_dir  (text, default /var/lib/hareplicate)"));
}

BOOST_AUTO_TEST_SUITE_END()
