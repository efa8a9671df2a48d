#include <algorithm>
#include <utility>

#include "common/wire/monitor.h"
#include "common/wire/socket.h"

namespace ha::wire {
namespace {

constexpr std::size_t kRoutingIdBytesMax = 255;

}  // namespace

struct Dealer::Impl {
  Context& context;
  KeyPair keys;
  DealerOptions options;

  // Empty between a refusal and the time to try again; the monitor goes after the socket has been told to
  // stop.
  std::optional<SocketMonitor> monitor;
  std::optional<ZmqSocket> socket;
  std::optional<SteadyTime> reopen_at;
  std::chrono::milliseconds reopen_after;
  bool refused = false;  // a new socket is needed: libzmq does not reconnect by itself, or has the wrong key

  TcpConnection tcp;
  bool paired = false;
  std::string congestion;
  std::uint64_t pacing_bytes_per_second = 0;
  bool want_read = true;
  bool want_write = false;
  EventQueue events;

  Impl(Context& context_in, KeyPair keys_in, DealerOptions options_in)
      : context(context_in),
        keys(std::move(keys_in)),
        options(std::move(options_in)),
        reopen_after(options.reconnect_min) {}
  ~Impl() { close_socket(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status open_socket();
  void close_socket() noexcept;
  void set_disconnected(const std::string& endpoint);
  void on_event(const MonitorEvent& event);
};

Status Dealer::Impl::open_socket() {
  HA_TRY(ZmqSocket fresh, ZmqSocket::open(context, SocketType::Dealer));
  HA_CHECK(set_connection_options(fresh, options.connection));
  // Queue only for a finished connection, so that a send says whether it can go out.
  HA_CHECK(fresh.set(SocketOption::Immediate, 1));
  HA_CHECK(fresh.set(SocketOption::ReconnectMs, static_cast<int>(options.reconnect_min.count())));
  HA_CHECK(fresh.set(SocketOption::ReconnectMaxMs, static_cast<int>(options.reconnect_max.count())));
  HA_CHECK(fresh.set(SocketOption::RoutingId, BytesView(options.routing_id)));
  HA_CHECK(fresh.set(SocketOption::CurveServerKey, options.server_key.view()));
  HA_CHECK(fresh.set(SocketOption::CurvePublicKey, keys.public_key.view()));
  HA_CHECK(fresh.set(SocketOption::CurveSecretKey, keys.secret_key.view()));
  HA_TRY(SocketMonitor watching, SocketMonitor::open(context, fresh));
  if (auto connecting = fresh.connect(options.endpoint); !connecting.ok()) {
    fresh.stop_monitor();
    return std::move(connecting).error();
  }
  monitor.emplace(std::move(watching));
  socket.emplace(std::move(fresh));
  refused = false;
  return ok();
}

void Dealer::Impl::close_socket() noexcept {
  if (socket) {
    socket->stop_monitor();
  }
  monitor.reset();
  socket.reset();
}

void Dealer::Impl::set_disconnected(const std::string& endpoint) {
  if (paired) {
    events.add({ConnectionEvent::Kind::Disconnected, endpoint, {}, {}});
  }
  paired = false;
  tcp = {};
  congestion.clear();
}

void Dealer::Impl::on_event(const MonitorEvent& event) {
  switch (event.kind) {
    case MonitorKind::Connected:
      tcp = TcpConnection::adopt(event.value);
      congestion = tcp.set_congestion(options.connection.congestion);
      if (pacing_bytes_per_second != 0) {
        tcp.set_pacing(pacing_bytes_per_second);
      }
      break;
    case MonitorKind::HandshakeSucceeded:
      paired = true;
      reopen_after = options.reconnect_min;
      events.add({ConnectionEvent::Kind::Connected, event.endpoint, congestion, {}});
      break;
    case MonitorKind::Disconnected:
      set_disconnected(event.endpoint);
      break;
    case MonitorKind::HandshakeFailedAuth:
    case MonitorKind::HandshakeFailedMechanism:
      refused = true;
      [[fallthrough]];
    case MonitorKind::HandshakeFailedKey:
    case MonitorKind::HandshakeFailedOther:
      if (options.other_server_key && !refused) {  // a new socket, with the other one
        std::swap(options.server_key, *options.other_server_key);
        refused = true;
      }
      set_disconnected(event.endpoint);
      events.add(
          {ConnectionEvent::Kind::HandshakeFailed, event.endpoint, {}, handshake_failure_text(event, true)});
      break;
    case MonitorKind::Listening:
    case MonitorKind::Accepted:
      break;  // we do not bind
  }
}

Dealer::Dealer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Dealer::~Dealer() = default;

Result<std::unique_ptr<Dealer>> Dealer::open(Context& context, const KeyPair& own_keys,
                                             DealerOptions options) {
  // A zero at the start is reserved for the ids that a Router makes up.
  if (options.routing_id.empty() || options.routing_id.size() > kRoutingIdBytesMax ||
      options.routing_id[0] == '\0') {
    return Error(Code::Invalid, "a routing id has 1 to 255 bytes and does not begin with a zero");
  }
  auto impl = std::make_unique<Impl>(context, own_keys.clone(), std::move(options));
  HA_CHECK(impl->open_socket());
  return std::unique_ptr<Dealer>(new Dealer(std::move(impl)));
}

Result<bool> Dealer::send(Bytes&& message) {
  HA_CHECK(check_message_size(message, impl_->options.connection));
  // The queue of a broken connection takes messages for a moment longer, and loses them.
  if (!impl_->socket || !impl_->paired) {
    return false;
  }
  HA_TRY(const SendOutcome outcome, impl_->socket->send(message, false));
  return outcome == SendOutcome::Sent;
}

Result<std::optional<Bytes>> Dealer::recv() {
  while (impl_->socket) {
    HA_TRY(auto message, impl_->socket->recv(false));
    if (!message) {
      break;
    }
    if (message->count == 1) {  // our peers never send anything else
      return std::optional<Bytes>(std::move(message->parts[0]));
    }
  }
  return std::optional<Bytes>{};
}

std::vector<ConnectionEvent> Dealer::take_events() {
  return impl_->events.take();
}
void Dealer::want_read(bool on) {
  impl_->want_read = on;
}
void Dealer::want_write(bool on) {
  impl_->want_write = on;
}

bool Dealer::set_pacing(std::uint64_t bytes_per_second) {
  impl_->pacing_bytes_per_second = bytes_per_second;
  return impl_->tcp.set_pacing(bytes_per_second);
}

PathFacts Dealer::path() const {
  return impl_->tcp.facts();
}
bool Dealer::connected() const {
  return impl_->paired;
}
const std::string& Dealer::congestion() const {
  return impl_->congestion;
}

void Dealer::add_poll_items(std::vector<PollItem>& items) {
  if (!impl_->socket) {
    return;
  }
  items.push_back({&impl_->monitor->pair(), -1, true, false, false});
  if (impl_->want_read || impl_->want_write) {
    items.push_back({&*impl_->socket, -1, impl_->want_read, impl_->want_write, false});
  }
}

std::optional<SteadyTime> Dealer::next_wakeup() const {
  return impl_->reopen_at;
}

void Dealer::on_turn(const Now& now) {
  while (impl_->monitor) {
    const auto event = impl_->monitor->next();
    if (!event) {
      break;
    }
    impl_->on_event(*event);
  }
  if (impl_->refused && impl_->socket) {
    impl_->close_socket();
    impl_->reopen_at = now.steady + impl_->reopen_after;
    impl_->reopen_after = std::min(impl_->reopen_after * 2, impl_->options.reconnect_max);
  }
  if (impl_->reopen_at && now.steady >= *impl_->reopen_at) {
    impl_->reopen_at.reset();
    if (auto opened = impl_->open_socket(); !opened.ok()) {
      impl_->events.add(
          {ConnectionEvent::Kind::HandshakeFailed, impl_->options.endpoint, {}, opened.error().what()});
      impl_->reopen_at = now.steady + impl_->reopen_after;
    }
  }
}

}  // namespace ha::wire
