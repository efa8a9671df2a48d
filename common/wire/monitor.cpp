#include "common/wire/monitor.h"

#include <algorithm>
#include <climits>
#include <utility>

namespace ha::wire {
namespace {

// What CURVE adds to a message on the wire: its command name, nonce and authenticator.
constexpr std::size_t kCurveOverheadBytes = 64;
constexpr int kZapTemporary = 300;
constexpr int kZapRefused = 400;

int milliseconds(std::chrono::milliseconds value) {
  return static_cast<int>(std::clamp<std::int64_t>(value.count(), 0, INT_MAX));
}

}  // namespace

Result<SocketMonitor> SocketMonitor::open(Context& context, ZmqSocket& watched) {
  const std::string endpoint = context.impl().unique_inproc("monitor");
  HA_TRY(ZmqSocket pair, ZmqSocket::open(context, SocketType::Pair));
  HA_CHECK(pair.set(SocketOption::ReceiveQueue, 0));
  HA_CHECK(watched.start_monitor(endpoint));
  HA_CHECK(pair.connect(endpoint));
  return SocketMonitor(std::move(pair));
}

std::optional<MonitorEvent> SocketMonitor::next() {
  while (pair_.may_have_input()) {
    auto message = pair_.recv(false);
    if (!message.ok() || !message->has_value()) {
      return std::nullopt;
    }
    if (auto event = parse_monitor_event(**message)) {
      return event;
    }
  }
  return std::nullopt;
}

std::string handshake_failure_text(const MonitorEvent& event, bool we_connect) {
  switch (event.kind) {
    case MonitorKind::HandshakeFailedAuth:
      if (!we_connect) {
        return "its key is not admitted here";
      }
      if (event.value == kZapTemporary) {
        return "the peer admits nobody yet";
      }
      return event.value == kZapRefused
                 ? "the peer does not admit our key"
                 : "the peer could not judge our key (status " + std::to_string(event.value) + ")";
    case MonitorKind::HandshakeFailedKey:
      return we_connect ? "the peer does not have the key that is configured for it"
                        : "it expects another key than ours";
    case MonitorKind::HandshakeFailedMechanism:
      return "it does not speak CURVE: is another program at that port?";
    case MonitorKind::Connected:
    case MonitorKind::Listening:
    case MonitorKind::Accepted:
    case MonitorKind::Disconnected:
    case MonitorKind::HandshakeSucceeded:
    case MonitorKind::HandshakeFailedOther:
      break;
  }
  return we_connect
             ? "the peer broke the handshake off: is our configured key of it right, and is it a replicator?"
             : "the handshake was broken off";
}

void EventQueue::add(ConnectionEvent event) {
  if (events_.size() == kEventsMax) {
    events_.pop_front();
  }
  events_.push_back(std::move(event));
}

std::vector<ConnectionEvent> EventQueue::take() {
  std::vector<ConnectionEvent> out(std::make_move_iterator(events_.begin()),
                                   std::make_move_iterator(events_.end()));
  events_.clear();
  return out;
}

Status set_connection_options(ZmqSocket& socket, const ConnectionOptions& options) {
  if (options.message_bytes_max > INT_MAX - kCurveOverheadBytes || options.queued_messages_max < 1) {
    return Error(Code::Invalid, "a connection's limits are out of range");
  }
  HA_CHECK(socket.set(SocketOption::Ipv6, 1));
  HA_CHECK(socket.set(SocketOption::SendQueue, options.queued_messages_max));
  HA_CHECK(socket.set(SocketOption::ReceiveQueue, options.queued_messages_max));
  HA_CHECK(socket.set(SocketOption::MessageBytesMax,
                      static_cast<int>(options.message_bytes_max + kCurveOverheadBytes)));
  HA_CHECK(socket.set(SocketOption::HandshakeMs, milliseconds(options.handshake_timeout)));
  HA_CHECK(socket.set(SocketOption::HeartbeatMs, milliseconds(options.heartbeat_interval)));
  HA_CHECK(socket.set(SocketOption::HeartbeatTimeoutMs, milliseconds(options.heartbeat_timeout)));
  return socket.set(SocketOption::HeartbeatTtlMs, milliseconds(options.heartbeat_timeout));
}

Status check_message_size(BytesView message, const ConnectionOptions& options) {
  if (message.size() > options.message_bytes_max) {
    return Error(Code::Exhausted, "a message of " + std::to_string(message.size()) +
                                      " bytes is over the limit of " +
                                      std::to_string(options.message_bytes_max));
  }
  return ok();
}

}  // namespace ha::wire
