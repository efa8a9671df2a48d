#include "tools/hareplicate/merge_text.h"

#include <boost/test/unit_test.hpp>

using namespace ha;
using namespace ha::tool;

namespace {

Merged merged(const Bytes& live, const Bytes& stranded) {
  auto done = merge_texts(live, stranded);
  BOOST_REQUIRE_MESSAGE(done.ok(), (done.ok() ? std::string() : done.error().what()));
  return std::move(done).value();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hareplicate_merge_text)

BOOST_AUTO_TEST_CASE(lines_that_only_one_of_them_has_are_taken) {
  const Merged done = merged("a\nlive\nb\nc\n", "a\nb\nstranded\nc\n");
  BOOST_TEST(!done.conflicts);
  BOOST_TEST(done.text == "a\nlive\nb\nstranded\nc\n");
}

BOOST_AUTO_TEST_CASE(a_text_does_not_steer_the_terminal_on_which_it_is_shown) {
  BOOST_TEST(for_terminal("+a\t= \\1 \xc3\xa4\n-\x1b]0;x\x07\r\n\xff") ==
             "+a\t= \\1 \xc3\xa4\n-\\x1b]0;x\\x07\\x0d\n\\xff");
  BOOST_TEST(for_terminal("") == "");
}

BOOST_AUTO_TEST_CASE(different_lines_in_one_place_are_a_conflict_that_is_marked) {
  const Merged done = merged("a\nx=1\nb\nonly live\n", "a\nx=2\nb\n");
  BOOST_TEST(done.conflicts);
  BOOST_TEST(done.text == "a\n<<<<<<< live\nx=1\n=======\nx=2\n>>>>>>> stranded\nb\nonly live\n");
  BOOST_TEST(has_conflict_marks(done.text));
}

BOOST_AUTO_TEST_CASE(nothing_in_common_is_one_conflict_and_nothing_at_all_takes_the_other) {
  BOOST_TEST(merged("a\n", "b\n").conflicts);
  const Merged done = merged("", "b\n");
  BOOST_TEST(!done.conflicts);
  BOOST_TEST(done.text == "b\n");
}

BOOST_AUTO_TEST_CASE(equal_versions_are_what_they_are) {
  const Merged done = merged("a\nb", "a\nb");
  BOOST_TEST(!done.conflicts);
  BOOST_TEST(done.text == "a\nb");
}

BOOST_AUTO_TEST_CASE(a_last_line_without_its_end_stays_a_line_of_its_own) {
  const Merged done = merged("a\nb\nc", "new\na\nb\nc");
  BOOST_TEST(!done.conflicts);
  BOOST_TEST(done.text == "new\na\nb\nc");
}

BOOST_AUTO_TEST_CASE(what_is_no_text_or_too_large_is_not_merged) {
  BOOST_TEST(!is_text(Bytes("a\0b", 3)));
  BOOST_TEST((merge_texts(Bytes("a\0b", 3), "a").error().code() == Code::Unsupported));
  BOOST_TEST((merge_texts("a", Bytes(kMergeBytesMax + 1, 'x')).error().code() == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(only_lines_that_begin_so_are_marks) {
  BOOST_TEST(has_conflict_marks("a\n>>>>>>> stranded"));
  BOOST_TEST(!has_conflict_marks("a <<<<<<< live\n=======\n<<<<<<<<\n"));
}

BOOST_AUTO_TEST_CASE(a_diff_shows_what_would_change) {
  BOOST_TEST(unified_diff("a\n", "a\n", "x").value().empty());
  const Bytes shown = unified_diff("a\n", "a\nb\n", "etc/x.conf").value();
  BOOST_TEST(shown.find("--- etc/x.conf (live)\n+++ etc/x.conf (merged)\n") == 0U);
  BOOST_TEST(shown.find("\n+b\n") != Bytes::npos);
}

BOOST_AUTO_TEST_SUITE_END()
