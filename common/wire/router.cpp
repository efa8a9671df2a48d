#include <utility>

#include "common/wire/monitor.h"
#include "common/wire/socket.h"
#include "common/wire/zap.h"

namespace ha::wire {

struct Router::Impl {
  const ZapHandler& zap;
  RouterOptions options;
  SocketMonitor monitor;
  ZmqSocket socket;
  std::string endpoint;
  std::string congestion;
  bool want_read = true;
  RouterCounters counters;
  EventQueue events;

  Impl(const ZapHandler& zap_in, RouterOptions options_in, SocketMonitor monitor_in, ZmqSocket socket_in)
      : zap(zap_in),
        options(std::move(options_in)),
        monitor(std::move(monitor_in)),
        socket(std::move(socket_in)) {}
  ~Impl() { socket.stop_monitor(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void on_event(const MonitorEvent& event);
};

void Router::Impl::on_event(const MonitorEvent& event) {
  switch (event.kind) {
    case MonitorKind::Listening:
      set_listener_congestion(event.value, options.connection.congestion);
      break;
    case MonitorKind::Accepted:
      ++counters.accepted;
      // Again on the connection: what the listener got was inherited only by those that came after.
      congestion = TcpConnection::adopt(event.value).set_congestion(options.connection.congestion);
      break;
    case MonitorKind::HandshakeSucceeded:
      events.add({ConnectionEvent::Kind::Connected, event.endpoint, congestion, {}});
      break;
    case MonitorKind::Disconnected:
      ++counters.disconnected;
      events.add({ConnectionEvent::Kind::Disconnected, event.endpoint, {}, {}});
      break;
    case MonitorKind::HandshakeFailedAuth:
    case MonitorKind::HandshakeFailedKey:
    case MonitorKind::HandshakeFailedMechanism:
    case MonitorKind::HandshakeFailedOther:
      ++counters.handshakes_failed;
      events.add(
          {ConnectionEvent::Kind::HandshakeFailed, event.endpoint, {}, handshake_failure_text(event, false)});
      break;
    case MonitorKind::Connected:
      break;  // we do not connect
  }
}

Router::Router(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Router::~Router() = default;

Result<std::unique_ptr<Router>> Router::open(Context& context, const KeyPair& own_keys, const ZapHandler& zap,
                                             RouterOptions options) {
  HA_TRY(ZmqSocket socket, ZmqSocket::open(context, SocketType::Router));
  // Only the connecting end asks for heartbeats; the time to live in its pings ends what is half open here.
  // libzmq 4.3.4 aborts (stream_engine_base.cpp, "!_io_error") when its own ping is due on a connection that
  // was handed over to a new one and then hung up, which is what a peer that is killed and restarted leaves.
  options.connection.heartbeat_interval = {};
  HA_CHECK(set_connection_options(socket, options.connection));
  // Say so instead of dropping silently, and let a peer that comes back replace its half-open self.
  HA_CHECK(socket.set(SocketOption::RouterMandatory, 1));
  HA_CHECK(socket.set(SocketOption::RouterHandover, 1));
  HA_CHECK(socket.set(SocketOption::CurveIsServer, 1));
  HA_CHECK(socket.set(SocketOption::CurveSecretKey, own_keys.secret_key.view()));
  HA_CHECK(socket.set(SocketOption::ZapDomain, BytesView("hareplicate")));
  HA_TRY(SocketMonitor monitor, SocketMonitor::open(context, socket));
  if (auto bound = socket.bind(options.endpoint); !bound.ok()) {
    socket.stop_monitor();
    return std::move(bound).error();
  }
  auto impl = std::make_unique<Impl>(zap, std::move(options), std::move(monitor), std::move(socket));
  impl->endpoint = impl->socket.last_endpoint();
  return std::unique_ptr<Router>(new Router(std::move(impl)));
}

Result<std::optional<RouterMessage>> Router::recv() {
  for (;;) {
    HA_TRY(auto message, impl_->socket.recv(true));
    if (!message) {
      return std::optional<RouterMessage>{};
    }
    if (!impl_->zap.admits(message->peer.user_id, message->peer.key_z85)) {
      ++impl_->counters.dropped_revoked;
    } else if (message->count != 2) {
      ++impl_->counters.dropped_malformed;
    } else {
      return std::optional<RouterMessage>(
          RouterMessage{std::move(message->parts[0]), std::move(message->peer.user_id),
                        std::move(message->peer.address), std::move(message->parts[1])});
    }
  }
}

Result<SendOutcome> Router::send(const std::string& routing_id, Bytes&& payload) {
  HA_CHECK(check_message_size(payload, impl_->options.connection));
  Bytes id = routing_id;
  HA_TRY(const SendOutcome addressed, impl_->socket.send(id, true));
  if (addressed != SendOutcome::Sent) {
    return addressed;
  }
  // Room was made sure of by the first part; the parts of one message are never separated.
  return impl_->socket.send(payload, false);
}

std::vector<ConnectionEvent> Router::take_events() {
  return impl_->events.take();
}
void Router::want_read(bool on) {
  impl_->want_read = on;
}
const std::string& Router::endpoint() const {
  return impl_->endpoint;
}
const RouterCounters& Router::counters() const {
  return impl_->counters;
}
const std::string& Router::congestion() const {
  return impl_->congestion;
}

void Router::add_poll_items(std::vector<PollItem>& items) {
  items.push_back({&impl_->monitor.pair(), -1, true, false, false});
  if (impl_->want_read) {
    items.push_back({&impl_->socket, -1, true, false, false});
  }
}

void Router::on_turn(const Now& /*now*/) {
  while (const auto event = impl_->monitor.next()) {
    impl_->on_event(*event);
  }
}

}  // namespace ha::wire
