#include "replicator/session/link.h"

#include <boost/test/unit_test.hpp>

#include "tests/session/session_fixture.h"

namespace ha::replicator {
namespace {

Now now(double seconds, double wall_ahead = 0) {
  return {at(seconds), WallTime(std::chrono::duration_cast<std::chrono::nanoseconds>(
                           std::chrono::duration<double>(1e9 + seconds + wall_ahead)))};
}

const LinkFacts kOrigin{"cluster", "fra", "digest-a"};
const LinkFacts kReplica{"cluster", "sin", "digest-b"};

struct Fixture {
  Fixture() : link(kOrigin, "sin", [this] { return ++random << 32; }) {}
  template <typename T>
  std::optional<T> sent() {
    for (const LinkAction& action : link.take_actions()) {
      const auto* send = std::get_if<LinkSend>(&action);
      if (send != nullptr && std::holds_alternative<T>(send->message)) {
        return std::get<T>(send->message);
      }
    }
    return std::nullopt;
  }
  void come_up() {
    link.on_connected(now(0));
    const auto hello = sent<Hello>();
    BOOST_REQUIRE(hello);
    link.on_message(judge(*hello, "fra", kReplica, 1000, now(0)), now(0));
    BOOST_REQUIRE(link.status().state == LinkState::Up);
  }
  std::uint64_t random = 41;
  OriginLink link;
};

}  // namespace
}  // namespace ha::replicator

BOOST_AUTO_TEST_SUITE(session_link)

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_CASE(a_greeting_that_is_answered_brings_the_link_up) {
  Fixture test;
  test.come_up();
  const auto actions = test.link.take_actions();
  const auto up = find<LinkUp>(actions);
  BOOST_REQUIRE(up);
  BOOST_TEST(up->nonce == 42U);
  BOOST_TEST(up->window_bytes == 1000U);
  BOOST_TEST(test.link.status().peer_config_digest == "digest-b");
}

BOOST_AUTO_TEST_CASE(another_cluster_is_refused) {
  const auto answer = judge(Hello{"other", "fra", 1, {}, 0}, "fra", kReplica, 1000, now(0));
  BOOST_CHECK(std::get<Refusal>(answer).code == Code::Refused);
}

BOOST_AUTO_TEST_CASE(a_site_with_another_sites_key_is_refused) {
  const auto answer = judge(Hello{"cluster", "nyc", 1, {}, 0}, "fra", kReplica, 1000, now(0));
  BOOST_CHECK(std::get<Refusal>(answer).code == Code::Refused);
}

BOOST_AUTO_TEST_CASE(a_refused_origin_says_why_and_asks_again) {
  Fixture test;
  test.link.on_connected(now(0));
  test.link.on_message(Refusal{Code::Refused, "no", "do this"}, now(0));
  BOOST_CHECK(test.link.status().state == LinkState::Refused);
  BOOST_TEST(test.link.status().hint == "do this");
  static_cast<void>(test.link.take_actions());
  test.link.on_tick(now(9));
  BOOST_CHECK(!test.sent<Hello>());
  test.link.on_tick(now(10));
  BOOST_CHECK(test.sent<Hello>());
}

BOOST_AUTO_TEST_CASE(the_wrong_site_is_not_linked) {
  Fixture test;
  test.link.on_connected(now(0));
  const auto hello = test.sent<Hello>();
  test.link.on_message(Welcome{hello->link_nonce, "nyc", {}, 0, 1000}, now(0));
  BOOST_CHECK(test.link.status().state == LinkState::Refused);
}

BOOST_AUTO_TEST_CASE(a_repeated_greeting_keeps_its_nonce_and_a_new_one_does_not) {
  Fixture test;
  test.link.on_connected(now(0));
  const auto first = test.sent<Hello>();
  test.link.on_tick(now(3));
  const auto second = test.sent<Hello>();
  BOOST_REQUIRE(second);
  BOOST_TEST(second->link_nonce == first->link_nonce);
  test.link.on_lost("gone", now(4));
  test.link.on_connected(now(5));
  BOOST_TEST(test.sent<Hello>()->link_nonce != first->link_nonce);
}

