#include "tools/hareplicate/bundle.h"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include "common/sys/process.h"
#include "tests/sys/temp_directory.h"

using namespace ha;  // NOLINT: a test

BOOST_AUTO_TEST_SUITE(hareplicate_bundle)

BOOST_AUTO_TEST_CASE(texts_come_back_out_of_the_archive) {
  const sys::TempDirectory temp;
  const std::string path = temp.path + "/b.tar.gz";
  sys::must(tool::pack_bundle(path, "top", {{"a.txt", "one\n"}, {"b.txt", ""}}));
  struct stat facts {};
  BOOST_TEST(::stat(path.c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 07777) == 0600U);
  sys::Command unpack;
  unpack.argv = {"tar", "-xzf", path, "-C", temp.path};
  BOOST_TEST(sys::must(sys::run_command(unpack)).succeeded());
  BOOST_TEST(temp.read("top/a.txt") == "one\n");
  BOOST_TEST(temp.read("top/b.txt").empty());
}

BOOST_AUTO_TEST_CASE(a_file_that_is_there_is_never_overwritten) {
  const sys::TempDirectory temp;
  temp.write("b.tar.gz", "mine");
  BOOST_TEST((sys::code_of(tool::pack_bundle(temp.path + "/b.tar.gz", "top", {})) == Code::Exists));
  BOOST_TEST(temp.read("b.tar.gz") == "mine");
}

BOOST_AUTO_TEST_CASE(a_place_that_is_not_there_is_an_error_and_leaves_nothing) {
  const sys::TempDirectory temp;
  BOOST_TEST((sys::code_of(tool::pack_bundle(temp.path + "/none/b.tar.gz", "top", {})) == Code::NotFound));
  BOOST_TEST(sys::must(temp.root.names(10)).empty());
}

BOOST_AUTO_TEST_CASE(too_much_is_refused) {
  const sys::TempDirectory temp;
  const std::string half(tool::kBundleBytesMax / 2 + 1, 'x');
  BOOST_TEST((sys::code_of(tool::pack_bundle(temp.path + "/b", "top", {{"a", half}, {"b", half}})) ==
              Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(what_overlays_put_in_is_left_out_and_nothing_else) {
  const auto left = [](const std::string& text) { return tool::without_overlay_values(text); };
  BOOST_TEST(left("replace = [ { match = 'secret=.*', with = \"secret=\\\"x\" } ] # a\npath = '/b'\n") ==
             "replace = [ { match = \"(left out)\", with = \"(left out)\" } ] # a\npath = '/b'\n");
  BOOST_TEST(left("\"match\"='a'\nwith=\"\"\"\n1\n\"2\"\n\"\"\"\nname = 'match'") ==
             "\"match\"=\"(left out)\"\nwith=\"(left out)\"\nname = 'match'");
  BOOST_TEST(left("with = 'never ends\n[[set]]\n") == "with = \"(left out)\"\n[[set]]\n");
  BOOST_TEST(left("with = \"\"\"never ends\nx\n") == "with = \"(left out)\"");
  for (const char* same :
       {"", "with", "match =", "with = 1\n", "width = 'a'", "rematch = 'a'", "with\n= 'a'"}) {
    BOOST_TEST(left(same) == same);
  }
}

BOOST_AUTO_TEST_CASE(a_secret_is_taken_out_wherever_it_stands) {
  BOOST_TEST(tool::without_secret("a KEY b KEYKEY", "KEY").find("KEY") == std::string::npos);
  BOOST_TEST(tool::without_secret("nothing", "KEY") == "nothing");
  BOOST_TEST(tool::without_secret("nothing", "") == "nothing");
}

BOOST_AUTO_TEST_SUITE_END()
