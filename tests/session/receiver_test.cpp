#include "replicator/session/receiver.h"

#include <boost/test/unit_test.hpp>

#include "tests/session/session_fixture.h"

namespace ha::replicator {
namespace {

constexpr std::uint64_t kAttempt = 5;

// A receiver in the middle of an attempt.
struct Fixture {
  Fixture() {
    receiver.on_message(Offer{"etc", position(10), Bytes(32, 'k'), 3}, kAttempt, at(0));
    static_cast<void>(receiver.take_actions());
    receiver.on_prepared(kAttempt, Have{position(4), 2, {}}, at(0));
    static_cast<void>(receiver.take_actions());
  }
  std::vector<ReceiverAction> receive(SetMessage message, std::uint64_t attempt = kAttempt) {
    receiver.on_message(std::move(message), attempt, at(1));
    return receiver.take_actions();
  }
  // At the offered position since 2 s.
  void catch_up() {
    receive(Mark{0, position(10), 0});
    receiver.on_committed(kAttempt, position(10), 0, at(2));
  }
  // Takes a batch of one frame up to its end.
  std::vector<ReceiverAction> whole(std::uint64_t batch, std::vector<ItemTrouble> trouble = {}) {
    BOOST_CHECK(find<ApplyAction>(receive(Data{batch, 0, true, 0, "x"})));
    receiver.on_applied(kAttempt, batch, 1, at(1));
    BOOST_CHECK(find<CloseAction>(receiver.take_actions()));
    receiver.on_closed(kAttempt, batch, std::move(trouble), at(1));
    return receiver.take_actions();
  }

  Receiver receiver;
};

}  // namespace
}  // namespace ha::replicator

BOOST_AUTO_TEST_SUITE(session_receiver)

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_CASE(an_offer_is_prepared_and_answered) {
  Receiver receiver;
  receiver.on_message(Offer{"etc", position(10), Bytes(32, 'k'), 3}, kAttempt, at(0));
  BOOST_CHECK(find<PrepareAction>(receiver.take_actions()));
  BOOST_CHECK(receiver.status().state == ReceiverState::Preparing);
  receiver.on_prepared(kAttempt, Have{position(4), 2, {}}, at(1));
  BOOST_CHECK(find_message<Have>(receiver.take_actions())->position == position(4));
  BOOST_CHECK(receiver.status().state == ReceiverState::Active);
}

BOOST_AUTO_TEST_CASE(a_late_copy_of_an_offer_changes_nothing) {
  Fixture test;
  BOOST_TEST(test.receive(Offer{}, kAttempt).empty());
  BOOST_TEST(test.receive(Offer{}, kAttempt - 1).empty());
  BOOST_CHECK(test.receiver.status().state == ReceiverState::Active);
}

BOOST_AUTO_TEST_CASE(a_newer_offer_aborts_the_attempt_that_is_under_way) {
  Fixture test;
  test.receive(Data{1, 0, false, 0, "x"});
  const auto actions = test.receive(Offer{}, kAttempt + 1);
  BOOST_CHECK(std::holds_alternative<AbortAction>(actions.at(0)));
  BOOST_CHECK(find<PrepareAction>(actions));
  test.receiver.on_applied(kAttempt, 1, 1, at(1));  // of the old one
  test.receiver.on_closed(kAttempt, 1, {}, at(1));
  BOOST_TEST(test.receiver.take_actions().empty());
}

BOOST_AUTO_TEST_CASE(a_batch_is_closed_when_all_its_frames_are_applied_in_any_order) {
  Fixture test;
  for (const std::uint32_t frame : {2U, 0U, 1U}) {
    BOOST_CHECK(find<ApplyAction>(test.receive(Data{1, frame, frame == 2, 0, "x"})));
  }
  test.receiver.on_applied(kAttempt, 1, 1, at(1));
  test.receiver.on_applied(kAttempt, 1, 1, at(1));
  BOOST_CHECK(!find<CloseAction>(test.receiver.take_actions()));
  test.receiver.on_applied(kAttempt, 1, 1, at(1));
  BOOST_CHECK(find<CloseAction>(test.receiver.take_actions()));
  test.receiver.on_closed(kAttempt, 1, {}, at(1));
  const auto ack = find_message<Ack>(test.receiver.take_actions());
  BOOST_REQUIRE(ack);
  BOOST_TEST(ack->batches == 1U);
  BOOST_TEST(ack->consumed_bytes == 3U);
}

