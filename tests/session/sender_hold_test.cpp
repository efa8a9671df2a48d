#include <boost/test/unit_test.hpp>

#include "tests/session/session_fixture.h"

namespace ha::replicator {
namespace {

// Equal with its replica at 1,000 items, as far as nothing else is said.
struct Fixture {
  explicit Fixture(GuardLimits guards = {100, 10})
      : sender({"etc", "nyc1", guards}, position(10)), limits(guards) {
    sender.on_link_up(1, at(0));
    have(10, 1000, 0);
  }
  void index(std::uint64_t head, std::uint64_t items, double seconds) {
    sender.on_index({position(head), items, 0, Bytes(32, 'k')}, at(seconds));
  }
  void have(std::uint64_t head, std::uint64_t items, double seconds) {
    index(head, items, seconds);
    static_cast<void>(sender.take_actions());
    receive(Have{position(10), 1000, {}}, seconds);
  }
  void receive(SetMessage message, double seconds) {
    sender.on_message(std::move(message), sender.attempt(), at(seconds));
  }
  std::optional<Offer> offer() { return find_message<Offer>(sender.take_actions()); }

  Sender sender;
  GuardLimits limits;
};

}  // namespace
}  // namespace ha::replicator

BOOST_AUTO_TEST_SUITE(session_sender_hold)

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_CASE(a_loss_beyond_the_limit_is_held_before_anything_is_listed) {
  Fixture test;
  BOOST_CHECK(test.sender.state() == SenderState::Equal);
  static_cast<void>(test.sender.take_actions());
  test.index(20, 899, 1);
  BOOST_CHECK(test.sender.state() == SenderState::Held);
  BOOST_CHECK(test.sender.status().hold == SenderHold::Loss);
  BOOST_TEST(test.sender.status().reason == "this would delete 101 of 1,000 items (10%, max_delete is 10%)");
  BOOST_TEST(test.sender.status().hint == "hareplicate release etc --to nyc1 --force-delete");
  const auto actions = test.sender.take_actions();
  BOOST_CHECK(!find<ListAction>(actions));
  BOOST_TEST(find<SenderEvent>(actions)->name == "set.held");
}

BOOST_AUTO_TEST_CASE(what_comes_back_ends_the_hold_by_itself) {
  Fixture test;
  test.index(20, 100, 1);
  static_cast<void>(test.sender.take_actions());
  test.index(21, 950, 2);
  BOOST_CHECK(test.sender.state() == SenderState::Offering);
  test.receive(Have{position(10), 1000, {}}, 3);
  BOOST_CHECK(test.sender.state() == SenderState::Sending);
}

BOOST_AUTO_TEST_CASE(a_released_loss_passes_and_a_further_one_does_not) {
  Fixture test({0, 10});
  test.index(20, 500, 1);
  static_cast<void>(test.sender.take_actions());
  test.sender.release(at(2));
  const auto offer = test.offer();
  BOOST_REQUIRE(offer);
  BOOST_CHECK(offer->accepted == 500U);
  test.receive(Have{position(10), 1000, {}}, 3);
  BOOST_CHECK(test.sender.state() == SenderState::Sending);
  test.index(30, 100, 4);
  test.sender.on_work_failed(test.sender.attempt(), Error(Code::Io, "x"), at(4));
  test.sender.on_tick(at(10));
  test.receive(Have{position(10), 1000, {}}, 11);
  BOOST_CHECK(test.sender.state() == SenderState::Held);
}

BOOST_AUTO_TEST_CASE(too_few_items_are_held_even_from_an_empty_replica) {
  Fixture test({40, 100});
  test.index(20, 39, 1);
  BOOST_CHECK(test.sender.status().hold == SenderHold::TooFew);
  test.sender.release(at(2));
  test.receive(Have{}, 3);
  BOOST_CHECK(test.sender.state() == SenderState::Sending);
}

BOOST_AUTO_TEST_CASE(few_items_are_held_again_after_there_have_been_enough) {
  Fixture test({40, 100});
  test.index(20, 39, 1);
  test.sender.release(at(2));
  test.receive(Have{position(10), 1000, {}}, 3);
  BOOST_CHECK(test.sender.state() == SenderState::Sending);
  for (const std::uint64_t items : {50U, 30U}) {
    test.sender.on_work_failed(test.sender.attempt(), Error(Code::Io, "x"), at(4));
    test.index(20 + items, items, 5);
    test.sender.on_tick(at(100));
    test.receive(Have{position(10), 1000, {}}, 101);
  }
  BOOST_CHECK(test.sender.status().hold == SenderHold::TooFew);
}

