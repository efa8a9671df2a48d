// ZeroMQ behind one door: contexts, sockets, whole messages, waiting, keys. Inside common/wire only.
//
// The one .cpp of this header is the only place that sees zmq.hpp; its exceptions and errno end there. No
// policy: which options a connection gets is decided in dealer.cpp, router.cpp and zap.cpp. Thread safety: a
// ZmqSocket on one thread; Context::Impl may be shared. Source: libzmq 4.3.4, cppzmq 4.9.
#pragma once

#include <array>
#include <atomic>
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
#include "common/wire/pollable.h"
#include "common/wire/socket.h"

namespace ha::wire {

enum class SocketType { Dealer, Router, Pair, Reply };

enum class SocketOption {
  CurveIsServer,
  CurvePublicKey,
  CurveSecretKey,
  CurveServerKey,
  HandshakeMs,
  HeartbeatMs,
  HeartbeatTimeoutMs,
  HeartbeatTtlMs,
  Immediate,
  Ipv6,
  MessageBytesMax,
  ReceiveQueue,
  ReconnectMs,
  ReconnectMaxMs,
  RouterHandover,
  RouterMandatory,
  RoutingId,
  SendQueue,
  ZapDomain,
};

// What a peer's message says about the peer; from ZAP, so the peer cannot choose it.
struct PeerMetadata {
  std::string user_id;
  std::string address;
  std::string key_z85;
};

struct Parts {
  std::vector<Bytes> parts;  // the first kPartsMax of the message
  std::size_t count = 0;     // how many there were
  PeerMetadata peer;
};

// The property that our ZAP handler puts on a connection beside the User-Id.
inline constexpr std::string_view kPeerKeyProperty = "X-Peer-Key";

class ZmqSocket {
 public:
  static constexpr std::size_t kPartsMax = 16;

  // Exhausted when the context has no socket left.
  static Result<ZmqSocket> open(Context& context, SocketType type);
  ZmqSocket(ZmqSocket&& other) noexcept;
  ZmqSocket& operator=(ZmqSocket&& other) noexcept;
  ~ZmqSocket();

  Status set(SocketOption option, int value);
  Status set(SocketOption option, BytesView value);
  Status bind(const std::string& endpoint);
  Status connect(const std::string& endpoint);
  [[nodiscard]] std::string last_endpoint() const;

  // Never waits. On Sent `part` is empty, otherwise untouched. `more`: other parts of this message follow.
  Result<SendOutcome> send(Bytes& part, bool more);
  // A whole message, or none; never waits.
  Result<std::optional<Parts>> recv(bool with_peer);
  // False: nothing was there at the last wait_ready(), and nothing was done with it since. Costs no system
  // call, as recv() does: for one of several sockets that were waited for together.
  [[nodiscard]] bool may_have_input() const noexcept;

  // Reports connection events to a PAIR that connects to this inproc address; stop before closing the PAIR.
  Status start_monitor(const std::string& inproc_endpoint);
  void stop_monitor() noexcept;

 private:
  friend Status wait_ready(std::vector<PollItem>& items, std::chrono::milliseconds wait_max);
  struct Holder;
  explicit ZmqSocket(std::unique_ptr<Holder> holder);
  [[nodiscard]] void* handle() const noexcept;
  [[nodiscard]] bool is_ready(const PollItem& wanted, bool signalled);
  std::unique_ptr<Holder> holder_;
};

struct Context::Impl {
  struct Holder;
  std::unique_ptr<Holder> holder;
  std::atomic<std::uint64_t> next_name{1};

  explicit Impl(int io_threads);
  ~Impl();
  // An inproc address that nobody in this context has.
  std::string unique_inproc(std::string_view purpose);
};

// An IPv4 address as people write it: we listen on IPv6 sockets, which say ::ffff:192.0.2.1.
std::string plain_address(std::string_view address);

// Waits until one is ready or the time is over and fills in `ready`. A signal ends the wait early, and so may
// what ZeroMQ tells itself. Not zmq_poll(): that asks every socket for its state before and after each wait,
// by a system call or two, where nothing can have changed in most of them (docs/wire.md, "Waiting").
Status wait_ready(std::vector<PollItem>& items, std::chrono::milliseconds wait_max);

// An event of a monitor PAIR: what, its number (a descriptor, an errno or a status) and the endpoint.
enum class MonitorKind {
  Connected,  // value: the descriptor; TCP only, the handshake comes next
  Listening,  // value: the descriptor
  Accepted,   // value: the descriptor
  Disconnected,
  HandshakeSucceeded,
  HandshakeFailedAuth,       // the ZAP handler said no; value: its status
  HandshakeFailedKey,        // what arrived cannot be decrypted
  HandshakeFailedMechanism,  // the other end does not speak CURVE
  HandshakeFailedOther,      // value: errno, or one of ZMQ_PROTOCOL_ERROR_*
};
struct MonitorEvent {
  MonitorKind kind = MonitorKind::Connected;
  int value = 0;
  std::string endpoint;
};
// nullopt: an event that we do not follow, or not an event.
std::optional<MonitorEvent> parse_monitor_event(const Parts& message);

// Z85 and keys; the Results are Unsupported without CURVE. decode gives empty for what is not Z85.
std::string z85_encode(BytesView bytes);
Bytes z85_decode(std::string_view text);
struct KeyTexts {
  std::array<char, 41> public_key{};
  std::array<char, 41> secret_key{};
};
Result<KeyTexts> make_key_pair();
Result<std::string> public_of(std::string_view secret_z85);

}  // namespace ha::wire
