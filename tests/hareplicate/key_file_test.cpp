#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include "tests/sys/temp_directory.h"
#include "tools/hareplicate/key_file.h"

using namespace ha;  // NOLINT: a test

BOOST_AUTO_TEST_SUITE(hareplicate_key_file)

BOOST_AUTO_TEST_CASE(a_new_key_is_private_and_gives_the_same_public_key_again) {
  const sys::TempDirectory temp;
  const std::string file = temp.path + "/secrets/fra1.curve";
  const auto made = tool::make_key_file(file);
  BOOST_TEST_REQUIRE(made.ok());
  struct stat facts {};
  BOOST_TEST(::stat(file.c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 07777) == 0600U);
  const auto shown = tool::public_key_of(file);
  BOOST_TEST_REQUIRE(shown.ok());
  BOOST_TEST(shown->z85() == made->z85());
}

BOOST_AUTO_TEST_CASE(a_key_is_never_overwritten) {
  const sys::TempDirectory temp;
  const std::string file = temp.path + "/a.curve";
  BOOST_TEST(tool::make_key_file(file).ok());
  const auto again = tool::make_key_file(file);
  BOOST_TEST((sys::code_of(again) == Code::Exists));
  BOOST_TEST(again.error().hint().find("hareplicate keys show") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_missing_key_names_the_command_that_makes_it) {
  const sys::TempDirectory temp;
  const auto shown = tool::public_key_of(temp.path + "/none");
  BOOST_TEST((sys::code_of(shown) == Code::NotFound));
  BOOST_TEST(shown.error().hint().starts_with("hareplicate keys new "));
}

BOOST_AUTO_TEST_CASE(a_key_that_others_may_read_is_refused) {
  const sys::TempDirectory temp;
  const std::string file = temp.path + "/a.curve";
  BOOST_TEST(tool::make_key_file(file).ok());
  BOOST_TEST(::chmod(file.c_str(), 0644) == 0);
  BOOST_TEST((sys::code_of(tool::public_key_of(file)) == Code::Refused));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_key_is_invalid) {
  const sys::TempDirectory temp;
  temp.write("a.curve", "hello");
  BOOST_TEST(::chmod((temp.path + "/a.curve").c_str(), 0600) == 0);
  BOOST_TEST((sys::code_of(tool::public_key_of(temp.path + "/a.curve")) == Code::Invalid));
}

BOOST_AUTO_TEST_SUITE_END()
