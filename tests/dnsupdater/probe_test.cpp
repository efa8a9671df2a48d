#include "dnsupdater/probe.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;

namespace {

const Rdata kOld = address_rdata(address("192.0.2.1"));
const Rdata kNew = address_rdata(address("192.0.2.2"));
const Endpoint kResolver{address("192.0.2.53"), 53};

Sight saw(const Rdata& data, std::uint32_t ttl_s) {
  return {Sight::Kind::Data, {data}, ttl_s, {}};
}

ProbeVerdict verdict(const Sight& first, const Sight& second, const Sight& third) {
  return verdict_of(kResolver, first, second, third, kNew);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_probe)

BOOST_AUTO_TEST_CASE(who_shows_the_change_when_the_ttl_is_over_honours_it) {
  const ProbeVerdict good = verdict(saw(kOld, 5), saw(kNew, 5), saw(kNew, 4));
  BOOST_TEST((good.habit == Habit::Honours));
  BOOST_TEST((good.follows_s == 5U));
  BOOST_TEST(good.meaning == "callers behind 192.0.2.53 follow when the TTL is over (5 s here)");
  // One that keeps it shorter is no worse, and one that has thrown the old one away early.
  BOOST_TEST((verdict(saw(kOld, 1), saw(kNew, 5), saw(kNew, 4)).habit == Habit::Honours));
}

BOOST_AUTO_TEST_CASE(who_keeps_it_longer_is_found_by_the_ttl_that_it_shows) {
  const ProbeVerdict clamp = verdict(saw(kOld, 60), saw(kOld, 53), saw(kOld, 52));
  BOOST_TEST((clamp.habit == Habit::Clamps));
  BOOST_TEST((clamp.follows_s == 60U));
  BOOST_TEST(clamp.meaning.find("up to 60 s") != std::string::npos);
  // Also if its cache was emptied in between.
  BOOST_TEST((verdict(saw(kOld, 6), saw(kNew, 6), saw(kNew, 5)).habit == Habit::Clamps));
}

BOOST_AUTO_TEST_CASE(who_gives_the_first_caller_what_has_expired_is_found_by_the_second_question) {
  const ProbeVerdict expired = verdict(saw(kOld, 5), saw(kOld, 30), saw(kNew, 4));
  BOOST_TEST((expired.habit == Habit::ServesOld));
  BOOST_TEST(!expired.follows_s.has_value());
  BOOST_TEST(expired.meaning.find("the first caller after a change still gets the old address") == 0U);
}

BOOST_AUTO_TEST_CASE(who_has_it_still_is_named_without_a_guess) {
  const ProbeVerdict old = verdict(saw(kOld, 5), saw(kOld, 20), saw(kOld, 19));
  BOOST_TEST((old.habit == Habit::StaysOld));
  BOOST_TEST(old.meaning.find("19 s more at least") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(who_does_not_find_the_zone_says_why) {
  const Sight failed{Sight::Kind::Failed, {}, 0, "SERVFAIL"};
  const Sight nothing{Sight::Kind::Nothing, {}, 0, {}};
  const ProbeVerdict verdict_failed = verdict(failed, failed, failed);
  BOOST_TEST((verdict_failed.habit == Habit::CannotFind));
  BOOST_TEST(verdict_failed.meaning.ends_with("it says SERVFAIL"));
  BOOST_TEST((verdict(nothing, nothing, nothing).habit == Habit::CannotFind));
  BOOST_TEST((verdict(saw(kOld, 5), failed, failed).habit == Habit::CannotFind));
}

BOOST_AUTO_TEST_CASE(who_is_silent_or_becomes_so_is_told_apart) {
  BOOST_TEST(verdict({}, {}, {}).meaning == "it does not answer");
  const ProbeVerdict later = verdict(saw(kOld, 5), {}, {});
  BOOST_TEST((later.habit == Habit::Silent));
  BOOST_TEST(later.meaning.find("has stopped answering") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(resolv_conf_is_read_as_the_library_does) {
  const auto found = resolvers_of(
      "# nameserver 192.0.2.1\nsearch example.net\nnameserver\t192.0.2.53 # office\nnameserver "
      "2001:db8::53\r\n"
      "nameserver fe80::1%eth0\nnameserver\nnameservers 192.0.2.9\nnameserver 192.0.2.53\nnameserver "
      "192.0.2.7");
  BOOST_REQUIRE(found.size() == 3U);
  BOOST_TEST(found[0].text() == "192.0.2.53:53");
  BOOST_TEST(found[1].text() == "[2001:db8::53]:53");
  BOOST_TEST(found[2].text() == "192.0.2.7:53");
  std::string many;
  for (int i = 0; i < 60; ++i) {
    many += "nameserver 192.0.2." + std::to_string(i) + "\n";
  }
  BOOST_TEST(resolvers_of(many).size() == kResolversMax);
  BOOST_TEST(resolvers_of("").empty());
}

BOOST_AUTO_TEST_CASE(each_habit_has_a_word_of_its_own) {
  std::vector<std::string_view> words;
  for (const Habit habit :
       {Habit::Honours, Habit::Clamps, Habit::ServesOld, Habit::StaysOld, Habit::CannotFind, Habit::Silent}) {
    words.push_back(habit_text(habit));
  }
  std::sort(words.begin(), words.end());
  BOOST_TEST(words.front() != "");
  BOOST_TEST((std::unique(words.begin(), words.end()) == words.end()));
}

BOOST_AUTO_TEST_SUITE_END()