BOOST_AUTO_TEST_CASE(a_welcome_to_an_older_greeting_starts_anew) {
  Fixture test;
  test.come_up();
  static_cast<void>(test.link.take_actions());
  test.link.on_message(Welcome{7, "sin", {}, 0, 1000}, now(1));
  BOOST_CHECK(test.link.status().state == LinkState::Greeting);
  const auto actions = test.link.take_actions();
  BOOST_CHECK(find<LinkDown>(actions));
  BOOST_CHECK(find<LinkSend>(actions));
}

BOOST_AUTO_TEST_CASE(silence_takes_the_link_down_and_greets_again) {
  Fixture test;
  test.come_up();
  static_cast<void>(test.link.take_actions());
  for (int second = 1; second <= 15; ++second) {
    test.link.on_tick(now(second));
    BOOST_CHECK(test.link.status().state == LinkState::Up);
  }
  static_cast<void>(test.link.take_actions());
  test.link.on_tick(now(16));
  const auto actions = test.link.take_actions();
  BOOST_CHECK(find<LinkDown>(actions));
  BOOST_CHECK(test.link.status().state == LinkState::Greeting);
}

BOOST_AUTO_TEST_CASE(pongs_tell_the_round_trip_and_the_other_clock) {
  Fixture test;
  test.come_up();
  auto ping = test.sent<Ping>();
  BOOST_REQUIRE(ping);
  const auto remote = now(0.05, 10).wall.time_since_epoch();  // half way, and ten seconds ahead
  ping->wall_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(remote).count();
  test.link.on_message(Pong{*ping}, now(0.1));
  BOOST_TEST(std::chrono::duration<double>(*test.link.status().rtt).count() == 0.1,
             boost::test_tools::tolerance(1e-6));
  BOOST_TEST(std::chrono::duration<double>(*test.link.status().clock_offset).count() == 10.0,
             boost::test_tools::tolerance(1e-3));
}

BOOST_AUTO_TEST_CASE(nothing_is_heard_on_a_lost_connection) {
  Fixture test;
  test.come_up();
  test.link.on_lost("reset", now(1));
  static_cast<void>(test.link.take_actions());
  test.link.on_message(Welcome{42, "sin", {}, 0, 1000}, now(1));
  BOOST_CHECK(test.link.status().state == LinkState::Unconnected);
  BOOST_TEST(test.link.take_actions().empty());
  BOOST_CHECK(!test.link.next_wakeup());
}

BOOST_AUTO_TEST_CASE(a_set_waits_while_its_definition_differs_and_others_do_not) {
  LinkFacts here = kOrigin;
  here.sets = {{"etc", {1, 1}}, {"spool", {2, 2}}, {"music", {3, 3}}};
  LinkFacts there = kReplica;
  there.sets = {{"etc", {1, 1}}, {"spool", {2, 9}}};
  OriginLink link(here, "sin", [] { return std::uint64_t{1} << 40; });
  link.on_connected(now(0));
  const Hello hello{"cluster", "fra", 256, "digest-a", 0, here.sets};
  link.on_message(judge(hello, "fra", there, 1000, now(0)), now(0));
  BOOST_REQUIRE(link.status().state == LinkState::Up);
  const auto reason = [&](const char* set) {
    return pause_reason(here.sets, link.status().peer_sets, set, "sin");
  };
  BOOST_TEST(reason("etc") == "");
  BOOST_TEST(reason("spool") == "its definition differs at sin");
  BOOST_TEST(reason("music") == "sin has no set music");
  BOOST_TEST(pause_reason(here.sets, {}, "spool", "sin") == "");  // a peer that does not say
}

BOOST_AUTO_TEST_SUITE_END()
