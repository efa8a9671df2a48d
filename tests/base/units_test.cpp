#include "common/base/units.h"

#include <cstdlib>
#include <ctime>

#include <boost/test/unit_test.hpp>

namespace {

using namespace std::chrono_literals;

std::int64_t span(std::string_view text) {
  const auto parsed = ha::parse_duration(text);
  return parsed ? parsed->count() : -1;
}

std::string advice(const auto& result) {
  return result.ok() ? "fine" : result.error().what() + "; " + result.error().hint();
}

BOOST_AUTO_TEST_SUITE(base_units)

BOOST_AUTO_TEST_CASE(durations_need_one_number_and_one_unit) {
  BOOST_TEST(span("150ms") == ha::Duration(150ms).count());
  BOOST_TEST(span("30s") == ha::Duration(30s).count());
  BOOST_TEST(span("5m") == ha::Duration(5min).count());
  BOOST_TEST(span("2h") == ha::Duration(2h).count());
  BOOST_TEST(span("30d") == ha::Duration(720h).count());
  BOOST_TEST(span("1.5s") == ha::Duration(1500ms).count());
  BOOST_TEST(span("0s") == 0);
}

BOOST_AUTO_TEST_CASE(wrong_durations_are_invalid) {
  for (const char* text : {"", "s", "-1s", "+1s", "1 s", "1s ", " 1s", "1x", "1s2", "1h30m", "1e3s", "1..5s",
                           "1.s", ".5s", "40000d", "99999999999999999999s", "1,5s", "0x1s"}) {
    BOOST_TEST(!ha::parse_duration(text).ok(), text);
  }
  BOOST_TEST((ha::parse_duration("x").error().code() == ha::Code::Invalid));
}

BOOST_AUTO_TEST_CASE(what_was_meant_is_suggested) {
  BOOST_TEST(advice(ha::parse_duration("5 minutes")) ==
             "cannot read \"5 minutes\"; use \"5m\" (units: ms s m h d)");
  BOOST_TEST(advice(ha::parse_duration("30")) == "\"30\" has no unit; use \"30s\" (units: ms s m h d)");
  BOOST_TEST(advice(ha::parse_duration("10 s")) == "cannot read \"10 s\"; use \"10s\" (units: ms s m h d)");
  BOOST_TEST(advice(ha::parse_duration("soon")) == "cannot read \"soon\"; units: ms s m h d");
  BOOST_TEST(advice(ha::parse_size("16 mb")).find("use \"16MB\"") != std::string::npos);
  BOOST_TEST(advice(ha::parse_size("16")).find("\"16\" has no unit; use \"16MB\"") == 0U);
  BOOST_TEST(advice(ha::parse_rate("20")).find("use \"20MB/s\"") != std::string::npos);
  BOOST_TEST(advice(ha::parse_rate("20MB")).find("use \"20MB/s\"") != std::string::npos);
  BOOST_TEST(advice(ha::parse_percent("10")) == "\"10\" has no unit; use \"10%\"");
}

BOOST_AUTO_TEST_CASE(sizes_are_decimal_or_binary_by_name) {
  BOOST_TEST(*ha::parse_size("0B") == 0U);
  BOOST_TEST(*ha::parse_size("16MB") == 16'000'000U);
  BOOST_TEST(*ha::parse_size("1.5kB") == 1500U);
  BOOST_TEST(*ha::parse_size("64KiB") == 65536U);
  BOOST_TEST(*ha::parse_size("2TiB") == 2ULL << 40);
  BOOST_TEST(!ha::parse_size("10000000TiB").ok());
  BOOST_TEST(!ha::parse_size("1.5").ok());
  BOOST_TEST(!ha::parse_size("0.5B").ok());
}

BOOST_AUTO_TEST_CASE(rates_end_in_per_second) {
  BOOST_TEST(*ha::parse_rate("20MB/s") == 20'000'000U);
  BOOST_TEST(!ha::parse_rate("20MB").ok());
  BOOST_TEST(!ha::parse_rate("20Mbit/s").ok());
  BOOST_TEST(!ha::parse_rate("/s").ok());
}

BOOST_AUTO_TEST_CASE(percentages_are_from_0_to_100) {
  BOOST_TEST(*ha::parse_percent("10%") == 10.0);
  BOOST_TEST(*ha::parse_percent("0.5%") == 0.5);
  BOOST_TEST(*ha::parse_percent("100%") == 100.0);
  for (const char* text : {"", "%", "101%", "-1%", "ten%", "10 %"}) {
    BOOST_TEST(!ha::parse_percent(text).ok(), text);
  }
}

BOOST_AUTO_TEST_CASE(written_values_read_back) {
  for (const char* text : {"150ms", "90s", "5m", "2h", "30d", "1500ms", "0s"}) {
    BOOST_TEST(ha::write_duration(*ha::parse_duration(text)) == text);
  }
  for (const char* text : {"0B", "1B", "1500B", "16MB", "64KiB", "3TB"}) {
    BOOST_TEST(ha::write_size(*ha::parse_size(text)) == text);
  }
  BOOST_TEST(ha::write_rate(4'000'000) == "4MB/s");
  BOOST_TEST(ha::write_percent(10.0) == "10%");
  BOOST_TEST(ha::write_percent(0.5) == "0.5%");
}

BOOST_AUTO_TEST_CASE(ages_are_short) {
  BOOST_TEST(ha::show_age(0s) == "0 s");
  BOOST_TEST(ha::show_age(-5s) == "0 s");
  BOOST_TEST(ha::show_age(85ms) == "85 ms");
  BOOST_TEST(ha::show_age(300ms) == "0.3 s");
  BOOST_TEST(ha::show_age(9960ms) == "10 s");
  BOOST_TEST(ha::show_age(41s) == "41 s");
  BOOST_TEST(ha::show_age(59700ms) == "1 m");
  BOOST_TEST(ha::show_age(754s) == "12 m 34 s");
  BOOST_TEST(ha::show_age(130min) == "2 h 10 m");
  BOOST_TEST(ha::show_age(288h) == "12 d");
  BOOST_TEST(ha::show_age(290h) == "12 d 2 h");
}

BOOST_AUTO_TEST_CASE(sizes_are_short) {
  BOOST_TEST(ha::show_size(0) == "0 B");
  BOOST_TEST(ha::show_size(999) == "999 B");
  BOOST_TEST(ha::show_size(1'400) == "1.4 kB");
  BOOST_TEST(ha::show_size(184'220) == "184 kB");
  BOOST_TEST(ha::show_size(999'700) == "1.0 MB");
  BOOST_TEST(ha::show_size(1'200'000) == "1.2 MB");
  BOOST_TEST(ha::show_rate(312'000) == "312 kB/s");
  BOOST_TEST(ha::show_size(~0ULL) == "18 EB");
}

BOOST_AUTO_TEST_CASE(counts_have_commas) {
  BOOST_TEST(ha::show_count(0) == "0");
  BOOST_TEST(ha::show_count(999) == "999");
  BOOST_TEST(ha::show_count(63954) == "63,954");
  BOOST_TEST(ha::show_count(1234567) == "1,234,567");
}

BOOST_AUTO_TEST_CASE(times_are_utc_for_programs_and_local_with_offset_for_people) {
  const ha::WallTime time{std::chrono::milliseconds(1'795'143'851'042)};
  BOOST_TEST(ha::show_utc(time) == "2026-11-20T03:04:11Z");
  BOOST_TEST(ha::show_utc(time, true) == "2026-11-20T03:04:11.042Z");
  ::setenv("TZ", "CET-1", 1);
  ::tzset();
  BOOST_TEST(ha::show_local(time) == "2026-11-20 04:04:11 +01:00");
  ::unsetenv("TZ");
  ::tzset();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
