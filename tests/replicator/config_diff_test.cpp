#include "replicator/config_diff.h"

#include <boost/test/unit_test.hpp>

namespace ha::replicator {
namespace {

const std::string kHead = "[cluster]\nname = \"c\"\nid = \"i\"\n[set_defaults]\ncheck = \"30s\"\n";
const std::string kEtc = "[[set]]\nname = \"etc\"\npath = \"/etc/asterisk\"\n";
const std::string kSpool = "[[set]]\nname = \"spool\"\npath = \"/var/spool/x\"\ncheck = \"1m\"\n";

std::string compare(const std::string& here, const std::string& there) {
  const auto found = compare_configs({"here", here}, {"there", there});
  if (!found.ok()) {
    return found.error().what();
  }
  std::string out;
  for (const ConfigDifference& each : found->differences) {
    out += (each.set.empty() ? "" : each.set + ": ") + each.key + " " + each.here.value_or("-") + " " +
           each.there.value_or("-") + "\n";
  }
  for (const std::string& set : found->sets) {
    out += set + " ";
  }
  return out;
}

}  // namespace
}  // namespace ha::replicator

BOOST_AUTO_TEST_SUITE(replicator_config_diff)

using namespace ha::replicator;

BOOST_AUTO_TEST_CASE(comments_order_and_defaults_that_are_written_out_do_not_count) {
  BOOST_TEST(compare(kHead + kEtc + kSpool, "# other\n" + kHead + kSpool + kEtc + "kind = 'files'\n") == "");
}

BOOST_AUTO_TEST_CASE(a_value_is_named_by_set_and_key_with_both_ends) {
  BOOST_TEST(compare(kHead + kEtc, kHead + kEtc + "settle = \"2s\"\n") ==
             "etc: set.etc.settle - \"2s\"\netc ");
  BOOST_TEST(compare(kHead + kEtc + "publish = 'set'\n", kHead + kEtc + "publish = 'file'\n") ==
             "etc: set.etc.publish \"set\" \"file\"\netc ");
}

BOOST_AUTO_TEST_CASE(a_default_counts_for_the_sets_that_have_no_value_of_their_own) {
  const std::string other = "[cluster]\nname = \"c\"\nid = \"i\"\n[set_defaults]\ncheck = \"31s\"\n";
  BOOST_TEST(compare(kHead + kEtc + kSpool, other + kEtc + kSpool) ==
             "set_defaults.check \"30s\" \"31s\"\netc ");
}

BOOST_AUTO_TEST_CASE(what_is_not_of_a_set_changes_none) {
  const std::string other = "[cluster]\nname = \"d\"\nid = \"i\"\n[set_defaults]\ncheck = \"30s\"\n";
  BOOST_TEST(compare(kHead + kEtc, other + kEtc) == "cluster.name \"c\" \"d\"\n");
}

BOOST_AUTO_TEST_CASE(a_set_that_only_one_of_them_has_differs) {
  BOOST_TEST(compare(kHead + kEtc, kHead + kEtc + kSpool).ends_with("\nspool "));
  BOOST_TEST(compare(kHead + kEtc + kSpool, kHead + kEtc).ends_with("\nspool "));
}

BOOST_AUTO_TEST_CASE(an_overlay_is_compared_row_by_row) {
  const std::string overlay = "[[overlay]]\nsite = 'fra1'\nset = 'etc'\nfile = 'sip.conf'\n";
  const std::string one = overlay + "replace = [{ match = 'a', with = 'b' }, { match = 'c', with = 'd' }]\n";
  const std::string two = overlay + "replace = [{ match = 'e', with = 'f' }, { match = 'g' }]\n";
  std::string other = two;
  other.replace(other.find("'g'"), 3, "'h'");
  BOOST_TEST(compare(kHead + kEtc + one + two, kHead + kEtc + one + two) == "");
  BOOST_TEST(compare(kHead + kEtc + one + two, kHead + kEtc + one + other) ==
             "overlay.fra1.etc.sip.conf[2].replace[2].match \"g\" \"h\"\n");
  BOOST_TEST(compare(kHead + kEtc + one, kHead + kEtc + one + two).find("sip.conf[2].replace.with - \"f\"") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_no_cluster_toml_is_said_with_its_place) {
  BOOST_TEST(compare(kHead, "[[[").find("there:1:") == 0U);
  BOOST_TEST(compare("x = 1\n", kHead).find("here") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
