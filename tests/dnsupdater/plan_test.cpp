#include "dnsupdater/plan.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Code;
using ha::Digest;

namespace {

const Name kZone = name("example.net");

GuardChange taken() {
  return {name("_ha.pbx.example.net"), held_record(), must(taken_record(held_record(), "nyc", Digest{0, 9}))};
}

GuardChange renewed() {
  return {name("_ha.pbx.example.net"), held_record(), must(next_record(held_record(), Digest{0, 9}))};
}

SetChange moved() {
  return {name("sip.example.net"), RrType::A, a_set("sip.example.net", 30, {"192.0.2.10"}),
          a_set("sip.example.net", 30, {"192.0.2.20", "192.0.2.21"}), true};
}

Code refused(const Change& change) {
  const auto plan = make_plan(change);
  return code_of(plan);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_plan)

BOOST_AUTO_TEST_CASE(a_takeover_is_one_message_that_stands_on_what_was_read) {
  const Plan plan = must(make_plan({kZone, {taken()}, {moved()}}));
  BOOST_TEST(nsupdate_text(plan.update) ==
             "zone example.net.\n"
             "prereq yxrrset _ha.pbx.example.net. IN TXT \"v=1 id=pbx owner=fra epoch=7 seq=120 state=own "
             "n=00000000000000010000000000000002\"\n"
             "update delete _ha.pbx.example.net. IN TXT\n"
             "update delete sip.example.net. IN A\n"
             "update add _ha.pbx.example.net. 0 IN TXT \"v=1 id=pbx owner=nyc epoch=8 seq=121 state=own "
             "n=00000000000000000000000000000009\"\n"
             "update add sip.example.net. 30 IN A 192.0.2.20\n"
             "update add sip.example.net. 30 IN A 192.0.2.21\n"
             "send\n");
  BOOST_TEST(plan.afterwards.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_guard_that_is_not_there_must_still_not_be_there) {
  const GuardChange guard{name("_ha.pbx.example.net"), std::nullopt, must(first_record("pbx", Digest{0, 9}))};
  const Plan plan = must(make_plan({kZone, {guard}, {}}));
  BOOST_TEST(nsupdate_text(plan.update) ==
             "zone example.net.\n"
             "prereq nxrrset _ha.pbx.example.net. IN TXT\n"
             "update add _ha.pbx.example.net. 0 IN TXT \"v=1 id=pbx owner=- epoch=0 seq=1 state=free "
             "n=00000000000000000000000000000009\"\n"
             "send\n");
}

BOOST_AUTO_TEST_CASE(nothing_to_change_is_an_empty_plan_unless_it_is_a_renewal) {
  SetChange same = moved();
  same.after = same.before;
  Change change{kZone, {renewed()}, {same}};
  const Plan nothing = must(make_plan(change));
  BOOST_TEST(nothing.empty());
  BOOST_TEST(nothing.update.prerequisites.empty());
  // What should be there is known all the same: the guard as it was read.
  BOOST_TEST((nothing.afterwards[0].set->rdata[0] == must(record_rdata(held_record()))));
  BOOST_TEST((nothing.afterwards[1].set == same.before));
  change.renewal = true;
  const Plan renewal = must(make_plan(change));
  BOOST_TEST(renewal.update.prerequisites.size() == 1U);
  BOOST_TEST(renewal.update.deletions.size() == 1U);
  BOOST_TEST(renewal.update.additions.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_guard_that_is_not_there_waits_for_the_first_change_of_what_it_guards) {
  SetChange same = moved();
  same.after = same.before;
  GuardChange guard{name("_ha.pbx.example.net"), std::nullopt, must(first_record("pbx", Digest{0, 9}))};
  const Plan nothing = must(make_plan({kZone, {guard}, {same}}));
  BOOST_TEST(nothing.empty());
  BOOST_TEST(!nothing.afterwards[0].set);
  BOOST_TEST(!must(make_plan({kZone, {guard}, {moved()}})).empty());
  guard.after = must(taken_record(guard.after, "fra", Digest{0, 10}));  // it has something to say
  BOOST_TEST(!must(make_plan({kZone, {guard}, {same}})).empty());
}

BOOST_AUTO_TEST_CASE(a_guard_that_is_right_already_needs_no_new_version_while_nothing_is_sent) {
  GuardChange guard = renewed();
  guard.after = *guard.before;
  SetChange set = moved();
  BOOST_TEST((refused({kZone, {guard}, {set}}) == Code::Invalid));
  set.after = set.before;
  BOOST_TEST(must(make_plan({kZone, {guard}, {set}})).empty());
  BOOST_TEST((refused({kZone, {guard}, {set}, true}) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(what_a_guard_says_is_a_change_of_its_own) {
  GuardChange guard = renewed();
  guard.after.state = HoldState::Drain;
  BOOST_TEST(!must(make_plan({kZone, {guard}, {}})).empty());
}

BOOST_AUTO_TEST_CASE(an_rrset_with_two_ttls_is_replaced) {
  SetChange set = moved();
  set.after = set.before;
  set.before->ttls_differ = true;
  const Plan plan = must(make_plan({kZone, {renewed()}, {set}}));
  BOOST_TEST(plan.update.deletions.size() == 2U);
  BOOST_TEST(plan.update.additions.size() == 2U);
}

BOOST_AUTO_TEST_CASE(an_rrset_of_no_service_may_be_deleted) {
  SetChange set = moved();
  set.of_service = false;
  set.after.reset();
  const Plan plan = must(make_plan({kZone, {renewed()}, {set}}));
  BOOST_TEST(nsupdate_text(plan.update).find("update delete sip.example.net. IN A\n") != std::string::npos);
  BOOST_TEST(!plan.afterwards[1].set.has_value());
}

BOOST_AUTO_TEST_CASE(a_service_is_never_left_without_its_rrset) {
  SetChange set = moved();
  set.after.reset();
  const auto plan = make_plan({kZone, {renewed()}, {set}});
  BOOST_TEST((code_of(plan) == Code::Refused));
  BOOST_TEST(plan.error().what().find("sip.example.net A") == 0U);
  BOOST_TEST(!plan.error().hint().empty());
}

BOOST_AUTO_TEST_CASE(there_is_no_update_without_a_guard) {
  BOOST_TEST((refused({kZone, {}, {moved()}}) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(a_guard_goes_on_from_what_was_read) {
  const auto spoilt = [](void (*spoil)(GuardChange&)) {
    GuardChange guard = taken();
    spoil(guard);
    return refused({kZone, {guard}, {}});
  };
  BOOST_TEST((spoilt([](GuardChange& g) { g.after.id = "other"; }) == Code::Invalid));
  BOOST_TEST((spoilt([](GuardChange& g) { g.after.version = g.before->version; }) == Code::Invalid));
  BOOST_TEST((spoilt([](GuardChange& g) { g.after.version.epoch = 6; }) == Code::Invalid));
  BOOST_TEST((spoilt([](GuardChange& g) { g.after.version.epoch = 7; }) == Code::Invalid));
  BOOST_TEST((spoilt([](GuardChange& g) { g.after.nonce = g.before->nonce; }) == Code::Invalid));
  BOOST_TEST((spoilt([](GuardChange& g) { g.after.nonce = {}; }) == Code::Invalid));
  BOOST_TEST((spoilt([](GuardChange& g) { g.name = name("sip.example.net"); }) == Code::Invalid));
}

// The copy of a lease takes its text: seq may fall while the epoch rises.
BOOST_AUTO_TEST_CASE(a_copy_may_go_to_a_higher_epoch_with_a_lower_seq) {
  GuardChange guard = taken();
  guard.after.version = {9, 3};
  BOOST_TEST(!must(make_plan({kZone, {guard}, {}})).empty());
}

BOOST_AUTO_TEST_CASE(what_no_swap_may_touch_is_invalid) {
  const auto spoilt = [](void (*spoil)(SetChange&)) {
    SetChange set = moved();
    spoil(set);
    return refused({kZone, {taken()}, {set}});
  };
  const auto renamed = [](SetChange& set, const char* text) {
    set.name = name(text);
    set.before.reset();
    set.after->name = set.name;
  };
  SetChange outside = moved();
  renamed(outside, "sip.example.org");
  BOOST_TEST((refused({kZone, {taken()}, {outside}}) == Code::Invalid));
  SetChange beside = moved();
  renamed(beside, "_ha.pbx.example.net");
  BOOST_TEST((refused({kZone, {taken()}, {beside}}) == Code::Invalid));
  BOOST_TEST((spoilt([](SetChange& s) { s.after->ttl_s = 0; }) == Code::Invalid));
  BOOST_TEST((spoilt([](SetChange& s) { s.after->ttl_s = kTtlMaxS + 1; }) == Code::Invalid));
  BOOST_TEST((spoilt([](SetChange& s) { s.after->ttls_differ = true; }) == Code::Invalid));
  BOOST_TEST((spoilt([](SetChange& s) { s.after->type = RrType::Srv; }) == Code::Invalid));
  BOOST_TEST((spoilt([](SetChange& s) { s.before->name = name("b.example.net"); }) == Code::Invalid));
  BOOST_TEST((spoilt([](SetChange& s) { s.after->rdata.clear(); }) == Code::Invalid));
  for (const RrType type : {RrType::Soa, RrType::Any, RrType::Rrsig, static_cast<RrType>(0)}) {
    BOOST_TEST((refused({kZone, {taken()}, {{name("a.example.net"), type, {}, {}}}}) == Code::Invalid));
  }
  BOOST_TEST((refused({kZone, {taken()}, {{kZone, RrType::Ns, {}, {}}}}) == Code::Invalid));
  BOOST_TEST((refused({kZone, {taken()}, {moved(), moved()}}) == Code::Invalid));
  BOOST_TEST((refused({kZone, {taken(), taken()}, {}}) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(a_cname_stands_alone) {
  const RrSet target = must(RrSet::make(name("sip.example.net"), RrType::Cname, 30, {{"\1a\0", "a."}}));
  const SetChange cname{name("sip.example.net"), RrType::Cname, {}, target};
  BOOST_TEST((refused({kZone, {taken()}, {cname, moved()}}) == Code::Invalid));
  BOOST_TEST(must(make_plan({kZone, {taken()}, {cname}})).update.additions.size() == 2U);
  SetChange two = cname;
  two.after->rdata.push_back({"\1b\0", "b."});
  BOOST_TEST((refused({kZone, {taken()}, {two}}) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(a_change_is_bounded) {
  BOOST_TEST((refused({kZone, {taken()}, std::vector<SetChange>(kChangesMax, moved())}) == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(names_of_several_services_change_in_one_message) {
  GuardChange second = taken();
  second.name = name("_ha.maint.example.net");
  const Plan plan = must(make_plan({kZone, {taken(), second}, {moved()}}));
  BOOST_TEST(plan.update.prerequisites.size() == 2U);
  BOOST_TEST(plan.update.additions.size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_read_back_names_every_rrset_that_differs) {
  SetChange gone = moved();
  gone.name = name("old.example.net");
  gone.before->name = gone.name;
  gone.after.reset();
  gone.of_service = false;
  const Plan plan = must(make_plan({kZone, {taken()}, {moved(), gone}}));
  std::vector<RrSet> found = {*plan.afterwards[0].set, *plan.afterwards[1].set};
  BOOST_TEST(differences(plan, found).empty());
  found[1] = a_set("sip.example.net", 30, {"192.0.2.10"});
  found.push_back(*gone.before);
  const auto differ = differences(plan, found);
  BOOST_TEST(differ.size() == 2U);
  BOOST_TEST(differ[0] ==
             "sip.example.net A is 192.0.2.10 with TTL 30; it should be 192.0.2.20, 192.0.2.21 with TTL 30");
  BOOST_TEST(differ[1] == "old.example.net A is still there: 192.0.2.10 with TTL 30");
  BOOST_TEST(differences(plan, {}).size() == 2U);
}

BOOST_AUTO_TEST_CASE(every_line_of_nsupdate_can_be_written) {
  const Name a = name("a.example.net");
  const Rdata one = address_rdata(address("192.0.2.1"));
  const Update update{kZone,
                      {{Need::NameInUse, a},
                       {Need::NameUnused, a},
                       {Need::SetExists, a, RrType::A},
                       {Need::SetAbsent, a, RrType::Srv},
                       {Need::SetIs, a, RrType::A, {one}}},
                      {{a}, {a, RrType::A}, {a, RrType::A, one}},
                      {}};
  BOOST_TEST(nsupdate_text(update) ==
             "zone example.net.\n"
             "prereq yxdomain a.example.net.\n"
             "prereq nxdomain a.example.net.\n"
             "prereq yxrrset a.example.net. IN A\n"
             "prereq nxrrset a.example.net. IN SRV\n"
             "prereq yxrrset a.example.net. IN A 192.0.2.1\n"
             "update delete a.example.net.\n"
             "update delete a.example.net. IN A\n"
             "update delete a.example.net. IN A 192.0.2.1\n"
             "send\n");
}

BOOST_AUTO_TEST_SUITE_END()
