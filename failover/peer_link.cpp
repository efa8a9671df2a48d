#include "failover/peer_link.h"

#include <utility>

#include "common/base/nanoseconds.h"
#include "common/wire/envelope.h"

namespace ha::failover {
namespace {

constexpr int kMessagesPerTurn = 64;
// More than comes until the other end gives a stopped one up: libzmq 4.3.4 ends the process (an assertion in
// stream_engine_base.cpp) when a connection breaks whose queue is full.
constexpr int kQueueMessages = 1000;
// A path that is cut without a word is given up, and tried anew, so soon.
constexpr std::chrono::milliseconds kPathPing{1000};
constexpr std::chrono::milliseconds kPathDead{3000};
constexpr std::chrono::milliseconds kReconnectMax{1000};

Status admit(const replicator::SiteConfig& site, std::vector<wire::PeerKey>& out) {
  for (const std::string& text : {site.key, site.next_key}) {
    if (!text.empty()) {
      HA_TRY(const wire::PublicKey key, wire::PublicKey::parse(text));
      out.push_back({site.name, key});
    }
  }
  return ok();
}

wire::ConnectionOptions connection() {
  wire::ConnectionOptions out;
  out.queued_messages_max = kQueueMessages;
  out.message_bytes_max = wire::kEnvelopeHeaderBytes + kPeerMessageBytesMax;
  out.congestion = "";
  out.heartbeat_interval = kPathPing;
  out.heartbeat_timeout = kPathDead;
  return out;
}

}  // namespace

Result<std::unique_ptr<PeerLink>> PeerLink::open(wire::Loop& loop, wire::Context& context,
                                                 const FailoverConfig& config, const wire::KeyPair& keys,
                                                 Hooks hooks, Logger& log) {
  std::unique_ptr<PeerLink> out(new PeerLink(loop, std::move(hooks), log));
  HA_CHECK(out->listen(context, config, keys));
  const std::string& self = config.cluster().self().name;
  for (const SiteSettings& site : config.sites()) {
    if (site.name != self) {
      HA_CHECK(out->connect(context, *config.cluster().site(site.name), site, keys, self));
    }
  }
  return out;
}

PeerLink::~PeerLink() {
  for (const wire::Loop::Id id : registered_) {
    loop_.remove(id);
  }
}

Status PeerLink::listen(wire::Context& context, const FailoverConfig& config, const wire::KeyPair& keys) {
  std::vector<wire::PeerKey> admitted;
  for (const replicator::SiteConfig& site : config.cluster().sites()) {
    if (site.name != config.cluster().self().name) {
      HA_CHECK(admit(site, admitted));
    }
  }
  HA_TRY(zap_, wire::ZapHandler::open(context, std::move(admitted)));
  registered_.push_back(loop_.add(*zap_, {}));
  for (const std::string& endpoint : config.listen_endpoints()) {
    auto router = wire::Router::open(context, keys, *zap_, {endpoint, connection()});
    if (!router.ok()) {
      return std::move(router).error().in("heartbeats: cannot listen on " + endpoint);
    }
    const std::size_t path = routers_.size();
    routers_.push_back(std::move(router).value());
    registered_.push_back(loop_.add(*routers_[path], [this, path](const Now& now) { on_router(path, now); }));
  }
  return ok();
}

Status PeerLink::connect(wire::Context& context, const replicator::SiteConfig& site,
                         const SiteSettings& settings, const wire::KeyPair& keys, const std::string& self) {
  facts_[site.name];
  for (std::size_t path = 0; path < settings.heartbeat.size(); ++path) {
    wire::DealerOptions options;
    options.endpoint = settings.heartbeat[path];
    options.routing_id = self + "/failover/" + std::to_string(path);
    HA_TRY(options.server_key, wire::PublicKey::parse(site.key));
    if (!site.next_key.empty()) {
      HA_TRY(options.other_server_key, wire::PublicKey::parse(site.next_key));
    }
    options.connection = connection();
    options.reconnect_max = kReconnectMax;
    auto dealer = wire::Dealer::open(context, keys, std::move(options));
    if (!dealer.ok()) {
      return std::move(dealer).error().in("heartbeats: site " + site.name);
    }
    auto way = std::make_unique<Way>();
    way->dealer = std::move(dealer).value();
    Way* raw = way.get();
    registered_.push_back(
        loop_.add(*raw->dealer, [this, raw, peer = site.name](const Now&) { on_way(peer, *raw); }));
    ways_[site.name].push_back(std::move(way));
  }
  return ok();
}

// ---------------------------------------------------------------- in

void PeerLink::on_router(std::size_t path, const Now& now) {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    const auto message = routers_[path]->recv();
    if (!message.ok()) {
      log_.warn("link.receive_failed", message.error());
      return;
    }
    if (!*message) {
      break;
    }
    on_message(path, **message, now);
  }
  static_cast<void>(routers_[path]->take_events());
  const wire::Refusals& refusals = zap_->refusals();
  if (refusals.count != refusals_seen_) {
    refusals_seen_ = refusals.count;
    log_.warn("link.key_refused", {{"address", refusals.last_address}, {"key", refusals.last_key}});
  }
}

