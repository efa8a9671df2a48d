#include "common/wire/zmq_handle.h"

#include <poll.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include <zmq.hpp>

#if defined(__SANITIZE_THREAD__)
// libzmq, which is not instrumented, hands memory from thread to thread in ways that ThreadSanitizer cannot
// see.
extern "C" void AnnotateIgnoreReadsBegin(const char* file, int line);
extern "C" void AnnotateIgnoreReadsEnd(const char* file, int line);
extern "C" void AnnotateIgnoreWritesBegin(const char* file, int line);
extern "C" void AnnotateIgnoreWritesEnd(const char* file, int line);
#endif

namespace ha::wire {
namespace {

// While memory is touched that comes from libzmq or goes to it.
class Unwatched {
 public:
#if defined(__SANITIZE_THREAD__)
  Unwatched() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~Unwatched() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
#else
  Unwatched() {}   // NOLINT(modernize-use-equals-default): a variable of it counts as used
  ~Unwatched() {}  // NOLINT(modernize-use-equals-default)
#endif
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;
};

constexpr int kMonitoredEvents = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED |
                                 ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                                 ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

// Shorter messages are copied into the message itself, which is cheaper than handing over an allocation.
constexpr std::size_t kCopyBytesMax = 4096;

Error zmq_failure(const std::string& what) {
  const int number = zmq_errno();
  if (number == EADDRINUSE) {
    return Error(Code::Exists, what + ": " + zmq_strerror(number));
  }
  if (number == EINVAL || number == ENODEV || number == EADDRNOTAVAIL || number == EPROTONOSUPPORT) {
    return Error(Code::Invalid, what + ": " + zmq_strerror(number));
  }
  if (number == EMFILE) {
    return Error(Code::Exhausted, what + ": " + zmq_strerror(number));
  }
  return number < ZMQ_HAUSNUMERO ? errno_error(what, number)
                                 : Error(Code::Io, what + ": " + zmq_strerror(number));
}

int zmq_type(SocketType type) {
  switch (type) {
    case SocketType::Dealer:
      return ZMQ_DEALER;
    case SocketType::Router:
      return ZMQ_ROUTER;
    case SocketType::Pair:
      return ZMQ_PAIR;
    case SocketType::Reply:
      return ZMQ_REP;
  }
  return -1;
}

int zmq_option(SocketOption option) {
  switch (option) {
    case SocketOption::CurveIsServer:
      return ZMQ_CURVE_SERVER;
    case SocketOption::CurvePublicKey:
      return ZMQ_CURVE_PUBLICKEY;
    case SocketOption::CurveSecretKey:
      return ZMQ_CURVE_SECRETKEY;
    case SocketOption::CurveServerKey:
      return ZMQ_CURVE_SERVERKEY;
    case SocketOption::HandshakeMs:
      return ZMQ_HANDSHAKE_IVL;
    case SocketOption::HeartbeatMs:
      return ZMQ_HEARTBEAT_IVL;
    case SocketOption::HeartbeatTimeoutMs:
      return ZMQ_HEARTBEAT_TIMEOUT;
    case SocketOption::HeartbeatTtlMs:
      return ZMQ_HEARTBEAT_TTL;
    case SocketOption::Immediate:
      return ZMQ_IMMEDIATE;
    case SocketOption::Ipv6:
      return ZMQ_IPV6;
    case SocketOption::MessageBytesMax:
      return ZMQ_MAXMSGSIZE;
    case SocketOption::ReceiveQueue:
      return ZMQ_RCVHWM;
    case SocketOption::ReconnectMs:
      return ZMQ_RECONNECT_IVL;
    case SocketOption::ReconnectMaxMs:
      return ZMQ_RECONNECT_IVL_MAX;
    case SocketOption::RouterHandover:
      return ZMQ_ROUTER_HANDOVER;
    case SocketOption::RouterMandatory:
      return ZMQ_ROUTER_MANDATORY;
    case SocketOption::RoutingId:
      return ZMQ_ROUTING_ID;
    case SocketOption::SendQueue:
      return ZMQ_SNDHWM;
    case SocketOption::ZapDomain:
      return ZMQ_ZAP_DOMAIN;
  }
  return -1;
}

// Called by an I/O thread when it has sent the message, or by us when it was not taken.
void free_bytes(void* /*data*/, void* owner) noexcept {
  const Unwatched unwatched;
  delete static_cast<Bytes*>(owner);
}

std::string property(zmq_msg_t* message, const char* name) {
  const Unwatched unwatched;
  const char* value = zmq_msg_gets(message, name);
  return value == nullptr ? std::string{} : std::string(value);
}

}  // namespace

struct Context::Impl::Holder {
  zmq::context_t context;
  explicit Holder(int io_threads) : context(io_threads) {}
};

Context::Impl::Impl(int io_threads) : holder(std::make_unique<Holder>(io_threads)) {}
Context::Impl::~Impl() = default;

std::string Context::Impl::unique_inproc(std::string_view purpose) {
  return "inproc://ha." + std::string(purpose) + "." + std::to_string(next_name.fetch_add(1));
}

Context::Context(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Context::~Context() = default;

Result<std::unique_ptr<Context>> Context::open(int io_threads) {
  if (zmq_has("curve") == 0) {
    return Error(Code::Unsupported, "this libzmq was built without CURVE", "install Debian's libzmq5");
  }
  try {
    return std::unique_ptr<Context>(new Context(std::make_unique<Impl>(io_threads)));
  } catch (const zmq::error_t&) {
    return zmq_failure("cannot start ZeroMQ");
  }
}

struct ZmqSocket::Holder {
  zmq::socket_t socket;
  int fd = -1;          // readable: its state may have changed
  bool touched = true;  // by a call of ours, which changes it without a sign
  int events = 0;       // what can be done without waiting, as of the last question
};

ZmqSocket::ZmqSocket(std::unique_ptr<Holder> holder) : holder_(std::move(holder)) {}
ZmqSocket::ZmqSocket(ZmqSocket&& other) noexcept = default;
ZmqSocket& ZmqSocket::operator=(ZmqSocket&& other) noexcept = default;
ZmqSocket::~ZmqSocket() = default;

Result<ZmqSocket> ZmqSocket::open(Context& context, SocketType type) {
  try {
    auto holder = std::make_unique<Holder>();
    holder->socket = zmq::socket_t(context.impl().holder->context, zmq_type(type));
    const int no_linger = 0;
    if (zmq_setsockopt(holder->socket.handle(), ZMQ_LINGER, &no_linger, sizeof no_linger) != 0) {
      return zmq_failure("cannot switch lingering off");
    }
    std::size_t size = sizeof holder->fd;
    if (zmq_getsockopt(holder->socket.handle(), ZMQ_FD, &holder->fd, &size) != 0) {
      return zmq_failure("a ZeroMQ socket has nothing to wait for");
    }
    return ZmqSocket(std::move(holder));
  } catch (const zmq::error_t&) {
    return zmq_failure("cannot make a ZeroMQ socket");
  }
}

Status ZmqSocket::set(SocketOption option, int value) {
  const auto wide = static_cast<std::int64_t>(value);
  const bool is_wide = option == SocketOption::MessageBytesMax;
  const int outcome = is_wide ? zmq_setsockopt(handle(), zmq_option(option), &wide, sizeof wide)
                              : zmq_setsockopt(handle(), zmq_option(option), &value, sizeof value);
  if (outcome != 0) {
    return zmq_failure("socket option " + std::to_string(zmq_option(option)) + " = " + std::to_string(value));
  }
  return ok();
}

Status ZmqSocket::set(SocketOption option, BytesView value) {
  if (zmq_setsockopt(handle(), zmq_option(option), value.data(), value.size()) != 0) {
    // Not the value: it may be a secret key.
    return zmq_failure("socket option " + std::to_string(zmq_option(option)));
  }
  return ok();
}

Status ZmqSocket::bind(const std::string& endpoint) {
  holder_->touched = true;
  if (zmq_bind(handle(), endpoint.c_str()) != 0) {
    return zmq_failure("cannot listen on " + endpoint);
  }
  return ok();
}

Status ZmqSocket::connect(const std::string& endpoint) {
  holder_->touched = true;
  if (zmq_connect(handle(), endpoint.c_str()) != 0) {
    return zmq_failure("cannot connect to " + endpoint);
  }
  return ok();
}

std::string ZmqSocket::last_endpoint() const {
  char text[1024] = {};
  std::size_t bytes = sizeof text;
  return zmq_getsockopt(handle(), ZMQ_LAST_ENDPOINT, text, &bytes) == 0 ? std::string(text) : std::string{};
}

Result<SendOutcome> ZmqSocket::send(Bytes& part, bool more) {
  holder_->touched = true;
  zmq_msg_t message;
  Bytes* owner = nullptr;
  if (part.size() <= kCopyBytesMax) {
    if (zmq_msg_init_size(&message, part.size()) != 0) {
      return zmq_failure("cannot make a message");
    }
    const Unwatched unwatched;
    std::memcpy(zmq_msg_data(&message), part.data(), part.size());
  } else {
    owner = new Bytes(std::move(part));
    if (zmq_msg_init_data(&message, owner->data(), owner->size(), free_bytes, owner) != 0) {
      part = std::move(*owner);
      delete owner;
      return zmq_failure("cannot make a message");
    }
  }
  if (zmq_msg_send(&message, handle(), ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0) {
    part.clear();
    return SendOutcome::Sent;
  }
  const int number = zmq_errno();
  if (owner != nullptr) {
    part = std::move(*owner);
  }
  zmq_msg_close(&message);  // frees the owner
  if (number == EAGAIN) {
    return SendOutcome::WouldBlock;
  }
  if (number == EHOSTUNREACH) {
    return SendOutcome::Unroutable;
  }
  errno = number;
  return zmq_failure("cannot send");
}

Result<std::optional<Parts>> ZmqSocket::recv(bool with_peer) {
  holder_->touched = true;
  Parts out;
  for (bool more = true; more;) {
    zmq::message_t message;
    if (zmq_msg_recv(message.handle(), handle(), ZMQ_DONTWAIT) < 0) {
      if (out.count == 0 && (zmq_errno() == EAGAIN || zmq_errno() == EINTR)) {
        return std::optional<Parts>{};
      }
      return zmq_failure("cannot receive");
    }
    more = message.more();
    if (out.count++ < kPartsMax) {
      const Unwatched unwatched;
      out.parts.emplace_back(static_cast<const char*>(message.data()), message.size());
    }
    if (with_peer && !more) {
      out.peer.user_id = property(message.handle(), "User-Id");
      out.peer.address = plain_address(property(message.handle(), "Peer-Address"));
      out.peer.key_z85 = property(message.handle(), kPeerKeyProperty.data());
    }
  }
  return std::optional<Parts>(std::move(out));
}

bool ZmqSocket::may_have_input() const noexcept {
  return holder_->touched || (holder_->events & ZMQ_POLLIN) != 0;
}

Status ZmqSocket::start_monitor(const std::string& inproc_endpoint) {
  if (zmq_socket_monitor(handle(), inproc_endpoint.c_str(), kMonitoredEvents) != 0) {
    return zmq_failure("cannot watch a socket");
  }
  return ok();
}

void ZmqSocket::stop_monitor() noexcept {
  zmq_socket_monitor(handle(), nullptr, 0);
}

void* ZmqSocket::handle() const noexcept {
  return holder_->socket.handle();
}

std::string plain_address(std::string_view address) {
  constexpr std::string_view kMapped = "::ffff:";
  const bool mapped = address.starts_with(kMapped) && address.find('.') != std::string_view::npos;
  return std::string(mapped ? address.substr(kMapped.size()) : address);
}

// Its state is asked for when it may have changed since the last time: ZMQ_FD is readable as long as commands
// wait inside, and our own calls change it without a sign (zmq_getsockopt(3), ZMQ_FD).
bool ZmqSocket::is_ready(const PollItem& wanted, bool signalled) {
  if (signalled || holder_->touched) {
    std::size_t size = sizeof holder_->events;
    if (zmq_getsockopt(handle(), ZMQ_EVENTS, &holder_->events, &size) != 0) {
      return true;  // the next call says what is wrong with it
    }
    holder_->touched = false;
  }
  return (wanted.want_read && (holder_->events & ZMQ_POLLIN) != 0) ||
         (wanted.want_write && (holder_->events & ZMQ_POLLOUT) != 0);
}

Status wait_ready(std::vector<PollItem>& items, std::chrono::milliseconds wait_max) {
  std::vector<pollfd> raw;
  raw.reserve(items.size());
  for (PollItem& item : items) {
    if (item.zmq_socket != nullptr) {
      item.ready = item.zmq_socket->is_ready(item, false);
      wait_max = item.ready ? std::chrono::milliseconds{0} : wait_max;
      raw.push_back({item.zmq_socket->holder_->fd, POLLIN, 0});
    } else {
      const int events = (item.want_read ? POLLIN : 0) | (item.want_write ? POLLOUT : 0);
      raw.push_back({item.fd, static_cast<short>(events), 0});
    }
  }
  const int count = ::poll(raw.data(), raw.size(), static_cast<int>(wait_max.count()));
  if (count < 0 && errno != EINTR) {
    return errno_error("cannot wait for sockets", errno);
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    PollItem& item = items[i];
    const bool signalled = count > 0 && raw[i].revents != 0;
    if (item.zmq_socket == nullptr) {
      item.ready = signalled;
    } else if (signalled && !item.ready) {
      item.ready = item.zmq_socket->is_ready(item, true);
    }
  }
  return ok();
}

std::optional<MonitorEvent> parse_monitor_event(const Parts& message) {
  // Part 1: event u16 and value i32 in host order, unaligned; part 2: the endpoint.
  if (message.count != 2 || message.parts[0].size() != sizeof(std::uint16_t) + sizeof(std::uint32_t)) {
    return std::nullopt;
  }
  MonitorEvent out;
  out.value = static_cast<int>(get_u32(message.parts[0], sizeof(std::uint16_t)));
  out.endpoint = message.parts[1];
  switch (get_u16(message.parts[0], 0)) {
    case ZMQ_EVENT_CONNECTED:
      out.kind = MonitorKind::Connected;
      break;
    case ZMQ_EVENT_LISTENING:
      out.kind = MonitorKind::Listening;
      break;
    case ZMQ_EVENT_ACCEPTED:
      out.kind = MonitorKind::Accepted;
      break;
    case ZMQ_EVENT_DISCONNECTED:
      out.kind = MonitorKind::Disconnected;
      break;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      out.kind = MonitorKind::HandshakeSucceeded;
      break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      out.kind = MonitorKind::HandshakeFailedAuth;
      break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      out.kind = MonitorKind::HandshakeFailedOther;
      break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      out.kind = out.value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH
                     ? MonitorKind::HandshakeFailedMechanism
                 : out.value == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC ? MonitorKind::HandshakeFailedKey
                                                                      : MonitorKind::HandshakeFailedOther;
      break;
    default:
      return std::nullopt;
  }
  return out;
}

std::string z85_encode(BytesView bytes) {
  std::vector<char> text(bytes.size() * 5 / 4 + 1);
  const auto* raw = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return zmq_z85_encode(text.data(), raw, bytes.size()) == nullptr ? std::string{} : std::string(text.data());
}

Bytes z85_decode(std::string_view text) {
  Bytes out(text.size() * 4 / 5, '\0');
  const std::string terminated(text);
  auto* raw = reinterpret_cast<std::uint8_t*>(out.data());
  return zmq_z85_decode(raw, terminated.c_str()) == nullptr ? Bytes{} : out;
}

Result<KeyTexts> make_key_pair() {
  KeyTexts out;
  if (zmq_curve_keypair(out.public_key.data(), out.secret_key.data()) != 0) {
    return Error(Code::Unsupported,
                 "cannot make a CURVE key pair: " + std::string(zmq_strerror(zmq_errno())));
  }
  return out;
}

Result<std::string> public_of(std::string_view secret_z85) {
  char text[41] = {};
  if (zmq_curve_public(text, std::string(secret_z85).c_str()) != 0) {
    return Error(Code::Invalid, "this is not a CURVE secret key");
  }
  return std::string(text);
}

}  // namespace ha::wire