BOOST_AUTO_TEST_CASE(copies_of_frames_are_dropped) {
  Fixture test;
  test.receive(Data{1, 0, false, 0, "x"});
  BOOST_TEST(test.receive(Data{1, 0, false, 0, "x"}).empty());
  test.whole(2);
  BOOST_TEST(test.receive(Data{2, 0, true, 0, "x"}).empty());
}

BOOST_AUTO_TEST_CASE(batches_that_end_out_of_order_are_acknowledged_one_by_one) {
  Fixture test;
  const auto ack = find_message<Ack>(test.whole(2));
  BOOST_TEST(ack->batches == 0U);
  BOOST_TEST(ack->sparse == std::vector<std::uint64_t>{2}, boost::test_tools::per_element());
  BOOST_TEST(find_message<Ack>(test.whole(1))->batches == 2U);
}

BOOST_AUTO_TEST_CASE(a_frame_waits_for_the_batches_it_comes_after) {
  Fixture test;
  BOOST_TEST(test.receive(Data{2, 0, true, 1, "x"}).empty());
  const auto actions = test.whole(1);
  const auto apply = find<ApplyAction>(actions);
  BOOST_REQUIRE(apply);
  BOOST_TEST(apply->batch == 2U);
}

BOOST_AUTO_TEST_CASE(more_waiting_frames_than_any_credit_allows_are_refused) {
  Fixture test;
  const std::size_t frame = 2 * 1024 * 1024;
  std::optional<Refusal> refusal;
  for (std::uint32_t i = 0; i <= kHeldBytesMax / frame && !refusal; ++i) {
    refusal = find_message<Refusal>(test.receive(Data{2, i, false, 1, Bytes(frame, 'x')}));
  }
  BOOST_REQUIRE(refusal);
  BOOST_CHECK(refusal->code == Code::Exhausted);
  BOOST_CHECK(test.receiver.status().state == ReceiverState::Refused);
}

BOOST_AUTO_TEST_CASE(too_many_open_batches_are_refused) {
  Fixture test;
  std::optional<Refusal> refusal;
  for (std::uint64_t batch = 1; batch <= kOpenBatchesMax + 1 && !refusal; ++batch) {
    refusal = find_message<Refusal>(test.receive(Data{batch, 0, false, 0, "x"}));
  }
  BOOST_REQUIRE(refusal);
  BOOST_CHECK(refusal->code == Code::Exhausted);
}

BOOST_AUTO_TEST_CASE(frames_beyond_the_last_one_are_refused) {
  for (const bool last_first : {true, false}) {
    Fixture test;
    test.receive(Data{1, last_first ? 1U : 3U, last_first, 0, "x"});
    const auto refusal =
        find_message<Refusal>(test.receive(Data{1, last_first ? 3U : 1U, !last_first, 0, "x"}));
    BOOST_REQUIRE(refusal);
    BOOST_CHECK(refusal->code == Code::Corrupt);
  }
}

BOOST_AUTO_TEST_CASE(a_mark_is_committed_when_everything_before_it_is_done) {
  Fixture test;
  BOOST_TEST(test.receive(Mark{1, position(10), 0}).empty());
  const auto commit = find<CommitAction>(test.whole(1));
  BOOST_REQUIRE(commit);
  test.receiver.on_committed(kAttempt, position(10, 77), 2, at(1));
  const auto done = find_message<Done>(test.receiver.take_actions());
  BOOST_REQUIRE(done);
  BOOST_CHECK(done->position == position(10, 77));
  BOOST_TEST(done->failed == 2U);
  BOOST_CHECK(*test.receiver.status().committed == position(10, 77));
}

