#include "common/base/config.h"

#include <array>

#include <boost/test/unit_test.hpp>

namespace {

using namespace std::chrono_literals;
using ha::ConfigKey;
using ha::ConfigTable;
using enum ha::ConfigType;

constexpr std::array kTables = {
    ConfigTable{"", false, false, "Top."},
    ConfigTable{"link", false, false, "The link."},
    ConfigTable{"link.peer", true, false, "One pair."},
    ConfigTable{"set", true, false, "A set."},
    ConfigTable{"override", false, true, "Anything."},
};
constexpr std::array kKeys = {
    ConfigKey{"", "version", Integer, "1..3", "1", "The version."},
    ConfigKey{"", "verbose", Boolean, "", "false", "More talk."},
    ConfigKey{"link", "bwlimit", Rate, "1kB/s..1GB/s", "", "Bytes per second."},
    ConfigKey{"link", "window", Size, "64kB..1GB", "16MB", "Bytes on the way."},
    ConfigKey{"link", "share", Percent, "0%..50%", "10%", "A share."},
    ConfigKey{"link.peer", "between", TextList, "", ha::kRequired, "Two sites."},
    ConfigKey{"set", "name", Text, "", ha::kRequired, "The name."},
    ConfigKey{"set", "check", Span, "1s..1d", "30s", "How often."},
    ConfigKey{"set", "publish", Choice, "file|set", "file", "When."},
    ConfigKey{"set", "exclude", TextList, "", "", "Patterns."},
};
constexpr std::array kLater = {ha::ConfigLater{"set", "unit"}, ha::ConfigLater{"sensor", ""}};
constexpr ha::ConfigSchema kSchema{kTables, kKeys, kLater};

struct Loaded {
  explicit Loaded(std::string_view text)
      : document(ha::ConfigDocument::load("f.toml", text, kSchema, problems)) {}

