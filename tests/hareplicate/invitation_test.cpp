#include <boost/test/unit_test.hpp>

#include "tests/hareplicate/pair_fixture.h"
#include "tests/sys/temp_directory.h"
#include "tools/hareplicate/invitation.h"

using namespace ha;                 // NOLINT: a test
using namespace ha::tool;           // NOLINT
using namespace ha::tool::testing;  // NOLINT

namespace {

constexpr std::chrono::minutes kGoodFor{15};
const WallTime kStart(std::chrono::seconds(1'795'252'489));

Now at(Duration since_start) {
  return {SteadyTime(std::chrono::hours(1)) + since_start,
          kStart + std::chrono::duration_cast<WallTime::duration>(since_start)};
}

struct Fixture {
  replicator::Config cluster = config();
  Invitation invitation{
      {"nyc1", sys::Secret::copy_of(kSecret).value(), at(kGoodFor).steady, at(kGoodFor).wall, 1, "0.1.0"},
      cluster};
  Now now = at(std::chrono::seconds(5));

  Invitation::Decision say(PairMessage message, const std::string& key = kNycKey) {
    return invitation.on_message(key, std::move(message), now);
  }
  // The error it is refused with; the test fails when it is not.
  Error refusal(const PairRequest& asked, const std::string& key = kNycKey) {
    const auto decision = say(asked, key);
    BOOST_REQUIRE(std::holds_alternative<Invitation::Answer>(decision));
    const PairMessage& message = std::get<Invitation::Answer>(decision).message;
    BOOST_REQUIRE(std::holds_alternative<PairRefusal>(message));
    return std::get<PairRefusal>(message).error;
  }
  bool admits(const PairRequest& asked = request()) {
    return std::holds_alternative<Invitation::Admit>(say(asked));
  }
  void welcome() {
    BOOST_REQUIRE(admits());
    static_cast<void>(invitation.welcomed(kNycKey, {"nyc1", "5b1f", "fra1", "text", false, now.wall}));
  }
  bool gets_welcome() {
    const auto decision = say(request());
    const auto* answer = std::get_if<Invitation::Answer>(&decision);
    return answer != nullptr && std::holds_alternative<PairWelcome>(answer->message);
  }
};

bool says(const Error& error, const std::string& words) {
  return (error.what() + " " + error.hint()).find(words) != std::string::npos;
}

PairRequest wrong() {
  PairRequest out = request();
  out.secret.back() = '!';
  return out;
}

const std::string kOtherKey = "9a0000000000000000000000000000000000000A";

}  // namespace

BOOST_AUTO_TEST_SUITE(hareplicate_invitation)

BOOST_FIXTURE_TEST_CASE(who_has_the_secret_is_admitted_and_the_secret_goes_no_further, Fixture) {
  const auto decision = say(request());
  BOOST_REQUIRE(std::holds_alternative<Invitation::Admit>(decision));
  const auto& admit = std::get<Invitation::Admit>(decision);
  BOOST_TEST(admit.key == kNycKey);
  BOOST_TEST(admit.request.secret.find('0') == std::string::npos);
  BOOST_TEST((invitation.state() == Invitation::State::Open));
}

BOOST_FIXTURE_TEST_CASE(it_is_over_when_the_machine_has_stored_its_files, Fixture) {
  welcome();
  BOOST_TEST((invitation.state() == Invitation::State::Welcomed));
  BOOST_TEST(!invitation.over());
  const auto decision = say(PairStored{});
  BOOST_TEST(std::holds_alternative<Invitation::Answer>(decision));
  BOOST_TEST((invitation.state() == Invitation::State::Joined));
  BOOST_TEST(invitation.over());
}

BOOST_FIXTURE_TEST_CASE(the_same_machine_gets_the_same_welcome_when_the_answer_was_lost, Fixture) {
  welcome();
  BOOST_TEST(gets_welcome());
  static_cast<void>(say(PairStored{}));
  BOOST_TEST(gets_welcome());
  BOOST_TEST((invitation.state() == Invitation::State::Joined));
}

BOOST_FIXTURE_TEST_CASE(a_second_machine_is_told_that_the_token_was_used, Fixture) {
  welcome();
  const Error error = refusal(request(), kOtherKey);
  BOOST_TEST((error.code() == Code::Refused));
  BOOST_TEST(says(error, "used already"));
  BOOST_TEST(gets_welcome());
}

BOOST_FIXTURE_TEST_CASE(nobody_but_who_was_welcomed_can_end_it_well, Fixture) {
  BOOST_TEST(std::holds_alternative<Invitation::Nothing>(say(PairStored{})));
  welcome();
  BOOST_TEST(std::holds_alternative<Invitation::Nothing>(say(PairStored{}, kOtherKey)));
  BOOST_TEST(std::holds_alternative<Invitation::Nothing>(say(PairWelcome{})));
  BOOST_TEST(std::holds_alternative<Invitation::Nothing>(say(PairRefusal{})));
  BOOST_TEST((invitation.state() == Invitation::State::Welcomed));
}

BOOST_FIXTURE_TEST_CASE(the_fifth_wrong_secret_ends_it_and_a_right_one_comes_too_late, Fixture) {
  for (unsigned count = 1; count < kWrongSecretsMax; ++count) {
    BOOST_TEST(says(refusal(wrong()), "not that of the invitation"));
    BOOST_TEST(!invitation.over());
  }
  BOOST_TEST(says(refusal(wrong()), "fifth"));
  BOOST_TEST((invitation.state() == Invitation::State::Guessed));
  BOOST_TEST(std::holds_alternative<Invitation::Nothing>(say(request())));
}

BOOST_FIXTURE_TEST_CASE(four_wrong_secrets_keep_nobody_out, Fixture) {
  for (unsigned count = 1; count < kWrongSecretsMax; ++count) {
    static_cast<void>(refusal(wrong()));
  }
  BOOST_TEST(admits());
}

BOOST_FIXTURE_TEST_CASE(a_secret_that_is_shorter_longer_or_missing_is_wrong, Fixture) {
  for (const std::string& secret : {std::string(), kSecret.substr(1), kSecret + "0"}) {
    PairRequest asked = request();
    asked.secret = secret;
    BOOST_TEST(says(refusal(asked), "not that of the invitation"));
  }
}

BOOST_FIXTURE_TEST_CASE(without_the_secret_nothing_else_is_told, Fixture) {
  PairRequest asked = wrong();
  asked.cluster_id = "other";
  asked.wire_major = 9;
  now = at(kGoodFor);
  const Error error = refusal(asked);
  BOOST_TEST(says(error, "secret"));
  BOOST_TEST(!says(error, "acme"));
  BOOST_TEST(!says(error, "version"));
}

BOOST_FIXTURE_TEST_CASE(it_ends_by_the_clock_that_cannot_be_set, Fixture) {
  now = at(kGoodFor - std::chrono::seconds(1));
  now.wall += std::chrono::hours(30);
  invitation.on_tick(now);
  BOOST_TEST(!invitation.over());
  now = at(kGoodFor);
  now.wall -= std::chrono::hours(30);
  BOOST_TEST(says(refusal(request()), "was good until"));
  BOOST_TEST((invitation.state() == Invitation::State::Expired));
}

BOOST_FIXTURE_TEST_CASE(versions_that_do_not_fit_are_both_named, Fixture) {
  PairRequest asked = request();
  asked.wire_major = 2;
  asked.program_version = "9.9";
  const Error error = refusal(asked);
  BOOST_TEST((error.code() == Code::Unsupported));
  BOOST_TEST(says(error, "9.9 (wire 2"));
  BOOST_TEST(says(error, "0.1.0 (wire 1"));
  asked = request();
  asked.protocol = kPairProtocol + 1;
  BOOST_TEST((refusal(asked).code() == Code::Unsupported));
}

BOOST_FIXTURE_TEST_CASE(the_inviting_machine_itself_and_other_sites_are_named, Fixture) {
  const Error self = refusal(request(), kFraKey);
  BOOST_TEST((self.code() == Code::Refused));
  BOOST_TEST(says(self, "key of site fra1"));
  BOOST_TEST(says(self, "not on this one"));
}

BOOST_FIXTURE_TEST_CASE(a_machine_of_another_cluster_is_refused_and_one_of_this_is_not, Fixture) {
  PairRequest asked = request();
  asked.cluster_id = "other\n";
  const Error error = refusal(asked);
  BOOST_TEST((error.code() == Code::Refused));
  BOOST_TEST(says(error, "\"other\\x0a\""));
  asked.cluster_id = "5b1f";
  BOOST_TEST(admits(asked));
}

BOOST_FIXTURE_TEST_CASE(another_name_than_the_invitations_is_refused, Fixture) {
  PairRequest asked = request();
  asked.site = "syd1";
  BOOST_TEST(says(refusal(asked), "for site nyc1"));
  asked.site.clear();
  BOOST_TEST(admits(asked));
}

BOOST_FIXTURE_TEST_CASE(after_a_change_that_failed_it_stays_open, Fixture) {
  BOOST_REQUIRE(admits());
  const PairMessage answer = Invitation::refused(Error(Code::NoSpace, "disk full"), now);
  BOOST_TEST(std::holds_alternative<PairRefusal>(answer));
  BOOST_TEST(admits());
}

BOOST_AUTO_TEST_SUITE_END()
