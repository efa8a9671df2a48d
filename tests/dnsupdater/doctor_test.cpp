#include "dnsupdater/doctor.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// As a server that keeps RFC 2136 answers.
std::vector<TrialSeen> good_trials() {
  std::vector<TrialSeen> out;
  for (const Trial& trial : trials()) {
    out.push_back({trial, false, trial.due, rcode_text(trial.due), trial.due == Rcode::NoError});
  }
  return out;
}

PartialSeen parts(std::optional<Rcode> rcode, bool first, bool second) {
  return {{{"TXT of x.example.net", first}, {"A of x.example.net", second}},
          true,
          rcode,
          rcode ? rcode_text(*rcode) : "silence",
          {},
          false,
          {}};
}

RaceRound round_of(std::vector<bool> accepted, std::vector<bool> shown) {
  const auto unmet = static_cast<std::size_t>(std::count(accepted.begin(), accepted.end(), false));
  return {std::move(accepted), unmet, 0, std::move(shown), false};
}

const RaceRound kFair = round_of({true, false}, {true, false});

Endpoint endpoint(std::string_view text) {
  return must(Endpoint::parse(text));
}

std::vector<SiteAddresses> sites() {
  return {{"fra1",
           {address("192.0.2.10")},
           {address("192.0.2.11")},
           std::nullopt,
           std::nullopt,
           {address("198.51.100.1")}},
          {"nyc1", {address("2001:db8:0:1::1")}, {}}};
}

RrSet soa(std::uint32_t minimum_s, std::uint32_t ttl_s = 3600) {
  const std::string text = "ns1.example.net. host.example.net. 7 3600 600 86400 " + std::to_string(minimum_s);
  return must(RrSet::make(name("example.net"), RrType::Soa, ttl_s, {Rdata{"only its text is read", text}}));
}

Diagnosis diagnosis(std::vector<Check> checks) {
  return {name("example.net"), "192.0.2.53:53", "9.18", std::move(checks)};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_doctor)

BOOST_AUTO_TEST_CASE(each_kind_of_prerequisite_is_tried_met_and_unmet) {
  for (const Need need : {Need::NameInUse, Need::NameUnused, Need::SetExists, Need::SetIs, Need::SetAbsent}) {
    const auto count = [&](bool met) {
      return std::count_if(trials().begin(), trials().end(), [&](const Trial& each) {
        return each.need == need && (each.due == Rcode::NoError) == met;
      });
    };
    BOOST_TEST(count(true) > 0);
    BOOST_TEST(count(false) > 0);
  }
  BOOST_TEST((judge_trials(good_trials()).mark == Mark::Good));
}

BOOST_AUTO_TEST_CASE(a_wrong_rcode_an_effect_without_and_none_with_noerror_are_each_found) {
  for (std::size_t i = 0; i < trials().size(); ++i) {
    auto rcode = good_trials();
    rcode[i].rcode = Rcode::ServFail;
    BOOST_TEST((judge_trials(rcode).mark == Mark::Bad));
    auto effect = good_trials();
    effect[i].applied = !effect[i].applied;
    const Check check = judge_trials(effect);
    BOOST_TEST((check.mark == Mark::Bad));
    BOOST_TEST(has(check.seen, effect[i].applied ? "yet it was applied" : "nothing changed"));
    auto silent = good_trials();
    silent[i].rcode = std::nullopt;
    BOOST_TEST((judge_trials(silent).mark == Mark::Bad));
  }
}

BOOST_AUTO_TEST_CASE(texts_without_case_are_harmless) {
  BOOST_TEST((judge_case({{}, true, Rcode::NxRrset, "", false}).mark == Mark::Good));
  BOOST_TEST((judge_case({{}, true, Rcode::NoError, "", true}).mark == Mark::Note));
  BOOST_TEST((judge_case({{}, true, Rcode::NxRrset, "", true}).mark == Mark::Bad));
  BOOST_TEST((judge_case({{}, true, std::nullopt, "", false}).mark == Mark::Bad));
}

BOOST_AUTO_TEST_CASE(a_message_is_applied_as_a_whole_or_not_at_all) {
  BOOST_TEST((judge_partial(parts(Rcode::NoError, true, true)).mark == Mark::Good));
  BOOST_TEST((judge_partial(parts(Rcode::Refused, false, false)).mark == Mark::Good));
  BOOST_TEST((judge_partial(parts(Rcode::NoError, false, false)).mark == Mark::Bad));
  BOOST_TEST((judge_partial(parts(Rcode::Refused, true, true)).mark == Mark::Bad));
  for (const auto& rcode :
       {std::optional(Rcode::NoError), std::optional(Rcode::Refused), std::optional<Rcode>()}) {
    const Check check = judge_partial(parts(rcode, true, false));
    BOOST_TEST((check.mark == Mark::Bad));
    BOOST_TEST(has(check.seen, "A of x.example.net is not there"));
  }
  PartialSeen outside = parts(Rcode::NoError, true, true);
  outside.outside_applied = true;
  BOOST_TEST((judge_partial(outside).mark == Mark::Bad));
}

