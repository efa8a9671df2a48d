#include "tools/hareplicate/job_run.h"

#include <boost/test/unit_test.hpp>

using namespace ha::tool;

namespace {

JobEnd end_with(std::initializer_list<const char*> items, std::uint64_t differences) {
  JobEnd out;
  for (const char* what : items) {
    out.items.emplace_back().set_what(what);
  }
  out.job.set_differences(differences);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hareplicate_job_run)

BOOST_AUTO_TEST_CASE(every_kind_of_change_is_counted) {
  BOOST_TEST(changes_of(end_with({}, 0)).empty());
  BOOST_TEST(changes_of(end_with({"create", "delete", "create", "adopt", "remode", "change"}, 6)) ==
             "1 changed, 2 created, 1 mode, 1 deleted, 1 taken over");
}

BOOST_AUTO_TEST_CASE(what_is_not_listed_is_counted_too_and_may_be_a_deletion) {
  BOOST_TEST(changes_of(end_with({"create"}, 12'346)) == "1 created, and 12,345 more that are not listed");
  BOOST_TEST(changes_of(end_with({}, 2)) == "2 more that are not listed");
  BOOST_TEST(may_delete(end_with({"create"}, 2)));
  BOOST_TEST(may_delete(end_with({"create", "delete"}, 2)));
  BOOST_TEST(!may_delete(end_with({"create", "change"}, 2)));
  BOOST_TEST(!may_delete(end_with({}, 0)));
}

BOOST_AUTO_TEST_SUITE_END()
