#include "replicator/history.h"

#include <boost/test/unit_test.hpp>

#include "tests/sys/temp_directory.h"

namespace {

using namespace ha;
using namespace ha::replicator;

HistoryRecord record(std::int64_t time, const std::string& set) {
  return {time, set, "fra1", 3, 88, 4, 2100, 0};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(replicator_history)

BOOST_AUTO_TEST_CASE(what_was_added_is_read_again_after_a_restart) {
  const sys::TempDirectory temp;
  {
    History history = sys::must(History::open(temp.path));
    BOOST_TEST(history.add(record(1, "etc")).ok());
  }
  History history = sys::must(History::open(temp.path));
  BOOST_TEST(history.add(record(2, "etc")).ok());
  const auto records = sys::must(history.read("", 0));
  BOOST_TEST_REQUIRE(records.size() == 2U);
  BOOST_TEST(records[0].time_ns == 1);
  BOOST_TEST(records[1].set == "etc");
  BOOST_TEST(records[1].origin == "fra1");
  BOOST_TEST(records[1].bytes == 2100U);
}

BOOST_AUTO_TEST_CASE(set_and_time_choose) {
  const sys::TempDirectory temp;
  History history = sys::must(History::open(temp.path));
  for (int i = 0; i < 6; ++i) {
    BOOST_TEST(history.add(record(i, i % 2 == 0 ? "etc" : "voicemail")).ok());
  }
  BOOST_TEST(sys::must(history.read("etc", 0)).size() == 3U);
  BOOST_TEST(sys::must(history.read("etc", 3)).size() == 1U);
  BOOST_TEST(sys::must(history.read("none", 0)).empty());
}

BOOST_AUTO_TEST_CASE(a_torn_line_is_skipped) {
  const sys::TempDirectory temp;
  History history = sys::must(History::open(temp.path));
  BOOST_TEST(history.add(record(1, "etc")).ok());
  temp.write("history.jsonl", temp.read("history.jsonl") + "{\"time_ns\": 2, \"se\n\nnull\n[]\n");
  BOOST_TEST(sys::must(history.read("", 0)).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_torn_line_does_not_take_the_next_with_it) {
  const sys::TempDirectory temp;
  temp.write("history.jsonl", "{\"time_ns\": 2, \"se");
  for (int i = 0; i < 2; ++i) {
    History history = sys::must(History::open(temp.path));
    BOOST_TEST(history.add(record(3 + i, "etc")).ok());
  }
  const History history = sys::must(History::open(temp.path));
  BOOST_TEST(sys::must(history.read("", 0)).size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_full_file_becomes_the_older_one) {
  const sys::TempDirectory temp;
  temp.write("history.jsonl", Bytes(kHistoryFileBytesMax, '\n'));
  History history = sys::must(History::open(temp.path));
  BOOST_TEST(history.add(record(1, "etc")).ok());
  BOOST_TEST(temp.read("history.jsonl.1").size() == kHistoryFileBytesMax);
  BOOST_TEST(temp.read("history.jsonl").size() < 1000U);
  BOOST_TEST(sys::must(history.read("", 0)).size() == 1U);
}

BOOST_AUTO_TEST_CASE(without_history_there_is_none) {
  const sys::TempDirectory temp;
  const History history = sys::must(History::open(temp.path));
  BOOST_TEST(sys::must(history.read("", 0)).empty());
}

BOOST_AUTO_TEST_SUITE_END()