BOOST_AUTO_TEST_CASE(a_policy_that_refuses_without_a_signature_is_good_and_silence_is_not_known) {
  BOOST_TEST((judge_partial(parts(std::nullopt, false, false)).mark == Mark::Good));
  PartialSeen silent = parts(std::nullopt, false, false);
  silent.answered = false;
  BOOST_TEST((judge_partial(silent).mark == Mark::Note));
}

BOOST_AUTO_TEST_CASE(one_round_with_two_winners_is_enough) {
  std::vector<RaceRound> rounds(19, kFair);
  BOOST_TEST((judge_races(rounds, 1).mark == Mark::Good));
  rounds.push_back(round_of({true, true}, {false, true}));
  const Check check = judge_races(rounds, 2);
  BOOST_TEST((check.mark == Mark::Bad));
  BOOST_TEST(has(check.seen, "two winners in 1 of 20 rounds over 2 addresses"));
}

BOOST_AUTO_TEST_CASE(another_text_than_the_winners_is_found) {
  for (const auto& shown : {std::vector<bool>{false, true}, {false, false}, {true, true}}) {
    BOOST_TEST((judge_races({round_of({true, false}, shown)}, 1).mark == Mark::Bad));
  }
  RaceRound foreign = kFair;
  foreign.foreign = true;
  BOOST_TEST((judge_races({foreign}, 1).mark == Mark::Bad));
  // All were told that they have lost, and one is there.
  BOOST_TEST((judge_races({round_of({false, false}, {true, false})}, 1).mark == Mark::Bad));
}

BOOST_AUTO_TEST_CASE(a_lost_answer_is_no_second_winner_but_is_said) {
  std::vector<RaceRound> rounds(10, kFair);
  RaceRound lost = round_of({false, false}, {true, false});
  lost.silent = 1;
  rounds.push_back(lost);
  BOOST_TEST((judge_races(rounds, 1).mark == Mark::Note));
  rounds.assign(10, lost);
  BOOST_TEST((judge_races(rounds, 1).mark == Mark::Bad));
}

BOOST_AUTO_TEST_CASE(what_is_not_visible_within_half_a_second_is_a_copy) {
  const auto seen = [](std::optional<ha::Duration> first, std::optional<ha::Duration> second) {
    return judge_delays({{{"a", first}, {"b", second}}, seconds(2), true});
  };
  BOOST_TEST((seen(milliseconds(18), milliseconds(500)).mark == Mark::Good));
  BOOST_TEST(has(seen(std::nullopt, std::nullopt).seen, "forwards updates"));
  BOOST_TEST(has(seen(milliseconds(501), milliseconds(1)).seen, "forwards updates"));
  const Check other = seen(milliseconds(1), std::nullopt);
  BOOST_TEST((other.mark == Mark::Bad));
  BOOST_TEST(has(other.seen, "is not there at b 2000 ms later: these are two servers"));
  BOOST_TEST((judge_delays({{{"a", milliseconds(1)}}, seconds(2), false}).mark == Mark::Note));
}

BOOST_AUTO_TEST_CASE(clocks_may_be_a_minute_apart_and_never_five) {
  const auto offset = [](int s) { return judge_clock({seconds(s), std::nullopt, std::nullopt}); };
  BOOST_TEST((offset(60).mark == Mark::Good));
  BOOST_TEST((offset(-61).mark == Mark::Note));
  BOOST_TEST(has(offset(-61).seen, "61 s ahead of"));
  BOOST_TEST(has(offset(61).seen, "61 s behind"));
  BOOST_TEST((offset(300).mark == Mark::Bad));
  BOOST_TEST((offset(300).cause == Cause::Clock));
  BOOST_TEST((judge_clock({std::nullopt, true, true}).mark == Mark::Good));
  BOOST_TEST(has(judge_clock({std::nullopt, false, true}).seen, "behind"));
  BOOST_TEST(has(judge_clock({std::nullopt, true, false}).seen, "ahead of"));
}

