#include "common/base/json.h"

#include <boost/test/unit_test.hpp>
#include <string>

using namespace ha;

namespace {

JsonValue read(std::string_view text) {
  auto value = read_json(text);
  BOOST_REQUIRE(value.ok());
  return std::move(value).value();
}

Code code(std::string_view text, const JsonLimits& limits = {}) {
  const auto value = read_json(text, limits);
  BOOST_REQUIRE(!value.ok());
  return value.error().code();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(base_json)

BOOST_AUTO_TEST_CASE(every_kind_of_value_is_read) {
  const JsonValue value =
      read(R"({"a":"text","b":[1,-2,3.5,true,null],"c":{"d":18446744073709551615},"e":false})");
  BOOST_REQUIRE(value.object() != nullptr);
  BOOST_TEST(value.object()->keys.size() == 4U);
  BOOST_TEST(value.text_at("a") == "text");
  const JsonValue::List* const list = value.find("b")->list();
  BOOST_REQUIRE(list != nullptr);
  BOOST_REQUIRE(list->size() == 5U);
  BOOST_TEST((*list)[0].count().value() == 1U);
  BOOST_TEST(!(*list)[1].count().has_value());
  BOOST_TEST((*list)[1].number().value() == -2.0);
  BOOST_TEST((*list)[2].number().value() == 3.5);
  BOOST_TEST(!(*list)[2].count().has_value());
  BOOST_TEST((*list)[3].flag().value());
  BOOST_TEST((!(*list)[4].flag() && !(*list)[4].number() && (*list)[4].text() == nullptr));
  BOOST_TEST(value.find("c")->count_at("d").value() == 18446744073709551615U);
  BOOST_TEST(!value.find("e")->flag().value());
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_null_or_empty) {
  const JsonValue value = read(R"({"a":1})");
  BOOST_TEST(value.find("b") == nullptr);
  BOOST_TEST(value.text_at("a") == "");
  BOOST_TEST(value.text_at("b") == "");
  BOOST_TEST(!value.count_at("b").has_value());
  BOOST_TEST(read("[]").find("a") == nullptr);
  BOOST_TEST(JsonValue().object() == nullptr);
}

BOOST_AUTO_TEST_CASE(of_a_key_that_is_there_twice_the_first_counts) {
  BOOST_TEST(read(R"({"a":"1","a":"2"})").text_at("a") == "1");
}

BOOST_AUTO_TEST_CASE(a_value_that_stands_alone_is_read) {
  BOOST_TEST(*read("\"x\"").text() == "x");
  BOOST_TEST(read(" 7 ").count().value() == 7U);
}

BOOST_AUTO_TEST_CASE(what_is_no_json_is_corrupt) {
  for (const char* const wrong : {"", " ", "{", "}", "[1,]", "{\"a\"}", "{\"a\":}", "{1:2}", "nul", "\"a",
                                  "1 2", "{} x", "\"\xff\"", "1e999", "\"\\ud800\"", "'a'", "[1]]"}) {
    BOOST_TEST_CONTEXT(wrong) {
      BOOST_TEST((code(wrong) == Code::Corrupt));
    }
  }
  BOOST_TEST((code(std::string_view("\"a\0b\"", 5)) == Code::Corrupt));
  BOOST_TEST(read_json("[1,x]").error().what() == "no JSON from byte 4 on");
}

BOOST_AUTO_TEST_CASE(each_limit_holds) {
  BOOST_TEST((code("[1,2,3]", {6, 32, 100}) == Code::Exhausted));
  BOOST_TEST((code("[1,2,3]", {100, 32, 3}) == Code::Exhausted));
  BOOST_TEST(read_json("[1,2,3]", {7, 1, 4}).ok());
  BOOST_TEST((code("[[1]]", {100, 1, 100}) == Code::Exhausted));
  BOOST_TEST((code(std::string(1'000'000, '[')) == Code::Exhausted));
  BOOST_TEST((code("{\"a\":" + std::string(1'000'000, '[')) == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(exact_text_reads_back_as_the_same_bytes) {
  for (const std::string& text : {std::string(), std::string("a\"b\\c/d"), std::string("\0\x01\r\n\t\x7f", 6),
                                  std::string("J\u00f6rg \u200f \U0001f4de")}) {
    const auto written = json_exact(text);
    BOOST_REQUIRE(written.ok());
    BOOST_TEST(*read(written.value()).text() == text);
  }
  BOOST_TEST((json_exact("\xff").error().code() == Code::Invalid));
}

BOOST_AUTO_TEST_SUITE_END()
