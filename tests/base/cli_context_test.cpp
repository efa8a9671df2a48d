#include <boost/test/unit_test.hpp>

#include <ctime>

#include "common/base/cli_context.h"

namespace {

using namespace ha;

WallTime noon() {
  std::tm parts{};
  parts.tm_year = 126;
  parts.tm_mon = 10;
  parts.tm_mday = 20;
  parts.tm_hour = 12;
  parts.tm_isdst = -1;
  return std::chrono::system_clock::from_time_t(std::mktime(&parts));
}

std::int64_t seconds_before_noon(const std::string& text) {
  const auto since = parse_since(text, noon());
  BOOST_TEST_REQUIRE(since.ok());
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(noon().time_since_epoch()).count();
  return now - *since / 1'000'000'000;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(base_cli_context)

BOOST_AUTO_TEST_CASE(since_is_an_age_a_time_or_a_day) {
  BOOST_TEST(seconds_before_noon("15m") == 900);
  BOOST_TEST(seconds_before_noon("11:30") == 1800);
  BOOST_TEST(seconds_before_noon("11:59:50") == 10);
  BOOST_TEST(seconds_before_noon("2026-11-20") == 12 * 3600);
  BOOST_TEST(seconds_before_noon("2026-11-20 11:00") == 3600);
}

BOOST_AUTO_TEST_CASE(no_since_is_the_beginning) {
  BOOST_TEST(*parse_since("", noon()) == 0);
}

BOOST_AUTO_TEST_CASE(a_since_that_cannot_be_read_is_invalid_with_examples) {
  const auto since = parse_since("yesterdayish", noon());
  BOOST_TEST_REQUIRE(!since.ok());
  BOOST_TEST((since.error().code() == Code::Invalid));
  BOOST_TEST(!since.error().hint().empty());
}

BOOST_AUTO_TEST_CASE(yes_answers_and_no_input_refuses) {
  const CliInvocation invocation;
  CliGlobals globals;
  globals.yes = true;
  BOOST_TEST(*confirm({invocation, globals}, "This deletes."));
  globals.yes = false;
  globals.no_input = true;
  const auto asked = confirm({invocation, globals}, "This deletes.");
  BOOST_TEST_REQUIRE(!asked.ok());
  BOOST_TEST((exit_code_of(asked.error()) == ExitCode::Refused));
}

BOOST_AUTO_TEST_SUITE_END()
