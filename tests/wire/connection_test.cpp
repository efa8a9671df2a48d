#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "tests/wire/harness.h"

namespace ha::wire {
namespace {

using testing::Client;
using testing::Harness;
using testing::quick_connection;
using Kind = ConnectionEvent::Kind;

bool send(Client& client, Bytes message) {
  return client.dealer->send(std::move(message)).value();
}

// A TCP connection that is no ZeroMQ peer at all.
int raw_connection(const std::string& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  BOOST_REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

// The greeting of a ZMTP 3.0 peer that wants no encryption, and its READY.
Bytes plain_greeting() {
  Bytes out("\xff\0\0\0\0\0\0\0\0\x7f\x03\0", 12);
  Bytes mechanism = "NULL";
  mechanism.resize(20);
  out += mechanism + Bytes(32, '\0');
  return out + Bytes(
                   "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06"
                   "DEALER",
                   30);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(wire_connection)

BOOST_AUTO_TEST_CASE(an_admitted_key_pairs_and_its_site_name_arrives) {
  Harness h;
  h.start_zap({h.client_peer("fra1")});
  h.start_router();
  const auto client = h.connect(h.client_keys);
  BOOST_REQUIRE(h.until([&] { return client->dealer->connected(); }));
  BOOST_REQUIRE(send(*client, "hello"));
  BOOST_REQUIRE(h.until([&] { return h.server.received.size() == 1; }));
  const RouterMessage& message = h.server.received[0];
  BOOST_TEST(message.site == "fra1");
  BOOST_TEST(message.routing_id == "fra1/control");
  BOOST_TEST(message.address == "127.0.0.1");
  BOOST_TEST(message.payload == "hello");
  BOOST_TEST((h.server.router->send(message.routing_id, "world").value() == SendOutcome::Sent));
  BOOST_REQUIRE(h.until([&] { return client->received.size() == 1; }));
  BOOST_TEST(client->received[0] == "world");
  BOOST_TEST(client->count(Kind::Connected) == 1);
  BOOST_TEST(h.server.zap->refusals().count == 0U);
}

BOOST_AUTO_TEST_CASE(a_large_message_arrives_as_it_was) {
  Harness h;
  h.start_zap({h.client_peer()});
  h.start_router();
  const auto client = h.connect(h.client_keys);
  BOOST_REQUIRE(h.until([&] { return client->dealer->connected(); }));
  Bytes message(kMessageBytesMax, 'x');
  message[1000000] = 'y';
  BOOST_REQUIRE(send(*client, message));
  BOOST_REQUIRE(h.until([&] { return h.server.received.size() == 1; }));
  BOOST_TEST((h.server.received[0].payload == message));
}

BOOST_AUTO_TEST_CASE(an_unknown_key_is_refused_and_counted_and_pairs_once_it_is_admitted) {
  Harness h;
  const KeyPair other = KeyPair::generate().value();
  h.start_zap({{"other", other.public_key}});
  h.start_router();
  const auto client = h.connect(h.client_keys);
  // Twice: it comes back after it has been refused.
  BOOST_REQUIRE(h.until([&] { return h.server.zap->refusals().count >= 2; }));
  BOOST_REQUIRE(h.until([&] { return client->count(Kind::HandshakeFailed) >= 2; }));
  BOOST_TEST(client->events[0].detail == "the peer does not admit our key");
  BOOST_TEST(!client->dealer->connected());
  BOOST_TEST(!send(*client, "in vain"));
  BOOST_TEST(h.server.zap->refusals().last_key == h.client_keys.public_key.z85());
  BOOST_TEST(h.server.zap->refusals().last_address == "127.0.0.1");
  BOOST_TEST(h.server.router->counters().handshakes_failed >= 1U);

  h.server.zap->set_admitted({h.client_peer("fra1")});
  BOOST_REQUIRE(h.until([&] { return client->dealer->connected(); }));
  BOOST_REQUIRE(send(*client, "at last"));
  BOOST_REQUIRE(h.until([&] { return h.server.received.size() == 1; }));
  BOOST_TEST(h.server.received[0].site == "fra1");
}

BOOST_AUTO_TEST_CASE(while_nobody_is_admitted_a_client_keeps_trying) {
  Harness h;
  h.start_zap({});
  h.start_router();
  const auto client = h.connect(h.client_keys);
  BOOST_REQUIRE(h.until([&] { return h.server.zap->refusals().count >= 2; }));
  h.server.zap->set_admitted({h.client_peer()});
  BOOST_TEST(h.until([&] { return client->dealer->connected(); }));
}

BOOST_AUTO_TEST_CASE(the_wrong_server_key_never_pairs_and_is_said) {
  Harness h;
  h.start_zap({h.client_peer()});
  h.start_router();
  DealerOptions options;
  options.endpoint = h.server.router->endpoint();
  options.routing_id = "a";
  options.server_key = KeyPair::generate().value().public_key;
  options.connection = quick_connection();
  options.reconnect_min = std::chrono::milliseconds(20);
  const auto client = h.connect_with(h.client_keys, options);
  BOOST_REQUIRE(h.until([&] { return client->count(Kind::HandshakeFailed) >= 2; }));
  BOOST_TEST_MESSAGE("client: " << client->events[0].detail);
  BOOST_REQUIRE(h.until([&] { return h.server.router->counters().handshakes_failed >= 2; }));
  BOOST_TEST_MESSAGE("server: " << h.server.events[0].detail);
  BOOST_TEST(client->count(Kind::Connected) == 0);
  BOOST_TEST(h.server.zap->refusals().count == 0U);  // it never came so far as to say who it is
}

BOOST_AUTO_TEST_CASE(a_peer_without_encryption_never_pairs) {
  Harness h;
  h.start_zap({h.client_peer()});
  h.start_router();
  const int fd = raw_connection(h.server.router->endpoint());
  const Bytes greeting = plain_greeting() + Bytes("\0\x05hello", 7);
  BOOST_REQUIRE(::send(fd, greeting.data(), greeting.size(), MSG_NOSIGNAL) > 0);
  BOOST_TEST(h.until([&] { return h.server.router->counters().handshakes_failed == 1; }));
  BOOST_TEST(h.server.received.empty());
  BOOST_TEST(h.server.events.at(0).detail == "it does not speak CURVE: is another program at that port?");
  ::close(fd);
}

BOOST_AUTO_TEST_CASE(a_peer_that_says_nothing_is_dropped) {
  Harness h;
  h.start_zap({h.client_peer()});
  h.start_router();
  const int fd = raw_connection(h.server.router->endpoint());
  BOOST_TEST(h.until([&] { return h.server.router->counters().disconnected == 1; }));
  ::close(fd);
}

BOOST_AUTO_TEST_CASE(a_client_comes_back_after_the_server_was_restarted) {
  Harness h;
  h.start_zap({h.client_peer()});
  h.start_router();
  const std::string endpoint = h.server.router->endpoint();
  const auto client = h.connect(h.client_keys);
  BOOST_REQUIRE(h.until([&] { return client->dealer->connected(); }));
  h.stop_router();
  BOOST_REQUIRE(h.until([&] { return client->count(Kind::Disconnected) == 1; }));
  BOOST_TEST(!send(*client, "nobody there"));
  h.start_router(endpoint);
  BOOST_REQUIRE(h.until([&] { return client->count(Kind::Connected) == 2; }));
  BOOST_REQUIRE(send(*client, "again"));
  BOOST_REQUIRE(h.until([&] { return h.server.received.size() == 1; }));
  BOOST_TEST(h.server.received[0].payload == "again");
}

BOOST_AUTO_TEST_CASE(the_newer_of_two_clients_with_the_same_routing_id_takes_it_over) {
  Harness h;
  h.start_zap({h.client_peer()});
  h.start_router();
  DealerOptions options;
  options.endpoint = h.server.router->endpoint();
  options.routing_id = "same";
  options.server_key = h.server_keys.public_key;
  options.connection = quick_connection();
  options.reconnect_min = std::chrono::minutes(10);  // so that it does not take it back
  options.reconnect_max = options.reconnect_min;
  const auto older = h.connect_with(h.client_keys, options);
  BOOST_REQUIRE(h.until([&] { return older->dealer->connected(); }));
  BOOST_REQUIRE(send(*older, "older"));
  BOOST_REQUIRE(h.until([&] { return h.server.received.size() == 1; }));
  // The older is still there, as a half-open connection is for the Router.
  const auto newer = h.connect(h.client_keys, "same");
  BOOST_REQUIRE(h.until([&] { return newer->dealer->connected(); }));
  BOOST_REQUIRE(send(*newer, "newer"));
  BOOST_REQUIRE(h.until([&] { return h.server.received.size() == 2; }));
  BOOST_TEST((h.server.router->send("same", "for the newer").value() == SendOutcome::Sent));
  BOOST_REQUIRE(h.until([&] { return newer->received.size() == 1; }));
  BOOST_TEST(newer->received[0] == "for the newer");
  // libzmq 4.3.4 leaves the connection of the older open, and stops reading it at its next message; then the
  // heartbeats end it.
  BOOST_TEST(send(*older, "into the void"));
  BOOST_TEST(h.until([&] { return !older->dealer->connected(); }));
  BOOST_TEST(h.server.received.size() == 2U);
}

BOOST_AUTO_TEST_CASE(the_congestion_control_in_force_is_reported) {
  Harness h;
  h.start_zap({h.client_peer()});
  h.start_router();
  const auto client = h.connect(h.client_keys);
  BOOST_REQUIRE(h.until([&] { return client->dealer->connected(); }));
  // Which one it is depends on the host; "bbr" was asked for.
  BOOST_TEST_MESSAGE("in force: " << client->dealer->congestion());
  BOOST_TEST(!client->dealer->congestion().empty());
  BOOST_TEST(client->events.at(0).congestion == client->dealer->congestion());
  BOOST_TEST(h.server.router->congestion() == client->dealer->congestion());

  ConnectionOptions reno = quick_connection();
  reno.congestion = "reno";  // every kernel has it
  const auto second = h.connect(h.client_keys, "reno", reno);
  BOOST_REQUIRE(h.until([&] { return second->dealer->connected(); }));
  BOOST_TEST(second->dealer->congestion() == "reno");

  ConnectionOptions unknown = quick_connection();
  unknown.congestion = "no-such-one";
  const auto third = h.connect(h.client_keys, "unknown", unknown);
  BOOST_REQUIRE(h.until([&] { return third->dealer->connected(); }));
  BOOST_TEST(!third->dealer->congestion().empty());
  BOOST_TEST(third->dealer->congestion() != "no-such-one");
}

BOOST_AUTO_TEST_CASE(pacing_can_be_changed_while_connected) {
  Harness h;
  h.start_zap({h.client_peer()});
  h.start_router();
  const auto client = h.connect(h.client_keys);
  BOOST_TEST(!client->dealer->set_pacing(1000000));  // not connected yet: kept for later
  BOOST_REQUIRE(h.until([&] { return client->dealer->connected(); }));
  BOOST_TEST(client->dealer->set_pacing(50000000));
  BOOST_TEST(client->dealer->set_pacing(0));
  BOOST_TEST(client->dealer->path().rtt.count() > 0);
  h.stop_router();
  BOOST_REQUIRE(h.until([&] { return !client->dealer->connected(); }));
  BOOST_TEST(!client->dealer->set_pacing(1000000));
  BOOST_TEST(client->dealer->path().rtt.count() == 0);
}

BOOST_AUTO_TEST_CASE(a_full_queue_says_so_and_loses_nothing) {
  Harness h;
  h.start_zap({h.client_peer()});
  h.start_router();
  ConnectionOptions small = quick_connection();
  small.queued_messages_max = 4;
  const auto client = h.connect(h.client_keys, "bulk", small);
  BOOST_REQUIRE(h.until([&] { return client->dealer->connected(); }));
  const Bytes filling(std::size_t{1} << 20, 'x');
  // Nobody turns the loop, so nobody reads: the queues and the buffers of TCP fill up.
  std::size_t sent = 0;
  for (;; ++sent) {
    Bytes message = filling + std::to_string(sent);
    if (!client->dealer->send(std::move(message)).value()) {
      BOOST_TEST(message.size() > filling.size());  // NOLINT: untouched, as promised
      // The I/O threads may still be moving something into TCP's buffers; what counts is that it ends.
      break;
    }
    BOOST_REQUIRE(sent < 1000U);
  }
  BOOST_REQUIRE(h.until([&] { return h.server.received.size() == sent; }));
  for (std::size_t i = 0; i < sent; ++i) {
    BOOST_TEST(h.server.received[i].payload.substr(filling.size()) == std::to_string(i));
  }
  BOOST_TEST(send(*client, "there is room again"));
}

BOOST_AUTO_TEST_CASE(a_router_says_when_a_peer_is_full_or_not_there) {
  Harness h;
  h.start_zap({h.client_peer()});
  ConnectionOptions small = quick_connection();
  small.queued_messages_max = 4;
  h.start_router("tcp://127.0.0.1:*", small);
  Bytes lost = "lost";
  BOOST_TEST((h.server.router->send("nobody", std::move(lost)).value() == SendOutcome::Unroutable));
  BOOST_TEST(lost == "lost");  // NOLINT: untouched, as promised
  const auto client = h.connect(h.client_keys, "slow", small);
  client->dealer->want_read(false);
  BOOST_REQUIRE(h.until([&] { return client->dealer->connected(); }));
  BOOST_REQUIRE(send(*client, "here"));
  BOOST_REQUIRE(h.until([&] { return h.server.received.size() == 1; }));
  std::size_t sent = 0;
  while (h.server.router->send("slow", Bytes(std::size_t{1} << 20, 'x')).value() == SendOutcome::Sent) {
    BOOST_REQUIRE(++sent < 1000U);
  }
  Bytes kept(5000, 'k');
  BOOST_TEST((h.server.router->send("slow", std::move(kept)).value() != SendOutcome::Unroutable));
  client->dealer->want_read(true);
  BOOST_TEST(h.until([&] { return client->received.size() >= sent; }));
}

BOOST_AUTO_TEST_CASE(an_oversized_message_is_refused_here_and_drops_the_connection_there) {
  Harness h;
  h.start_zap({h.client_peer()});
  ConnectionOptions small = quick_connection();
  small.message_bytes_max = 10000;
  h.start_router("tcp://127.0.0.1:*", small);
  const auto honest = h.connect(h.client_keys, "honest", small);
  BOOST_REQUIRE(h.until([&] { return honest->dealer->connected(); }));
  BOOST_TEST((honest->dealer->send(Bytes(10001, 'x')).error().code() == Code::Exhausted));
  BOOST_TEST((h.server.router->send("honest", Bytes(10001, 'x')).error().code() == Code::Exhausted));
  BOOST_REQUIRE(send(*honest, Bytes(10000, 'x')));
  BOOST_REQUIRE(h.until([&] { return h.server.received.size() == 1; }));

  const auto rude = h.connect(h.client_keys, "rude");
  BOOST_REQUIRE(h.until([&] { return rude->dealer->connected(); }));
  BOOST_REQUIRE(send(*rude, Bytes(20000, 'x')));
  BOOST_REQUIRE(h.until([&] { return rude->count(Kind::Disconnected) == 1; }));
  BOOST_TEST(h.server.received.size() == 1U);
  BOOST_TEST(h.until([&] { return rude->count(Kind::Connected) == 2; }));
}

BOOST_AUTO_TEST_CASE(messages_of_a_revoked_key_are_dropped_without_a_new_handshake) {
  Harness h;
  h.start_zap({h.client_peer()});
  h.start_router();
  const auto client = h.connect(h.client_keys);
  BOOST_REQUIRE(h.until([&] { return client->dealer->connected(); }));
  BOOST_REQUIRE(send(*client, "before"));
  BOOST_REQUIRE(h.until([&] { return h.server.received.size() == 1; }));
  // The site stays, its key changes: the old one is out.
  h.server.zap->set_admitted({{"fra1", KeyPair::generate().value().public_key}});
  BOOST_REQUIRE(send(*client, "after"));
  BOOST_REQUIRE(h.until([&] { return h.server.router->counters().dropped_revoked == 1; }));
  BOOST_TEST(h.server.received.size() == 1U);
}

BOOST_AUTO_TEST_CASE(without_a_zap_handler_nothing_is_heard) {
  // libzmq lets everybody in then; the Router must not.
  Harness h;
  h.start_zap({h.client_peer()});
  h.start_router();
  Harness elsewhere;  // a context without a handler, whose Router asks the handler of the first
  elsewhere.server.router = Router::open(*elsewhere.context, h.server_keys, *h.server.zap,
                                         {"tcp://127.0.0.1:*", quick_connection()})
                                .value();
  h.router_id = h.loop->add(*elsewhere.server.router, [&](const Now&) {
    BOOST_TEST(!elsewhere.server.router->recv().value().has_value());
  });
  DealerOptions options;
  options.endpoint = elsewhere.server.router->endpoint();
  options.routing_id = "a";
  options.server_key = h.server_keys.public_key;
  options.connection = quick_connection();
  const auto client = h.connect_with(h.client_keys, options);
  BOOST_REQUIRE(h.until([&] { return client->dealer->connected(); }));
  BOOST_REQUIRE(send(*client, "hello"));
  BOOST_TEST(h.until([&] { return elsewhere.server.router->counters().dropped_revoked == 1; }));
}

BOOST_AUTO_TEST_CASE(addresses_and_ids_that_cannot_work_are_errors) {
  Harness h;
  h.start_zap({});
  h.start_router();
  BOOST_TEST((ZapHandler::open(*h.context, {}).error().code() == Code::Exists));
  const auto taken =
      Router::open(*h.context, h.server_keys, *h.server.zap, {h.server.router->endpoint(), {}});
  BOOST_TEST((taken.error().code() == Code::Exists));
  const auto nonsense = Router::open(*h.context, h.server_keys, *h.server.zap, {"nonsense", {}});
  BOOST_TEST((nonsense.error().code() == Code::Invalid));
  DealerOptions options;
  options.endpoint = "nonsense";
  options.routing_id = "a";
  BOOST_TEST((Dealer::open(*h.context, h.client_keys, options).error().code() == Code::Invalid));
  options.endpoint = h.server.router->endpoint();
  options.routing_id = "";
  BOOST_TEST((Dealer::open(*h.context, h.client_keys, options).error().code() == Code::Invalid));
  options.routing_id = "a";
  options.connection.queued_messages_max = 0;  // ZeroMQ's word for unlimited
  BOOST_TEST((Dealer::open(*h.context, h.client_keys, options).error().code() == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(a_router_for_any_key_calls_each_peer_by_its_key) {
  Harness h;
  h.server.zap = ZapHandler::open_for_any_key(*h.context).value();
  h.zap_id = h.loop->add(*h.server.zap, {});
  h.start_router();
  const KeyPair other = KeyPair::generate().value();
  const auto first = h.connect(h.client_keys, "join/1");
  const auto second = h.connect(other, "join/2");
  BOOST_REQUIRE(h.until([&] { return first->dealer->connected() && second->dealer->connected(); }));
  BOOST_REQUIRE(send(*first, "first"));
  BOOST_REQUIRE(h.until([&] { return h.server.received.size() == 1; }));
  BOOST_REQUIRE(send(*second, "second"));
  BOOST_REQUIRE(h.until([&] { return h.server.received.size() == 2; }));
  BOOST_TEST(h.server.received[0].site == h.client_keys.public_key.z85());
  BOOST_TEST(h.server.received[1].site == other.public_key.z85());
  BOOST_TEST(h.server.zap->refusals().count == 0U);
  BOOST_TEST(h.server.zap->admits(other.public_key.z85(), other.public_key.z85()));
  BOOST_TEST(!h.server.zap->admits("fra1", other.public_key.z85()));
  BOOST_TEST(!h.server.zap->admits("", ""));
}

BOOST_AUTO_TEST_CASE(a_router_for_any_key_still_wants_its_own_to_be_known) {
  Harness h;
  h.server.zap = ZapHandler::open_for_any_key(*h.context).value();
  h.zap_id = h.loop->add(*h.server.zap, {});
  h.start_router();
  DealerOptions options;
  options.endpoint = h.server.router->endpoint();
  options.routing_id = "join/1";
  options.server_key = KeyPair::generate().value().public_key;
  options.connection = quick_connection();
  const auto client = h.connect_with(h.client_keys, options);
  BOOST_REQUIRE(h.until([&] { return client->count(Kind::HandshakeFailed) >= 1; }));
  BOOST_TEST(!client->dealer->connected());
  BOOST_TEST(!send(*client, "in vain"));
  BOOST_TEST(h.server.received.empty());
}

BOOST_AUTO_TEST_CASE(a_usual_router_never_calls_a_peer_by_its_key) {
  Harness h;
  h.start_zap({h.client_peer("fra1")});
  BOOST_TEST(!h.server.zap->admits(h.client_keys.public_key.z85(), h.client_keys.public_key.z85()));
}

BOOST_AUTO_TEST_CASE(a_dealer_with_two_keys_finds_the_server_with_either_and_follows_a_change) {
  Harness h;
  h.start_zap({h.client_peer()});
  h.start_router();
  const std::string endpoint = h.server.router->endpoint();
  KeyPair next = KeyPair::generate().value();
  DealerOptions options;
  options.endpoint = endpoint;
  options.routing_id = "fra1/control";
  options.server_key = next.public_key;  // not yet
  options.other_server_key = h.server_keys.public_key;
  options.connection = quick_connection();
  options.reconnect_min = std::chrono::milliseconds(20);
  options.reconnect_max = std::chrono::milliseconds(100);
  const auto client = h.connect_with(h.client_keys, options);
  BOOST_REQUIRE(h.until([&] { return client->dealer->connected(); }));
  BOOST_TEST(client->count(Kind::HandshakeFailed) >= 1);

  std::swap(h.server_keys, next);
  h.stop_router();
  BOOST_REQUIRE(h.until([&] { return !client->dealer->connected(); }));
  h.start_router(endpoint);
  BOOST_REQUIRE(h.until([&] { return client->dealer->connected(); }));
  BOOST_REQUIRE(send(*client, "still here"));
  BOOST_TEST(h.until([&] { return !h.server.received.empty(); }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::wire