BOOST_AUTO_TEST_CASE(a_mark_waits_for_the_items_that_were_asked_for_again) {
  Fixture test;
  test.receive(Mark{1, position(10), 0});
  const auto actions = test.whole(1, {{"a", "other basis", true, "B"}});
  BOOST_CHECK(!find<CommitAction>(actions));
  BOOST_TEST(find_message<Ack>(actions)->trouble.size() == 1U);
  test.whole(2);
  BOOST_CHECK(find<CommitAction>(test.receive(Mark{2, position(10), 1})));
}

BOOST_AUTO_TEST_CASE(an_older_mark_that_comes_late_is_not_committed) {
  Fixture test;
  BOOST_CHECK(find<CommitAction>(test.receive(Mark{0, position(10), 0})));
  test.receiver.on_committed(kAttempt, position(10), 0, at(1));
  static_cast<void>(test.receiver.take_actions());
  BOOST_TEST(test.receive(Mark{0, position(9), 0}).empty());
  BOOST_CHECK(find<CommitAction>(test.receive(Mark{0, position(10), 0})));  // asked again: told again
}

BOOST_AUTO_TEST_CASE(a_newer_mark_during_a_commit_is_committed_next) {
  Fixture test;
  test.receive(Mark{0, position(10), 0});
  BOOST_TEST(test.receive(Mark{0, position(11), 0}).empty());
  test.receiver.on_committed(kAttempt, position(10), 0, at(1));
  const auto commit = find<CommitAction>(test.receiver.take_actions());
  BOOST_REQUIRE(commit);
  BOOST_TEST(commit->position.sequence == 11U);
}

BOOST_AUTO_TEST_CASE(failed_work_refuses_the_attempt_in_its_own_words) {
  Fixture test;
  test.receiver.on_work_failed(kAttempt, Error(Code::NoSpace, "disk full", "make room"), at(1));
  const auto actions = test.receiver.take_actions();
  const auto refusal = find_message<Refusal>(actions);
  BOOST_REQUIRE(refusal);
  BOOST_CHECK(refusal->code == Code::NoSpace);
  BOOST_TEST(refusal->hint == "make room");
  BOOST_CHECK(find<AbortAction>(actions));
  BOOST_TEST(test.receive(Data{1, 0, true, 0, "x"}).empty());
}

BOOST_AUTO_TEST_CASE(what_only_a_replica_sends_is_refused) {
  Fixture test;
  BOOST_CHECK(find_message<Refusal>(test.receive(Done{})));
}

BOOST_AUTO_TEST_CASE(questions_and_comparisons_are_passed_on_and_answered) {
  Fixture test;
  BOOST_CHECK(find<AnswerAction>(test.receive(Ask{3, "?"})));
  test.receiver.on_answer(kAttempt, 3, "!", at(1));
  BOOST_TEST(find_message<Answer>(test.receiver.take_actions())->body == "!");
  BOOST_CHECK(find<CompareAction>(test.receive(Compare{1, {}})));
  test.receiver.on_compared(kAttempt, Differ{1, {}, {}, {"z"}}, at(1));
  BOOST_TEST(find_message<Differ>(test.receiver.take_actions())->extra.at(0) == "z");
}

BOOST_AUTO_TEST_CASE(a_busy_replica_gives_a_sign_of_life) {
  Fixture test;
  BOOST_CHECK(!test.receiver.next_wakeup());
  test.receive(Data{1, 0, true, 0, "x"});
  BOOST_REQUIRE(test.receiver.next_wakeup());
  test.receiver.on_tick(*test.receiver.next_wakeup());
  BOOST_CHECK(find_message<Ack>(test.receiver.take_actions()));
  test.receiver.on_applied(kAttempt, 1, 1, at(9));
  test.receiver.on_closed(kAttempt, 1, {}, at(9));
  BOOST_CHECK(!test.receiver.next_wakeup());
}

BOOST_AUTO_TEST_CASE(a_lost_link_aborts_once) {
  Fixture test;
  test.receiver.on_link_down();
  BOOST_CHECK(find<AbortAction>(test.receiver.take_actions()));
  test.receiver.on_link_down();
  BOOST_TEST(test.receiver.take_actions().empty());
}

