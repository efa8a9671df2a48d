// A loop that a test turns until something has happened or a deadline has passed; Dealers and a Router in it.
//
// Single-threaded: both ends of a connection live in the same loop, only ZeroMQ's I/O threads run beside it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/wire/loop.h"
#include "common/wire/socket.h"
#include "common/wire/zap.h"

namespace ha::wire::testing {

inline constexpr std::chrono::seconds kDeadline{20};

// Fast enough for a test, else as in production.
inline ConnectionOptions quick_connection() {
  ConnectionOptions out;
  out.heartbeat_interval = std::chrono::milliseconds(200);
  out.heartbeat_timeout = std::chrono::milliseconds(2000);
  out.handshake_timeout = std::chrono::milliseconds(1000);
  return out;
}

// A Dealer, its events and what it received.
struct Client {
  std::unique_ptr<Dealer> dealer;
  Loop::Id id = 0;
  std::vector<Bytes> received;
  std::vector<ConnectionEvent> events;

  [[nodiscard]] int count(ConnectionEvent::Kind kind) const {
    int out = 0;
    for (const ConnectionEvent& event : events) {
      out += event.kind == kind ? 1 : 0;
    }
    return out;
  }
};

// A Router with its admission, and what it received.
struct Server {
  std::unique_ptr<ZapHandler> zap;
  std::unique_ptr<Router> router;
  std::vector<RouterMessage> received;
  std::vector<ConnectionEvent> events;
};

struct Harness {
  std::unique_ptr<Context> context = Context::open(1).value();
  std::unique_ptr<Loop> loop = Loop::open().value();
  KeyPair server_keys = KeyPair::generate().value();
  KeyPair client_keys = KeyPair::generate().value();
  Server server;
  Loop::Id zap_id = 0;
  Loop::Id router_id = 0;

  PeerKey client_peer(const std::string& site = "fra1") const { return {site, client_keys.public_key}; }

  void start_zap(std::vector<PeerKey> admitted) {
    server.zap = ZapHandler::open(*context, std::move(admitted)).value();
    zap_id = loop->add(*server.zap, {});
  }

  void start_router(const std::string& endpoint = "tcp://127.0.0.1:*",
                    ConnectionOptions options = quick_connection()) {
    server.router = Router::open(*context, server_keys, *server.zap, {endpoint, options}).value();
    router_id = loop->add(*server.router, [this](const Now&) {
      for (ConnectionEvent& event : server.router->take_events()) {
        server.events.push_back(std::move(event));
      }
      while (auto message = server.router->recv().value()) {
        server.received.push_back(std::move(*message));
      }
    });
  }

  void stop_router() {
    loop->remove(router_id);
    server.router.reset();
  }

  std::unique_ptr<Client> connect(const KeyPair& keys, const std::string& routing_id = "fra1/control",
                                  ConnectionOptions connection = quick_connection()) {
    DealerOptions options;
    options.endpoint = server.router->endpoint();
    options.routing_id = routing_id;
    options.server_key = server_keys.public_key;
    options.connection = connection;
    options.reconnect_min = std::chrono::milliseconds(20);
    options.reconnect_max = std::chrono::milliseconds(100);
    return connect_with(keys, options);
  }

  std::unique_ptr<Client> connect_with(const KeyPair& keys, const DealerOptions& options) {
    auto client = std::make_unique<Client>();
    client->dealer = Dealer::open(*context, keys, options).value();
    Client* const borrowed = client.get();
    client->id = loop->add(*client->dealer, [borrowed](const Now&) {
      for (ConnectionEvent& event : borrowed->dealer->take_events()) {
        borrowed->events.push_back(std::move(event));
      }
      while (auto message = borrowed->dealer->recv().value()) {
        borrowed->received.push_back(std::move(*message));
      }
    });
    return client;
  }

  void disconnect(std::unique_ptr<Client> client) { loop->remove(client->id); }

  // False when the deadline came first.
  bool until(const std::function<bool()>& happened, std::chrono::milliseconds limit = kDeadline) {
    const SteadyTime deadline = read_clocks().steady + limit;
    while (!happened()) {
      if (read_clocks().steady > deadline || !loop->turn(std::chrono::milliseconds(10)).ok()) {
        return false;
      }
    }
    return true;
  }
};

}  // namespace ha::wire::testing
