#include "tools/hareplicate/pair_link.h"

#include <utility>

#include "common/wire/loop.h"
#include "common/wire/socket.h"
#include "common/wire/zap.h"
#include "tools/hareplicate/daemon.h"

namespace ha::tool {
namespace {

constexpr std::chrono::milliseconds kStep{200};  // how soon an interrupt is seen
constexpr std::size_t kMessagesPerTurn = 32;

wire::ConnectionOptions connection_options() {
  wire::ConnectionOptions out;
  out.message_bytes_max = kPairMessageBytesMax;
  out.congestion.clear();
  return out;
}

}  // namespace

// Members go in the opposite order: sockets before the loop and the context that they live in.
struct PairServer::Impl {
  std::unique_ptr<wire::Context> context;
  std::unique_ptr<wire::Loop> loop;
  std::unique_ptr<wire::ZapHandler> zap;
  std::unique_ptr<wire::Router> router;
  std::vector<Message> received;
  std::uint64_t malformed = 0;
  std::uint64_t left = 0;

  void on_turn();
};

void PairServer::Impl::on_turn() {
  for (const wire::ConnectionEvent& event : router->take_events()) {
    left += event.kind == wire::ConnectionEvent::Kind::Disconnected ? 1 : 0;
  }
  for (std::size_t count = 0; count < kMessagesPerTurn; ++count) {
    auto next = router->recv();
    if (!next.ok() || !next->has_value()) {
      return;
    }
    wire::RouterMessage& message = **next;
    auto decoded = decode_pair(message.payload);
    if (!decoded.ok()) {
      ++malformed;
      continue;
    }
    // The name of a peer that was admitted by any key is that key.
    received.push_back({std::move(message.routing_id), std::move(message.site), std::move(message.address),
                        std::move(*decoded)});
  }
}

PairServer::PairServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PairServer::PairServer(PairServer&&) noexcept = default;
PairServer::~PairServer() = default;

Result<PairServer> PairServer::open(const std::string& endpoint, const wire::KeyPair& keys) {
  auto impl = std::make_unique<Impl>();
  HA_TRY(impl->context, wire::Context::open(1));
  HA_TRY(impl->loop, wire::Loop::open());
  HA_TRY(impl->zap, wire::ZapHandler::open_for_any_key(*impl->context));
  HA_TRY(impl->router,
         wire::Router::open(*impl->context, keys, *impl->zap, {endpoint, connection_options()}));
  impl->loop->add(*impl->zap, {});
  Impl* const borrowed = impl.get();
  impl->loop->add(*impl->router, [borrowed](const Now&) { borrowed->on_turn(); });
  return PairServer(std::move(impl));
}

Result<std::vector<PairServer::Message>> PairServer::turn(std::chrono::milliseconds wait_max) {
  HA_CHECK(impl_->loop->turn(wait_max));
  return std::exchange(impl_->received, {});
}

Status PairServer::send(const std::string& to, const PairMessage& message) {
  HA_TRY([[maybe_unused]] const wire::SendOutcome outcome, impl_->router->send(to, encode_pair(message)));
  return ok();
}

const std::string& PairServer::endpoint() const {
  return impl_->router->endpoint();
}
std::uint64_t PairServer::strangers() const {
  return impl_->router->counters().handshakes_failed + impl_->malformed;
}
std::uint64_t PairServer::left() const {
  return impl_->left;
}

struct PairClient::Impl {
  std::unique_ptr<wire::Context> context;
  std::unique_ptr<wire::Loop> loop;
  std::unique_ptr<wire::Dealer> dealer;
  std::string endpoint;
  std::optional<Error> failure;  // the newest
  std::optional<PairMessage> received;

  void on_turn();
  // Turns until `done`, an interrupt, a failure or the limit.
  template <typename Done>
  Status wait_for(Done done, Duration limit);
};

void PairClient::Impl::on_turn() {
  using Kind = wire::ConnectionEvent::Kind;
  for (const wire::ConnectionEvent& event : dealer->take_events()) {
    if (event.kind == Kind::HandshakeFailed) {
      failure = Error(Code::Refused, "at " + endpoint +
                                         " something listens, but it is not this invitation: it "
                                         "has ended and there is a newer one, or another program is there");
    } else if (event.kind == Kind::Disconnected) {
      failure = Error(Code::Unavailable, "the connection to " + endpoint + " broke off");
    }
  }
  auto next = dealer->recv();
  if (!next.ok() || !next->has_value()) {
    return;
  }
  auto decoded = decode_pair(**next);
  if (decoded.ok()) {
    received = std::move(*decoded);
  } else {
    failure = std::move(decoded).error();
  }
}

template <typename Done>
Status PairClient::Impl::wait_for(Done done, Duration limit) {
  const SteadyTime deadline = read_clocks().steady + limit;
  while (!done()) {
    if (failure) {
      return *failure;
    }
    if (interrupted()) {
      return Error(Code::Cancelled, "interrupted");
    }
    if (read_clocks().steady >= deadline) {
      return Error(Code::Unavailable, "no answer from " + endpoint);
    }
    HA_CHECK(loop->turn(kStep));
  }
  return ok();
}

PairClient::PairClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PairClient::PairClient(PairClient&&) noexcept = default;
PairClient::~PairClient() = default;

Result<PairClient> PairClient::connect(const std::string& endpoint, const wire::PublicKey& server_key,
                                       const wire::KeyPair& own_keys, Duration limit) {
  auto impl = std::make_unique<Impl>();
  impl->endpoint = endpoint;
  HA_TRY(impl->context, wire::Context::open(1));
  HA_TRY(impl->loop, wire::Loop::open());
  wire::DealerOptions options;
  options.endpoint = endpoint;
  options.routing_id = "join/" + own_keys.public_key.z85();
  options.server_key = server_key;
  options.connection = connection_options();
  HA_TRY(impl->dealer, wire::Dealer::open(*impl->context, own_keys, std::move(options)));
  Impl* const borrowed = impl.get();
  impl->loop->add(*impl->dealer, [borrowed](const Now&) { borrowed->on_turn(); });
  HA_CHECK(impl->wait_for([&] { return impl->dealer->connected(); }, limit));
  return PairClient(std::move(impl));
}

Result<PairMessage> PairClient::ask(const PairMessage& message, Duration limit) {
  impl_->received.reset();
  HA_TRY(const bool sent, impl_->dealer->send(encode_pair(message)));
  if (!sent) {
    return Error(Code::Unavailable, "the connection to " + impl_->endpoint + " broke off");
  }
  HA_CHECK(impl_->wait_for([&] { return impl_->received.has_value(); }, limit));
  return std::move(*impl_->received);
}

}  // namespace ha::tool
