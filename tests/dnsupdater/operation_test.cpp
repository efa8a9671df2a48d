// Directed cases; kills at every moment are in tests/sim/operation_test.cpp.
#include "dnsupdater/operation.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Code;
using ha::Digest;
using std::chrono::seconds;

namespace {

const Name kZone = name("example.net");
const Name kSip = name("sip.example.net");
const Name kGuard = name("_ha.pbx.example.net");
const Name kPoolGuard = name("_ha.pool.example.net");
const Digest kNonce{0, 9};

SetMove moved() {
  return {kSip, RrType::A, a_set("sip.example.net", 30, {"192.0.2.10"}),
          a_set("sip.example.net", 30, {"192.0.2.11"}), true};
}

MoveStep step() {
  return {kZone, {{kGuard, "pbx"}}, {moved()}};
}

RrSet guard_set(const Name& owner, const Record& record) {
  return must(RrSet::make(owner, RrType::Txt, 0, {must(record_rdata(record))}));
}

Pool pool(const char* only) {
  return {{address(only), AddressState::In, 10}};
}

Record pool_record(const Pool& at) {
  Record record{"pool.example.net", "", {0, 5}, HoldState::Free, Digest{1, 2}, std::nullopt};
  record.at = at;
  return record;
}

MoveStep pool_step() {
  return {kZone, {{kPoolGuard, "pool.example.net", pool("192.0.2.10"), pool("192.0.2.11")}}, {}};
}

std::string what_of(const ha::Result<Change>& change) {
  return change.ok() ? "" : change.error().what();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_operation)

BOOST_AUTO_TEST_CASE(a_step_asks_for_its_guards_and_rrsets) {
  MoveStep both = step();
  both.guards.push_back(pool_step().guards[0]);
  const std::vector<SetKey> keys = keys_of(both);
  BOOST_REQUIRE(keys.size() == 3U);
  BOOST_TEST((keys[0] == SetKey{kGuard, RrType::Txt}));
  BOOST_TEST((keys[1] == SetKey{kPoolGuard, RrType::Txt}));
  BOOST_TEST((keys[2] == SetKey{kSip, RrType::A}));
}

BOOST_AUTO_TEST_CASE(what_is_as_before_becomes_what_shall_be_under_the_next_record) {
  const Change change = must(change_of(step(), {*moved().from, guard_set(kGuard, held_record())}, kNonce));
  BOOST_REQUIRE(change.sets.size() == 1U);
  BOOST_TEST((change.sets[0].before == moved().from));
  BOOST_TEST((change.sets[0].after == moved().to));
  BOOST_TEST(change.sets[0].of_service);
  BOOST_REQUIRE(change.guards.size() == 1U);
  BOOST_TEST((change.guards[0].before == held_record()));
  BOOST_TEST((change.guards[0].after == must(next_record(held_record(), kNonce))));
  BOOST_TEST(!must(make_plan(change)).empty());
}

BOOST_AUTO_TEST_CASE(what_is_done_already_sends_nothing) {
  const Change change = must(change_of(step(), {*moved().to, guard_set(kGuard, held_record())}, kNonce));
  BOOST_TEST(must(make_plan(change)).empty());
}

BOOST_AUTO_TEST_CASE(a_guard_that_is_not_there_is_made) {
  const Change change = must(change_of(step(), {*moved().from}, kNonce));
  BOOST_TEST(!change.guards[0].before.has_value());
  BOOST_TEST((change.guards[0].after == must(first_record("pbx", kNonce))));
  const auto seen = [](const Name& guard) { return guard == kGuard ? Version{7, 120} : Version{}; };
  const Change again = must(change_of(step(), {*moved().from}, kNonce, seen));
  BOOST_TEST((again.guards[0].after.version == Version{7, 121}));
}

BOOST_AUTO_TEST_CASE(what_is_neither_is_a_conflict_that_says_what_is_there) {
  const auto other = a_set("sip.example.net", 60, {"192.0.2.10"});
  const auto change = change_of(step(), {other}, kNonce);
  BOOST_TEST((code_of(change) == Code::Conflict));
  BOOST_TEST(what_of(change) ==
             "sip.example.net A is 192.0.2.10 (TTL 60), neither 192.0.2.10 (TTL 30) nor 192.0.2.11 (TTL 30): "
             "somebody has changed it meanwhile");
  BOOST_TEST(change.error().hint() == "dnsupdater show sip.example.net");
  BOOST_TEST(what_of(change_of(step(), {}, kNonce)).find("A is nothing, neither") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_guard_of_another_is_an_error) {
  Record other = held_record();
  other.id = "fax";
  BOOST_TEST(
      (code_of(change_of(step(), {*moved().from, guard_set(kGuard, other)}, kNonce)) == Code::Conflict));
}

BOOST_AUTO_TEST_CASE(an_rrset_with_two_ttls_is_taken_for_the_one_that_was_read) {
  RrSet two = *moved().from;
  two.ttls_differ = true;
  // Written down with them or, after a restart of an older program, without.
  for (const bool written : {true, false}) {
    MoveStep ours = step();
    ours.sets[0].from->ttls_differ = written;
    BOOST_TEST(must(make_plan(must(change_of(ours, {two}, kNonce)))).update.additions.size() == 2U);
    // Undone before it was taken, it is at least made one TTL again; and then it is done.
    Operation operation{"d-1", "swap fra1", {ours}};
    const Operation undo = undo_of(operation, 0, "d-2");
    const auto& back = std::get<MoveStep>(undo.steps.at(0));
    BOOST_TEST(!back.sets[0].to->ttls_differ);
    BOOST_TEST(must(make_plan(must(change_of(back, {two}, kNonce)))).update.additions.size() == 2U);
    BOOST_TEST(
        must(make_plan(must(change_of(back, {*moved().from, guard_set(kGuard, held_record())}, kNonce))))
            .empty());
  }
}

BOOST_AUTO_TEST_CASE(the_list_of_a_pool_changes_from_what_was_to_what_shall_be) {
  const auto from = guard_set(kPoolGuard, pool_record(pool("192.0.2.10")));
  const Change change = must(change_of(pool_step(), {from}, kNonce));
  BOOST_TEST((change.guards[0].after.at == pool("192.0.2.11")));
  BOOST_TEST(!must(make_plan(change)).empty());
  const auto to = guard_set(kPoolGuard, pool_record(pool("192.0.2.11")));
  BOOST_TEST(must(make_plan(must(change_of(pool_step(), {to}, kNonce)))).empty());
  const auto other = guard_set(kPoolGuard, pool_record(pool("192.0.2.99")));
  for (const std::vector<RrSet>& found : {std::vector<RrSet>{other}, std::vector<RrSet>{}}) {
    const auto refused = change_of(pool_step(), found, kNonce);
    BOOST_TEST((code_of(refused) == Code::Conflict));
    BOOST_TEST(what_of(refused).find(
                   "pool pool.example.net: 192.0.2.10 is not in the pool, not in with weight 10 any more") ==
               0U);
  }
}

// Takes one address out of a set that has others, and puts one in.
SetMove shared_move(std::uint32_t from_ttl_s = 30, std::uint32_t to_ttl_s = 30) {
  SetMove move{name("pool.example.net"), RrType::A,
               a_set("pool.example.net", from_ttl_s, {"192.0.2.10", "192.0.2.20"}),
               a_set("pool.example.net", to_ttl_s, {"192.0.2.11", "192.0.2.20"}), true};
  move.shared = true;
  return move;
}

BOOST_AUTO_TEST_CASE(in_a_shared_set_only_what_the_move_is_about_changes) {
  const MoveStep step{kZone, {{kPoolGuard, "pool.example.net"}}, {shared_move()}};
  const auto after = [&](const MoveStep& with, const RrSet& now) {
    return must(change_of(with, {now, guard_set(kPoolGuard, pool_record({}))}, kNonce)).sets.at(0).after;
  };
  const RrSet theirs = a_set("pool.example.net", 30, {"192.0.2.10", "192.0.2.30"});
  BOOST_TEST((after(step, theirs) == a_set("pool.example.net", 30, {"192.0.2.11", "192.0.2.30"})));
  const RrSet done = a_set("pool.example.net", 30, {"192.0.2.11", "192.0.2.30"});
  BOOST_TEST((after(step, done) == done));
  const MoveStep lower{kZone, {{kPoolGuard, "pool.example.net"}}, {shared_move(30, 5)}};
  BOOST_TEST((after(lower, theirs) == a_set("pool.example.net", 5, {"192.0.2.11", "192.0.2.30"})));
  BOOST_TEST((after(lower, a_set("pool.example.net", 5, {"192.0.2.10"})) ==
              a_set("pool.example.net", 5, {"192.0.2.11"})));
  // Somebody else has lowered it for a swap of his own: two at once would wait too short a time.
  const auto other = change_of(step, {a_set("pool.example.net", 7, {"192.0.2.10"})}, kNonce);
  BOOST_TEST((code_of(other) == Code::Conflict));
  // Made, and taken away as a whole.
  MoveStep made = step;
  made.sets[0].from.reset();
  BOOST_TEST((must(change_of(made, {}, kNonce)).sets.at(0).after == made.sets[0].to));
  MoveStep gone = step;
  gone.sets[0].to.reset();
  BOOST_TEST(!after(gone, *gone.sets[0].from).has_value());
  BOOST_TEST((after(gone, theirs) == a_set("pool.example.net", 30, {"192.0.2.30"})));
}

BOOST_AUTO_TEST_CASE(a_server_has_followed_when_it_shows_what_the_move_is_about) {
  const SetMove whole = moved();
  BOOST_TEST(is_after(whole, whole.to));
  BOOST_TEST(!is_after(whole, whole.from));
  BOOST_TEST(!is_after(whole, std::nullopt));
  const SetMove part = shared_move();
  BOOST_TEST(is_after(part, part.to));
  BOOST_TEST(is_after(part, a_set("pool.example.net", 5, {"192.0.2.11", "192.0.2.77"})));
  BOOST_TEST(!is_after(part, part.from));
  BOOST_TEST(!is_after(part, a_set("pool.example.net", 30, {"192.0.2.10", "192.0.2.11"})));
  BOOST_TEST(!is_after(part, std::nullopt));
  const SetMove lower = shared_move(30, 5);
  BOOST_TEST(!is_after(lower, a_set("pool.example.net", 30, {"192.0.2.11"})));
  BOOST_TEST(is_after(lower, a_set("pool.example.net", 5, {"192.0.2.11"})));
}

BOOST_AUTO_TEST_CASE(without_lists_a_pool_keeps_its_own) {
  MoveStep ours = pool_step();
  ours.guards[0].from.reset();
  ours.guards[0].to.reset();
  const auto found = guard_set(kPoolGuard, pool_record(pool("192.0.2.77")));
  BOOST_TEST((must(change_of(ours, {found}, kNonce)).guards[0].after.at == pool("192.0.2.77")));
}

BOOST_AUTO_TEST_CASE(undo_takes_the_steps_back_from_the_last_that_may_have_been_taken) {
  SetMove second = moved();
  second.from = second.to;
  second.to = a_set("sip.example.net", 60, {"192.0.2.12"});
  const std::vector<Endpoint> servers{{address("192.0.2.53"), 53}};
  Operation operation{"d-1", "maintenance start fra1", {}};
  operation.steps.emplace_back(step());
  operation.steps.emplace_back(VerifyStep{kZone, servers, {moved()}, seconds(60)});
  operation.steps.emplace_back(PauseStep{seconds(30), "caches"});
  operation.steps.emplace_back(MoveStep{kZone, {{kGuard, "pbx"}}, {second}});
  operation.steps.emplace_back(DrainStep{{"true"}, seconds(5)});
  operation.steps.emplace_back(MoveStep{name("other.test"), {}, {}});

  const Operation early = undo_of(operation, 1, "d-2");
  BOOST_TEST(early.id == "d-2");
  BOOST_TEST(early.what == "undo d-1 (maintenance start fra1)");
  BOOST_REQUIRE(early.steps.size() == 2U);
  const SetMove back{kSip, RrType::A, moved().to, moved().from, true};
  BOOST_TEST((early.steps[0] == OperationStep(MoveStep{kZone, {{kGuard, "pbx"}}, {back}})));
  BOOST_TEST((early.steps[1] == OperationStep(VerifyStep{kZone, servers, {back}, seconds(60)})));

  // The step at `done` counts; a zone that nobody looked at gives no look.
  BOOST_TEST(undo_of(operation, 2, "d-2").steps.size() == 2U);
  const Operation late = undo_of(operation, 3, "d-2");
  BOOST_REQUIRE(late.steps.size() == 4U);
  BOOST_TEST((std::get<MoveStep>(late.steps[0]).sets[0].to == moved().to));
  const Operation all = undo_of(operation, 99, "d-2");
  BOOST_REQUIRE(all.steps.size() == 5U);
  BOOST_TEST((std::get<MoveStep>(all.steps[0]).zone == name("other.test")));
}

BOOST_AUTO_TEST_CASE(undo_of_a_pool_takes_its_list_back) {
  const Operation undo = undo_of({"d-1", "swap fra1", {pool_step()}}, 0, "d-2");
  const auto& guard = std::get<MoveStep>(undo.steps.at(0)).guards.at(0);
  BOOST_TEST((guard.from == pool("192.0.2.11")));
  BOOST_TEST((guard.to == pool("192.0.2.10")));
  // What the undo is undone by is what was.
  const Operation again = undo_of(undo, 0, "d-3");
  BOOST_TEST((again.steps.at(0) == OperationStep(pool_step())));
}

BOOST_AUTO_TEST_CASE(each_step_is_told_in_a_line) {
  MoveStep three = step();
  SetMove ttl = moved();
  ttl.to = a_set("sip.example.net", 5, {"192.0.2.10"});
  SetMove made = moved();
  made.from.reset();
  SetMove gone = moved();
  gone.to.reset();
  three.sets = {moved(), ttl, made, gone};
  const auto lines = lines_of(three);
  BOOST_REQUIRE(lines.size() == 4U);
  BOOST_TEST(lines[0] == "sip.example.net A 192.0.2.10 (TTL 30) → 192.0.2.11 (TTL 30)");
  BOOST_TEST(lines[1] == "sip.example.net A TTL 30 → 5");
  BOOST_TEST(lines[2] == "sip.example.net A nothing → 192.0.2.11 (TTL 30)");
  BOOST_TEST(lines[3] == "sip.example.net A 192.0.2.10 (TTL 30) → nothing");
  const auto of_pool = lines_of(pool_step());
  BOOST_REQUIRE(of_pool.size() == 2U);
  BOOST_TEST(of_pool[0] == "pool.example.net: 192.0.2.11 not in the pool → in, weight 10");
  BOOST_TEST(of_pool[1] == "pool.example.net: 192.0.2.10 in, weight 10 → not in the pool");
  const VerifyStep look{kZone, {{address("192.0.2.53"), 53}, {address("2001:db8::53"), 53}}, {}, seconds(60)};
  BOOST_TEST(lines_of(look).at(0).find("wait until 192.0.2.53:53, [2001:db8::53]:53 answer so, ") == 0U);
  BOOST_TEST(lines_of(PauseStep{seconds(30), "caches"}).at(0).ends_with(": caches"));
  const std::string drain = lines_of(DrainStep{{"asterisk", "-r\n"}, seconds(9)}).at(0);
  BOOST_TEST(drain.starts_with("until \"asterisk -r"), drain);
  BOOST_TEST(drain.find('\n') == std::string::npos, drain);
  BOOST_TEST(lines_of(DrainStep{{}, seconds(9)}).at(0).ends_with("for calls to end"));
}

BOOST_AUTO_TEST_SUITE_END()