BOOST_AUTO_TEST_CASE(only_a_few_frames_are_applied_at_once_and_a_complete_batch_is_closed_first) {
  Fixture test;
  int applying = 0;
  for (std::uint64_t batch = 1; batch <= 20; ++batch) {
    applying += find<ApplyAction>(test.receive(Data{batch, 0, true, 0, "x"})) ? 1 : 0;
  }
  BOOST_TEST(applying == kApplyingMax);
  test.receiver.on_applied(kAttempt, 1, 1, at(1));
  const auto actions = test.receiver.take_actions();
  BOOST_CHECK(std::holds_alternative<CloseAction>(actions.at(0)));
  BOOST_TEST(find<ApplyAction>(actions)->batch == 1U + kApplyingMax);
}

// ---------------------------------------------------------------- how far behind
BOOST_AUTO_TEST_CASE(before_it_has_caught_up_it_does_not_know_how_far_it_is_behind) {
  Fixture test;
  BOOST_TEST(!test.receiver.status().in_sync);
  BOOST_CHECK(!test.receiver.fresh_at(at(1)));
  test.catch_up();
  BOOST_TEST(test.receiver.status().in_sync);
  BOOST_CHECK(test.receiver.fresh_at(at(9)) == at(9));
}

BOOST_AUTO_TEST_CASE(
    another_sum_at_the_offered_sequence_is_not_in_sync_unless_items_are_known_to_have_failed) {
  Fixture test;
  test.receive(Mark{0, position(10), 0});
  test.receiver.on_committed(kAttempt, position(10, 999), 0, at(2));
  BOOST_TEST(!test.receiver.status().in_sync);
  BOOST_CHECK(!test.receiver.fresh_at(at(9)));
  test.receiver.on_committed(kAttempt, position(10, 999), 1, at(3));
  BOOST_TEST(test.receiver.status().in_sync);
}

BOOST_AUTO_TEST_CASE(a_replica_is_behind_since_it_heard_of_the_first_head_that_it_lacks) {
  Fixture test;
  test.catch_up();
  test.receiver.on_message(Head{11}, kAttempt, at(3));
  test.receiver.on_message(Head{15}, kAttempt, at(5));
  test.receiver.on_message(Head{12}, kAttempt, at(6));      // a late copy
  test.receiver.on_message(Head{99}, kAttempt - 1, at(6));  // of an older attempt
  BOOST_TEST(!test.receiver.status().in_sync);
  BOOST_CHECK(test.receiver.fresh_at(at(9)) == at(3));
  test.receiver.on_committed(kAttempt, position(12), 0, at(7));
  BOOST_CHECK(test.receiver.fresh_at(at(9)) == at(5));
  test.receiver.on_committed(kAttempt, position(15), 0, at(8));
  BOOST_TEST(test.receiver.status().in_sync);
}

BOOST_AUTO_TEST_CASE(heads_without_end_stay_bounded_and_never_look_fresher_than_they_are) {
  Fixture test;
  test.catch_up();
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    test.receiver.on_message(Head{10 + i}, kAttempt, at(2.0 + static_cast<double>(i)));
  }
  test.receiver.on_committed(kAttempt, position(1009), 0, at(1003));
  BOOST_CHECK(*test.receiver.fresh_at(at(1003)) <= at(2.0 + kHeadsMax));
  test.receiver.on_committed(kAttempt, position(1010), 0, at(1003));
  BOOST_CHECK(test.receiver.fresh_at(at(1003)) == at(1003));
}

BOOST_AUTO_TEST_CASE(a_check_that_finds_nothing_new_leaves_it_in_sync) {
  Fixture test;
  test.catch_up();
  test.receiver.on_message(Offer{"etc", position(10), Bytes(32, 'k'), 3}, kAttempt + 1, at(30));
  BOOST_CHECK(test.receiver.fresh_at(at(31)) == at(31));  // while it looks
  test.receiver.on_message(Head{11}, kAttempt + 1, at(32));
  BOOST_CHECK(test.receiver.fresh_at(at(33)) == at(32));
}

