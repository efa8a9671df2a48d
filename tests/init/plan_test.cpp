#include "tools/init/plan.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "common/base/glob.h"

namespace {

using namespace ha;
using namespace ha::init;

Seen tree(const std::string& name, const std::string& path, const std::string& why_not = "") {
  Seen seen;
  seen.wish.name = name;
  seen.wish.path = path;
  seen.wish.from = "default";
  seen.wish.what = "things";
  seen.wish.why_not = why_not;
  seen.there = true;
  seen.real_path = path;
  seen.items = 120;
  return seen;
}

Plan plan_of(std::vector<Seen> trees, std::vector<std::string> databases = {}) {
  Facts facts;
  facts.trees = std::move(trees);
  facts.databases = std::move(databases);
  auto plan = make_plan(facts, {"/etc/hareplicate", "/var/lib/hareplicate"});
  BOOST_TEST_REQUIRE(plan.ok());
  return std::move(plan).value();
}

bool says(const std::vector<std::string>& lines, const std::string& part) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

bool covers(const PlannedSet& set, const std::string& path, bool is_directory = false) {
  const auto globs = GlobList::parse(set.exclude);
  BOOST_TEST_REQUIRE(globs.ok());
  return globs->covers(path, is_directory);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(init_plan)

BOOST_AUTO_TEST_CASE(trees_become_sets_with_a_guard_from_their_size) {
  const Plan plan = plan_of({tree("etc", "/etc/asterisk")});
  BOOST_TEST_REQUIRE(plan.sets.size() == 1U);
  BOOST_TEST(plan.sets[0].options.back().key == "min_items");
  BOOST_TEST(plan.sets[0].options.back().value == "60");
  BOOST_TEST(plan.sets[0].options.back().proposed);
}

BOOST_AUTO_TEST_CASE(half_of_the_items_in_round_figures_is_proposed) {
  BOOST_TEST(proposed_min_items(3) == 0U);
  BOOST_TEST(proposed_min_items(4) == 2U);
  BOOST_TEST(proposed_min_items(1234) == 610U);
  BOOST_TEST(proposed_min_items(2'000'001) == 1'000'000U);
}

BOOST_AUTO_TEST_CASE(an_inner_tree_is_carried_by_the_outermost) {
  const Plan plan = plan_of({tree("a", "/s/x/y"), tree("b", "/s/x"), tree("c", "/s"), tree("d", "/sx")});
  BOOST_TEST_REQUIRE(plan.sets.size() == 2U);
  BOOST_TEST(plan.sets[0].name == "c");
  BOOST_TEST(plan.sets[1].name == "d");
  BOOST_TEST(says(plan.left_out, "/s/x/y: things; no set of its own, it lies in that of c."));
}

BOOST_AUTO_TEST_CASE(two_names_for_one_tree_are_one_set) {
  Seen link = tree("b", "/link");
  link.real_path = "/s";
  const Plan plan = plan_of({tree("a", "/s"), link});
  BOOST_TEST_REQUIRE(plan.sets.size() == 1U);
  BOOST_TEST(plan.sets[0].name == "a");
}

BOOST_AUTO_TEST_CASE(what_is_left_out_is_excluded_where_it_lies_inside) {
  const Plan plan = plan_of({tree("spool", "/spool"), tree("", "/spool/out*going", "because")});
  BOOST_TEST_REQUIRE(plan.sets.size() == 1U);
  BOOST_TEST(covers(plan.sets[0], "out*going", true));
  BOOST_TEST(covers(plan.sets[0], "out*going/call"));
  BOOST_TEST(!covers(plan.sets[0], "outgoing", true));
  BOOST_TEST(!covers(plan.sets[0], "deep/out*going", true));
  BOOST_TEST(says(plan.left_out, "left out, because."));
}

BOOST_AUTO_TEST_CASE(databases_and_what_belongs_to_them_are_excluded) {
  Seen lib = tree("lib", "/lib");
  lib.databases = {"sub/found.db"};
  const Plan plan = plan_of({lib}, {"/lib/astdb.sqlite3", "/elsewhere/x.db"});
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    BOOST_TEST(covers(plan.sets[0], std::string("astdb.sqlite3") + suffix), suffix);
    BOOST_TEST(covers(plan.sets[0], std::string("sub/found.db") + suffix), suffix);
  }
  BOOST_TEST(!covers(plan.sets[0], "sub/other.db"));
  BOOST_TEST(says(plan.sets[0].comments, "2 SQLite databases are left out"));
}

BOOST_AUTO_TEST_CASE(too_many_databases_are_excluded_by_their_endings) {
  Seen lib = tree("lib", "/lib");
  lib.databases_cut = true;
  const Plan plan = plan_of({lib});
  BOOST_TEST(covers(plan.sets[0], "any/x.db"));
  BOOST_TEST(covers(plan.sets[0], "x.sqlite3-wal"));
}

BOOST_AUTO_TEST_CASE(what_was_not_looked_at_to_the_end_may_hold_databases) {
  Seen lib = tree("lib", "/lib");
  lib.counted = false;
  const Plan plan = plan_of({lib});
  BOOST_TEST(covers(plan.sets[0], "any/x.db-journal"));
  BOOST_TEST(says(plan.sets[0].comments, "at least 120 items"));
  BOOST_TEST(says(plan.sets[0].comments, "Not everything in it could be looked at"));
}

BOOST_AUTO_TEST_CASE(whole_parts_of_the_system_and_our_own_files_are_never_in_a_set) {
  const Plan plan = plan_of({tree("good", "/srv/pbx"), tree("root", "/"), tree("etc", "/etc"),
                             tree("lib", "/var/lib/hareplicate/x"), tree("raw", "/srv/\xff")});
  BOOST_TEST_REQUIRE(plan.sets.size() == 1U);
  BOOST_TEST(plan.sets[0].name == "good");
  BOOST_TEST(plan.left_out.size() == 4U);
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_said_and_nothing_at_all_is_an_error) {
  Seen missing = tree("fax", "/spool/fax");
  missing.there = false;
  const Plan plan = plan_of({tree("etc", "/etc/asterisk"), missing});
  BOOST_TEST(says(plan.left_out, "/spool/fax: things; does not exist here (default)."));
  Facts facts;
  facts.trees = {missing};
  const auto none = make_plan(facts, {});
  BOOST_TEST_REQUIRE(!none.ok());
  BOOST_TEST((none.error().code() == Code::NotFound));
  BOOST_TEST(!none.error().hint().empty());
}

BOOST_AUTO_TEST_SUITE_END()
