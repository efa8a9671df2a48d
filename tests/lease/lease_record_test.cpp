#include "failover/lease/lease_record.h"

#include <boost/test/unit_test.hpp>

using namespace ha::failover;
using ha::Code;
using ha::Digest;
using ha::Error;
using ha::dns::Cause;
using ha::dns::CopySight;
using ha::dns::CopyStand;
using ha::dns::FollowOutcome;
using ha::dns::HoldState;
using ha::dns::LeaseOutcome;
using ha::dns::LeaseSight;
using ha::dns::Name;
using ha::dns::Trouble;

namespace {

const ha::dns::Record kHeld{"pbx",        "fra",        {7, 120},      HoldState::Drain,
                            Digest{1, 2}, Digest{3, 4}, {"fra", "nyc"}};

ArbiterVerdict verdict_of(ha::dns::Verdict verdict, std::optional<Trouble> trouble = std::nullopt) {
  LeaseOutcome outcome;
  outcome.verdict = verdict;
  outcome.trouble = std::move(trouble);
  return answer_of(outcome).verdict;
}

Trouble because(Cause cause, Code code = Code::Unavailable) {
  return {cause, Error(code, "why")};
}

Name zone() {
  return Name::parse("voice.test").value();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lease_lease_record)

BOOST_AUTO_TEST_CASE(a_record_says_the_same_in_the_coordinators_words) {
  const Record record = record_of(kHeld);
  BOOST_TEST(record.owner == "fra");
  BOOST_TEST((record.version == Version{7, 120}));
  BOOST_TEST((record.hold == Hold::Drain));
  BOOST_TEST((record.terms == Terms{Digest{3, 4}, {"fra", "nyc"}}));
  BOOST_TEST((terms_of(record.terms) == ha::dns::LeaseTerms{Digest{3, 4}, {"fra", "nyc"}}));
  ha::dns::Record other = kHeld;
  other.state = HoldState::Own;
  BOOST_TEST((record_of(other).hold == Hold::Own));
  other.state = HoldState::Free;
  other.owner = "";
  BOOST_TEST((record_of(other).hold == Hold::Free));
  BOOST_TEST(!record_of(std::optional<ha::dns::Record>()).has_value());
  BOOST_TEST((state_of(Hold::Own) == HoldState::Own));
  BOOST_TEST((state_of(Hold::Drain) == HoldState::Drain));
  BOOST_TEST((state_of(Hold::Free) == HoldState::Own));
  BOOST_TEST((version_of(Version{7, 1}) == ha::dns::Version{7, 1}));
  BOOST_TEST(!version_of(std::nullopt).has_value());
}

BOOST_AUTO_TEST_CASE(every_verdict_of_a_swap_has_its_meaning) {
  using ha::dns::Verdict;
  BOOST_TEST((verdict_of(Verdict::Won) == ArbiterVerdict::Won));
  BOOST_TEST((verdict_of(Verdict::Lost) == ArbiterVerdict::Lost));
  BOOST_TEST((verdict_of(Verdict::Overtaken) == ArbiterVerdict::Lost));
  BOOST_TEST((verdict_of(Verdict::Refused) == ArbiterVerdict::Refused));
  BOOST_TEST((verdict_of(Verdict::Regression) == ArbiterVerdict::Regression));
  BOOST_TEST((verdict_of(Verdict::Partial) == ArbiterVerdict::Unknown));
  BOOST_TEST((verdict_of(Verdict::Nothing) == ArbiterVerdict::Unknown));
  BOOST_TEST((verdict_of(Verdict::Unknown) == ArbiterVerdict::Unknown));
}

BOOST_AUTO_TEST_CASE(what_was_not_sent_is_unreachable_refused_or_a_regression) {
  const auto not_sent = [](Cause cause, Code code = Code::Unavailable) {
    return verdict_of(ha::dns::Verdict::NotSent, because(cause, code));
  };
  BOOST_TEST((not_sent(Cause::Network) == ArbiterVerdict::Unreachable));
  BOOST_TEST((not_sent(Cause::Server) == ArbiterVerdict::Unreachable));
  BOOST_TEST((not_sent(Cause::Ours, Code::Cancelled) == ArbiterVerdict::Unreachable));
  BOOST_TEST((not_sent(Cause::Regression, Code::Refused) == ArbiterVerdict::Regression));
  for (const Cause cause :
       {Cause::Key, Cause::Clock, Cause::Policy, Cause::Zone, Cause::Unsupported, Cause::Ours}) {
    BOOST_TEST((not_sent(cause, Code::Denied) == ArbiterVerdict::Refused));
  }
}

BOOST_AUTO_TEST_CASE(an_answer_has_the_record_the_time_and_the_reason) {
  LeaseOutcome outcome;
  outcome.verdict = ha::dns::Verdict::Won;
  outcome.now = kHeld;
  outcome.sent = ha::SteadyTime(std::chrono::seconds(5));
  const ArbiterAnswer won = answer_of(outcome);
  BOOST_TEST((won.record == record_of(kHeld)));
  BOOST_TEST((won.sent == outcome.sent));
  BOOST_TEST(!won.why.has_value());
  outcome.trouble = because(Cause::Network);
  BOOST_TEST(answer_of(outcome).why->what() == "why");
}

BOOST_AUTO_TEST_CASE(a_claim_lost_to_oneself_is_not_known) {
  const ArbiterAnswer lost{ArbiterVerdict::Lost, record_of(kHeld), std::nullopt,
                           Error(Code::Conflict, "lost")};
  BOOST_TEST((claimed_by("fra", lost).verdict == ArbiterVerdict::Unknown));
  BOOST_TEST((claimed_by("nyc", lost).verdict == ArbiterVerdict::Lost));
  ArbiterAnswer refused = lost;
  refused.verdict = ArbiterVerdict::Refused;
  BOOST_TEST((claimed_by("fra", refused).verdict == ArbiterVerdict::Refused));
  ArbiterAnswer gone = lost;
  gone.record.reset();
  BOOST_TEST((claimed_by("fra", gone).verdict == ArbiterVerdict::Lost));
}

BOOST_AUTO_TEST_CASE(a_sight_tells_trouble_from_time_gone_back_and_what_is_due) {
  LeaseSight sight;
  sight.lease = kHeld;
  sight.copies = {CopySight{zone(), kHeld, CopyStand::Current, std::nullopt}};
  BOOST_TEST((sight_of(sight).record == record_of(kHeld)));
  BOOST_TEST(!sight_of(sight).second_half_due);
  sight.copies.push_back({zone(), kHeld, CopyStand::Due, std::nullopt});
  BOOST_TEST(sight_of(sight).second_half_due);
  sight.copies = {CopySight{zone(), std::nullopt, CopyStand::Current, because(Cause::Network)}};
  BOOST_TEST(sight_of(sight).second_half_due);
  sight.trouble = because(Cause::Network);
  BOOST_TEST(sight_of(sight).trouble.has_value());
  BOOST_TEST(!sight_of(sight).regression);
  sight.trouble = because(Cause::Regression);
  BOOST_TEST(sight_of(sight).regression);
}

BOOST_AUTO_TEST_CASE(a_place_that_follows_is_done_when_its_names_are_there) {
  FollowOutcome outcome{zone(), ha::dns::Verdict::Won, std::nullopt, std::nullopt, {}};
  BOOST_TEST(answer_of(outcome).done);
  BOOST_TEST(answer_of(outcome).place == "voice.test");
  outcome.verdict = ha::dns::Verdict::Nothing;
  outcome.differences = {"sip.voice.test A is not as configured"};
  BOOST_TEST(answer_of(outcome).done);
  BOOST_TEST(answer_of(outcome).differences.size() == 1U);
  outcome.verdict = ha::dns::Verdict::Lost;
  outcome.trouble = because(Cause::Ours, Code::Conflict);
  BOOST_TEST(!answer_of(outcome).done);
  BOOST_TEST((answer_of(outcome).why->code() == Code::Conflict));
  BOOST_TEST(!answer_of(outcome).regression);
  outcome.trouble = because(Cause::Regression, Code::Refused);
  BOOST_TEST(answer_of(outcome).regression);
  outcome = {zone(), ha::dns::Verdict::Regression, std::nullopt, std::nullopt, {}};
  BOOST_TEST(answer_of(outcome).regression);
  BOOST_TEST(answer_of(outcome).why.has_value());
}

BOOST_AUTO_TEST_SUITE_END()
