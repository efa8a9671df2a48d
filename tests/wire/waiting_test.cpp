// The loop wakes for what a ZeroMQ socket has, also when nothing new tells it so.
#include <boost/test/unit_test.hpp>

#include "tests/wire/harness.h"

namespace ha::wire {
namespace {

using std::chrono::milliseconds;
using testing::Client;
using testing::Harness;
using testing::kDeadline;
using testing::quick_connection;

struct Connected : Harness {
  std::unique_ptr<Client> client;

  explicit Connected(ConnectionOptions connection = quick_connection()) {
    start_zap({client_peer()});
    start_router();
    client = connect(client_keys, "fra1/control", connection);
    BOOST_REQUIRE(until([&] { return client->dealer->connected(); }));
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(wire_waiting)

BOOST_AUTO_TEST_CASE(what_a_handler_leaves_in_a_socket_wakes_the_loop_again) {
  constexpr int kMessages = 50;
  ConnectionOptions roomy = quick_connection();
  roomy.queued_messages_max = kMessages;
  Connected h(roomy);
  h.loop->remove(h.router_id);
  int calls = 0;
  std::vector<Bytes> got;
  h.loop->add(*h.server.router, [&](const Now&) {
    ++calls;
    static_cast<void>(h.server.router->take_events());
    if (const auto message = h.server.router->recv().value()) {  // one of many
      got.push_back(message->payload);
    }
  });
  for (int i = 0; i < kMessages; ++i) {
    BOOST_REQUIRE(h.client->dealer->send(std::to_string(i)).value());
  }
  // Each wait is as long as a test may last: a wake that is missed shows.
  const SteadyTime begin = read_clocks().steady;
  for (int i = 0; i < 10 * kMessages && got.size() < kMessages; ++i) {
    BOOST_REQUIRE(h.loop->turn(kDeadline).ok());
  }
  BOOST_TEST(got.size() == kMessages);
  BOOST_TEST(calls >= kMessages);
  BOOST_TEST((read_clocks().steady - begin < kDeadline));
}

BOOST_AUTO_TEST_CASE(a_socket_with_room_is_ready_as_soon_as_it_is_asked_for) {
  Connected h;
  h.loop->remove(h.client->id);
  int calls = 0;
  h.loop->add(*h.client->dealer, [&](const Now&) {
    ++calls;
    h.client->dealer->want_write(false);
  });
  for (int i = 0; i < 20; ++i) {  // what else there is to do
    BOOST_REQUIRE(h.loop->turn(milliseconds(10)).ok());
  }
  const int before = calls;
  const SteadyTime begin = read_clocks().steady;
  h.client->dealer->want_write(true);
  for (int i = 0; i < 20 && calls == before; ++i) {
    BOOST_REQUIRE(h.loop->turn(kDeadline).ok());
  }
  BOOST_TEST(calls == before + 1);
  BOOST_TEST((read_clocks().steady - begin < kDeadline));
}

BOOST_AUTO_TEST_CASE(a_socket_that_was_full_is_ready_when_there_is_room) {
  ConnectionOptions small = quick_connection();
  small.queued_messages_max = 4;
  Connected h(small);
  const Bytes filling(std::size_t{1} << 20, 'x');
  std::size_t sent = 0;
  while (h.client->dealer->send(Bytes(filling)).value()) {
    BOOST_REQUIRE(++sent < 1000U);
  }
  h.loop->remove(h.client->id);
  bool room = false;
  h.loop->add(*h.client->dealer, [&](const Now&) {
    while (h.client->dealer->recv().value()) {
    }
    room = h.client->dealer->send(Bytes(filling)).value();
    h.client->dealer->want_write(!room);
  });
  h.client->dealer->want_write(true);
  const SteadyTime begin = read_clocks().steady;
  for (int i = 0; i < 10000 && !room; ++i) {
    BOOST_REQUIRE(h.loop->turn(kDeadline).ok());
  }
  BOOST_TEST(room);
  BOOST_TEST((read_clocks().steady - begin < kDeadline));
}

BOOST_AUTO_TEST_CASE(a_loop_with_idle_sockets_sleeps) {
  Connected h;
  BOOST_REQUIRE(h.until([&] { return h.server.events.size() == 1; }));
  for (int i = 0; i < 20; ++i) {
    BOOST_REQUIRE(h.loop->turn(milliseconds(10)).ok());
  }
  const std::uint64_t before = h.loop->turns();
  const SteadyTime end = read_clocks().steady + milliseconds(500);
  while (read_clocks().steady < end) {
    BOOST_REQUIRE(h.loop->turn(milliseconds(100)).ok());
  }
  BOOST_TEST(h.loop->turns() - before < 50U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::wire