BOOST_AUTO_TEST_CASE(a_guard_of_the_replica_holds_and_its_sentence_is_what_is_released) {
  Fixture test;
  test.index(11, 1001, 1);
  test.receive(Refusal{Code::Held, "it is not empty: 7 items", {}}, 2);
  BOOST_CHECK(test.sender.status().hold == SenderHold::Replica);
  BOOST_TEST(test.sender.status().reason == "it is not empty: 7 items");
  BOOST_TEST(test.sender.status().hint == "hareplicate release etc --to nyc1 --force-delete");
  static_cast<void>(test.sender.take_actions());
  test.sender.on_tick(at(40));  // it asks again by itself, and lets nothing pass
  BOOST_TEST(test.offer()->released == "");
  test.receive(Refusal{Code::Held, "it is not empty: 7 items", {}}, 41);
  BOOST_CHECK(!find<SenderEvent>(test.sender.take_actions()));  // told once
  test.sender.release(at(42));
  BOOST_TEST(test.offer()->released == "it is not empty: 7 items");
}

BOOST_AUTO_TEST_CASE(a_remedy_of_the_replica_says_where_to_type_it) {
  Fixture test;
  test.index(11, 1001, 1);
  test.receive(Refusal{Code::Held, "the store is full", "hareplicate stranded list"}, 2);
  BOOST_TEST(test.sender.status().hint == "on nyc1: hareplicate stranded list");
  test.sender.on_tick(at(40));
  test.receive(Refusal{Code::Held, "the store is full", "on nyc1: hareplicate stranded list"}, 41);
  BOOST_TEST(test.sender.status().hint == "on nyc1: hareplicate stranded list");
}

BOOST_AUTO_TEST_CASE(what_somebody_holds_at_the_replica_is_not_released_from_here) {
  Fixture test;
  test.index(11, 1001, 1);
  test.receive(Refusal{Code::HeldByHand, "held at nyc1 by hand", "on nyc1: hareplicate release etc"}, 2);
  BOOST_CHECK(test.sender.status().hold == SenderHold::HandThere);
  BOOST_TEST(test.sender.status().hint == "on nyc1: hareplicate release etc");
  test.sender.release(at(42));
  BOOST_TEST(test.offer()->released == "");
}

BOOST_AUTO_TEST_CASE(held_by_hand_it_sends_nothing_but_can_be_compared) {
  Fixture test;
  test.sender.hold_by_hand("an upgrade", at(1));
  BOOST_CHECK(test.sender.status().hold == SenderHold::ByHand);
  BOOST_TEST(test.sender.status().reason == "an upgrade");
  BOOST_TEST(test.sender.status().hint == "hareplicate release etc --to nyc1");
  static_cast<void>(test.sender.take_actions());
  test.index(20, 1010, 2);
  test.sender.on_tick(at(100));
  BOOST_CHECK(!test.offer());
  test.sender.on_link_down();
  test.sender.on_link_up(2, at(101));
  BOOST_CHECK(!test.offer());
  test.sender.compare({}, at(102));
  BOOST_TEST(test.offer()->compare_only);
  test.sender.cancel_compare(at(103));
  BOOST_CHECK(test.sender.state() == SenderState::Held);
  test.sender.release(at(104));
  BOOST_TEST(!test.offer()->compare_only);
}

BOOST_AUTO_TEST_CASE(comparing_asks_no_guard) {
  Fixture test;
  test.index(20, 1, 1);
  BOOST_CHECK(test.sender.state() == SenderState::Held);
  test.sender.compare({}, at(2));
  test.receive(Have{position(10), 1000, {}}, 3);
  BOOST_CHECK(test.sender.state() == SenderState::Comparing);
}

BOOST_AUTO_TEST_CASE(releasing_what_is_not_held_does_nothing) {
  Fixture test;
  static_cast<void>(test.sender.take_actions());
  test.sender.release(at(1));
  BOOST_CHECK(test.sender.state() == SenderState::Equal);
  BOOST_TEST(!test.sender.has_actions());
}

BOOST_AUTO_TEST_SUITE_END()
