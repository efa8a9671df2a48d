#include "common/base/suggest.h"

#include <boost/test/unit_test.hpp>

namespace {

const std::vector<std::string> kKnown{"exclude", "path", "publish", "walk", "settle"};

BOOST_AUTO_TEST_SUITE(base_suggest)

BOOST_AUTO_TEST_CASE(distance_counts_edits_and_swaps) {
  BOOST_TEST(ha::edit_distance("", "abc") == 3U);
  BOOST_TEST(ha::edit_distance("abc", "abc") == 0U);
  BOOST_TEST(ha::edit_distance("abc", "acb") == 1U);
  BOOST_TEST(ha::edit_distance("kitten", "sitting") == 3U);
}

BOOST_AUTO_TEST_CASE(a_slip_finds_its_word) {
  BOOST_TEST(ha::nearest("exlude", kKnown).value() == "exclude");
  BOOST_TEST(ha::nearest("excludes", kKnown).value() == "exclude");
  BOOST_TEST(ha::nearest("apth", kKnown).value() == "path");
  BOOST_TEST(ha::nearest("pub", kKnown).value() == "publish");
  BOOST_TEST(ha::did_you_mean("wlak", kKnown) == "; did you mean \"walk\"?");
}

BOOST_AUTO_TEST_CASE(something_else_finds_nothing) {
  BOOST_TEST(!ha::nearest("interval", kKnown).has_value());
  BOOST_TEST(!ha::nearest("", kKnown).has_value());
  BOOST_TEST(!ha::nearest(std::string(1000, 'p'), kKnown).has_value());
  BOOST_TEST(ha::did_you_mean("xyz", kKnown).empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