BOOST_AUTO_TEST_CASE(what_was_known_outlives_an_attempt_that_finds_more_to_do) {
  Fixture test;
  test.catch_up();
  test.receiver.on_message(Head{11}, kAttempt, at(3));
  test.receiver.on_message(Offer{"etc", position(20), Bytes(32, 'k'), 3}, kAttempt + 1, at(30));
  test.receiver.on_prepared(kAttempt + 1, Have{position(10), 3, {}}, at(31));
  BOOST_CHECK(test.receiver.fresh_at(at(40)) == at(3));
  Receiver next(test.receiver.fresh_at(at(40)));  // of the next link
  BOOST_CHECK(next.fresh_at(at(50)) == at(3));
}

BOOST_AUTO_TEST_CASE(another_index_starts_without_what_the_old_one_had_reached) {
  Fixture test;
  test.catch_up();
  test.receiver.on_message(Offer{"etc", position(3, 0, 8), Bytes(32, 'k'), 3}, kAttempt + 1, at(4));
  test.receiver.on_prepared(kAttempt + 1, Have{position(10), 3, {}}, at(5));
  test.receiver.on_message(Head{4}, kAttempt + 1, at(6));
  test.receiver.on_committed(kAttempt + 1, position(3, 0, 8), 0, at(7));
  BOOST_CHECK(test.receiver.fresh_at(at(9)) == at(6));
}

// ---------------------------------------------------------------- what the origin has never seen
BOOST_AUTO_TEST_CASE(a_fetch_is_answered_with_its_frame) {
  Fixture test;
  const auto asked = find<FetchAction>(test.receive(Fetch{1, 0, {"k"}}));
  BOOST_REQUIRE(asked);
  BOOST_TEST(asked->fetch.keys.at(0) == "k");
  BOOST_TEST(test.receiver.status().busy);
  test.receiver.on_fetched(kAttempt - 1, Fetched{1, 0, true, "late"}, at(2));
  BOOST_CHECK(test.receiver.take_actions().empty());
  test.receiver.on_fetched(kAttempt, Fetched{1, 0, true, "frame"}, at(2));
  BOOST_TEST(find_message<Fetched>(test.receiver.take_actions())->body == "frame");
  BOOST_TEST(!test.receiver.status().busy);
}

BOOST_AUTO_TEST_CASE(a_commit_knows_whether_the_mark_was_exact) {
  Fixture test;
  BOOST_TEST(find<CommitAction>(test.receive(Mark{0, position(10), 0, true}))->exact);
  test.receiver.on_committed(kAttempt, position(10), 0, at(2));
  BOOST_TEST(!find<CommitAction>(test.receive(Mark{0, position(11), 0, false}))->exact);
}

BOOST_AUTO_TEST_CASE(more_questions_than_an_honest_origin_has_are_refused) {
  for (const SetMessage& question :
       {SetMessage(Compare{1, {}}), SetMessage(Ask{3, "?"}), SetMessage(Fetch{1, 0, {"k"}})}) {
    Fixture test;
    for (int i = 0; i < kWorkingMax; ++i) {
      BOOST_CHECK(!find_message<Refusal>(test.receive(question)));
    }
    const auto refusal = find_message<Refusal>(test.receive(question));
    BOOST_REQUIRE(refusal);
    BOOST_CHECK(refusal->code == Code::Exhausted);
  }
}

BOOST_AUTO_TEST_CASE(one_hint_waits_and_those_that_come_meanwhile_are_dropped) {
  Fixture test;
  BOOST_TEST(find<ExpectAction>(test.receive(Expect{"a"}))->key == "a");
  BOOST_TEST(test.receive(Expect{"b"}).empty());
  test.receiver.on_expected(kAttempt - 1);
  BOOST_TEST(test.receive(Expect{"b"}).empty());
  test.receiver.on_expected(kAttempt);
  BOOST_TEST(find<ExpectAction>(test.receive(Expect{"c"}))->key == "c");
}

BOOST_AUTO_TEST_CASE(what_a_guard_says_is_to_be_done_is_kept_until_the_next_attempt) {
  Fixture test;
  test.receiver.on_work_failed(kAttempt, Error(Code::Held, "full", "make room"), at(1));
  BOOST_TEST(test.receiver.status().held);
  BOOST_TEST(test.receiver.status().hint == "make room");
  test.receive(Offer{}, kAttempt + 1);
  BOOST_TEST(test.receiver.status().hint.empty());
}

BOOST_AUTO_TEST_SUITE_END()
