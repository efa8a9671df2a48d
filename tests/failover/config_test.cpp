// The examples of conf/ are right for failover, as `failover config check` reads them.
#include "failover/config.h"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <sstream>

namespace ha::failover {
namespace {

std::string example(const std::string& name) {
  std::ifstream file(std::string(HA_SOURCE_DIR) + "/conf/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Read {
  std::optional<FailoverConfig> config;
  std::string problems;
};

Read read(const std::string& text, const std::string& site) {
  ConfigProblems problems;
  auto config = FailoverConfig::parse(
      {"/c/cluster.toml", text, "/c/node.toml", "site = \"" + site + "\"\n", "host"}, problems);
  Read out;
  out.problems = problems.text();
  if (config.ok()) {
    out.config = std::move(config).value();
  }
  return out;
}

// "# key = …" and "# [table]", which prose never looks like.
bool is_commented(const std::string& line) {
  const std::size_t end = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", 2);
  return line.starts_with("# ") && end != line.npos &&
         (line.starts_with("# [") || (end > 2 && line.find_first_not_of(' ', end) == line.find("= ", end)));
}

// cluster.toml with all that is commented in force: of the two arbiters the first, and no key that is
// changing.
std::string uncommented() {
  std::istringstream lines(example("cluster.toml"));
  std::string out;
  bool other = false;
  for (std::string line; std::getline(lines, line);) {
    other = (other || line.starts_with("# Or one etcd")) && line != "#";
    const bool wanted = !other && line.find("next_key") == line.npos && is_commented(line);
    out += (wanted ? line.substr(2) : line) + "\n";
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(failover_config)

BOOST_AUTO_TEST_CASE(three_sites_are_right_at_every_site) {
  for (const std::string site : {"fra1", "nyc1", "sin1"}) {
    const Read found = read(example("three-sites.toml"), site);
    BOOST_TEST_REQUIRE(found.config.has_value(), found.problems);
    BOOST_TEST(found.problems == "");
    BOOST_TEST(found.config->services().size() == 2U);
    BOOST_TEST(found.config->sites().size() == 3U);
    BOOST_TEST(found.config->watch().handlers.size() == 2U);
    BOOST_TEST(found.config->watch().sensors.size() == 10U);
  }
}

BOOST_AUTO_TEST_CASE(the_commented_example_is_right_when_all_of_it_is_in_force) {
  for (const std::string site : {"fra1", "nyc1"}) {
    const Read found = read(uncommented(), site);
    BOOST_TEST_REQUIRE(found.config.has_value(), found.problems);
    BOOST_TEST(found.problems == "");
    const ServiceSettings* service = found.config->service("pbx");
    BOOST_TEST_REQUIRE(service != nullptr);
    BOOST_TEST(service->zone == "Europe/Berlin");
    BOOST_TEST((service->rules.fallback.when == Fallback::When::Never));
    BOOST_TEST(!found.config->fence().empty());
    BOOST_TEST(found.config->pbx().address == "127.0.0.1:5038");
  }
}

BOOST_AUTO_TEST_CASE(the_commented_example_as_it_is_says_that_there_is_no_failover) {
  const Read found = read(example("cluster.toml"), "fra1");
  BOOST_TEST(!found.config.has_value());
  BOOST_TEST((found.problems.find("there is no [failover]") != std::string::npos), found.problems);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::failover
