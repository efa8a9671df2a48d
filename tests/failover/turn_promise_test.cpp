#include "tests/failover/turn_fixture.h"

using namespace ha::failover;
using ha::SteadyTime;

BOOST_FIXTURE_TEST_SUITE(failover_turn_promise, TurnFixture)

BOOST_AUTO_TEST_CASE(a_promise_binds_in_either_mode) {
  for (const Mode mode : {Mode::Lease, Mode::Fast}) {
    turn = make(mode);
    around.owner_suspected = around.owner_sure = false;
    standby(held_by("nyc", 2));
    static_cast<void>(wait(seconds(3), held_by("nyc", 2, 2)));  // two versions: nothing is unresolved
    around.owner_suspected = around.owner_sure = true;
    turn.on_word("nyc", PromiseAsk{5, 2}, now);
    const SteadyTime promised = now;
    const auto told = only<Tell>(tick());
    BOOST_REQUIRE(told.size() == 1);
    BOOST_TEST(std::get<PromiseAnswer>(told[0].word).given);
    BOOST_TEST((wait(seconds(30), held_by("nyc", 2, 2)).back().act == Act::Claim));
    BOOST_TEST((now - promised >= Timing{}.wait()));
  }
}

BOOST_AUTO_TEST_CASE(who_may_have_a_claim_under_way_promises_nothing) {
  standby(held_by("nyc", 2));
  turn.on_word("nyc", PromiseAsk{5, 2}, now);
  auto told = only<Tell>(tick());
  BOOST_TEST(std::get<PromiseAnswer>(told.at(0).word).why == "an earlier claim may still be under way");
  static_cast<void>(wait(seconds(3), held_by("nyc", 2, 2)));
  turn.on_word("syd", PromiseAsk{6, 2}, now);
  told = only<Tell>(tick());
  BOOST_TEST(std::get<PromiseAnswer>(told.at(0).word).why == "the record did not name syd at epoch 2 here");
  turn.on_word("nyc", PromiseAsk{7, 1}, now);
  told = only<Tell>(tick());
  BOOST_TEST(!std::get<PromiseAnswer>(told.at(0).word).given);
}

BOOST_AUTO_TEST_CASE(a_lease_that_is_not_confirmed_is_given_up_before_it_ends) {
  hold();
  const SteadyTime until = *turn.lease().until();
  Steps last;
  while (turn.state() == State::Holding) {
    last = tick(milliseconds(50));
    for (const Ask& ask : only<Ask>(last)) {
      answer(ask.act, Verdict::Silent, std::nullopt);
    }
  }
  BOOST_TEST((now >= until - milliseconds(500) && now < until - milliseconds(300)));
  BOOST_TEST(!only<GuardUntil>(last).at(0).until);
  BOOST_TEST(!only<Role>(last).at(0).holder);
  BOOST_TEST((only<Run>(last).at(0).job == Job::Demote));
}

BOOST_AUTO_TEST_CASE(all_promises_extend_a_lease_one_less_does_not) {
  hold();
  std::uint64_t round = 0;
  const auto silent = [&](bool all) {
    for (const SteadyTime end = now + seconds(20); now < end && turn.state() == State::Holding;) {
      for (const Step& step : tick(milliseconds(50))) {
        if (const auto* ask = std::get_if<Ask>(&step)) {
          answer(ask->act, Verdict::Silent, std::nullopt);
        } else if (const auto* tell = std::get_if<Tell>(&step)) {
          const auto* asked = std::get_if<PromiseAsk>(&tell->word);
          if (asked != nullptr && (all || tell->to == "nyc")) {
            round = asked->round;
            turn.on_word(tell->to, PromiseAnswer{round, true, {}}, now);
          }
        }
      }
    }
  };
  silent(true);
  BOOST_TEST((turn.state() == State::Holding));
  BOOST_TEST(turn.lease().by_promises());
  silent(false);
  BOOST_TEST((turn.state() == State::Demoting));
  turn.on_word("syd", PromiseAnswer{round, true, {}}, now);
  BOOST_TEST((turn.state() == State::Demoting));
}

BOOST_AUTO_TEST_CASE(a_renewal_that_is_refused_asks_for_promises_as_one_that_is_not_answered) {
  hold();
  unsigned asked = 0;
  for (const SteadyTime end = now + seconds(20); now < end && turn.state() == State::Holding;) {
    for (const Step& step : tick(milliseconds(50))) {
      if (const auto* ask = std::get_if<Ask>(&step)) {
        answer(ask->act, Verdict::Refused, held_by("fra"));  // it may read, and not write
      } else if (const auto* tell = std::get_if<Tell>(&step)) {
        ++asked;
        turn.on_word(tell->to, PromiseAnswer{std::get<PromiseAsk>(tell->word).round, true, {}}, now);
      }
    }
  }
  BOOST_TEST((turn.state() == State::Holding));
  BOOST_TEST(turn.lease().by_promises());
  const SteadyTime due = turn.lease().renew_at();
  while (now < due) {
    static_cast<void>(tick(milliseconds(50)));
  }
  BOOST_TEST((wait(seconds(5), held_by("fra")).back().act == Act::Renew));
  answer(Act::Renew, Verdict::Won, held_by("fra", 1, 8));
  asked = 0;
  for (const SteadyTime end = now + seconds(1); now < end;) {
    asked += static_cast<unsigned>(only<Tell>(tick(milliseconds(50))).size());
  }
  BOOST_TEST(asked == 0U);
}

// Its renewal may have been applied: then syd may claim, whatever was wished since.
BOOST_AUTO_TEST_CASE(whom_a_lost_renewal_lets_back_is_asked_until_one_is_confirmed) {
  hold();
  Record alone = held_by("fra", 1, 2);
  alone.terms.eligible = {"fra"};
  around.silent = {"nyc", "syd"};
  BOOST_TEST((wait(seconds(5), alone).back().act == Act::Renew));
  answer(Act::Renew, Verdict::Won, alone);
  around.silent = {"nyc"};
  BOOST_TEST((wait(seconds(5), alone).back().terms.eligible == std::vector<std::string>{"fra", "syd"}));
  answer(Act::Renew, Verdict::Unknown, std::nullopt);
  const auto play = [&](bool promise) {
    for (const SteadyTime end = now + seconds(15); now < end && turn.state() == State::Holding;) {
      for (const Step& step : tick(milliseconds(50))) {
        if (const auto* ask = std::get_if<Ask>(&step)) {
          answer(ask->act, Verdict::Silent, std::nullopt);
        } else if (const auto* tell = std::get_if<Tell>(&step)) {
          BOOST_TEST(tell->to == "syd");
          turn.on_word(tell->to, PromiseAnswer{std::get<PromiseAsk>(tell->word).round, promise, {}}, now);
        }
      }
    }
  };
  play(true);
  BOOST_TEST((turn.state() == State::Holding));
  BOOST_TEST(turn.lease().by_promises());
  play(false);
  BOOST_TEST((turn.state() == State::Demoting));
}

BOOST_AUTO_TEST_SUITE_END()
