// The man pages know every verb, flag and key that the programs know.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "replicator/config.h"
#include "schemas/cluster_schema.h"
#include "tools/hareplicate/context.h"

namespace {

using namespace ha;

// The page with what roff writes in another way taken back.
std::string page(const std::string& name) {
  std::ifstream file(std::string(HA_DOCS_DIR) + "/man/" + name);
  std::stringstream text;
  text << file.rdbuf();
  std::string out = text.str();
  for (std::size_t at = out.find("\\f"); at != std::string::npos; at = out.find("\\f", at)) {
    out.erase(at, 3);  // a change of font
  }
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

// The part of the page from one heading to the next.
std::string section_of(const std::string& text, const std::string& heading) {
  const std::size_t begin = text.find("\n.SH " + heading + "\n");
  BOOST_TEST_REQUIRE(begin != std::string::npos, heading);
  const std::size_t end = text.find("\n.SH ", begin + 1);
  return text.substr(begin, end - begin);
}

// Every "--name" in the text.
std::set<std::string> flags_in(const std::string& text) {
  std::set<std::string> out;
  for (std::size_t at = text.find("--"); at != std::string::npos; at = text.find("--", at + 2)) {
    const std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at + 2);
    const std::string name = text.substr(at + 2, end - at - 2);
    if (!name.empty()) {
      out.insert(name);
    }
  }
  return out;
}

struct Entry {
  std::string head;  // the line below .TP, without its macro
  std::string body;  // up to the next entry, indented ones included
};

// The entries of the outer level.
std::vector<Entry> entries_of(const std::string& section) {
  std::vector<Entry> out;
  std::istringstream lines(section);
  int depth = 0;
  bool head = false;
  for (std::string line; std::getline(lines, line);) {
    depth += line == ".RS" ? 1 : line == ".RE" ? -1 : 0;
    if (head) {
      out.push_back({line.substr(std::min(line.find(' ') + 1, line.size())), ""});
    } else if (!out.empty()) {
      out.back().body += line + "\n";
    }
    head = line == ".TP" && depth == 0;
  }
  return out;
}

// The verb that an entry is about: the longest whose words it begins with.
const CliVerb* verb_of(const std::string& head) {
  const CliVerb* best = nullptr;
  for (const CliVerb& verb : tool::program().verbs) {
    const std::string name(verb.name);
    const bool begins = head == name || head.starts_with(name + " ");
    if (!verb.hidden && begins && (best == nullptr || name.size() > best->name.size())) {
      best = &verb;
    }
  }
  return best;
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

BOOST_AUTO_TEST_CASE(every_verb_is_in_the_page_with_its_flags) {
  const std::string text = page("hareplicate.8");
  for (const CliVerb& verb : tool::program().verbs) {
    if (verb.hidden) {
      continue;
    }
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

BOOST_AUTO_TEST_CASE(the_page_has_no_verb_and_no_flag_that_is_no_more) {
  const std::string text = page("hareplicate.8");
  const std::vector<Entry> entries = entries_of(section_of(text, "VERBS"));
  BOOST_TEST(entries.size() > 10U);
  for (const Entry& entry : entries) {
    const CliVerb* verb = verb_of(entry.head);
    BOOST_TEST_REQUIRE(verb != nullptr, "there is no verb for: " << entry.head);
    for (const std::string& name : flags_in(entry.head + "\n" + entry.body)) {
      const auto& globals = tool::program().globals;
      const bool global =
          std::any_of(globals.begin(), globals.end(), [&](const CliFlag& flag) { return flag.name == name; });
      BOOST_TEST((has_flag(*verb, name) || global), verb->name << " has no flag --" << name);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_page_has_no_global_flag_that_is_no_more) {
  for (const std::string& name : flags_in(section_of(page("hareplicate.8"), "GLOBAL FLAGS"))) {
    const auto& globals = tool::program().globals;
    BOOST_TEST(
        std::any_of(globals.begin(), globals.end(), [&](const CliFlag& flag) { return flag.name == name; }),
        "--" << name);
  }
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
