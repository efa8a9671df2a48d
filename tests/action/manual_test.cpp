// docs/handlers.md against the table of events: its last part is exactly what the table says.
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <sstream>

#include "failover/action/events.h"

namespace ha::failover {
namespace {

BOOST_AUTO_TEST_SUITE(action_manual)

BOOST_AUTO_TEST_CASE(every_event_is_in_the_page_as_it_is) {
  std::ifstream file(std::string(HA_DOCS_DIR) + "/handlers.md");
  std::stringstream text;
  text << file.rdbuf();
  std::string wanted = "| event | may be refused | means |\n|---|---|---|\n";
  for (const EventName& each : event_names()) {
    BOOST_TEST((each.doc.ends_with('.') && each.name.find('.') != each.name.npos));
    wanted += "| `" + std::string(each.name) + "` | " + (each.blocking ? "yes" : "") + " | " +
              std::string(each.doc) + " |\n";
  }
  const std::size_t at = text.str().find("| event |");
  BOOST_REQUIRE(at != std::string::npos);
  BOOST_CHECK_MESSAGE(text.str().substr(at) == wanted, "docs/handlers.md should end with:\n" << wanted);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
