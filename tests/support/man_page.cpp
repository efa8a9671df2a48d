#include "tests/support/man_page.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <set>
#include <sstream>

namespace ha::man {
namespace {

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

// The verb that an entry is about: the longest whose words it begins with.
const CliVerb* verb_of(const CliProgram& program, const std::string& head) {
  const CliVerb* best = nullptr;
  for (const CliVerb& verb : program.verbs) {
    const std::string name(verb.name);
    const bool begins = head == name || head.starts_with(name + " ");
    if (!verb.hidden && begins && (best == nullptr || name.size() > best->name.size())) {
      best = &verb;
    }
  }
  return best;
}

bool is_global(const CliProgram& program, const std::string& name) {
  return std::any_of(program.globals.begin(), program.globals.end(),
                     [&](const CliFlag& flag) { return flag.name == name; });
}

}  // namespace

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

bool says(std::string_view text, std::string_view word) {
  return text.find(word) != std::string_view::npos;
}

std::string section_of(const std::string& text, const std::string& heading) {
  const std::size_t begin = text.find("\n.SH " + heading + "\n");
  BOOST_TEST_REQUIRE(begin != std::string::npos, heading);
  const std::size_t end = text.find("\n.SH ", begin + 1);
  return text.substr(begin, end - begin);
}

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

void check_verbs(const CliProgram& program, const std::string& text) {
  for (const CliVerb& verb : program.verbs) {
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
  const std::vector<Entry> entries = entries_of(section_of(text, "VERBS"));
  BOOST_TEST(entries.size() > 5U);
  for (const Entry& entry : entries) {
    const CliVerb* verb = verb_of(program, entry.head);
    BOOST_TEST_REQUIRE(verb != nullptr, "there is no verb for: " << entry.head);
    for (const std::string& name : flags_in(entry.head + "\n" + entry.body)) {
      BOOST_TEST((has_flag(*verb, name) || is_global(program, name)),
                 verb->name << " has no flag --" << name);
    }
  }
}

void check_globals(const CliProgram& program, const std::string& text) {
  for (const CliFlag& flag : program.globals) {
    BOOST_TEST(says(text, "--" + std::string(flag.name)), "--" << flag.name);
  }
  for (const std::string& name : flags_in(section_of(text, "GLOBAL FLAGS"))) {
    BOOST_TEST(is_global(program, name), "there is no flag --" << name);
  }
}

}  // namespace ha::man
