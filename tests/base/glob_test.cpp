#include "common/base/glob.h"

#include <boost/test/unit_test.hpp>

namespace {

using ha::glob_match;

ha::GlobList list(const std::vector<std::string>& patterns) {
  return *ha::GlobList::parse(patterns);
}

BOOST_AUTO_TEST_SUITE(base_glob)

BOOST_AUTO_TEST_CASE(a_star_stays_within_a_name) {
  BOOST_TEST(glob_match("*.swp", ".a.swp"));
  BOOST_TEST(glob_match("*", ""));
  BOOST_TEST(glob_match("a*b*c", "aXbXbXc"));
  BOOST_TEST(!glob_match("*.swp", "a.swp~"));
  BOOST_TEST(!glob_match("*", "a/b"));
  BOOST_TEST(!glob_match("a*c", "a/c"));
  BOOST_TEST(glob_match("*/*.c", "ab/x.c"));
}

BOOST_AUTO_TEST_CASE(a_question_mark_is_one_byte_but_no_slash) {
  BOOST_TEST(glob_match("a?c", "abc"));
  BOOST_TEST(!glob_match("a?c", "ac"));
  BOOST_TEST(!glob_match("a?c", "a/c"));
}

BOOST_AUTO_TEST_CASE(two_stars_cross_directories) {
  BOOST_TEST(glob_match("a/**/z", "a/b/c/z"));
  BOOST_TEST(glob_match("a/**/z", "a/z"));
  BOOST_TEST(glob_match("**/z", "z"));
  BOOST_TEST(glob_match("**/z", "a/b/z"));
  BOOST_TEST(!glob_match("**/z", "a/bz"));
  BOOST_TEST(glob_match("a/**", "a/b/c"));
  BOOST_TEST(glob_match("**", "any/thing"));
  BOOST_TEST(glob_match("a**z", "a/b/z"));
  BOOST_TEST(glob_match("**/log/*.old", "x/log/y/log/1.old"));
  BOOST_TEST(!glob_match("**/log/*.old", "x/log/y/1.old"));
}

BOOST_AUTO_TEST_CASE(a_backslash_takes_the_next_byte_as_it_is) {
  BOOST_TEST(glob_match("a\\*", "a*"));
  BOOST_TEST(!glob_match("a\\*", "ab"));
  BOOST_TEST(glob_match("a\\\\b", "a\\b"));
}

BOOST_AUTO_TEST_CASE(names_may_hold_any_byte) {
  BOOST_TEST(glob_match("*\xff*", "a\xff\x01z"));
  BOOST_TEST(glob_match("a?c",
                        "a\xff"
                        "c"));
  BOOST_TEST(glob_match("new\nline*", "new\nline.txt"));
  BOOST_TEST(glob_match("[a-z]{x}", "[a-z]{x}"));
  BOOST_TEST(!glob_match("[a-z]", "b"));
  BOOST_TEST(glob_match("\xc3\xa4*", "\xc3\xa4rger"));
}

BOOST_AUTO_TEST_CASE(hard_patterns_end_soon) {
  const std::string text(3000, 'a');
  BOOST_TEST(!glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
  BOOST_TEST(!glob_match("**a**a**a**a**a**a**a**b", text));
}

BOOST_AUTO_TEST_CASE(a_pattern_without_slash_is_for_names_at_any_depth) {
  const ha::GlobList globs = list({"*.swp", "*~"});
  BOOST_TEST(globs.matches(".a.swp", false));
  BOOST_TEST(globs.matches("x/y/b~", false));
  BOOST_TEST(!globs.matches("x.swp/y", false));
}

BOOST_AUTO_TEST_CASE(a_pattern_with_slash_is_for_the_whole_path) {
  const ha::GlobList globs = list({"/keys", "log/*.old"});
  BOOST_TEST(globs.matches("keys", false));
  BOOST_TEST(!globs.matches("a/keys", false));
  BOOST_TEST(globs.matches("log/1.old", false));
  BOOST_TEST(!globs.matches("a/log/1.old", false));
}

BOOST_AUTO_TEST_CASE(a_slash_at_the_end_is_for_directories) {
  const ha::GlobList globs = list({"keys/"});
  BOOST_TEST(globs.matches("keys", true));
  BOOST_TEST(globs.matches("a/keys", true));
  BOOST_TEST(!globs.matches("keys", false));
}

BOOST_AUTO_TEST_CASE(what_is_beneath_an_excluded_directory_is_covered) {
  const ha::GlobList globs = list({"keys/", "/tmp"});
  BOOST_TEST(globs.covers("keys/a/b", false));
  BOOST_TEST(globs.covers("x/keys/b", false));
  BOOST_TEST(globs.covers("tmp/x", true));
  BOOST_TEST(!globs.covers("x/tmp/y", false));
  BOOST_TEST(!globs.matches("keys/a", false));
  BOOST_TEST(!ha::GlobList().covers("a/b", false));
}

BOOST_AUTO_TEST_CASE(patterns_that_can_match_nothing_are_invalid) {
  for (const std::string& pattern :
       std::vector<std::string>{"", "/", "a//b", "./a", "../a", "a/..", "a\\", "//", std::string("a\0b", 3),
                                std::string(5000, 'a')}) {
    const auto parsed = ha::GlobList::parse({"fine", pattern});
    BOOST_TEST(!parsed.ok());
    BOOST_TEST((parsed.error().code() == ha::Code::Invalid));
  }
  BOOST_TEST(ha::GlobList::parse({"a\\\\"}).ok());
  BOOST_TEST(ha::GlobList::parse({})->empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
