#include "replicator/model/keep.h"

#include <boost/test/unit_test.hpp>

namespace ha::replicator {
namespace {

// Epoch 2 went on from change 100 of index 7.
const Lineage kLineage = {{2, {7, 1, 100, {}}}};

Entry entry(std::uint64_t version, Digest content = {1, 1}) {
  Entry out;
  out.key = "k";
  out.hash = content;
  out.content = content;
  out.source = {7, 1};
  out.version = version;
  return out;
}
Entry deleted(std::uint64_t version = 0) {
  Entry out = entry(version, {});
  out.deleted = true;
  out.rank = Rank::Delete;
  return out;
}
bool keeps(const std::optional<Entry>& here, const Entry& header, bool as_recorded = true) {
  return must_keep(here, as_recorded, header, kLineage, 2);
}

}  // namespace
}  // namespace ha::replicator

BOOST_AUTO_TEST_SUITE(model_keep)

using namespace ha::replicator;

BOOST_AUTO_TEST_CASE(what_the_holder_has_seen_may_go) {
  BOOST_TEST(!keeps(entry(100), entry(1, {2, 2})));
  BOOST_TEST(!keeps(entry(100), deleted()));
}

BOOST_AUTO_TEST_CASE(what_it_has_not_is_kept) {
  BOOST_TEST(keeps(entry(101), entry(1, {2, 2})));
  BOOST_TEST(keeps(entry(101), deleted()));
}

BOOST_AUTO_TEST_CASE(the_same_content_loses_nothing) {
  BOOST_TEST(!keeps(entry(101), entry(1)));
  Entry other_mode = entry(1);
  other_mode.hash = {9, 9};
  BOOST_TEST(!keeps(entry(101), other_mode));
}

BOOST_AUTO_TEST_CASE(drift_and_what_is_not_recorded_is_kept) {
  Entry drift = entry(0);
  drift.source = {};
  BOOST_TEST(keeps(drift, deleted()));
  BOOST_TEST(keeps(entry(100), deleted(), false));
  BOOST_TEST(keeps(std::nullopt, deleted(), false));
  BOOST_TEST(keeps(deleted(100), entry(1), false));
}

BOOST_AUTO_TEST_CASE(only_a_deletion_that_the_holder_has_not_seen_is_undone) {
  BOOST_TEST(undoes_deletion(deleted(101), entry(1), kLineage, 2));
  BOOST_TEST(!undoes_deletion(deleted(100), entry(1), kLineage, 2));
  BOOST_TEST(!undoes_deletion(deleted(101), deleted(), kLineage, 2));
  BOOST_TEST(!undoes_deletion(entry(101), entry(1), kLineage, 2));
  BOOST_TEST(!undoes_deletion(std::nullopt, entry(1), kLineage, 2));
}

BOOST_AUTO_TEST_CASE(the_same_content_that_comes_back_in_a_later_turn_undoes_a_deletion) {
  Entry gone = deleted(100);
  gone.content = {1, 1};
  BOOST_TEST(undoes_deletion(gone, entry(1), kLineage, 2));
  BOOST_TEST(!undoes_deletion(gone, entry(1, {2, 2}), kLineage, 2));  // something new of that name
  BOOST_TEST(!undoes_deletion(gone, entry(1), kLineage, 1));  // in the same turn it is the holder's will
  gone.source = {};
  BOOST_TEST(!undoes_deletion(gone, entry(1), kLineage, 2));
}

BOOST_AUTO_TEST_SUITE_END()
