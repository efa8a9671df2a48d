#include "tools/init/asterisk_conf.h"

#include <boost/test/unit_test.hpp>

namespace {

using namespace ha::init;

std::string directory(const std::string& text, const std::string& key) {
  const auto values = section_values(parse_asterisk_conf(text, "asterisk.conf"), "directories");
  const auto found = values.find(key);
  return found != values.end() ? found->second.value : "(none)";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(init_asterisk_conf)

BOOST_AUTO_TEST_CASE(both_kinds_of_equals_blanks_and_crlf_are_read) {
  const std::string text = "[directories]\r\nastetcdir => /etc/asterisk\r\n\tastspooldir=/srv/My Spool  \r\n";
  BOOST_TEST(directory(text, "astetcdir") == "/etc/asterisk");
  BOOST_TEST(directory(text, "astspooldir") == "/srv/My Spool");
  const auto values = section_values(parse_asterisk_conf(text, "asterisk.conf"), "Directories");
  BOOST_TEST(values.at("astspooldir").line == 3U);
  BOOST_TEST(values.at("astspooldir").file == "asterisk.conf");
}

BOOST_AUTO_TEST_CASE(comments_end_at_the_line_unless_the_semicolon_is_escaped) {
  const std::string text = "[directories] ; here\n; astetcdir = /no\nastetcdir = /a\\;b ; c\n";
  BOOST_TEST(directory(text, "astetcdir") == "/a;b");
}

BOOST_AUTO_TEST_CASE(block_comments_nest_and_go_over_lines) {
  const std::string text =
      "[directories]\n;-- astetcdir = /a\n;-- inner --;\nastetcdir = /b\n--; astetcdir = /c\n"
      ";--- only a line\nastlogdir = /d ;-- x --; \n";
  BOOST_TEST(directory(text, "astetcdir") == "/c");
  BOOST_TEST(directory(text, "astlogdir") == "/d");
}

BOOST_AUTO_TEST_CASE(a_template_counts_only_for_those_that_inherit_it) {
  BOOST_TEST(directory("[directories](!)\nastetcdir = /a\n", "astetcdir") == "(none)");
  BOOST_TEST(directory("[base](!)\nastetcdir = /a\n[directories](base)\nastlogdir = /l\n", "astetcdir") ==
             "/a");
  BOOST_TEST(directory("[base](!)\nastetcdir = /a\n[directories](base)\nastetcdir = /b\n", "astetcdir") ==
             "/b");
  BOOST_TEST(directory("[directories](!)\nastetcdir = /a\n[directories]\nastlogdir = /l\n", "astetcdir") ==
             "(none)");
}

BOOST_AUTO_TEST_CASE(the_first_section_of_a_name_counts_and_plus_adds_to_it) {
  const std::string text =
      "[directories]\nastetcdir = /a\n[x]\n[directories]\nastetcdir = /b\n"
      "[directories](+)\nastlogdir = /l\n";
  BOOST_TEST(directory(text, "astetcdir") == "/a");
  BOOST_TEST(directory(text, "astlogdir") == "/l");
}

BOOST_AUTO_TEST_CASE(a_huge_line_is_passed_over_and_said) {
  const std::string text =
      "[directories]\nastetcdir = /" + std::string(kConfLineBytesMax, 'x') + "\nastlogdir = /l\n";
  const ConfText conf = parse_asterisk_conf(text, "a");
  BOOST_TEST(conf.cut);
  BOOST_TEST(directory(text, "astetcdir") == "(none)");
  BOOST_TEST(directory(text, "astlogdir") == "/l");
}

BOOST_AUTO_TEST_CASE(items_are_bounded) {
  std::string text;
  for (std::size_t i = 0; i < kConfItemsMax + 5; ++i) {
    text += "a=b\n";
  }
  const ConfText conf = parse_asterisk_conf(text, "a");
  BOOST_TEST(conf.items.size() == kConfItemsMax);
  BOOST_TEST(conf.cut);
}

BOOST_AUTO_TEST_CASE(includes_stand_where_they_are_included) {
  const std::map<std::string, std::string> files = {
      {"/e/asterisk.conf",
       "[directories]\n#include \"more.conf\"\nastlogdir = /l\n#tryinclude <none.conf>\n"},
      {"/e/more.conf", "astetcdir = /a\nastlogdir = /early\n#include /x/abs.conf\n"},
      {"/x/abs.conf", "astdbdir = /db\n"}};
  const ConfText conf = read_with_includes("/e/asterisk.conf", "/e", [&](const std::string& file) {
    const auto found = files.find(file);
    return found != files.end() ? std::optional(found->second) : std::nullopt;
  });
  const auto values = section_values(conf, "directories");
  BOOST_TEST(values.at("astetcdir").file == "/e/more.conf");
  BOOST_TEST(values.at("astlogdir").value == "/l");
  BOOST_TEST(values.at("astdbdir").value == "/db");
  BOOST_TEST((conf.items.back().kind == ConfItem::Kind::Include));
  BOOST_TEST(conf.items.back().name == "none.conf");
}

// What `core show settings` of Asterisk 16.28 says of this file.
BOOST_AUTO_TEST_CASE(directories_are_those_that_asterisk_takes) {
  const std::string text =
      "[directories](!)\nastspooldir => /lab/template\n;-- block ;-- nested\nastspooldir => /lab/inner --;\n"
      "astlogdir => /lab/commented\n--;\n[base](!)\nastkeydir => /lab/basekey\nastlogdir => /lab/baselog\n"
      "[directories](base)\nastetcdir => /lab/etc\nastlogdir => /lab/log ; end\nastdbdir=/lab/db\n"
      "#include \"more.conf\"\n;--- a line\nastrundir => /lab/run ;-- x --;\n[options]\nverbose = 0\n"
      "[directories]\nastspooldir => /lab/second\n[directories](+)\nastvarlibdir => /lab/plus\n";
  const ConfText conf = read_with_includes("/e/asterisk.conf", "/e", [&](const std::string& file) {
    return std::optional<std::string>(file == "/e/asterisk.conf" ? text : "astspooldir => /lab/spool\n");
  });
  const std::map<std::string, std::string> wanted = {
      {"astetcdir", "/lab/etc"},     {"astspooldir", "/lab/spool"}, {"astlogdir", "/lab/log"},
      {"astrundir", "/lab/run"},     {"astvarlibdir", "/lab/plus"}, {"astdbdir", "/lab/db"},
      {"astkeydir", "/lab/basekey"},
  };
  const auto values = section_values(conf, "directories");
  BOOST_TEST(values.size() == wanted.size());
  for (const auto& [key, path] : wanted) {
    BOOST_TEST_REQUIRE(values.contains(key), key);
    BOOST_TEST(values.at(key).value == path, key);
  }
  BOOST_TEST(missing_include(conf) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_missing_include_is_found_unless_it_is_tried_only) {
  const auto missing = [](const std::string& text) {
    const ConfText conf = parse_asterisk_conf(text, "a");
    const ConfItem* item = missing_include(conf);
    return item != nullptr ? item->name : std::string("(none)");
  };
  BOOST_TEST(missing("#include none.conf\n") == "none.conf");
  BOOST_TEST(missing("#tryinclude none.conf\n") == "(none)");
  BOOST_TEST(missing("#include d/*.conf\n") == "(none)");
}

BOOST_AUTO_TEST_CASE(a_file_that_includes_itself_ends) {
  const ConfText conf = read_with_includes("/e/a", "/e", [](const std::string&) {
    return std::optional<std::string>("#include a\n#include a\n");
  });
  BOOST_TEST(conf.cut);
}

BOOST_AUTO_TEST_CASE(a_program_is_named_and_never_run) {
  const ConfText conf =
      parse_asterisk_conf("#exec /usr/bin/touch /tmp/x\n#bogus y\n[broken\nno equals\n", "a");
  BOOST_TEST_REQUIRE(conf.items.size() == 1U);
  BOOST_TEST((conf.items[0].kind == ConfItem::Kind::Exec));
  BOOST_TEST(conf.items[0].name == "/usr/bin/touch /tmp/x");
}

BOOST_AUTO_TEST_SUITE_END()
