#include "common/base/cli_table.h"

#include <boost/test/unit_test.hpp>

namespace {

using ha::Table;
using ha::TableCell;

Table sample() {
  Table table({{"SET", "set"}, {"BEHIND", "behind_s", ha::Align::Right}, {"NOTE", "note"}});
  table.add({"etc", TableCell(std::int64_t{0}, "0 s"), "ok"});
  table.add({"ärger\n", TableCell(41.5, "41 s"), TableCell::none()});
  return table;
}

BOOST_AUTO_TEST_SUITE(base_cli_table)

BOOST_AUTO_TEST_CASE(columns_are_aligned_by_characters_and_names_escaped) {
  BOOST_TEST(sample().text() ==
             "SET         BEHIND   NOTE\n"
             "etc            0 s   ok\n"
             "ärger\\x0a     41 s   –\n");
}

BOOST_AUTO_TEST_CASE(json_has_the_raw_values) {
  BOOST_TEST(sample().json() ==
             "[{\"set\":\"etc\",\"behind_s\":0,\"note\":\"ok\"},"
             "{\"set\":\"ärger\\n\",\"behind_s\":41.5,\"note\":null}]");
}

BOOST_AUTO_TEST_CASE(fields_are_a_line_a_row) {
  BOOST_TEST(sample().fields() == "set=etc behind_s=0 note=ok\nset=ärger\\x0a behind_s=41.5 note=\n");
}

BOOST_AUTO_TEST_CASE(the_mode_chooses_and_json_names_its_schema) {
  const Table empty(std::vector<ha::TableColumn>{{"SET", "set"}});
  BOOST_TEST(empty.empty());
  BOOST_TEST(empty.print(ha::OutputMode::Json, "hareplicate.status/1") ==
             "{\"schema\":\"hareplicate.status/1\",\"rows\":[]}\n");
  BOOST_TEST(empty.print(ha::OutputMode::Table, "x") == "SET\n");
  BOOST_TEST(empty.print(ha::OutputMode::Fields, "x").empty());
}

BOOST_AUTO_TEST_CASE(width_counts_characters) {
  BOOST_TEST(ha::display_width("ä–x") == 3U);
  BOOST_TEST(ha::display_width("") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
