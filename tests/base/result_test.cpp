#include "common/base/result.h"

#include <cerrno>
#include <memory>

#include <boost/test/unit_test.hpp>

namespace {

using ha::Code;
using ha::Error;
using ha::Result;

Result<int> half(int number) {
  if (number % 2 != 0) {
    return Error(Code::Invalid, "odd");
  }
  return number / 2;
}

Result<int> quarter(int number) {
  HA_TRY(const int once, half(number));
  HA_TRY(const int twice, half(once));
  return twice;
}

ha::Status check_even(int number) {
  HA_CHECK(half(number));
  return ha::ok();
}

BOOST_AUTO_TEST_SUITE(base_result)

BOOST_AUTO_TEST_CASE(a_value_is_given_back) {
  Result<int> result = half(8);
  BOOST_TEST(result.ok());
  BOOST_TEST(static_cast<bool>(result));
  BOOST_TEST(*result == 4);
  BOOST_TEST(std::move(result).value() == 4);
}

BOOST_AUTO_TEST_CASE(an_error_keeps_code_text_and_hint) {
  const Result<int> result = Error(Code::Refused, "no", "hareplicate release x");
  BOOST_TEST(!result.ok());
  BOOST_TEST((result.error().code() == Code::Refused));
  BOOST_TEST(result.error().what() == "no");
  BOOST_TEST(result.error().hint() == "hareplicate release x");
}

BOOST_AUTO_TEST_CASE(try_passes_the_first_error_up) {
  BOOST_TEST(*quarter(12) == 3);
  BOOST_TEST(quarter(6).error().what() == "odd");
  BOOST_TEST(quarter(5).error().what() == "odd");
}

BOOST_AUTO_TEST_CASE(check_passes_an_error_up_and_drops_a_value) {
  BOOST_TEST(check_even(2).ok());
  BOOST_TEST(!check_even(3).ok());
}

BOOST_AUTO_TEST_CASE(context_is_put_in_front_and_the_hint_stays) {
  const Error error = Error(Code::Io, "cannot read", "look").in("set etc").in("peer fra1");
  BOOST_TEST(error.what() == "peer fra1: set etc: cannot read");
  BOOST_TEST(error.hint() == "look");
  BOOST_TEST(Error(Code::Io, "x").hinted("y").hint() == "y");
}

BOOST_AUTO_TEST_CASE(a_value_that_only_moves_is_moved_out) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> value = std::move(result).value();
  BOOST_TEST(*value == 7);
}

BOOST_AUTO_TEST_CASE(errno_becomes_a_code_and_a_text) {
  BOOST_TEST((ha::errno_error("open", ENOENT).code() == Code::NotFound));
  BOOST_TEST((ha::errno_error("open", EACCES).code() == Code::Denied));
  BOOST_TEST((ha::errno_error("write", ENOSPC).code() == Code::NoSpace));
  BOOST_TEST((ha::errno_error("write", EDQUOT).code() == Code::NoSpace));
  BOOST_TEST((ha::errno_error("connect", ECONNREFUSED).code() == Code::Unavailable));
  BOOST_TEST((ha::errno_error("open", EMFILE).code() == Code::Exhausted));
  BOOST_TEST((ha::errno_error("link", EEXIST).code() == Code::Exists));
  BOOST_TEST((ha::errno_error("read", EIO).code() == Code::Io));
  BOOST_TEST(ha::errno_error("open \"a\"", ENOENT).what() == "open \"a\": No such file or directory");
}

BOOST_AUTO_TEST_CASE(every_number_of_a_code_has_a_name_and_no_other_is_one) {
  std::uint64_t number = 0;
  for (; ha::code_of(number); ++number) {
    BOOST_TEST(ha::code_name(*ha::code_of(number)) != "unknown");
  }
  BOOST_TEST((ha::code_of(number - 1) == Code::HeldByHand));
  BOOST_TEST(!ha::code_of(number + 256).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
