// Directed cases; races over a bad network are in tests/sim/race_test.cpp.
#include "dnsupdater/swap.h"

#include <boost/test/unit_test.hpp>
#include <set>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Code;
using ha::Digest;
using ha::Duration;
using ha::Error;
using ha::SteadyTime;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const Name kZone = name("example.net");
const Name kGuard = name("_ha.pbx.example.net");
const RrSet kOld = a_set("sip.example.net", 30, {"192.0.2.10"});
const RrSet kNew = a_set("sip.example.net", 30, {"192.0.2.20"});

Record ours() {
  return must(taken_record(held_record(), "nyc", Digest{0, 9}));
}

RrSet guard_set(const Record& record) {
  return must(RrSet::make(kGuard, RrType::Txt, 0, {must(record_rdata(record))}));
}

const std::vector<RrSet> kBefore{guard_set(held_record()), kOld};
const std::vector<RrSet> kAfter{guard_set(ours()), kNew};

Trouble trouble(Cause cause) {
  return {cause, Error(Code::Refused, std::string(cause_text(cause)))};
}

// A swap of sip.example.net from fra to nyc, at a time of its own.
struct Test {
  SteadyTime now{};
  Swap swap{{{kGuard, RrType::Txt}, {name("sip.example.net"), RrType::A}}, plan, {}, SteadyTime{}};

  static std::variant<Change, Trouble> plan(const std::vector<RrSet>& found) {
    Change change{kZone, {{kGuard, held_record(), ours()}}, {}};
    change.sets.push_back({name("sip.example.net"), RrType::A, kOld, kNew, true});
    if (found == kAfter) {  // it is so already
      change.guards[0] = {kGuard, ours(), ours()};
      change.sets[0].before = kNew;
    }
    return change;
  }

