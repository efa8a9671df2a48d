#include "tests/failover/turn_fixture.h"

using namespace ha::failover;
using ha::SteadyTime;

BOOST_FIXTURE_TEST_SUITE(failover_turn, TurnFixture)

BOOST_AUTO_TEST_CASE(a_free_record_is_claimed_by_its_version_and_served_from_the_send) {
  standby(free_record(4));
  const std::vector<Ask> asked = wait(seconds(3), free_record(4));
  BOOST_TEST((asked.back().act == Act::Claim));
  BOOST_TEST((asked.back().saw == Version{4, 9}));
  const SteadyTime sent = now;
  answer(Act::Claim, Verdict::Won, held_by("fra", 5));
  const Steps done = tick();
  BOOST_TEST((turn.state() == State::Promoting));
  BOOST_TEST((only<GuardUntil>(done).at(0).until == sent + seconds(10)));
  BOOST_TEST(only<Role>(done).at(0).epoch == 5U);
  BOOST_TEST((only<Run>(done).at(0).job == Job::Promote));
  BOOST_TEST(only<Follow>(done).size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_somebody_renews_is_never_claimed) {
  standby(held_by("nyc"));
  for (std::uint64_t seq = 2; seq < 40; ++seq) {
    for (const Ask& ask : wait(seconds(2), held_by("nyc", 1, seq))) {
      BOOST_TEST((ask.act == Act::Read));
    }
  }
}

BOOST_AUTO_TEST_CASE(what_nobody_renews_is_claimed_after_the_wait_and_not_before) {
  standby(held_by("nyc"));
  const SteadyTime since = *turn.sight().since();
  const std::vector<Ask> asked = wait(seconds(30), held_by("nyc"));
  BOOST_TEST((asked.back().act == Act::Claim));
  BOOST_TEST((now - since >= Timing{}.wait()));
  BOOST_TEST((now - since < Timing{}.wait() + milliseconds(200)));
}

BOOST_AUTO_TEST_CASE(each_rank_waits_longer) {
  around.rank = 3;
  standby(held_by("nyc"));
  const SteadyTime since = *turn.sight().since();
  BOOST_TEST((wait(seconds(30), held_by("nyc")).back().act == Act::Claim));
  BOOST_TEST((now - since >= Timing{}.wait() + milliseconds(600)));
}

BOOST_AUTO_TEST_CASE(an_owner_that_says_it_has_stopped_is_not_waited_for) {
  standby(held_by("nyc", 1, 7));
  turn.on_word("syd", Stopped{{1, 7}}, now);  // not its owner
  turn.on_word("nyc", Stopped{{1, 6}}, now);  // of another version
  BOOST_TEST((wait(seconds(1), held_by("nyc", 1, 7)).empty() || turn.state() == State::Standby));
  turn.on_word("nyc", Stopped{{1, 7}}, now);
  BOOST_TEST((wait(seconds(1), held_by("nyc", 1, 7)).back().act == Act::Claim));
}

BOOST_AUTO_TEST_CASE(who_is_next_starts_its_pbx_as_soon_as_the_owner_has_stopped) {
  for (const unsigned rank : {0U, 1U}) {
    turn = make(Mode::Lease);
    standby(held_by("nyc", 1, 7));
    for (std::uint64_t seq = 8; seq < 20; ++seq) {
      static_cast<void>(wait(seconds(1), held_by("nyc", 1, seq)));
    }
    around.rank = rank;
    turn.on_word("nyc", Stopped{*turn.sight().version()}, now);
    const auto run = only<Run>(tick());
    BOOST_TEST((rank == 0) == (run.size() == 1 && run[0].job == Job::Prewarm));
  }
}

BOOST_AUTO_TEST_CASE(a_fence_is_of_one_epoch) {
  standby(held_by("nyc", 2));
  turn.on_fenced("nyc");
  BOOST_TEST((wait(seconds(1), held_by("nyc", 2)).back().act == Act::Claim));
  answer(Act::Claim, Verdict::Lost, held_by("nyc", 4));
  BOOST_TEST((turn.state() == State::Standby));
  for (const Ask& ask : wait(seconds(5), held_by("nyc", 4))) {
    BOOST_TEST((ask.act == Act::Read));
  }
}

BOOST_AUTO_TEST_CASE(in_fast_mode_a_sure_suspicion_is_enough_but_not_just_after_a_start) {
  turn = make(Mode::Fast);
  const SteadyTime begun = now;
  standby(held_by("nyc", 2));
  around.owner_suspected = around.owner_sure = true;
  BOOST_TEST((wait(seconds(30), held_by("nyc", 2, 2)).back().act == Act::Claim));
  BOOST_TEST((now - begun >= Timing{}.wait()));
  answer(Act::Claim, Verdict::Lost, held_by("nyc", 2, 9));
  BOOST_TEST((wait(seconds(1), held_by("nyc", 2, 9)).back().act == Act::Claim));
}

BOOST_AUTO_TEST_CASE(only_another_owner_or_epoch_is_a_loss) {
  hold();
  BOOST_TEST((wait(seconds(5), held_by("fra")).back().act == Act::Renew));
  answer(Act::Renew, Verdict::Lost, held_by("fra", 1, 8));
  BOOST_TEST((turn.state() == State::Holding));
  BOOST_TEST((wait(seconds(5), held_by("fra")).back().act == Act::Renew));
  answer(Act::Renew, Verdict::Lost, held_by("nyc", 2));
  BOOST_TEST((turn.state() == State::Demoting));
  job(Job::Demote);
  const Steps done = tick();
  BOOST_TEST((turn.state() == State::Standby));
  BOOST_TEST(only<Tell>(done).empty());  // it is not ours to say that it stopped
}

BOOST_AUTO_TEST_CASE(a_handover_stops_first_and_then_transfers_once) {
  hold();
  around.hand_over = HandOver{"nyc", std::nullopt, "asked for"};
  BOOST_TEST((only<Run>(tick()).at(0).job == Job::Demote));
  BOOST_TEST(only<Ask>(tick(milliseconds(100))).empty());
  job(Job::Demote);
  around.hand_over.reset();
  const auto asked = only<Ask>(tick());
  BOOST_REQUIRE(asked.size() == 1);
  BOOST_TEST((asked[0].act == Act::Transfer));
  BOOST_TEST(asked[0].target == "nyc");
  answer(Act::Transfer, Verdict::Won, held_by("nyc", 2));
  BOOST_TEST((turn.state() == State::Standby));
}

BOOST_AUTO_TEST_CASE(draining_waits_for_the_calls_or_for_its_end) {
  hold();
  around.calls = 3;
  around.hand_over = HandOver{"nyc", now + seconds(5), "asked for"};
  const auto asked = only<Ask>(tick());
  BOOST_TEST((turn.state() == State::Draining));
  BOOST_TEST((asked.at(0).hold == Hold::Drain));
  Record drained = held_by("fra", 1, 2);
  drained.hold = Hold::Drain;
  answer(Act::Renew, Verdict::Won, drained);
  static_cast<void>(tick(seconds(1)));
  BOOST_TEST((turn.state() == State::Draining));
  around.calls = 0;
  static_cast<void>(tick());
  BOOST_TEST((turn.state() == State::Demoting));
}

BOOST_AUTO_TEST_CASE(after_a_restart_its_own_record_is_renewed_before_it_serves) {
  read(held_by("fra", 3, 5));
  const Steps first = tick();
  BOOST_TEST((turn.state() == State::Resuming));
  BOOST_TEST(only<Ask>(first).at(0).epoch == 3U);
  BOOST_TEST(only<GuardUntil>(first).empty());
  answer(Act::Renew, Verdict::Won, held_by("fra", 3, 6));
  BOOST_TEST((turn.state() == State::Promoting));
}

BOOST_AUTO_TEST_CASE(what_an_earlier_run_may_have_left_is_stopped_before_it_is_given_up) {
  around.unfit = "in maintenance";
  read(held_by("fra", 3, 5));
  Steps done = tick();
  BOOST_TEST((turn.state() == State::Demoting));
  BOOST_TEST(only<Ask>(done).empty());
  job(Job::Demote);
  done = tick();
  BOOST_TEST((only<Ask>(done).at(0).act == Act::Release));
}

BOOST_AUTO_TEST_CASE(what_was_sent_before_a_jump_gives_nothing) {
  standby(free_record(4));
  BOOST_TEST((wait(seconds(3), free_record(4)).back().act == Act::Claim));
  const SteadyTime sent = now;
  now += milliseconds(100);
  turn.on_jump(now);
  Answer won{Act::Claim, Verdict::Won, true, held_by("fra", 5), sent};
  won.sent = sent;
  turn.on_answer(won, now);
  const Steps done = tick();
  BOOST_TEST((turn.state() == State::Resuming));
  BOOST_TEST(only<GuardUntil>(done).empty());
  BOOST_TEST((only<Ask>(done).at(0).act == Act::Renew));
}

BOOST_AUTO_TEST_CASE(a_jump_while_serving_demotes_first) {
  hold();
  turn.on_jump(now);
  const Steps done = tick();
  BOOST_TEST((turn.state() == State::Demoting));
  BOOST_TEST(!only<GuardUntil>(done).at(0).until);
}

// Seed 194995 of the simulator: others took it and gave it back while this site could not ask.
BOOST_AUTO_TEST_CASE(a_later_turn_that_was_given_back_is_resumed) {
  read(held_by("fra", 4, 5));
  BOOST_TEST(only<Ask>(tick()).at(0).epoch == 4U);
  answer(Act::Renew, Verdict::Lost, held_by("fra", 6));
  const std::vector<Ask> asked = only<Ask>(tick(seconds(1)));
  BOOST_REQUIRE(asked.size() == 1U);
  BOOST_TEST((asked[0].act == Act::Renew));
  BOOST_TEST(asked[0].epoch == 6U);
}

// Seed 80670 of the simulator: killed, started again, and frozen before its renewal was answered.
BOOST_AUTO_TEST_CASE(a_jump_closes_what_an_earlier_run_has_left_open) {
  read(held_by("fra", 3, 5));
  BOOST_TEST((only<Ask>(tick()).at(0).act == Act::Renew));
  BOOST_TEST((turn.state() == State::Resuming));
  turn.on_jump(now);
  const std::vector<GuardUntil> closed = only<GuardUntil>(tick());
  BOOST_REQUIRE(closed.size() == 1U);
  BOOST_TEST(!closed[0].until);
}

BOOST_AUTO_TEST_CASE(a_pbx_that_does_not_stop_is_failed_until_somebody_says_it_is_down) {
  hold();
  around.hand_over = HandOver{"nyc", std::nullopt, "asked for"};
  static_cast<void>(tick());
  job(Job::Demote, false);
  BOOST_TEST((turn.state() == State::Failed));
  for (const Ask& ask : wait(seconds(30), held_by("fra"))) {
    BOOST_TEST((ask.act == Act::Read));
  }
  turn.acknowledge();
  BOOST_TEST((turn.state() == State::Unknown));
}

// The owner may go on by promises for which this site is not asked, until it has certainly ended.
BOOST_AUTO_TEST_CASE(a_dropped_site_claims_what_is_free_or_fenced_and_puts_itself_in) {
  Record dropped = held_by("nyc", 2);
  dropped.terms.eligible = {"nyc", "syd"};
  standby(dropped);
  turn.take();
  for (const Ask& ask : wait(seconds(30), dropped)) {
    BOOST_TEST((ask.act == Act::Read));
  }
  BOOST_TEST(turn.why() == "nyc has dropped this site: if nyc is off, failover fence confirm nyc");
  turn.on_fenced("nyc");
  Ask claim = wait(seconds(3), dropped).back();
  BOOST_TEST((claim.act == Act::Claim));
  BOOST_TEST((claim.terms.eligible == std::vector<std::string>{"fra", "nyc", "syd"}));
  dropped.version.seq = 9;  // it lives after all: the fence was of what was there before
  answer(Act::Claim, Verdict::Lost, dropped);
  for (const Ask& ask : wait(seconds(30), dropped)) {
    BOOST_TEST((ask.act == Act::Read));
  }
  Record free = free_record(2, 10);
  free.terms.eligible = {"nyc"};
  claim = wait(seconds(5), free).back();
  BOOST_TEST((claim.act == Act::Claim));
  BOOST_TEST((claim.terms.eligible == std::vector<std::string>{"fra", "nyc"}));
}

BOOST_AUTO_TEST_CASE(a_start_that_fails_is_given_up_and_tried_again_later_and_later) {
  hold();
  around.hand_over = HandOver{"nyc", std::nullopt, "asked for"};
  static_cast<void>(tick());
  job(Job::Demote);
  around.hand_over.reset();
  static_cast<void>(tick());
  answer(Act::Transfer, Verdict::Won, free_record(2));
  for (const auto expected : {seconds(60), seconds(120)}) {
    const std::uint64_t epoch = turn.sight().record()->version.epoch;
    BOOST_TEST((wait(seconds(300), free_record(epoch)).back().act == Act::Claim));
    answer(Act::Claim, Verdict::Won, held_by("fra", epoch + 1));
    const SteadyTime broke = now;
    job(Job::Promote, false);
    static_cast<void>(tick());
    job(Job::Demote);
    BOOST_TEST((only<Ask>(tick()).at(0).act == Act::Release));
    answer(Act::Release, Verdict::Won, free_record(epoch + 1));
    BOOST_TEST((wait(expected - seconds(2), free_record(epoch + 1)).back().act == Act::Read));
    BOOST_TEST((now - broke < expected));
  }
}

BOOST_AUTO_TEST_CASE(a_regression_stops_claims_until_a_person_accepts) {
  standby(held_by("nyc", 5));
  static_cast<void>(tick(seconds(2)));
  answer(Act::Read, Verdict::Won, free_record(4));
  for (const Ask& ask : wait(seconds(20), free_record(4))) {
    BOOST_TEST((ask.act == Act::Read));
  }
  BOOST_TEST(turn.why().find("gone back in time") != std::string::npos);
  turn.accept();
  BOOST_TEST((wait(seconds(5), free_record(4)).back().act == Act::Claim));
}

BOOST_AUTO_TEST_CASE(what_was_free_before_the_arbiter_went_back_is_claimed_after_the_wait) {
  const SteadyTime accepted = accept_after_regression(free_record(4));
  BOOST_TEST((wait(seconds(30), free_record(4)).back().act == Act::Claim));
  BOOST_TEST((now - accepted >= Timing{}.wait()));
}

BOOST_AUTO_TEST_CASE(a_turn_of_its_own_that_was_accepted_away_is_claimed_like_another_s) {
  const SteadyTime accepted = accept_after_regression(held_by("fra", 4));
  BOOST_TEST((wait(seconds(3), held_by("fra", 4)).back().act == Act::Renew));
  answer(Act::Renew, Verdict::Lost, held_by("fra", 4));
  BOOST_TEST(!turn.engaged());
  const std::vector<Ask> asked = wait(seconds(30), held_by("fra", 4));
  BOOST_TEST((asked.back().act == Act::Claim));
  BOOST_TEST((asked.back().saw == held_by("fra", 4).version));
  BOOST_TEST((now - accepted >= Timing{}.wait()));
}

BOOST_AUTO_TEST_CASE(a_turn_of_its_own_that_was_accepted_away_is_not_given_up) {
  const SteadyTime accepted = accept_after_regression(held_by("fra", 4));
  around.unfit = "its health is 120";
  BOOST_TEST((wait(seconds(3), held_by("fra", 4)).back().act == Act::Release));
  answer(Act::Release, Verdict::Lost, held_by("fra", 4));
  BOOST_TEST(!turn.engaged());
  for (const Ask& ask : wait(seconds(30), held_by("fra", 4))) {
    BOOST_TEST((ask.act == Act::Read));
  }
  around.unfit.clear();
  BOOST_TEST((wait(seconds(30), held_by("fra", 4)).back().act == Act::Claim));
  BOOST_TEST((now - accepted >= Timing{}.wait()));
}

BOOST_AUTO_TEST_CASE(refusals_say_why) {
  standby(free_record());
  const auto why = [&] {
    static_cast<void>(tick());
    return turn.why();
  };
  around.unfit = "this site is in maintenance";
  BOOST_TEST(why() == "this site is in maintenance");
  around.unfit.clear();
  around.paused = true;
  BOOST_TEST(why() == "takeovers are paused");
  around.paused = false;
  around.room = false;
  BOOST_TEST(why() == "this site holds as many services as it can");
}

BOOST_AUTO_TEST_CASE(only_the_paths_of_the_table_are_there) {
  unsigned paths = 0;
  for (int from = 0; from <= static_cast<int>(State::Failed); ++from) {
    for (int to = 0; to <= static_cast<int>(State::Failed); ++to) {
      paths += may_follow(static_cast<State>(from), static_cast<State>(to)) ? 1U : 0U;
    }
    BOOST_TEST(!may_follow(static_cast<State>(from), static_cast<State>(from)));
  }
  BOOST_TEST(paths == 31U);
  BOOST_TEST(!may_follow(State::Standby, State::Holding));
  BOOST_TEST(!may_follow(State::Standby, State::Promoting));
  BOOST_TEST(!may_follow(State::Holding, State::GivingUp));
}

BOOST_AUTO_TEST_SUITE_END()
