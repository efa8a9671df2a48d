// The two ends of an encrypted connection: Dealer connects, Router binds.
//
// Always CURVE; there is no plain-text mode. A Dealer is one TCP connection, so a lane or a bulk flow that
// must not wait for another gets its own Dealer. Neither keeps a message for later: what was under way when a
// connection broke is lost, and sessions number, acknowledge and send again. Messages are whole; framing is
// envelope.h. Nothing here blocks.
// Thread safety: Context may be shared; a Dealer or Router is made, used and closed on one loop's thread.
// Source: zmq_setsockopt(3) and zmq_socket_monitor(3) of libzmq 4.3.4; docs/wire.md, "Connections".
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/wire/curve.h"
#include "common/wire/envelope.h"
#include "common/wire/pollable.h"
#include "common/wire/tcp_tuning.h"

namespace ha::wire {

class ZapHandler;

// The I/O threads of ZeroMQ. It must outlive every socket made from it.
class Context {
 public:
  static Result<std::unique_ptr<Context>> open(int io_threads);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  struct Impl;
  [[nodiscard]] Impl& impl() noexcept { return *impl_; }

 private:
  explicit Context(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Limits that both ends have.
struct ConnectionOptions {
  int queued_messages_max = 16;  // each way and peer, on top of what TCP holds; 16-64 for bulk
  std::size_t message_bytes_max = kMessageBytesMax;
  std::string congestion = "bbr";  // asked for; which one is in force is reported. Empty: the system's
  std::chrono::milliseconds heartbeat_interval{5000};
  std::chrono::milliseconds heartbeat_timeout{20000};  // silence after which either end drops the connection
  std::chrono::milliseconds handshake_timeout{10000};
};

// What happened to a connection.
struct ConnectionEvent {
  enum class Kind {
    Connected,        // the handshake has succeeded: messages can flow
    Disconnected,     // a connection that was Connected has gone
    HandshakeFailed,  // reached, but not agreed; `detail` says why
  };
  Kind kind = Kind::Connected;
  std::string endpoint;    // as ZeroMQ names it
  std::string congestion;  // Connected: the congestion control in force; empty when unknown
  std::string detail;      // HandshakeFailed: a sentence for the log
};

struct DealerOptions {
  std::string endpoint;    // "tcp://host:port", or "tcp://source:0;host:port" for one path
  std::string routing_id;  // unique per connection at the Router, e.g. "site/bulk/2"; at most 255 bytes
  PublicKey server_key;
  // While the peer changes its key: tried in turns with server_key whenever a handshake fails.
  std::optional<PublicKey> other_server_key;
  ConnectionOptions connection;
  std::chrono::milliseconds reconnect_min{100};
  std::chrono::milliseconds reconnect_max{5000};
};

// The connecting end. Reconnects for ever, also after it has been refused.
class Dealer final : public Pollable {
 public:
  // Invalid for an endpoint or routing id that can never work. Being connected comes later, as an event.
  static Result<std::unique_ptr<Dealer>> open(Context& context, const KeyPair& own_keys,
                                              DealerOptions options);
  ~Dealer() override;

  // True: taken, `message` is empty now. False: not connected or its queue is full; `message` is untouched,
  // wait for Connected or use want_write(). Exhausted over message_bytes_max.
  Result<bool> send(Bytes&& message);
  // The next message, if there is one.
  Result<std::optional<Bytes>> recv();
  // What happened since the last call, oldest first.
  [[nodiscard]] std::vector<ConnectionEvent> take_events();

  // Whether the loop should call the handler for arriving messages (at first yes) and for room to send (at
  // first no). Switch want_write off when there is nothing to send, or the loop spins.
  void want_read(bool on);
  void want_write(bool on);

  // Paces this connection and those that follow; 0: unlimited. False when there is none just now.
  bool set_pacing(std::uint64_t bytes_per_second);
  [[nodiscard]] PathFacts path() const;
  [[nodiscard]] bool connected() const;
  [[nodiscard]] const std::string& congestion() const;  // in force; empty when not connected

  void add_poll_items(std::vector<PollItem>& items) override;
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const override;
  void on_turn(const Now& now) override;

 private:
  struct Impl;
  explicit Dealer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct RouterOptions {
  std::string endpoint;  // "tcp://address:port", port * for any
  ConnectionOptions connection;
};

struct RouterMessage {
  std::string routing_id;  // where an answer goes
  std::string site;        // who it is, by its key; never by what it says
  std::string address;     // numeric, without the port
  Bytes payload;
};

struct RouterCounters {
  std::uint64_t accepted = 0;           // TCP connections
  std::uint64_t handshakes_failed = 0;  // wrong key, no encryption, silence
  std::uint64_t disconnected = 0;
  std::uint64_t dropped_revoked = 0;    // messages of keys that are no longer admitted
  std::uint64_t dropped_malformed = 0;  // messages that are not one part
};

enum class SendOutcome {
  Sent,        // taken; the payload is empty now
  WouldBlock,  // that peer's queue is full; the payload is untouched, try again in a few milliseconds
  Unroutable,  // nobody is connected under that routing id; the payload is untouched
};

// The binding end.
class Router final : public Pollable {
 public:
  // `zap` must outlive it and live in the same loop. Exists or Denied when the address cannot be bound.
  static Result<std::unique_ptr<Router>> open(Context& context, const KeyPair& own_keys,
                                              const ZapHandler& zap, RouterOptions options);
  ~Router() override;

  // The next message of an admitted peer, if there is one.
  Result<std::optional<RouterMessage>> recv();
  // Exhausted over message_bytes_max. A peer that connects again under the same id takes it over.
  Result<SendOutcome> send(const std::string& routing_id, Bytes&& payload);
  // Connected here means a handshake that succeeded; `endpoint` is ours. Oldest first, the newest 256.
  [[nodiscard]] std::vector<ConnectionEvent> take_events();
  void want_read(bool on);

  [[nodiscard]] const std::string& endpoint() const;  // with the real port
  [[nodiscard]] const RouterCounters& counters() const;
  [[nodiscard]] const std::string& congestion() const;  // in force on the last accepted connection

  void add_poll_items(std::vector<PollItem>& items) override;
  void on_turn(const Now& now) override;

 private:
  struct Impl;
  explicit Router(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ha::wire
