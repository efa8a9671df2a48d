// docs/handlers.md against the table of events: its last part is exactly what the table says. And the table
// against what the coordinator says.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "failover/action/events.h"

namespace ha::failover {
namespace {

std::string asked_text(Asked asked) {
  switch (asked) {
    case Asked::Never:
      return "";
    case Asked::IsHeard:
      return "are waited for";
    case Asked::MayRefuse:
      return "may say no";
  }
  return "?";
}

// The names between `call` and the fields, of every file of the coordinator: note(on ? "a.b" : "a.c", {…
void add_names(const std::string& text, const std::string& call, std::set<std::string>& names) {
  static const std::regex name("\"([a-z]+\\.[a-z_]+)\"");
  for (std::size_t at = text.find(call); at != text.npos; at = text.find(call, at + 1)) {
    const std::size_t begin = at + call.size();
    const std::string head = text.substr(begin, text.find_first_of("{;", begin) - begin);
    for (std::sregex_iterator each(head.begin(), head.end(), name); each != std::sregex_iterator(); ++each) {
      names.insert((*each)[1]);
    }
  }
}

BOOST_AUTO_TEST_SUITE(action_manual)

BOOST_AUTO_TEST_CASE(handlers_can_name_what_happens_and_nothing_else) {
  std::set<std::string> names;
  for (const char* const level : {"warning", "critical", "failed"}) {
    names.insert("node." + std::string(level));
  }
  for (const char* const folder : {"/failover", "/failover/model"}) {
    for (const auto& each : std::filesystem::directory_iterator(HA_SOURCE_DIR + std::string(folder))) {
      if (each.path().extension() == ".cpp") {
        std::ifstream file(each.path());
        std::stringstream text;
        text << file.rdbuf();
        for (const char* const call : {"note(", "Note{", "ask("}) {
          add_names(text.str(), call, names);
        }
      }
    }
  }
  std::set<std::string> known;
  for (const EventName& each : event_names()) {
    known.emplace(each.name);
  }
  BOOST_TEST(names == known, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_event_is_in_the_page_as_it_is) {
  std::ifstream file(std::string(HA_SOURCE_DIR) + "/docs/handlers.md");
  std::stringstream text;
  text << file.rdbuf();
  std::string wanted = "| event | blocking handlers | means |\n|---|---|---|\n";
  for (const EventName& each : event_names()) {
    BOOST_TEST((each.doc.ends_with('.') && each.name.find('.') != each.name.npos));
    wanted += "| `" + std::string(each.name) + "` | " + asked_text(each.asked) + " | " +
              std::string(each.doc) + " |\n";
  }
  const std::size_t at = text.str().find("| event |");
  BOOST_REQUIRE(at != std::string::npos);
  BOOST_CHECK_MESSAGE(text.str().substr(at) == wanted, "docs/handlers.md should end with:\n" << wanted);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
