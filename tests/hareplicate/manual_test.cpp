// The man pages know every verb, flag and key that the programs know.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "replicator/config.h"
#include "tools/hareplicate/context.h"

namespace {

using namespace ha;

// The page with what roff writes in another way taken back.
std::string page(const std::string& name) {
  std::ifstream file(std::string(HA_MAN_DIR) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  std::string out = text.str();
  out.erase(std::remove(out.begin(), out.end(), '\\'), out.end());
  return out;
}

bool says(const std::string& text, const std::string& word) {
  return text.find(word) != std::string::npos;
}

void check_keys(const ConfigSchema& schema, const std::string& text) {
  for (const ConfigTable& table : schema.tables) {
    if (!table.name.empty()) {
      BOOST_TEST(says(text, "[" + std::string(table.name) + "]"), "table " << table.name);
    }
  }
  for (const ConfigKey& key : schema.keys) {
    BOOST_TEST(says(text, ".B " + std::string(key.name) + "\n"), "key " << key.name);
    BOOST_TEST(says(text, std::string(key.doc).substr(0, 40)),
               "sentence of " << key.table << "." << key.name);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hareplicate_manual)

BOOST_AUTO_TEST_CASE(every_verb_is_in_the_page_with_its_flags) {
  const std::string text = page("hareplicate.8");
  for (const CliVerb& verb : tool::program().verbs) {
    const std::size_t at = text.find("\n.B " + std::string(verb.name));
    BOOST_TEST_REQUIRE(at != std::string::npos, "verb " << verb.name);
    // Until the next verb, which begins at the outer level.
    const std::string part = text.substr(at, text.find("\n.RE", at) - at);
    for (const CliFlag& flag : verb.flags) {
      BOOST_TEST(says(part, "--" + std::string(flag.name)), verb.name << " --" << flag.name);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_global_flag_is_in_the_page) {
  const std::string text = page("hareplicate.8");
  for (const CliFlag& flag : tool::program().globals) {
    BOOST_TEST(says(text, "--" + std::string(flag.name)), "--" << flag.name);
  }
}

BOOST_AUTO_TEST_CASE(every_key_of_the_configuration_is_in_its_page) {
  const std::string text = page("cluster.toml.5");
  check_keys(replicator::cluster_schema(), text);
  check_keys(replicator::node_schema(), text);
}

BOOST_AUTO_TEST_SUITE_END()
