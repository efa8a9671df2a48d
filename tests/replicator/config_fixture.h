// Texts of a small cluster, and what becomes of them, for the tests of the configuration.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "replicator/config.h"

namespace ha::replicator::test {

inline const std::string kHead =
    "[cluster]\nname = \"acme\"\nid = \"5b1f\"\n"
    "[[site]]\nname = \"fra1\"\naddress = [\"tcp://fra1.example:7400\", \"tcp://192.0.2.1:7401\"]\n"
    "key = \"FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR\"\n"
    "[[site]]\nname = \"nyc1\"\naddress = [\"tcp://nyc1.example:7400\"]\n"
    "key = \"i/f<D?nd><@oLc*8&7{q-!SEX>WKCvnva<C^-HVA\"\n"
    "[[service]]\nname = \"pbx\"\nsites = [\"fra1\", \"nyc1\"]\nholder = \"fra1\"\n";  // 15 lines
inline const std::string kEtc = "[[set]]\nname = \"etc\"\npath = \"/etc/asterisk\"\n";

inline ConfigTexts texts(std::string cluster, std::string node = "site = \"fra1\"\n") {
  return {"/c/cluster.toml", std::move(cluster), "/c/node.toml", std::move(node), "host"};
}

inline Config parse(const std::string& cluster, const std::string& node = "site = \"fra1\"\n") {
  ConfigProblems problems;
  auto config = Config::parse(texts(cluster, node), problems);
  BOOST_TEST_REQUIRE(config.ok(), problems.text());
  BOOST_TEST(problems.text().empty(), problems.text());
  return std::move(config).value();
}

// Every problem's line without the count.
inline std::string problems_of(const std::string& cluster, const std::string& node = "site = \"fra1\"\n") {
  ConfigProblems problems;
  const auto config = Config::parse(texts(cluster, node), problems);
  BOOST_TEST(config.ok() == (problems.errors() == 0));
  std::string out;
  for (const ha::ConfigProblem& problem : problems.sorted()) {
    out += (out.empty() ? "" : "\n") + problem.line();
  }
  return out;
}

inline bool says(const std::string& text, std::string_view part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) {
    BOOST_TEST_MESSAGE(text);
  }
  return found;
}

}  // namespace ha::replicator::test
