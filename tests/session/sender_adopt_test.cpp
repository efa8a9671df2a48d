// A replica that has what this origin has never seen.
#include <boost/test/unit_test.hpp>

#include "replicator/session/sender.h"
#include "tests/session/session_fixture.h"

namespace ha::replicator {
namespace {

IndexFacts facts(std::uint64_t head) {
  return {position(head), 3, 0, Bytes(32, 'k')};
}

// A sender that has compared everything and was told of `ahead`.
struct Fixture {
  explicit Fixture(std::vector<Bytes> ahead) : sender({"etc"}, std::nullopt) {
    sender.on_link_up(1, at(0));
    sender.on_index(facts(10), at(0));
    take();
    receive(Have{{}, 2, {}});
    differ(std::move(ahead));
  }
  std::vector<SenderAction> take() { return sender.take_actions(); }
  void receive(SetMessage message) { sender.on_message(std::move(message), sender.attempt(), at(1)); }
  // One step of comparing, in which the replica names only these.
  void differ(std::vector<Bytes> ahead) {
    const auto step = find<DescribeAction>(take());
    BOOST_REQUIRE(step);
    Description description;
    description.compare.step = step->step;
    sender.on_described(sender.attempt(), std::move(description), at(1));
    BOOST_CHECK(find_message<Compare>(take()));
    Differ answer;
    answer.step = step->step;
    answer.ahead = std::move(ahead);
    receive(std::move(answer));
  }
  void sorted(std::vector<Bytes> deleted, std::vector<Bytes> absent) {
    BOOST_REQUIRE(find<SortAheadAction>(take()));
    sender.on_sorted(sender.attempt(), std::move(deleted), std::move(absent), at(1));
  }
  void adopted(std::uint64_t number, std::uint64_t head, std::uint64_t missed = 0) {
    BOOST_REQUIRE(find<AdoptAction>(take()));
    sender.on_adopted(sender.attempt(), number, true, head, missed, at(1));
  }

  Sender sender;
};

}  // namespace
}  // namespace ha::replicator

BOOST_AUTO_TEST_SUITE(session_sender_adopt)

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_CASE(what_only_the_replica_has_is_fetched_taken_over_and_compared_again) {
  Fixture test({"a", "b"});
  test.sorted({}, {"a", "b"});
  const auto fetch = find_message<Fetch>(test.take());
  BOOST_REQUIRE(fetch);
  BOOST_TEST(fetch->frame == 0U);
  BOOST_TEST(fetch->keys.size() == 2U);
  test.receive(Fetched{fetch->number, 0, false, "one"});
  BOOST_TEST(find<AdoptAction>(test.take())->body == "one");
  test.sender.on_adopted(test.sender.attempt(), fetch->number, false, 10, 0, at(1));
  const auto more = find_message<Fetch>(test.take());
  BOOST_REQUIRE(more);
  BOOST_TEST(more->frame == 1U);
  BOOST_TEST(more->keys.empty());
  test.receive(Fetched{fetch->number, 0, false, "one"});  // a late copy
  BOOST_CHECK(!find<AdoptAction>(test.take()));
  test.receive(Fetched{fetch->number, 1, true, "two"});
  test.adopted(fetch->number, 12);
  BOOST_CHECK(!find<DescribeAction>(test.take()));  // the index is not told yet
  test.sender.on_index(facts(12), at(2));
  test.differ({});
  const auto mark = find_message<Mark>(test.take());
  BOOST_REQUIRE(mark);
  BOOST_TEST(mark->position.sequence == 12U);
  BOOST_TEST(mark->exact);
}

BOOST_AUTO_TEST_CASE(what_is_deleted_here_is_deleted_there) {
  Fixture test({"gone"});
  test.sorted({"gone"}, {});
  const auto build = find<BuildAction>(test.take());
  BOOST_REQUIRE(build);
  BOOST_TEST(build->items.at(0).key == "gone");
}

BOOST_AUTO_TEST_CASE(what_could_not_be_taken_over_is_not_asked_for_again_in_the_attempt) {
  Fixture test({"a"});
  test.sorted({}, {"a"});
  test.take();
  test.receive(Fetched{1, 0, true, "frame"});
  test.adopted(1, 10, 1);
  test.differ({"a"});
  test.sorted({}, {"a"});
  const auto actions = test.take();
  BOOST_CHECK(!find_message<Fetch>(actions));
  BOOST_CHECK(find_message<Mark>(actions));
  // The sums tell that it is still missing; the next check has another look.
  test.receive(Done{position(10, 99), 0});
  BOOST_CHECK(test.sender.state() == SenderState::Incomplete);
}

