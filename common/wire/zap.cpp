#include "common/wire/zap.h"

#include <utility>

#include "common/wire/zmq_handle.h"

namespace ha::wire {
namespace {

constexpr const char* kZapEndpoint = "inproc://zeromq.zap.01";

// The parts of a request, RFC 27.
constexpr std::size_t kVersion = 0;
constexpr std::size_t kRequestId = 1;
constexpr std::size_t kAddress = 3;
constexpr std::size_t kMechanism = 5;
constexpr std::size_t kCredentials = 6;
constexpr std::size_t kCurveRequestParts = 7;

struct Verdict {
  std::string status;
  std::string text;
  std::string user_id;
  Bytes metadata;
};

// One property as RFC 27 wants it: name length u8, name, value length u32 big-endian, value.
Bytes metadata_property(std::string_view name, std::string_view value) {
  Bytes out;
  out += static_cast<char>(name.size());
  out += name;
  for (int shift = 24; shift >= 0; shift -= 8) {
    out += static_cast<char>(static_cast<unsigned char>(value.size() >> shift & 0xff));
  }
  out += value;
  return out;
}

}  // namespace

struct ZapHandler::Impl {
  ZmqSocket socket;
  std::vector<PeerKey> admitted;
  bool any_key;
  Refusals refusals;

  Impl(ZmqSocket socket_in, std::vector<PeerKey> admitted_in, bool any_key_in)
      : socket(std::move(socket_in)), admitted(std::move(admitted_in)), any_key(any_key_in) {}

  // Compares with every key, whatever is found, so that the time tells nothing.
  [[nodiscard]] const PeerKey* find(const PublicKey& key) const {
    const PeerKey* found = nullptr;
    for (const PeerKey& peer : admitted) {
      found = peer.public_key == key ? &peer : found;
    }
    return found;
  }

  Verdict refuse(std::string status, std::string text, const Parts& request, std::string key) {
    ++refusals.count;
    refusals.last_address =
        request.count > kAddress ? escape(plain_address(request.parts[kAddress])) : std::string{};
    refusals.last_key = std::move(key);
    return {std::move(status), std::move(text), {}, {}};
  }

  Verdict judge(const Parts& request) {
    if (request.count < kCurveRequestParts || request.parts[kVersion] != "1.0") {
      return refuse("500", "Malformed request", request, {});
    }
    if (request.count != kCurveRequestParts || request.parts[kMechanism] != "CURVE") {
      return refuse("400", "Only CURVE is spoken here", request, {});
    }
    const auto key = PublicKey::from_bytes(request.parts[kCredentials]);
    if (!key.ok()) {
      return refuse("500", "Malformed key", request, {});
    }
    if (any_key) {
      return {"200", "OK", key->z85(), metadata_property(kPeerKeyProperty, key->z85())};
    }
    if (admitted.empty()) {
      return refuse("300", "No key is admitted yet", request, key->z85());
    }
    const PeerKey* peer = find(*key);
    if (peer == nullptr) {
      return refuse("400", "Unknown key", request, key->z85());
    }
    return {"200", "OK", peer->site, metadata_property(kPeerKeyProperty, key->z85())};
  }

  // The reply of a REP socket goes to where the request came from; it never waits.
  void answer(const Parts& request) {
    Verdict verdict = judge(request);
    Bytes version = "1.0";
    Bytes request_id = request.count > kRequestId ? request.parts[kRequestId] : Bytes{};
    Bytes* const parts[] = {&version,      &request_id,      &verdict.status,
                            &verdict.text, &verdict.user_id, &verdict.metadata};
    for (std::size_t i = 0; i < std::size(parts); ++i) {
      // An error here means that the connection which asked has gone; there is nobody left to tell.
      if (const auto sent = socket.send(*parts[i], i + 1 < std::size(parts)); !sent.ok()) {
        return;
      }
    }
  }
};

ZapHandler::ZapHandler(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ZapHandler::~ZapHandler() = default;

Result<std::unique_ptr<ZapHandler>> ZapHandler::make(Context& context, std::vector<PeerKey> admitted,
                                                     bool any_key) {
  HA_TRY(ZmqSocket socket, ZmqSocket::open(context, SocketType::Reply));
  HA_CHECK(socket.bind(kZapEndpoint));
  return std::unique_ptr<ZapHandler>(
      new ZapHandler(std::make_unique<Impl>(std::move(socket), std::move(admitted), any_key)));
}

Result<std::unique_ptr<ZapHandler>> ZapHandler::open(Context& context, std::vector<PeerKey> admitted) {
  return make(context, std::move(admitted), false);
}

Result<std::unique_ptr<ZapHandler>> ZapHandler::open_for_any_key(Context& context) {
  return make(context, {}, true);
}

void ZapHandler::set_admitted(std::vector<PeerKey> admitted) {
  impl_->admitted = std::move(admitted);
}

bool ZapHandler::admits(std::string_view site, std::string_view key_z85) const {
  const auto key = PublicKey::parse(key_z85);
  if (!key.ok()) {
    return false;
  }
  if (impl_->any_key) {
    return site == key_z85;  // our own verdict
  }
  const PeerKey* peer = impl_->find(*key);
  return peer != nullptr && peer->site == site;
}

const Refusals& ZapHandler::refusals() const {
  return impl_->refusals;
}

void ZapHandler::add_poll_items(std::vector<PollItem>& items) {
  items.push_back({&impl_->socket, -1, true, false, false});
}

void ZapHandler::on_turn(const Now& /*now*/) {
  for (;;) {
    auto request = impl_->socket.recv(false);
    if (!request.ok() || !request->has_value()) {
      return;
    }
    impl_->answer(**request);
  }
}

}  // namespace ha::wire
