#include "replicator/session/sender.h"

#include <boost/test/unit_test.hpp>

#include "tests/session/session_fixture.h"

namespace ha::replicator {
namespace {

constexpr std::uint64_t kWindow = 1'000'000;

// A sender whose link is up and whose index ends at `head`.
struct Fixture {
  explicit Fixture(std::optional<Position> acknowledged = std::nullopt, std::uint64_t head = 10)
      : sender({"etc"}, acknowledged) {
    sender.on_link_up(1, at(0));
    sender.on_index(facts(head), at(0));
  }
  static IndexFacts facts(std::uint64_t head, std::uint64_t id = 7) {
    return {position(head, 0, id), 3, 0, Bytes(32, 'k')};
  }
  void receive(SetMessage message, double seconds = 1) {
    sender.on_message(std::move(message), sender.attempt(), at(seconds));
  }
  // Answers listings with `items`, the rest with nothing, until there is nothing more to list.
  std::vector<SenderAction> list(const std::vector<Listed>& items) {
    std::vector<SenderAction> all;
    for (auto actions = sender.take_actions(); !actions.empty(); actions = sender.take_actions()) {
      for (const SenderAction& action : actions) {
        if (const auto* asked = std::get_if<ListAction>(&action)) {
          std::vector<Listed> answer;
          for (const Listed& item : items) {
            if (item.rank == asked->rank && !asked->after_key) {
              answer.push_back(item);
            }
          }
          sender.on_listed(sender.attempt(), answer, at(1));
        }
        all.push_back(action);
      }
    }
    return all;
  }
  void frame(std::uint64_t batch, bool last = true, std::size_t bytes = 100) {
    sender.on_frame(sender.attempt(), batch, Bytes(bytes, 'x'), last, false, at(1));
  }

  Sender sender;
};

Listed item(const Bytes& key, Rank rank = Rank::Content) {
  return {key, rank, 10, rank == Rank::Delete, {1, 1}, {2, 2}};
}

}  // namespace
}  // namespace ha::replicator

BOOST_AUTO_TEST_SUITE(session_sender)

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_CASE(a_link_and_an_index_make_an_offer) {
  Sender sender({"etc"}, std::nullopt);
  BOOST_CHECK(sender.state() == SenderState::Down);
  sender.on_link_up(3, at(0));
  BOOST_CHECK(!find_message<Offer>(sender.take_actions()));  // nothing to offer yet
  sender.on_index(Fixture::facts(10), at(0));
  const auto offer = find_message<Offer>(sender.take_actions());
  BOOST_REQUIRE(offer);
  BOOST_TEST(offer->set == "etc");
  BOOST_CHECK(offer->position == position(10));
  BOOST_TEST((sender.attempt() >> 32) == 3U);
}

// The replica drops an attempt whose number is not higher than the last one's.
BOOST_AUTO_TEST_CASE(after_a_silence_the_same_link_goes_on_with_new_attempts) {
  Fixture test;
  const std::uint64_t before = test.sender.attempt();
  test.sender.on_link_down();
  static_cast<void>(test.sender.take_actions());
  test.sender.on_index(Fixture::facts(12), at(1));
  BOOST_CHECK(test.sender.take_actions().empty());
  test.sender.on_link_up(1, at(2));
  BOOST_TEST(test.sender.attempt() > before);
  BOOST_TEST((test.sender.attempt() >> 32) == 1U);
  BOOST_TEST(find_message<Offer>(test.sender.take_actions())->position.sequence == 12U);
  test.sender.on_link_up(4, at(3));
  BOOST_TEST((test.sender.attempt() >> 32) == 4U);
}

