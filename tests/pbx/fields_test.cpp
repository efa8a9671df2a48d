#include "common/pbx/fields.h"

#include <boost/test/unit_test.hpp>

#include "common/pbx/event_queue.h"
#include "common/pbx/input_buffer.h"

using namespace ha::pbx;

BOOST_AUTO_TEST_SUITE(pbx_fields)

BOOST_AUTO_TEST_CASE(fields_keep_their_order_and_names_may_repeat) {
  Fields fields({{"A", "1"}, {"b", "2"}});
  fields.add("a", "3");
  BOOST_TEST(fields.size() == 3U);
  BOOST_TEST(fields.text("A") == "1");
  BOOST_TEST(*fields.find("B") == "2");
  BOOST_TEST(fields.find("c") == nullptr);
  BOOST_TEST(fields.text("c") == "");
  BOOST_TEST(fields.count("b").value() == 2U);
  BOOST_REQUIRE(fields.all("A").size() == 2U);
  BOOST_TEST(fields.all("a")[1] == "3");
  BOOST_TEST(fields.bytes() == 3 * sizeof(Field) + 6);
  BOOST_TEST(!(fields == Fields()));
}

BOOST_AUTO_TEST_CASE(numbers_are_digits_only) {
  BOOST_TEST(whole_number("0").value() == 0U);
  BOOST_TEST(whole_number("18446744073709551615").value() == 18446744073709551615U);
  for (const char* const wrong : {"", "-1", "+1", " 1", "1 ", "1.0", "0x1", "18446744073709551616", "N/A"}) {
    BOOST_TEST(!whole_number(wrong).has_value());
  }
}

BOOST_AUTO_TEST_CASE(text_is_trimmed_and_split) {
  BOOST_TEST(trimmed(" \t a b\r\n") == "a b");
  BOOST_TEST(trimmed(" \n") == "");
  BOOST_TEST(trimmed("") == "");
  BOOST_TEST(split("", ',').size() == 1U);
  BOOST_REQUIRE(split("a,,b,", ',').size() == 4U);
  BOOST_TEST(split("a,,b,", ',')[2] == "b");
}

BOOST_AUTO_TEST_CASE(a_buffer_gives_back_what_was_put_in) {
  InputBuffer buffer;
  std::string all;
  std::string got;
  for (int i = 0; i < 1'000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 37), static_cast<char>('a' + i % 26));
    all += piece;
    buffer.add(piece);
    const std::size_t part = buffer.size() * static_cast<std::size_t>(i % 3) / 2;
    got += buffer.view().substr(0, part);
    buffer.take(part);
  }
  got += buffer.view();
  BOOST_TEST(got == all);
  buffer.clear();
  BOOST_TEST(buffer.size() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