  ha::ConfigProblems problems;
  ha::ConfigDocument document;
};

// The one problem of a text, as its line; several come out with a newline each.
std::string problem(std::string_view text) {
  const Loaded loaded(text);
  std::string out;
  for (const ha::ConfigProblem& one : loaded.problems.sorted()) {
    out += (out.empty() ? "" : "\n") + one.line();
  }
  return out;
}

BOOST_AUTO_TEST_SUITE(base_config)

BOOST_AUTO_TEST_CASE(values_come_with_their_types_and_places) {
  const Loaded loaded(
      "version = 2\nverbose = true\n[link]\nbwlimit = \"20MB/s\"\nshare = \"12.5%\"\n"
      "[[set]]\nname = \"etc\"\n  check = \"5m\"\npublish = \"set\"\nexclude = [\"*.swp\", \"keys/\"]\n");
  BOOST_TEST(loaded.problems.text().empty());
  BOOST_TEST(loaded.document.section("").integer("version") == 2);
  BOOST_TEST(loaded.document.section("").flag("verbose"));
  const ha::ConfigSection& link = loaded.document.section("link");
  BOOST_TEST(link.bytes("bwlimit") == 20'000'000U);
  BOOST_TEST(link.percent("share") == 12.5);
  const ha::ConfigSection& set = loaded.document.sections("set").at(0);
  BOOST_TEST(set.text("name") == "etc");
  BOOST_TEST(set.duration("check").count() == ha::Duration(5min).count());
  BOOST_TEST(set.text("publish") == "set");
  BOOST_TEST(set.list("exclude").size() == 2U);
  BOOST_TEST(set.place("check").text() == "f.toml:8:11");
  BOOST_TEST(set.place().text() == "f.toml:6:1");
}

BOOST_AUTO_TEST_CASE(what_is_not_given_has_its_default) {
  const Loaded loaded("");
  BOOST_TEST(loaded.problems.text().empty());
  const ha::ConfigSection& link = loaded.document.section("link");
  BOOST_TEST(link.bytes("window") == 16'000'000U);
  BOOST_TEST(!link.has("bwlimit"));
  BOOST_TEST(link.bytes("bwlimit") == 0U);
  BOOST_TEST(link.place("window").text() == "f.toml");
  BOOST_TEST(loaded.document.sections("set").empty());
}

BOOST_AUTO_TEST_CASE(an_unknown_key_names_the_nearest) {
  BOOST_TEST(problem("[[set]]\nname = \"etc\"\nexlude = []\n") ==
             "f.toml:3:1: error: set \"etc\": unknown key \"exlude\"; did you mean \"exclude\"?");
  BOOST_TEST(problem("[link]\nzzz = 1\n") ==
             "f.toml:2:1: error: link: unknown key \"zzz\" — known: bwlimit, window, share, peer");
  BOOST_TEST(problem("[sets]\n") == "f.toml:1:2: error: unknown table \"sets\"; did you mean \"set\"?");
}

BOOST_AUTO_TEST_CASE(a_missing_key_says_what_it_is_for) {
  BOOST_TEST(problem("[[set]]\n") == "f.toml:1:1: error: set: \"name\" is missing — The name.");
  BOOST_TEST(problem("[[link.peer]]\n") ==
             "f.toml:1:1: error: link.peer: \"between\" is missing — Two sites.");
}

BOOST_AUTO_TEST_CASE(units_types_and_ranges_are_checked) {
  BOOST_TEST(problem("[[set]]\nname = \"r\"\ncheck = \"5 minutes\"\n") ==
             "f.toml:3:9: error: set \"r\": check = \"5 minutes\" — use \"5m\" (units: ms s m h d)");
  BOOST_TEST(problem("[[set]]\nname = \"r\"\ncheck = 30\n") ==
             "f.toml:3:9: error: set \"r\": check = 30 — use \"30s\" (units: ms s m h d)");
  BOOST_TEST(problem("[[set]]\nname = \"r\"\ncheck = \"2d\"\n") ==
             "f.toml:3:9: error: set \"r\": check = \"2d\" — must be from 1s to 1d");
  BOOST_TEST(problem("[[set]]\nname = 7\n") == "f.toml:2:8: error: set: name = 7 — must be a text in quotes");
  BOOST_TEST(problem("[[set]]\nname = \"\"\n") ==
             "f.toml:2:8: error: set \"\": name = \"\" — must not be empty");
  BOOST_TEST(problem("[[set]]\nname = \"r\"\npublish = \"sets\"\n") ==
             "f.toml:3:11: error: set \"r\": publish = \"sets\" — must be one of \"file\", \"set\"; did you "
             "mean \"set\"?");
  BOOST_TEST(problem("[link]\nwindow = 16\n").find("window = 16 — use \"16MB\"") != std::string::npos);
  BOOST_TEST(problem("[link]\nwindow = \"1B\"\n") ==
             "f.toml:2:10: error: link: window = \"1B\" — must be from 64kB to 1GB");
  BOOST_TEST(problem("[link]\nbwlimit = \"20\"\n").find("use \"20MB/s\"") != std::string::npos);
  BOOST_TEST(problem("[link]\nwindow = true\n") ==
             "f.toml:2:10: error: link: window = true — must be a size");
  BOOST_TEST(problem("version = 4\n") == "f.toml:1:11: error: version = 4 — must be from 1 to 3");
  BOOST_TEST(problem("version = 1.5\n") ==
             "f.toml:1:11: error: version = 1.5 — must be a whole number, without quotes");
  BOOST_TEST(problem("verbose = \"yes\"\n") ==
             "f.toml:1:11: error: verbose = \"yes\" — must be true or false, without quotes");
  BOOST_TEST(problem("version = 1979-05-27\n") ==
             "f.toml:1:11: error: version must be an integer, not a date");
  BOOST_TEST(
      problem("[[set]]\nname = \"r\"\nexclude = [\"a\", 1]\n") ==
      "f.toml:3:11: error: set \"r\": exclude must be a list of texts, not a list that is not of strings");
  BOOST_TEST(problem("[[set]]\nname = \"r\"\nexclude = \"a\"\n") ==
             "f.toml:3:11: error: set \"r\": exclude = \"a\" — must be a list of texts: [\"…\", \"…\"]");
}

BOOST_AUTO_TEST_CASE(all_problems_are_reported_at_once_in_order) {
  BOOST_TEST(problem("versoin = 1\n[link]\nwindow = 1\nshare = \"99%\"\n[[set]]\nnam = \"x\"\n") ==
             "f.toml:1:1: error: unknown key \"versoin\"; did you mean \"version\"?\n"
             "f.toml:3:10: error: link: window = 1 — use \"1MB\" (units: B kB MB GB TB, KiB MiB GiB TiB)\n"
             "f.toml:4:9: error: link: share = \"99%\" — must be from 0% to 50%\n"
             "f.toml:5:1: error: set: \"name\" is missing — The name.\n"
             "f.toml:6:1: error: set: unknown key \"nam\"; did you mean \"name\"?");
}

BOOST_AUTO_TEST_CASE(keys_of_later_versions_are_refused_by_name) {
  BOOST_TEST(problem("[[set]]\nname = \"vm\"\nunit = \"*/*\"\n") ==
             "f.toml:3:1: error: set \"vm\": \"unit\" is not supported by this version — remove it");
  BOOST_TEST(problem("[[sensor]]\nname = \"x\"\n") ==
             "f.toml:1:3: error: \"sensor\" is not supported by this version — remove it");
}

BOOST_AUTO_TEST_CASE(tables_must_be_written_as_what_they_are) {
  BOOST_TEST(problem("[set]\nname = \"x\"\n") ==
             "f.toml:1:2: error: [set] may be there more than once — write [[set]]");
  BOOST_TEST(problem("[[link]]\nwindow = \"1MB\"\n") ==
             "f.toml:1:3: error: [[link]] is there only once — write [link]");
  BOOST_TEST(problem("set = 3\n") ==
             "f.toml:1:1: error: set is a table — write [[set]] on a line of its own");
  BOOST_TEST(problem("[version]\n") == "f.toml:1:1: error: version must be an integer, not a table");
}

BOOST_AUTO_TEST_CASE(what_is_not_toml_is_one_problem_with_its_place) {
  const Loaded loaded("version = 1\nname = \n");
  BOOST_TEST(loaded.problems.errors() == 1U);
  BOOST_TEST(loaded.problems.sorted()[0].line().find("f.toml:2:") == 0U);
  BOOST_TEST(loaded.document.section("link").bytes("window") == 16'000'000U);
  BOOST_TEST(problem("a = 1\na = 2\n").find("f.toml:2:") == 0U);
  BOOST_TEST(problem("a = \"\xff\"\n").find("f.toml:1:") == 0U);
}

BOOST_AUTO_TEST_CASE(an_open_table_keeps_what_it_is_given) {
  const Loaded loaded("[override]\n\"set.etc.path\" = \"/srv\"\n\"link.bwlimit\" = \"1MB/s\"\n");
  BOOST_TEST(loaded.problems.text().empty());
  const auto& loose = loaded.document.section("override").loose();
  BOOST_TEST(loose.size() == 2U);
  BOOST_TEST(loose[0].name == "set.etc.path");
  BOOST_TEST(loose[0].value.place.text() == "f.toml:2:18");
  BOOST_TEST(problem("[override]\nset.etc.path = \"/srv\"\n").find("put the dotted key in quotes") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_replaced_value_is_checked_and_has_a_new_place) {
  Loaded loaded("[link]\nwindow = \"1MB\"\n");
  ha::ConfigSection& link = loaded.document.section("link");
  BOOST_TEST(!link.replace("window", std::int64_t{5}, {"n.toml", 1, 2}).ok());
  BOOST_TEST(link.bytes("window") == 1'000'000U);
  BOOST_TEST(link.replace("window", std::string("2MB"), {"n.toml", 1, 2}).ok());
  BOOST_TEST(link.bytes("window") == 2'000'000U);
  BOOST_TEST(link.place("window").text() == "n.toml:1:2");
  BOOST_TEST(link.replace("bwlimit", std::string("3MB/s"), {"n.toml", 2, 2}).ok());
  BOOST_TEST(link.bytes("bwlimit") == 3'000'000U);
}

BOOST_AUTO_TEST_CASE(values_are_written_as_they_would_stand_in_the_file) {
  const auto written = [](std::size_t key, const ha::ConfigData& data) {
    return ha::write_config_value(kKeys.at(key), *ha::check_config_value(kKeys.at(key), data));
  };
  BOOST_TEST(written(0, std::int64_t{2}) == "2");
  BOOST_TEST(written(1, true) == "true");
  BOOST_TEST(written(2, std::string("20MB/s")) == "\"20MB/s\"");
  BOOST_TEST(written(3, std::string("64KiB")) == "\"64KiB\"");
  BOOST_TEST(written(4, std::string("10%")) == "\"10%\"");
  BOOST_TEST(written(7, std::string("90s")) == "\"90s\"");
  BOOST_TEST(written(9, std::vector<std::string>{"a", "b\"c"}) == "[\"a\", \"b\\\"c\"]");
}

BOOST_AUTO_TEST_CASE(problems_are_counted_and_warnings_are_not_errors) {
  ha::ConfigProblems problems;
  BOOST_TEST(problems.text().empty());
  problems.warning({"b", 1, 1}, "hm");
  problems.error({"a", 2, 1}, "no");
  problems.error({"b", 0, 0}, "all of it");
  ha::ConfigProblems more;
  more.add(problems);
  BOOST_TEST(more.errors() == 2U);
  BOOST_TEST(more.warnings() == 1U);
  BOOST_TEST(more.text() ==
             "b: error: all of it\nb:1:1: warning: hm\na:2:1: error: no\n2 errors, 1 warning.\n");
}

BOOST_AUTO_TEST_CASE(the_reference_names_every_table_and_key) {
  const std::string reference = ha::config_reference(kSchema);
  for (const ConfigKey& key : kKeys) {
    BOOST_TEST(reference.find(std::string(key.name) + "  (") != std::string::npos);
    BOOST_TEST(reference.find(key.doc) != std::string::npos);
  }
  BOOST_TEST(reference.find("[[link.peer]]") != std::string::npos);
  BOOST_TEST(reference.find("window  (size, 64kB..1GB, default 16MB)") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