BOOST_AUTO_TEST_CASE(equal_positions_are_equal_without_a_word_more) {
  Fixture test;
  static_cast<void>(test.sender.take_actions());
  test.receive(Have{position(10), 3, {}});
  BOOST_CHECK(test.sender.state() == SenderState::Equal);
  BOOST_TEST(test.sender.take_became_equal());
  BOOST_TEST(!test.sender.take_became_equal());
  const auto actions = test.sender.take_actions();
  BOOST_CHECK(find<AcknowledgedAction>(actions)->position == position(10));
  BOOST_TEST(find<SenderEvent>(actions)->name == "session.checked");
  BOOST_TEST(actions.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_head_that_moves_is_announced_once_an_offer_is_out) {
  Fixture test;
  static_cast<void>(test.sender.take_actions());
  test.receive(Have{position(10), 3, {}});
  static_cast<void>(test.sender.take_actions());
  test.sender.on_index(Fixture::facts(10), at(1));
  BOOST_CHECK(!find_message<Head>(test.sender.take_actions()));
  test.sender.on_index(Fixture::facts(12), at(1));
  BOOST_TEST(find_message<Head>(test.sender.take_actions())->sequence == 12U);
}

BOOST_AUTO_TEST_CASE(what_was_acknowledged_continues_from_there) {
  Fixture test(position(5));
  static_cast<void>(test.sender.take_actions());
  test.receive(Have{position(5), 3, {}});
  BOOST_CHECK(test.sender.state() == SenderState::Sending);
  const auto list = find<ListAction>(test.sender.take_actions());
  BOOST_REQUIRE(list);
  BOOST_TEST(list->after == 5U);
  BOOST_TEST(list->up_to == 10U);
}

BOOST_AUTO_TEST_CASE(anything_else_is_compared) {
  for (const Position& theirs : {position(5, 999), position(5, 0, 8), position(4)}) {
    Fixture test(position(5));
    static_cast<void>(test.sender.take_actions());
    test.receive(Have{theirs, 3, {}});
    BOOST_CHECK(test.sender.state() == SenderState::Comparing);
    BOOST_CHECK(find<DescribeAction>(test.sender.take_actions()));
  }
}

BOOST_AUTO_TEST_CASE(a_trimmed_position_is_compared) {
  Fixture test(position(5));
  IndexFacts facts = Fixture::facts(10);
  facts.trimmed_to = 6;
  test.sender.on_index(facts, at(0));
  test.receive(Have{position(5), 3, {}});
  BOOST_CHECK(test.sender.state() == SenderState::Comparing);
}

BOOST_AUTO_TEST_CASE(an_empty_replica_is_sent_everything) {
  Fixture test;
  test.receive(Have{});
  static_cast<void>(test.sender.take_actions());
  BOOST_CHECK(test.sender.state() == SenderState::Sending);
}

BOOST_AUTO_TEST_CASE(a_pass_lists_builds_sends_and_marks) {
  Fixture test;
  test.receive(Have{});
  const auto build = find<BuildAction>(test.list({item("a")}));
  BOOST_REQUIRE(build);
  BOOST_TEST(build->items.at(0).key == "a");
  test.frame(build->batch);
  const auto data = test.sender.next_data(kWindow, at(1));
  BOOST_REQUIRE(data);
  BOOST_TEST(data->last);
  BOOST_TEST(test.sender.bytes_in_flight() == 100U);
  const auto mark = find_message<Mark>(test.sender.take_actions());
  BOOST_REQUIRE(mark);
  BOOST_TEST(mark->position.sequence == 10U);
  BOOST_CHECK(test.sender.state() == SenderState::Confirming);
  test.receive(Ack{1, {}, 100, {}});
  BOOST_TEST(test.sender.bytes_in_flight() == 0U);
  test.receive(Done{position(10), 0});
  BOOST_CHECK(test.sender.state() == SenderState::Equal);
}

BOOST_AUTO_TEST_CASE(a_higher_rank_waits_for_the_lower_ones_and_names_them) {
  Fixture test;
  test.receive(Have{});
  const auto first = find<BuildAction>(test.list({item("d", Rank::Container), item("d/a")}));
  BOOST_REQUIRE(first);
  BOOST_TEST(first->items.size() == 1U);
  test.frame(first->batch);
  BOOST_CHECK(!find<BuildAction>(test.list({})));  // not before its frames have left
  BOOST_REQUIRE(test.sender.next_data(kWindow, at(1)));
  const auto second = find<BuildAction>(test.list({}));
  BOOST_REQUIRE(second);
  test.frame(second->batch);
  BOOST_TEST(test.sender.next_data(kWindow, at(1))->after == first->batch);
}

BOOST_AUTO_TEST_CASE(the_window_lets_one_frame_go_and_then_no_more_than_fits) {
  Fixture test;
  test.receive(Have{});
  const auto build = find<BuildAction>(test.list({item("a")}));
  test.frame(build->batch, false);
  test.frame(build->batch, true);
  BOOST_TEST(test.sender.next_data(10, at(1)).has_value());
  BOOST_TEST(!test.sender.next_data(10, at(1)).has_value());
  BOOST_TEST(test.sender.next_data(100, at(1)).has_value());
}

BOOST_AUTO_TEST_CASE(full_output_pauses_a_build_until_there_is_room) {
  Fixture test;
  test.receive(Have{});
  const auto build = find<BuildAction>(test.list({item("a")}));
  test.frame(build->batch, false, kOutputBytesMax);
  BOOST_CHECK(!find<ContinueAction>(test.sender.take_actions()));
  BOOST_REQUIRE(test.sender.next_data(kWindow, at(1)));
  BOOST_CHECK(find<ContinueAction>(test.sender.take_actions()));
}

BOOST_AUTO_TEST_CASE(silence_ends_an_attempt_and_the_next_comes_later_each_time) {
  Fixture test;
  static_cast<void>(test.sender.take_actions());
  double now = 0;
  double waited = 0;
  for (int i = 0; i < 4; ++i) {
    BOOST_REQUIRE(test.sender.next_wakeup());
    BOOST_CHECK(*test.sender.next_wakeup() == at(now + 20));
    now += 20;
    test.sender.on_tick(at(now));
    BOOST_CHECK(test.sender.state() == SenderState::Waiting);
    const double wait = std::chrono::duration<double>(*test.sender.next_wakeup() - at(now)).count();
    BOOST_TEST(wait > waited);
    waited = wait;
    now += wait;
    test.sender.on_tick(at(now));
    BOOST_CHECK(test.sender.state() == SenderState::Offering);
  }
}

BOOST_AUTO_TEST_CASE(an_answer_that_never_comes_ends_the_attempt) {
  Fixture test;
  test.receive(Have{});
  const auto build = find<BuildAction>(test.list({item("a")}));
  BOOST_CHECK(!test.sender.next_wakeup());  // our own work has no timeout
  test.sender.on_need(test.sender.attempt(), build->batch, "?", at(2));
  BOOST_CHECK(find_message<Ask>(test.sender.take_actions()));
  BOOST_REQUIRE(test.sender.next_wakeup());
  test.sender.on_tick(at(22));
  BOOST_CHECK(test.sender.state() == SenderState::Waiting);
}

BOOST_AUTO_TEST_CASE(an_answer_that_comes_twice_is_taken_once) {
  Fixture test;
  test.receive(Have{});
  const auto build = find<BuildAction>(test.list({item("a")}));
  test.sender.on_need(test.sender.attempt(), build->batch, "?", at(2));
  static_cast<void>(test.sender.take_actions());
  test.receive(Answer{build->batch, "!"});
  BOOST_CHECK(find<FeedAction>(test.sender.take_actions()));
  test.receive(Answer{build->batch, "!"});
  BOOST_CHECK(!find<FeedAction>(test.sender.take_actions()));
}

BOOST_AUTO_TEST_CASE(what_is_of_an_ended_attempt_is_dropped) {
  Fixture test;
  test.receive(Have{});
  const auto build = find<BuildAction>(test.list({item("a")}));
  const std::uint64_t old = test.sender.attempt();
  test.sender.resync(at(2));
  static_cast<void>(test.sender.take_actions());
  test.sender.on_frame(old, build->batch, "x", true, false, at(2));
  test.sender.on_listed(old, {item("b")}, at(2));
  test.sender.on_work_failed(old, Error(Code::Io, "late"), at(2));
  test.sender.on_message(Have{position(10), 3, {}}, old, at(2));
  BOOST_TEST(!test.sender.has_output());
  BOOST_TEST(test.sender.take_actions().empty());
  BOOST_CHECK(test.sender.state() == SenderState::Offering);
}

BOOST_AUTO_TEST_CASE(what_an_ended_attempt_wanted_is_not_done_for_the_next_one) {
  Fixture test;
  static_cast<void>(test.sender.take_actions());
  test.receive(Have{});  // leaves a ListAction
  test.sender.resync(at(2));
  const auto actions = test.sender.take_actions();
  BOOST_CHECK(!find<ListAction>(actions));
  BOOST_CHECK(find<StopBuildsAction>(actions));
  BOOST_CHECK(find_message<Offer>(actions));
}

BOOST_AUTO_TEST_CASE(a_refusal_waits_and_says_why) {
  Fixture test;
  test.receive(Refusal{Code::Refused, "an older epoch", "raise it"});
  BOOST_CHECK(test.sender.state() == SenderState::Waiting);
  BOOST_TEST(test.sender.status().reason == "an older epoch");
  BOOST_TEST(test.sender.status().hint == "raise it");
}

BOOST_AUTO_TEST_CASE(an_origins_message_from_the_replica_ends_the_attempt) {
  Fixture test;
  test.receive(Mark{});
  BOOST_CHECK(test.sender.state() == SenderState::Waiting);
}

BOOST_AUTO_TEST_CASE(an_item_that_was_not_offered_cannot_be_wanted) {
  Fixture test;
  test.receive(Have{position(5, 1, 8), 3, {}});
  test.sender.on_described(test.sender.attempt(), Description{{1, {}}, {item("a")}, {}}, at(1));
  test.receive(Differ{1, {}, {{"b", {}, false}}, {}});
  BOOST_CHECK(test.sender.state() == SenderState::Waiting);
}

BOOST_AUTO_TEST_CASE(a_range_that_was_not_described_cannot_differ) {
  const Range sum{"a", "m", 5, {}, false, {}};
  const Range leaf{"m", "z", 5, {}, true, {}};
  const Range other{"b", "c", 5, {}, false, {}};
  for (const std::vector<Range>& ranges :
       {std::vector<Range>{other}, {leaf}, {sum, sum}, {sum, other}, {other, sum}}) {
    Fixture test;
    test.receive(Have{position(5, 1, 8), 3, {}});
    test.sender.on_described(test.sender.attempt(), Description{{1, {sum, leaf}}, {}, {}}, at(1));
    test.receive(Differ{1, ranges, {}, {}});
    BOOST_CHECK(test.sender.state() == SenderState::Waiting);
  }
}

BOOST_AUTO_TEST_CASE(what_differs_is_sent_and_what_is_extra_deleted) {
  Fixture test;
  test.receive(Have{position(5, 1, 8), 3, {}});
  test.sender.on_described(test.sender.attempt(), Description{{1, {}}, {item("a")}, {}}, at(1));
  static_cast<void>(test.sender.take_actions());
  test.receive(Differ{1, {}, {{"a", {9, 9}, true}}, {"z"}});
  const auto build = find<BuildAction>(test.sender.take_actions());
  BOOST_REQUIRE(build);
  BOOST_TEST(build->items.at(0).key == "a");
  BOOST_CHECK(*build->items[0].have == (Digest{9, 9}));
  test.frame(build->batch);
  BOOST_REQUIRE(test.sender.next_data(kWindow, at(1)));
  const auto deletes = find<BuildAction>(test.sender.take_actions());
  BOOST_REQUIRE(deletes);
  BOOST_TEST(deletes->items.at(0).key == "z");
}

BOOST_AUTO_TEST_CASE(an_item_in_trouble_comes_again_with_the_replicas_basis_and_is_counted) {
  Fixture test;
  test.receive(Have{});
  const auto build = find<BuildAction>(test.list({item("a")}));
  test.frame(build->batch);
  BOOST_REQUIRE(test.sender.next_data(kWindow, at(1)));
  BOOST_TEST(find_message<Mark>(test.sender.take_actions())->redone == 0U);
  test.receive(Ack{1, {}, 100, {{"a", "other basis", true, "B"}}});
  const auto again = find<BuildAction>(test.sender.take_actions());
  BOOST_REQUIRE(again);
  BOOST_TEST(again->items.at(0).basis == "B");
  test.frame(again->batch);
  BOOST_REQUIRE(test.sender.next_data(kWindow, at(1)));
  BOOST_TEST(find_message<Mark>(test.sender.take_actions())->redone == 1U);
}

BOOST_AUTO_TEST_CASE(what_was_moved_is_named_first_and_sent_when_it_is_not_there) {
  Fixture test(position(5));
  test.receive(Have{position(5), 3, {}});
  Listed moved = item("a");
  moved.size = kBatchBytes;
  moved.moved = true;
  const auto build = find<BuildAction>(test.list({moved}));
  BOOST_REQUIRE(build);
  BOOST_CHECK(build->items.at(0).moved == moved.content);
  test.frame(build->batch);
  BOOST_REQUIRE(test.sender.next_data(kWindow, at(1)));
  static_cast<void>(test.sender.take_actions());
  test.receive(Ack{1, {}, 100, {{"a", "it is nowhere", true, "B"}}});
  const auto again = find<BuildAction>(test.sender.take_actions());
  BOOST_REQUIRE(again);
  BOOST_CHECK(!again->items.at(0).moved);
  BOOST_TEST(again->items[0].basis == "B");
}

BOOST_AUTO_TEST_CASE(what_is_not_sent_weighs_little_in_a_batch_and_goes_first) {
  Fixture test(position(5));
  test.receive(Have{position(5), 3, {}});
  std::vector<Listed> items;
  for (char name = 'a'; name < 'a' + 20; ++name) {
    items.push_back(item(Bytes(1, name)));
    items.back().size = kBatchBytes;
    items.back().moved = name != 'e';
  }
  const auto actions = test.list(items);
  const auto first = find<BuildAction>(actions);
  BOOST_REQUIRE(first);
  BOOST_TEST(first->items.size() == 19U);
  BOOST_TEST(first->items.back().key == "t");
  std::vector<Bytes> others;
  for (const SenderAction& action : actions) {
    if (const auto* build = std::get_if<BuildAction>(&action); build != nullptr && build->batch > 1) {
      others.push_back(build->items.at(0).key);
    }
  }
  BOOST_TEST((others == std::vector<Bytes>{"e"}));
}

BOOST_AUTO_TEST_CASE(what_is_resumed_is_not_looked_for_elsewhere) {
  Fixture test(position(5));
  test.receive(Have{position(5), 3, {{"a", {2, 2}, "R"}}});
  Listed moved = item("a");
  moved.moved = true;
  const auto build = find<BuildAction>(test.list({moved}));
  BOOST_REQUIRE(build);
  BOOST_TEST(build->items.at(0).resume == "R");
  BOOST_CHECK(!build->items[0].moved);
}

BOOST_AUTO_TEST_CASE(deletions_wait_until_all_is_compared) {
  Fixture test;
  test.receive(Have{position(5, 1, 8), 3, {}});
  const Range range{"m", "n", 1, {}, false, {}};
  test.sender.on_described(test.sender.attempt(), Description{{1, {range}}, {item("b")}, {}}, at(1));
  static_cast<void>(test.sender.take_actions());
  test.receive(Differ{1, {range}, {}, {"a"}});  // and there is more to compare
  auto actions = test.sender.take_actions();
  BOOST_CHECK(!find<BuildAction>(actions));
  BOOST_CHECK(find<DescribeAction>(actions));
  test.sender.on_described(test.sender.attempt(), Description{{2, {}}, {item("m1")}, {}}, at(1));
  static_cast<void>(test.sender.take_actions());
  test.receive(Differ{2, {}, {{"m1", {}, true}}, {}});
  const auto build = find<BuildAction>(test.sender.take_actions());
  BOOST_REQUIRE(build);
  BOOST_TEST(build->items.at(0).key == "m1");
  test.frame(build->batch);
  BOOST_REQUIRE(test.sender.next_data(kWindow, at(1)));
  const auto deletes = find<BuildAction>(test.sender.take_actions());
  BOOST_REQUIRE(deletes);
  BOOST_TEST(deletes->items.at(0).key == "a");
}

BOOST_AUTO_TEST_CASE(an_item_in_trouble_again_and_again_is_left_for_later) {
  Fixture test;
  test.receive(Have{});
  auto build = find<BuildAction>(test.list({item("a")}));
  for (std::uint64_t i = 1; build; ++i) {
    BOOST_REQUIRE(i <= kRedoMax + 1);
    test.frame(build->batch);
    BOOST_REQUIRE(test.sender.next_data(kWindow, at(1)));
    test.receive(Ack{i, {}, 100 * i, {{"a", "again", true, "B"}}});
    build = find<BuildAction>(test.sender.take_actions());
  }
  test.receive(Done{position(10, 99), 0});
  BOOST_CHECK(test.sender.state() == SenderState::Incomplete);
}

BOOST_AUTO_TEST_CASE(failed_items_are_told_and_tried_at_the_next_check) {
  Fixture test;
  test.receive(Have{});
  const auto build = find<BuildAction>(test.list({item("a")}));
  test.frame(build->batch);
  BOOST_REQUIRE(test.sender.next_data(kWindow, at(1)));
  test.receive(Ack{1, {}, 100, {{"a", "name too long", false, {}}}});
  test.receive(Done{position(10, 99), 1}, 2);
  BOOST_CHECK(test.sender.state() == SenderState::Incomplete);
  BOOST_TEST(test.sender.status().failed == 1U);
  test.sender.on_tick(at(32));
  test.receive(Have{position(10, 99), 2, {}}, 33);
  BOOST_CHECK(test.sender.state() == SenderState::Comparing);
}

BOOST_AUTO_TEST_CASE(another_sum_at_the_end_of_a_pass_is_compared_at_once) {
  Fixture test;
  test.receive(Have{});
  test.list({});
  test.receive(Done{position(10, 99), 0});
  BOOST_CHECK(test.sender.state() == SenderState::Comparing);
}

BOOST_AUTO_TEST_CASE(a_change_while_equal_is_sent_without_a_new_offer) {
  Fixture test;
  test.receive(Have{position(10), 3, {}});
  const std::uint64_t attempt = test.sender.attempt();
  static_cast<void>(test.sender.take_actions());
  test.sender.on_index(Fixture::facts(12), at(2));
  BOOST_CHECK(test.sender.state() == SenderState::Sending);
  BOOST_TEST(find<ListAction>(test.sender.take_actions())->after == 10U);
  BOOST_TEST(test.sender.attempt() == attempt);
}

BOOST_AUTO_TEST_CASE(an_origin_that_went_back_is_held_until_its_index_is_renewed) {
  Fixture test;
  test.receive(Have{position(15), 3, {}});
  BOOST_CHECK(test.sender.state() == SenderState::Held);
  test.sender.on_index(Fixture::facts(20), at(40));  // its numbers have caught up: not its history
  test.sender.on_tick(at(40));
  test.receive(Have{position(15), 3, {}}, 41);
  BOOST_CHECK(test.sender.state() == SenderState::Held);
  test.sender.on_index(Fixture::facts(20, 99), at(42));
  BOOST_CHECK(test.sender.state() == SenderState::Offering);
  test.receive(Have{position(15), 3, {}}, 43);
  BOOST_CHECK(test.sender.state() == SenderState::Comparing);
}

BOOST_AUTO_TEST_CASE(a_lost_link_ends_everything) {
  Fixture test;
  test.receive(Have{});
  const auto build = find<BuildAction>(test.list({item("a")}));
  test.frame(build->batch);
  test.sender.on_link_down();
  BOOST_CHECK(test.sender.state() == SenderState::Down);
  BOOST_TEST(!test.sender.has_output());
  BOOST_CHECK(!test.sender.next_wakeup());
}

BOOST_AUTO_TEST_SUITE_END()
