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

// cluster.toml with all that is commented in force: of the two arbiters the first, no key that is changing,
// and of the service no holder and no epoch.
std::string uncommented() {
  std::istringstream lines(example("cluster.toml"));
  std::string out;
  bool other = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("holder")) {
      std::getline(lines, line);  // its epoch
      continue;
    }
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
    BOOST_TEST(found.config->watch().sensors.size() == 19U);
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

// What is said when `wrong` stands in the place of `right`.
void check_says(const std::string& right, const std::string& wrong, const std::string& said) {
  std::string text = example("three-sites.toml");
  const std::size_t at = text.find(right);
  BOOST_TEST_REQUIRE(at != std::string::npos, right);
  text.replace(at, right.size(), wrong);
  const Read found = read(text, "fra1");
  BOOST_TEST(!found.config.has_value(), wrong);
  BOOST_TEST((found.problems.find(said) != std::string::npos), found.problems);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said_with_a_remedy) {
  check_says("[failover]\n", "[failover]\nrenew = \"9s\"\n", "more than a third of lease");
  check_says("[failover]\n", "[failover]\nstop_before = \"9s\"\n",
             "it would stop before it can renew — lease = ");
  check_says("[failover]\n", "[failover]\nmisses = 100\nheartbeat = \"1s\"\n", "a shorter heartbeat");
  check_says("guard = \"required\"", "guard = \"off\"", "the lease would run out before the PBX has stopped");
  check_says("[failover]\n", "[failover]\nfence = \"poweroff\"\n", "fence: ");
  check_says("[[service]]\n", "[[service]]\nports = [\"sctp/5060\"]\n",
             "as \"udp/5060\" or \"tcp/5060-5061\"");
  check_says("[[service]]\n", "[[service]]\nports = [\"udp/5061-5060\"]\n", "is no port");
  check_says("fallback_window = \"02:00-05:00\"", "fallback_window = \"2-5\"", "as \"02:00-05:00\"");
  check_says("fallback_window = \"02:00-05:00\"", "fallback_window = \"24:01-25:00\"", "as \"02:00-05:00\"");
  check_says("Europe/Berlin", "Atlantis", "no time zone is called");
  check_says("[[service]]\n", "[[service]]\ntakeover = \"quick\"\n", "must be one of \"lease\", \"fast\"");
}

BOOST_AUTO_TEST_CASE(with_the_guard_a_slow_pbx_needs_no_longer_lease) {
  std::string text = example("three-sites.toml");
  text.insert(text.find("[pbx]\n") + 6, "stop_within = \"60s\"\n");
  const std::size_t first = text.find("stop_within", text.find("[pbx]") + 30);
  if (first != std::string::npos) {
    text.erase(first, text.find('\n', first) - first);
  }
  BOOST_TEST(read(text, "fra1").config.has_value());
}

BOOST_AUTO_TEST_CASE(each_path_is_listened_to_by_itself) {
  const Read found = read(example("three-sites.toml"), "fra1");
  BOOST_TEST_REQUIRE(found.config.has_value());
  const auto endpoints = found.config->listen_endpoints();
  BOOST_TEST(endpoints.size() == found.config->self().heartbeat.size());
  BOOST_TEST(found.config->rules().paths.size() == 2U);
  BOOST_TEST(found.config->rules().paths.at("nyc1") == endpoints.size());
}

BOOST_AUTO_TEST_CASE(the_commented_example_as_it_is_says_that_there_is_no_failover) {
  const Read found = read(example("cluster.toml"), "fra1");
  BOOST_TEST(!found.config.has_value());
  BOOST_TEST((found.problems.find("there is no [failover]") != std::string::npos), found.problems);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::failover