void PeerLink::on_message(std::size_t path, const wire::RouterMessage& message, const Now& now) {
  const auto envelope = wire::decode_envelope(message.payload);
  auto decoded = envelope.ok() ? decode_peer_message(envelope->header.type, envelope->body)
                               : Result<PeerMessage>(envelope.error());
  if (!decoded.ok()) {
    log_.warn("link.bad_message", decoded.error(), {{"peer", message.site}});
    return;
  }
  if (const auto* beat = std::get_if<PathBeat>(&*decoded)) {
    on_beat(path, message.site, *beat, now);
  } else {
    hooks_.on_word(message.site, std::get<ServiceWord>(*decoded), now.steady);
  }
}

void PeerLink::on_beat(std::size_t path, const std::string& peer, const PathBeat& beat, const Now& now) {
  PeerFacts& facts = facts_[peer];
  ++facts.heard;
  facts.worst = beat.worst;
  const Duration clock = beat.heartbeat.beat.clock;
  Newest& newest = newest_[peer];
  if (newest.came == SteadyTime{} || clock > newest.clock) {
    newest = {clock, now.steady};
  }
  if (beat.echo) {
    const Duration rtt = now.steady.time_since_epoch() - beat.echo->clock - beat.echo->held;
    if (rtt >= Duration{} && rtt < std::chrono::minutes(1)) {
      facts.rtt = rtt;
      if (beat.wall) {
        facts.clock_offset = *beat.wall + rtt / 2 - now.wall;
      }
    }
  }
  hooks_.on_beat(peer, static_cast<unsigned>(path), beat.heartbeat, now.steady);
}

// The connecting end hears nothing but what becomes of its connection.
void PeerLink::on_way(const std::string& peer, Way& way) {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    const auto message = way.dealer->recv();
    if (!message.ok() || !*message) {
      break;
    }
  }
  way.dealer->want_write(false);
  for (const wire::ConnectionEvent& event : way.dealer->take_events()) {
    const bool up = event.kind == wire::ConnectionEvent::Kind::Connected;
    if (up != way.was_up) {
      log_.info(up ? "path.up" : "path.down", {{"peer", peer}, {"path", event.endpoint}});
      way.was_up = up;
    }
    if (event.kind == wire::ConnectionEvent::Kind::HandshakeFailed) {
      log_.warn("peer.auth_failed", {{"peer", peer}, {"path", event.endpoint}, {"reason", event.detail}});
    }
  }
}

// ---------------------------------------------------------------- out

void PeerLink::send(Way& way, const PeerMessage& message) {
  const PeerBytes bytes = encode(message);
  wire::EnvelopeHeader header;
  header.type = static_cast<std::uint16_t>(bytes.type);
  auto envelope = wire::encode_envelope(header, bytes.body);
  if (envelope.ok()) {
    // A path that is not up, or that is full, is one that is silent.
    static_cast<void>(way.dealer->send(std::move(envelope).value()));
  }
}

void PeerLink::beat(const Heartbeat& heartbeat, const std::vector<std::string>& worst, const Now& now) {
  for (auto& [peer, ways] : ways_) {
    PathBeat out{heartbeat, 0, worst, std::nullopt, now.wall};
    if (const auto newest = newest_.find(peer); newest != newest_.end()) {
      out.echo = Echo{newest->second.clock, now.steady - newest->second.came};
    }
    for (const auto& way : ways) {
      out.sequence = ++way->sequence;
      send(*way, out);
    }
  }
}

void PeerLink::tell(const std::string& to, const ServiceWord& word) {
  if (const auto ways = ways_.find(to); ways != ways_.end()) {
    for (const auto& way : ways->second) {
      send(*way, word);
    }
  }
}

}  // namespace ha::failover
