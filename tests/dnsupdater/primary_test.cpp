#include "dnsupdater/primary.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/messages.h"

using namespace ha::dns;
using namespace std::chrono_literals;
using ha::Code;
using ha::WallTime;

namespace {

const WallTime kOurs = at_second(kNowS);

std::optional<Trouble> said_of(TsigVerdict tsig, Rcode rcode, std::optional<WallTime> server_time = {},
                               WallTime ours = kOurs, bool of_update = true) {
  Reply reply;
  reply.of_update = of_update;
  reply.rcode = rcode;
  reply.tsig = tsig;
  reply.server_time = server_time;
  return trouble_of(reply, must(Name::parse("voice.test")), must(Name::parse("fra.key")), ours);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_primary)

BOOST_AUTO_TEST_CASE(what_is_signed_and_good_is_no_trouble) {
  BOOST_TEST(!said_of(TsigVerdict::Good, Rcode::NoError));
  BOOST_TEST(!said_of(TsigVerdict::Good, Rcode::NxDomain));
}

BOOST_AUTO_TEST_CASE(clocks_are_compared_in_whole_seconds) {
  for (const auto within : {0ms, 1ms, 999ms}) {
    const auto behind = said_of(TsigVerdict::ServerBadTime, Rcode::NotAuth, kOurs + 301s, kOurs + within);
    BOOST_TEST(behind->error.what() == "our clock is 301 s behind the primary's");
    const auto ahead = said_of(TsigVerdict::ServerBadTime, Rcode::NotAuth, kOurs - 301s, kOurs + within);
    BOOST_TEST(ahead->error.what() == "our clock is 301 s ahead of the primary's");
    BOOST_TEST((ahead->cause == Cause::Clock));
  }
}

BOOST_AUTO_TEST_CASE(a_server_without_the_zone_need_not_have_signed_that) {
  for (const TsigVerdict tsig : {TsigVerdict::Good, TsigVerdict::Missing}) {
    const auto trouble = said_of(tsig, Rcode::NotAuth);
    BOOST_TEST((trouble->cause == Cause::Zone));
    BOOST_TEST(trouble->error.what() == "the primary does not have zone voice.test (NOTAUTH)");
  }
}

BOOST_AUTO_TEST_CASE(a_name_outside_of_the_zone_does_not_mean_that_there_is_no_zone) {
  const auto trouble = said_of(TsigVerdict::Good, Rcode::NotZone);
  BOOST_TEST((trouble->cause == Cause::Zone));
  BOOST_TEST(trouble->error.what() == "the message names something outside of zone voice.test (NOTZONE)");
}

BOOST_AUTO_TEST_CASE(an_unsigned_refusal_says_what_else_it_may_mean) {
  for (const auto& trouble : {said_of(TsigVerdict::Missing, Rcode::Refused),
                              said_of(TsigVerdict::Missing, Rcode::NotAuth, {}, kOurs, false)}) {
    BOOST_TEST((trouble->cause == Cause::Policy));
    BOOST_TEST(trouble->error.what().find("a clock that is off") != std::string::npos);
  }
  BOOST_TEST((said_of(TsigVerdict::Missing, Rcode::ServFail)->cause == Cause::Network));
}

BOOST_AUTO_TEST_SUITE_END()