BOOST_AUTO_TEST_CASE(an_arbiter_at_a_site_is_named_with_the_site) {
  const auto place = [](std::string_view at) { return judge_place({endpoint(at)}, sites(), "fra1"); };
  for (const char* const at : {"192.0.2.10:53", "192.0.2.11:53", "198.51.100.1:53"}) {
    BOOST_TEST(has(place(at).seen, "stands at fra1"));
  }
  BOOST_TEST(has(place("192.0.2.99:53").seen, "in the network of 192.0.2.10 at fra1"));
  BOOST_TEST(has(place("[2001:db8:0:1::53]:53").seen, "at nyc1"));
  BOOST_TEST(has(place("127.0.0.1:53").seen, "on this machine"));
  BOOST_TEST((place("[2001:db8:0:2::53]:53").mark == Mark::Good));
  BOOST_TEST((place("203.0.113.53:53").mark == Mark::Good));
  BOOST_TEST((judge_place({endpoint("203.0.113.53:53"), endpoint("192.0.2.10:53")}, sites(), "fra1").mark ==
              Mark::Note));
}

BOOST_AUTO_TEST_CASE(only_sizes_that_are_needed_count) {
  BOOST_TEST(
      (judge_sizes({{"TCP 4000", true, true, true}, {"UDP 1400", false, false, false}}).mark == Mark::Good));
  BOOST_TEST((judge_sizes({{"TCP 4000", false, false, true}}).mark == Mark::Bad));
  BOOST_TEST((judge_sizes({{"TCP 4000", true, false, true}}).mark == Mark::Bad));
}

BOOST_AUTO_TEST_CASE(the_soa_says_how_long_a_missing_name_is_remembered) {
  BOOST_TEST((judge_zone({soa(60), {}}).mark == Mark::Good));
  BOOST_TEST((judge_zone({soa(3600), {}}).mark == Mark::Note));
  BOOST_TEST((judge_zone({soa(3600, 60), {}}).mark == Mark::Good));  // the lesser of the two: RFC 2308
  BOOST_TEST((judge_zone({soa(60), {"ns2 is behind"}}).mark == Mark::Note));
  BOOST_TEST((judge_zone({std::nullopt, {}}).mark == Mark::Bad));
}

BOOST_AUTO_TEST_CASE(a_guard_that_went_back_is_a_regression) {
  const Name guard = name("_ha.pbx.example.net");
  const Record now = held_record();
  BOOST_TEST((judge_seen({}).mark == Mark::Good));
  BOOST_TEST((judge_seen({{guard, now.version, now}}).mark == Mark::Good));
  BOOST_TEST((judge_seen({{guard, {8, 1}, now}}).cause == Cause::Regression));
  BOOST_TEST(has(judge_seen({{guard, {0, 1}, std::nullopt}}).seen, "now gone"));
  BOOST_TEST((judge_seen({{guard, {0, 1}, std::nullopt, "torn"}}).mark == Mark::Bad));
}

BOOST_AUTO_TEST_CASE(what_a_restart_rolls_back_is_found) {
  BOOST_TEST((judge_restart({true, "x 3", "x 3", 5, 5}).mark == Mark::Good));
  BOOST_TEST((judge_restart({false, "x 3", "x 3", 5, 5}).mark == Mark::Note));
  BOOST_TEST((judge_restart({true, "x 3", "x 2", 5, 6}).mark == Mark::Bad));
  BOOST_TEST((judge_restart({true, "x 3", std::nullopt, 5, 6}).mark == Mark::Bad));
  BOOST_TEST((judge_restart({true, "x 3", "x 3", 5, 4}).mark == Mark::Bad));
  BOOST_TEST((judge_restart({true, "x 3", "x 3", 0xffff'ffff, 1}).mark == Mark::Good));
}

BOOST_AUTO_TEST_CASE(the_conclusion_names_what_is_wrong) {
  Diagnosis good = diagnosis({{"races", Mark::Good, "one winner"}, {"case", Mark::Note, "case"}});
  BOOST_TEST(good.safe());
  BOOST_TEST(good.conclusion() == "192.0.2.53:53 is a safe arbiter for example.net, with 1 to look at");
  const Diagnosis bad =
      diagnosis({{"races", Mark::Bad, "two winners", "fix it"}, {"seen", Mark::Skipped, "-"}});
  BOOST_TEST(!bad.safe());
  BOOST_TEST(bad.conclusion() == "192.0.2.53:53 is NOT a safe arbiter for example.net: two winners");
  BOOST_TEST(has(bad.text(), "✗ races           two winners"));
  BOOST_TEST(has(bad.text(), "next:  fix it"));
  BOOST_TEST(has(bad.json(), R"("safe":false)"));
  good.interrupted = true;
  BOOST_TEST(!good.safe());
}

BOOST_AUTO_TEST_CASE(every_check_has_a_plan_that_says_what_is_due) {
  for (const CheckPlan& plan : check_plans()) {
    BOOST_TEST((!plan.did.empty() && !plan.expected.empty()));
    BOOST_TEST(has(diagnosis({{std::string(plan.name), Mark::Note, "x"}}).text(), plan.did));
  }
}

BOOST_AUTO_TEST_SUITE_END()
