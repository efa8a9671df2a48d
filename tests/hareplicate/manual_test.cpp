// The man pages know every verb, flag and key that the programs know.
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "replicator/config.h"
#include "schemas/cluster_schema.h"
#include "tests/support/man_page.h"
#include "tools/hareplicate/context.h"

namespace {

using namespace ha;

using man::entries_of;
using man::Entry;
using man::page;
using man::says;
using man::section_of;

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

void check_no_old_keys(const ConfigSchema& schema, const std::string& text, const std::string& file) {
  for (const ConfigTable& table : schema.tables) {
    if (table.open) {
      continue;
    }
    const std::string name(table.name);
    const std::string heading = table.name.empty() ? "\"" + file + ", TOP OF THE FILE\""
                                : table.repeats    ? "\"" + file + ": [[" + name + "]]\""
                                                   : "\"" + file + ": [" + name + "]\"";
    for (const Entry& entry : entries_of(section_of(text, heading))) {
      const bool known = std::any_of(schema.keys.begin(), schema.keys.end(), [&](const ConfigKey& key) {
        return key.table == table.name && key.name == entry.head;
      });
      BOOST_TEST(known, heading << " has the key " << entry.head << ", which is no more");
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hareplicate_manual)

BOOST_AUTO_TEST_CASE(the_page_has_the_verbs_and_flags_that_there_are) {
  man::check_verbs(tool::program(), page("hareplicate.8"));
  man::check_globals(tool::program(), page("hareplicate.8"));
}

BOOST_AUTO_TEST_CASE(the_page_has_no_key_that_is_no_more) {
  const std::string text = page("cluster.toml.5");
  check_no_old_keys(cluster_schema(), text, "CLUSTER.TOML");
  check_no_old_keys(node_schema(), text, "NODE.TOML");
}

BOOST_AUTO_TEST_CASE(every_key_of_the_configuration_is_in_its_page) {
  const std::string text = page("cluster.toml.5");
  check_keys(cluster_schema(), text);
  check_keys(node_schema(), text);
}

BOOST_AUTO_TEST_SUITE_END()