BOOST_AUTO_TEST_CASE(a_message_that_has_another_number_here_is_deleted_there_once_it_is_taken_over) {
  Fixture test({"b/msg0001.txt", "b/msg0002.txt"});
  const auto sort = [&] {
    BOOST_REQUIRE(find<SortAheadAction>(test.take()));
    test.sender.on_sorted(test.sender.attempt(), {}, {}, at(1),
                          {{"b/msg0001.txt", true}, {"b/msg0002.txt", false}});
  };
  sort();
  const auto fetch = find_message<Fetch>(test.take());
  BOOST_REQUIRE(fetch);
  BOOST_TEST(fetch->keys.size() == 2U);
  test.receive(Fetched{1, 0, true, "frame"});
  test.adopted(1, 10);
  test.differ({"b/msg0001.txt", "b/msg0002.txt"});
  sort();
  const auto build = find<BuildAction>(test.take());
  BOOST_REQUIRE(build);
  BOOST_REQUIRE(build->items.size() == 1U);  // the other one is overwritten
  BOOST_TEST(build->items[0].key == "b/msg0002.txt");
}

BOOST_AUTO_TEST_CASE(a_message_that_could_not_be_taken_over_is_not_deleted_there) {
  Fixture test({"b/msg0002.txt"});
  BOOST_REQUIRE(find<SortAheadAction>(test.take()));
  test.sender.on_sorted(test.sender.attempt(), {}, {}, at(1), {{"b/msg0002.txt", false}});
  test.take();
  test.receive(Fetched{1, 0, true, "frame"});
  test.adopted(1, 10, 1);
  test.differ({"b/msg0002.txt"});
  BOOST_REQUIRE(find<SortAheadAction>(test.take()));
  test.sender.on_sorted(test.sender.attempt(), {}, {}, at(1), {{"b/msg0002.txt", false}});
  BOOST_CHECK(!find<BuildAction>(test.take()));
}

BOOST_AUTO_TEST_CASE(a_message_is_fetched_whole) {
  std::vector<AheadMessage> messages;
  std::vector<Bytes> keys;
  for (std::size_t number = 0; number < kFetchItemsMax; ++number) {
    const Bytes stem = "b/msg" + std::to_string(1000 + number / 3);
    keys.push_back(stem + (number % 3 == 0 ? ".WAV" : number % 3 == 1 ? ".gsm" : ".txt"));
  }
  keys.push_back("b/msg" + std::to_string(1000 + kFetchItemsMax / 3) + ".gsm");
  for (const Bytes& key : keys) {
    messages.push_back({key, false});
  }
  Fixture test(keys);
  BOOST_REQUIRE(find<SortAheadAction>(test.take()));
  test.sender.on_sorted(test.sender.attempt(), {}, {}, at(1), messages);
  const auto fetch = find_message<Fetch>(test.take());
  BOOST_REQUIRE(fetch);
  BOOST_TEST(fetch->keys.size() == kFetchItemsMax - 1);  // the last message is for the next one
}

BOOST_AUTO_TEST_CASE(an_answer_for_an_ended_attempt_is_dropped) {
  Fixture test({"a"});
  const std::uint64_t before = test.sender.attempt();
  test.take();
  test.sender.on_link_down();
  test.sender.on_link_up(2, at(2));
  test.take();
  test.sender.on_sorted(before, {}, {"a"}, at(2));
  test.sender.on_adopted(before, 1, true, 99, 0, at(2));
  BOOST_CHECK(test.take().empty());
}

BOOST_AUTO_TEST_CASE(an_equal_copy_of_another_turn_is_confirmed_by_one_mark) {
  Sender sender({"etc"}, std::nullopt);
  sender.on_link_up(1, at(0));
  sender.on_index(facts(10), at(0));
  static_cast<void>(sender.take_actions());
  Position theirs = position(4, 10, 99);
  sender.on_message(Have{theirs, 3, {}}, sender.attempt(), at(1));
  const auto actions = sender.take_actions();
  BOOST_CHECK(!find<DescribeAction>(actions) && !find<ListAction>(actions));
  const auto mark = find_message<Mark>(actions);
  BOOST_REQUIRE(mark);
  BOOST_TEST(mark->exact);
  BOOST_TEST(mark->batches == 0U);
  sender.on_message(Done{position(10), 0}, sender.attempt(), at(1));
  BOOST_CHECK(sender.state() == SenderState::Equal);
}

BOOST_AUTO_TEST_CASE(a_mark_is_not_exact_when_the_index_has_moved_on) {
  Sender sender({"etc"}, std::nullopt);
  sender.on_link_up(1, at(0));
  sender.on_index(facts(10), at(0));
  static_cast<void>(sender.take_actions());
  sender.on_message(Have{{}, 0, {}}, sender.attempt(), at(1));
  sender.on_index(facts(11), at(1));
  std::optional<Mark> mark;
  for (auto actions = sender.take_actions(); !actions.empty(); actions = sender.take_actions()) {
    mark = mark ? mark : find_message<Mark>(actions);
    if (find<ListAction>(actions)) {
      sender.on_listed(sender.attempt(), {}, at(1));
    }
  }
  BOOST_REQUIRE(mark);
  BOOST_TEST(!mark->exact);
  BOOST_TEST(mark->position.sequence == 10U);
}

BOOST_AUTO_TEST_SUITE_END()
