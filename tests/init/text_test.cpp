#include "tools/init/text.h"

#include <boost/test/unit_test.hpp>

#include <sstream>

#include "common/base/bytes.h"
#include "replicator/config.h"

namespace {

using namespace ha;
using namespace ha::init;

Identity identity() {
  Identity out;
  out.cluster_name = "voice";
  out.cluster_id = "5b1f-09ac";
  out.site = "fra1";
  out.address = "tcp://[2001:db8::1]:7400";
  out.address_from = "From a test.";
  out.key = "FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR";
  out.key_from = "A key.";
  out.when = "2026-11-20 04:04:11 +01:00";
  return out;
}

// Everything that can be in a plan, with what would break out of comments and strings.
Plan nasty() {
  Plan plan;
  PlannedSet set;
  set.name = "etc";
  set.path = "/srv/My \"PBX\" \\ etc";
  set.comments = {"One\n[[set]]\nname = \"evil\"", std::string(300, 'x')};
  set.exclude = {"*.swp", "/a\\*b", "/" + std::string(90, 'l'), "/last"};
  set.options = {{"publish", "\"set\"", "all at once", false},
                 {"min_items", "40", "fewer looks like an accident", true},
                 {"unit", "\"*/*/*\"", "whole", true},
                 {"stable", "\"20s\"", "still", true},
                 {"delete", "\"never\"", "stays", true},
                 {"after", "[\"asterisk -rx 'core reload'\"]", "a reload", true},
                 {"after_on", "\"holder\"", "there", true}};
  plan.sets.push_back(set);
  plan.left_out = {"/nowhere: faxes; does not exist here."};
  plan.remarks = {"extensions.conf:3\nversion = 2"};
  plan.site_lines = {{set.path + "/pjsip.conf", 4, "externip", "192.0.2.1"}};
  plan.later = {{"AstDB", {"[[set]]", "path = \"/a\nversion = 3\""}}};
  return plan;
}

std::string enabled(const std::string& text) {
  std::istringstream lines(text);
  std::string out;
  bool overlay = false;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t equals = line.find(" = ");
    overlay = overlay || line == "# [[overlay]]";
    const std::string word =
        line.starts_with("# ") && equals != std::string::npos ? line.substr(2, equals - 2) : "";
    const std::string key = word.substr(0, word.find(' '));
    const bool is_key = !key.empty() &&
                        key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos &&
                        word.find_first_not_of(' ', key.size()) == std::string::npos;
    out += (is_key || (overlay && line == "# [[overlay]]") ? line.substr(2) : line) + "\n";
  }
  return out;
}

replicator::ConfigTexts texts(const std::string& cluster) {
  return {"/c/cluster.toml", cluster, "/c/node.toml", node_toml(identity()), "host"};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(init_text)

BOOST_AUTO_TEST_CASE(the_text_is_a_right_configuration_whatever_names_and_sentences_hold) {
  ConfigProblems problems;
  const auto config = replicator::Config::parse(texts(cluster_toml(nasty(), identity())), problems);
  BOOST_TEST_REQUIRE(config.ok(), problems.text());
  BOOST_TEST(config->sets().size() == 1U);
  BOOST_TEST(config->sets()[0].path == "/srv/My \"PBX\" \\ etc");
  BOOST_TEST((config->sets()[0].publish == replicator::PublishMode::Set));
  BOOST_TEST(config->sets()[0].exclude.covers("a*b", false));
  BOOST_TEST(config->sets()[0].exclude.covers("last", false));
  BOOST_TEST(config->self().name == "fra1");
  BOOST_TEST(problems.warnings() == 1U);  // only one site
}

BOOST_AUTO_TEST_CASE(every_proposed_key_can_be_enabled_as_far_as_this_version_reads_it) {
  ConfigProblems problems;
  const std::string text = enabled(cluster_toml(nasty(), identity()));
  for (const char* key : {"\nmin_items", "\nunit", "\nstable", "\ndelete", "\nafter ", "\nafter_on",
                          "\nmax_delete", "\n[[overlay]]\nsite "}) {
    BOOST_TEST(text.find(key) != std::string::npos, key);
  }
  static_cast<void>(replicator::Config::parse(texts(text), problems));
  for (const ConfigProblem& problem : problems.sorted()) {
    const bool later = problem.text.find("not supported by this version") != std::string::npos;
    const bool placeholder = problem.text.find("OTHER-SITE") != std::string::npos;
    const bool together = problem.text.find("unit and publish") != std::string::npos;  // no real set has both
    BOOST_TEST((!problem.is_error || later || placeholder || together), problem.line());
  }
}

BOOST_AUTO_TEST_CASE(places_that_differ_by_site_are_named_with_file_and_line) {
  const std::string text = cluster_toml(nasty(), identity());
  BOOST_TEST(text.find("pjsip.conf:4: externip = 192.0.2.1 — this differs by site: needs an [[overlay]]\n") !=
             std::string::npos);
  BOOST_TEST(text.find("# file    = \"pjsip.conf\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(names_of_hosts_become_names_of_sites) {
  BOOST_TEST(site_name_of("FRA1.voice.example.net") == "fra1");
  BOOST_TEST(site_name_of("-pbx 01_a") == "pbx01_a");
  BOOST_TEST(site_name_of("localhost") == "site1");
  BOOST_TEST(site_name_of("\xc3\xa9") == "site1");
  BOOST_TEST(site_name_of(std::string(80, 'a')).size() == 32U);
}

BOOST_AUTO_TEST_SUITE_END()