  template <typename Step>
  [[nodiscard]] bool is_at() {
    return std::holds_alternative<Step>(swap.step(now));
  }
  // Lets time pass until there is something to do.
  template <typename Step>
  void expect() {
    if (const SwapStep step = swap.step(now); std::holds_alternative<WaitStep>(step)) {
      const SteadyTime until = std::get<WaitStep>(step).until;
      BOOST_REQUIRE(until > now);
      now = until;
    }
    BOOST_REQUIRE_MESSAGE(is_at<Step>(), "another step: " << swap.step(now).index());
  }
  void reads(const std::vector<RrSet>& found) {
    expect<ReadStep>();
    swap.on_read(found, now);
  }
  void sends(Heard heard, std::optional<Cause> cause = std::nullopt) {
    expect<SendStep>();
    swap.on_sent(heard, cause ? std::optional(trouble(*cause)) : std::nullopt, now);
  }
  void cannot_read(Cause cause) {
    expect<ReadStep>();
    swap.on_unread(trouble(cause), now);
  }
  SwapResult result() {
    const SwapStep step = swap.step(now);
    BOOST_REQUIRE(std::holds_alternative<SwapResult>(step));
    return std::get<SwapResult>(step);
  }
  void ends(Verdict verdict) {
    BOOST_TEST(verdict_text(result().verdict) == verdict_text(verdict));
    // For good: nothing moves it any more.
    swap.on_read(kBefore, now);
    swap.on_sent(Heard::Silence, std::nullopt, now);
    swap.cancel();
    now += seconds(100);
    BOOST_TEST(verdict_text(result().verdict) == verdict_text(verdict));
  }
  // Reads `found` again and again until there is an end.
  void reads_until_the_end(const std::vector<RrSet>& found) {
    for (int i = 0; i < 1000 && !is_at<SwapResult>(); ++i) {
      const SwapStep step = swap.step(now);
      if (const auto* wait = std::get_if<WaitStep>(&step)) {
        now = wait->until;
      } else {
        BOOST_REQUIRE(std::holds_alternative<ReadStep>(step));
        swap.on_read(found, now);
      }
    }
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_swap)

BOOST_AUTO_TEST_CASE(what_is_in_force_counts_from_the_first_send) {
  Test test;
  test.reads(kBefore);
  test.expect<SendStep>();
  const SteadyTime first = test.now;
  test.now += seconds(1);
  test.sends(Heard::Silence);
  test.reads(kBefore);
  test.sends(Heard::Accepted);
  BOOST_TEST((test.now > first + seconds(1)));
  test.reads(kAfter);
  BOOST_TEST((test.result().verdict == Verdict::Won));
  BOOST_TEST((test.result().first_sent == first));
}

BOOST_AUTO_TEST_CASE(what_is_accepted_and_read_back_whole_is_won) {
  Test test;
  test.reads(kBefore);
  BOOST_REQUIRE(test.swap.plan().has_value());
  test.sends(Heard::Accepted);
  test.reads(kAfter);
  const SwapResult result = test.result();
  BOOST_TEST(result.sends == 1U);
  BOOST_TEST(result.applied);
  BOOST_TEST(!result.trouble.has_value());
  BOOST_REQUIRE(result.now.size() == 1U);
  BOOST_TEST((result.now[0] == ours()));
  test.ends(Verdict::Won);
}

BOOST_AUTO_TEST_CASE(a_step_stays_until_it_is_reported) {
  Test test;
  BOOST_TEST(test.is_at<ReadStep>());
  BOOST_TEST(test.is_at<ReadStep>());
  test.swap.on_sent(Heard::Accepted, std::nullopt, test.now);  // nothing was sent yet
  BOOST_TEST(test.is_at<ReadStep>());
  test.reads(kBefore);
  test.swap.on_read(kAfter, test.now);  // a late answer to an earlier question
  BOOST_TEST(test.is_at<SendStep>());
}

BOOST_AUTO_TEST_CASE(what_is_as_wanted_sends_nothing) {
  Test test;
  test.reads(kAfter);
  BOOST_TEST(test.result().sends == 0U);
  BOOST_TEST(!test.result().applied);
  test.ends(Verdict::Nothing);
}

BOOST_AUTO_TEST_CASE(the_verdict_comes_from_reading_back_whatever_the_answer_was) {
  for (const auto& [heard, cause] : {std::pair{Heard::Silence, std::optional(Cause::Network)},
                                     {Heard::Unmet, std::nullopt},
                                     {Heard::Refused, std::optional(Cause::Policy)},
                                     {Heard::Accepted, std::nullopt}}) {
    Test test;
    test.reads(kBefore);
    test.sends(heard, cause);
    test.reads(kAfter);
    test.ends(Verdict::Won);
  }
}

BOOST_AUTO_TEST_CASE(who_is_refused_and_finds_nothing_there_is_refused) {
  Test test;
  test.reads(kBefore);
  test.sends(Heard::Refused, Cause::Policy);
  test.reads(kBefore);
  BOOST_TEST((test.result().trouble->cause == Cause::Policy));
  BOOST_TEST(!test.result().applied);
  test.ends(Verdict::Refused);
}

BOOST_AUTO_TEST_CASE(who_is_refused_to_write_and_to_read_back_in_the_same_way_is_refused) {
  Test test;
  test.reads(kBefore);
  test.sends(Heard::Refused, Cause::Key);
  test.cannot_read(Cause::Key);
  BOOST_TEST((test.result().trouble->cause == Cause::Key));
  test.ends(Verdict::Refused);
}

BOOST_AUTO_TEST_CASE(who_is_refused_and_cannot_look_for_another_reason_looks_again) {
  Test test;
  test.reads(kBefore);
  test.sends(Heard::Refused, Cause::Key);
  test.cannot_read(Cause::Network);
  BOOST_TEST(test.is_at<WaitStep>());
  test.reads(kBefore);
  BOOST_TEST((test.result().trouble->cause == Cause::Key));
  test.ends(Verdict::Refused);
}

BOOST_AUTO_TEST_CASE(a_refusal_after_silence_is_unknown_as_the_first_may_still_come) {
  Test test;
  test.reads(kBefore);
  test.sends(Heard::Silence, Cause::Network);
  test.reads(kBefore);
  test.sends(Heard::Refused, Cause::Policy);
  test.reads(kBefore);
  BOOST_TEST((test.result().trouble->cause == Cause::Policy));
  BOOST_TEST(!test.result().trouble->error.hint().empty());
  test.ends(Verdict::Unknown);

  Test blind;
  blind.reads(kBefore);
  blind.sends(Heard::Silence, Cause::Network);
  blind.reads(kBefore);
  blind.sends(Heard::Refused, Cause::Key);
  blind.cannot_read(Cause::Key);
  BOOST_TEST(!blind.is_at<SwapResult>());
}

BOOST_AUTO_TEST_CASE(a_silent_primary_is_asked_again_and_the_deadline_makes_it_unknown) {
  Test test;
  test.reads(kBefore);
  unsigned sends = 0;
  while (!test.is_at<SwapResult>() && sends < 1000) {
    const SwapStep step = test.swap.step(test.now);
    if (const auto* wait = std::get_if<WaitStep>(&step)) {
      BOOST_REQUIRE(wait->until > test.now);
      BOOST_REQUIRE(wait->until <= SteadyTime{} + seconds(20));
      BOOST_REQUIRE(wait->until - test.now <= seconds(1));
      test.now = wait->until;
    } else if (std::holds_alternative<SendStep>(step)) {
      ++sends;
      test.swap.on_sent(Heard::Silence, trouble(Cause::Network), test.now);
    } else {
      test.swap.on_read(kBefore, test.now);
    }
  }
  BOOST_TEST((test.now == SteadyTime{} + seconds(20)));
  BOOST_TEST(test.result().sends == sends);
  BOOST_TEST(sends > 10U);
  BOOST_TEST((test.result().trouble->cause == Cause::Network));
  BOOST_TEST((test.result().trouble->error.code() == Code::TimedOut));
  test.ends(Verdict::Unknown);
}

BOOST_AUTO_TEST_CASE(an_unmet_prerequisite_after_silence_is_never_refused) {
  Test test;
  test.reads(kBefore);
  test.sends(Heard::Silence);
  test.reads(kBefore);
  test.sends(Heard::Unmet);
  test.reads_until_the_end(kBefore);
  test.ends(Verdict::Unknown);
}

BOOST_AUTO_TEST_CASE(a_primary_that_says_unmet_of_what_is_there_does_not_compare_as_it_should) {
  Test test;
  test.reads(kBefore);
  test.sends(Heard::Unmet);
  test.reads(kBefore);
  BOOST_TEST(test.is_at<WaitStep>());  // what was won by another may not be visible yet
  test.reads_until_the_end(kBefore);
  BOOST_TEST((test.now >= SteadyTime{} + milliseconds(500)));
  BOOST_TEST((test.result().trouble->error.code() == Code::Unsupported));
  test.ends(Verdict::Refused);
}

BOOST_AUTO_TEST_CASE(what_was_accepted_and_never_shows_is_unknown_but_was_there) {
  Test test;
  test.reads(kBefore);
  test.sends(Heard::Accepted);
  test.reads_until_the_end(kBefore);
  BOOST_TEST((test.now == SteadyTime{} + seconds(20)));
  BOOST_TEST(test.result().applied);
  BOOST_TEST(test.result().sends == 1U);
  test.ends(Verdict::Unknown);
}

BOOST_AUTO_TEST_CASE(what_is_read_at_once_is_judged_for_good_only_when_it_is_whole) {
  Test test;
  const auto at_once = [&test] {
    test.expect<ReadStep>();
    return std::get<ReadStep>(test.swap.step(test.now)).at_once;
  };
  BOOST_TEST(!at_once());  // what is planned with is of one moment
  test.reads(kBefore);
  test.sends(Heard::Accepted);
  BOOST_TEST(at_once());
  test.now += seconds(5);
  test.reads({guard_set(ours()), kOld});  // the guard was read after it had come, and the rest before
  BOOST_TEST(!at_once());
  test.reads(kAfter);
  test.ends(Verdict::Won);
}

BOOST_AUTO_TEST_CASE(rrsets_that_stay_different_under_our_guard_are_partial) {
  Test test;
  test.reads(kBefore);
  test.sends(Heard::Accepted);
  const std::vector<RrSet> half{guard_set(ours()), kOld};
  test.reads(half);
  BOOST_TEST(test.is_at<WaitStep>());  // it may become visible yet
  test.reads_until_the_end(half);
  BOOST_TEST((test.now >= SteadyTime{} + milliseconds(500)));
  BOOST_TEST((test.now < SteadyTime{} + seconds(3)));
  const SwapResult result = test.result();
  BOOST_TEST(result.applied);
  BOOST_REQUIRE(result.differences.size() == 1U);
  BOOST_TEST(result.differences[0].find("sip.example.net") != std::string::npos);
  test.ends(Verdict::Partial);
}

BOOST_AUTO_TEST_CASE(rrsets_that_come_a_little_later_are_won) {
  Test test;
  test.reads(kBefore);
  test.sends(Heard::Accepted);
  test.reads({guard_set(ours()), kOld});
  test.reads(kAfter);
  BOOST_TEST(test.result().differences.empty());
  test.ends(Verdict::Won);
}

BOOST_AUTO_TEST_CASE(another_change_from_the_same_record_means_lost) {
  const Record theirs = must(taken_record(held_record(), "ams", Digest{0, 8}));
  Test test;
  test.reads(kBefore);
  test.sends(Heard::Unmet);
  test.reads({guard_set(theirs), kOld});
  BOOST_TEST(!test.result().applied);
  BOOST_TEST(test.result().trouble->error.what() == "lost to ams at epoch 8");
  BOOST_REQUIRE(test.result().now.size() == 1U);
  BOOST_TEST((test.result().now[0] == theirs));
  test.ends(Verdict::Lost);
}

BOOST_AUTO_TEST_CASE(who_is_further_on_has_overtaken_and_applied_says_if_ours_was_there) {
  const Record later = must(next_record(must(taken_record(ours(), "ams", Digest{0, 7})), Digest{0, 6}));
  for (const Heard heard : {Heard::Accepted, Heard::Silence}) {
    Test test;
    test.reads(kBefore);
    test.sends(heard);
    test.reads({guard_set(later), kOld});
    BOOST_TEST(test.result().applied == (heard == Heard::Accepted));
    test.ends(Verdict::Overtaken);
  }
}

BOOST_AUTO_TEST_CASE(a_guard_that_is_gone_or_went_back_is_a_regression) {
  Record older = held_record();
  older.version = {6, 1};
  older.nonce = {3, 3};
  Record other = held_record();
  other.id = "fax";
  for (const std::vector<RrSet>& found :
       {std::vector<RrSet>{kNew}, {}, {guard_set(older), kOld}, {guard_set(other), kOld}}) {
    Test test;
    test.reads(kBefore);
    test.sends(Heard::Accepted);
    test.reads(found);
    BOOST_TEST(test.result().trouble.has_value());
    test.ends(Verdict::Regression);
  }
}

BOOST_AUTO_TEST_CASE(the_first_read_is_tried_again_only_while_the_trouble_may_pass) {
  for (const Cause cause : {Cause::Key, Cause::Clock, Cause::Policy, Cause::Zone, Cause::Unsupported}) {
    Test test;
    test.cannot_read(cause);
    BOOST_TEST((test.result().trouble->cause == cause));
    test.ends(Verdict::NotSent);
  }
  Test test;
  test.cannot_read(Cause::Server);
  test.cannot_read(Cause::Network);
  test.reads(kBefore);
  test.sends(Heard::Accepted);
  test.reads(kAfter);
  test.ends(Verdict::Won);
}

BOOST_AUTO_TEST_CASE(nothing_was_sent_when_the_deadline_comes_before_a_read) {
  Test test;
  test.cannot_read(Cause::Server);
  test.now += seconds(20);
  BOOST_TEST((test.result().trouble->cause == Cause::Server));
  test.ends(Verdict::NotSent);
  Test silent;
  silent.now += seconds(20);
  BOOST_TEST((silent.result().trouble->error.code() == Code::TimedOut));
  silent.ends(Verdict::NotSent);
}

BOOST_AUTO_TEST_CASE(what_the_planner_or_the_rules_refuse_is_not_sent) {
  const auto end_of = [](Swap::Planner planner) {
    Swap swap({{kGuard, RrType::Txt}}, std::move(planner), {}, SteadyTime{});
    swap.on_read(kBefore, SteadyTime{});
    return std::get<SwapResult>(swap.step(SteadyTime{}));
  };
  const SwapResult no = end_of([](const auto&) { return trouble(Cause::Regression); });
  BOOST_TEST((no.verdict == Verdict::NotSent));
  BOOST_TEST((no.trouble->cause == Cause::Regression));
  const SwapResult bad = end_of([](const auto&) { return Change{kZone, {}, {}, true}; });
  BOOST_TEST((bad.verdict == Verdict::NotSent));
  BOOST_TEST((bad.trouble->cause == Cause::Ours));
}

BOOST_AUTO_TEST_CASE(who_gives_up_knows_whether_anything_was_sent) {
  Test early;
  early.reads(kBefore);
  early.swap.cancel();
  BOOST_TEST((early.result().trouble->error.code() == Code::Cancelled));
  early.ends(Verdict::NotSent);
  Test late;
  late.reads(kBefore);
  late.sends(Heard::Accepted);
  late.swap.cancel();
  BOOST_TEST(late.result().applied);
  late.ends(Verdict::Unknown);
}

BOOST_AUTO_TEST_CASE(every_verdict_has_a_text_of_its_own) {
  std::set<std::string_view> texts;
  for (int i = 0; i <= static_cast<int>(Verdict::NotSent); ++i) {
    texts.insert(verdict_text(static_cast<Verdict>(i)));
  }
  BOOST_TEST(texts.size() == 9U);
  BOOST_TEST(!texts.contains("?"));
}

BOOST_AUTO_TEST_SUITE_END()
