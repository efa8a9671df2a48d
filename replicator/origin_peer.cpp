// Lanes and link of an OriginPeer; origin_peer_sessions.cpp has the sets.
#include "replicator/origin_peer.h"

#include <algorithm>
#include <utility>

#include "common/sys/digest.h"
#include "common/wire/envelope.h"
#include "replicator/session/codec.h"
#include "replicator/session/overloaded.h"

namespace ha::replicator {
namespace {

constexpr std::size_t kWaitingMax = 4096;
constexpr int kMessagesPerTurn = 64;
constexpr int kBulkQueueMessages = 4;
constexpr std::chrono::milliseconds kBulkHeartbeat{30'000};
constexpr Duration kSampleInterval = std::chrono::milliseconds(100);
constexpr std::uint64_t kProbeIds = 1ULL << 63;  // ids of probes; the link's own pings count from 1

std::uint64_t random_number() {
  const auto bytes = sys::random_bytes(8);
  return bytes.ok() ? get_u64(*bytes, 0)
                    : static_cast<std::uint64_t>(read_clocks().wall.time_since_epoch().count());
}

}  // namespace

OriginPeer::OriginPeer(wire::Loop& loop, OriginPeerOptions options, Workers& workers, Logger& log)
    : loop_(loop),
      options_(std::move(options)),
      workers_(workers),
      log_(log),
      link_(options_.facts, options_.peer, random_number),
      pacer_(options_.link.bwlimit_bytes_per_s) {}

Result<std::unique_ptr<OriginPeer>> OriginPeer::open(wire::Loop& loop, wire::Context& context,
                                                     const wire::KeyPair& keys, OriginPeerOptions options,
                                                     Workers& workers, Logger& log) {
  std::unique_ptr<OriginPeer> peer(new OriginPeer(loop, std::move(options), workers, log));
  HA_CHECK(peer->open_lanes(context, keys));
  peer->registered_.push_back(loop.add_timer([raw = peer.get()] { return raw->next_wakeup(); },
                                             [raw = peer.get()](const Now& now) { raw->on_tick(now); }));
  return peer;
}

OriginPeer::~OriginPeer() {
  for (const wire::Loop::Id id : registered_) {
    loop_.remove(id);
  }
}

Status OriginPeer::open_lanes(wire::Context& context, const wire::KeyPair& keys) {
  lanes_.resize(kFirstBulk + options_.link.bulk_flows);
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    wire::DealerOptions dealer;
    dealer.endpoint = options_.endpoint;
    dealer.server_key = options_.peer_key;
    dealer.other_server_key = options_.next_peer_key;
    const bool bulk = i >= kFirstBulk;
    dealer.routing_id = options_.site + (i == kControl ? "/control"
                                         : bulk        ? "/bulk/" + std::to_string(i - kFirstBulk)
                                                       : "/state/" + std::to_string(i - kState));
    if (bulk) {
      // A ping waits behind megabytes of data; the lanes beside tell of a dead path much sooner.
      dealer.connection.heartbeat_interval = kBulkHeartbeat;
      dealer.connection.heartbeat_timeout = 4 * kBulkHeartbeat;
    }
    dealer.connection.queued_messages_max = bulk ? kBulkQueueMessages : 1000;
    dealer.connection.congestion = options_.link.congestion == "system" ? "" : options_.link.congestion;
    auto opened = wire::Dealer::open(context, keys, std::move(dealer));
    if (!opened.ok()) {
      return std::move(opened).error().in("peer " + options_.peer);
    }
    lanes_[i].dealer = std::move(opened).value();
    registered_.push_back(loop_.add(*lanes_[i].dealer, [this, i](const Now& now) { on_lane(i, now); }));
  }
  return ok();
}

// ---------------------------------------------------------------- in
void OriginPeer::on_lane(std::size_t index, const Now& now) {
  on_events(index, now);
  Lane& lane = lanes_[index];
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    auto message = lane.dealer->recv();
    if (!message.ok()) {
      log_.warn("link.receive_failed", message.error(), {{"peer", options_.peer}});
      break;
    }
    if (!*message) {
      break;
    }
    lane.received_bytes += (*message)->size();
    on_payload(**message, now);
  }
  if (index < kFirstBulk) {
    flush(index);
  } else {
    lane.dealer->want_write(false);
  }
  advance(now);
}

void OriginPeer::on_events(std::size_t index, const Now& now) {
  Lane& lane = lanes_[index];
  for (const wire::ConnectionEvent& event : lane.dealer->take_events()) {
    switch (event.kind) {
      case wire::ConnectionEvent::Kind::Connected:
        lane.connected = true;
        if (index >= kFirstBulk && paced_ > 0) {
          lane.dealer->set_pacing(paced_ / options_.link.bulk_flows);
        }
        log_.debug("link.lane_connected",
                   {{"peer", options_.peer}, {"lane", index}, {"congestion", event.congestion}});
        break;
      case wire::ConnectionEvent::Kind::Disconnected:
        lane.connected = false;
        lane.waiting.clear();
        ++reconnects_;
        link_.on_lost("connection lost", now);
        break;
      case wire::ConnectionEvent::Kind::HandshakeFailed:
        log_.warn("link.handshake_failed", {{"peer", options_.peer}, {"reason", event.detail}});
        break;
    }
  }
  const bool all = std::all_of(lanes_.begin(), lanes_.end(), [](const Lane& each) { return each.connected; });
  if (all) {
    link_.on_connected(now);
  }
}

void OriginPeer::on_payload(const Bytes& payload, const Now& now) {
  const auto envelope = wire::decode_envelope(payload);
  if (!envelope.ok()) {
    log_.warn("link.bad_message", envelope.error(), {{"peer", options_.peer}});
    return;
  }
  const wire::EnvelopeHeader& header = envelope->header;
  if (is_link_message(header.type)) {
    auto message = decode_link_message(header.type, envelope->body);
    if (!message.ok()) {
      log_.warn("link.bad_message", message.error(), {{"peer", options_.peer}});
      return;
    }
    const auto* pong = std::get_if<Pong>(&*message);
    if (pong != nullptr && pong->ping.id >= kProbeIds) {
      while (!probes_.empty() && probes_.front().id <= pong->ping.id) {
        if (probes_.front().id == pong->ping.id) {
          probes_.front().done(now.steady - probes_.front().sent);
        }
        probes_.pop_front();
      }
      return;
    }
    link_.on_message(std::move(message).value(), now);
    return;
  }
  auto message = decode_set_message(header.type, envelope->body);
  if (!message.ok() || header.set == 0 || header.set > last_number_) {
    log_.warn("link.bad_message", {{"peer", options_.peer}, {"type", header.type}});
    return;
  }
  const auto found = std::find_if(sessions_.begin(), sessions_.end(),
                                  [&](const auto& each) { return each->number == header.set; });
  if (found == sessions_.end()) {
    return;  // its set is another's by now
  }
  Session& session = **found;
  session.link_bytes += payload.size();
  session.sender.on_message(std::move(message).value(), header.attempt, now.steady);
}

// ---------------------------------------------------------------- out
void OriginPeer::send(std::size_t index, Bytes message) {
  Lane& lane = lanes_[index];
  if (lane.waiting.size() >= kWaitingMax) {
    return;  // lost: the session's timeouts notice
  }
  lane.waiting.push_back(std::move(message));
  flush(index);
}

void OriginPeer::flush(std::size_t index) {
  Lane& lane = lanes_[index];
  while (!lane.waiting.empty()) {
    const std::size_t size = lane.waiting.front().size();
    const auto sent = lane.dealer->send(std::move(lane.waiting.front()));
    if (!sent.ok() || !*sent) {
      break;
    }
    lane.sent_bytes += size;
    lane.waiting.pop_front();
  }
  lane.dealer->want_write(!lane.waiting.empty() && lane.connected);
}

void OriginPeer::send_link(const LinkSend& message) {
  const Encoded encoded = encode(message.message);
  wire::EnvelopeHeader header;
  header.type = static_cast<std::uint16_t>(encoded.type);
  header.lane = message.lane == LinkLane::Control ? wire::Lane::Control : wire::Lane::State;
  auto bytes = wire::encode_envelope(header, encoded.body);
  if (!bytes.ok()) {
    return;
  }
  if (message.lane == LinkLane::Control) {
    send(kControl, std::move(bytes).value());
    return;
  }
  for (std::size_t i = kState; i < kFirstBulk; ++i) {
    send(i, *bytes);  // whichever comes first counts
  }
}

void OriginPeer::probe(std::size_t bytes, std::function<void(Duration)> done) {
  const Now now = read_clocks();
  const std::uint64_t id = kProbeIds + next_probe_++;
  probes_.push_back({id, now.steady, std::move(done)});
  if (probes_.size() > 1024) {
    probes_.pop_front();
  }
  send_link({LinkLane::State, Ping{id, 0, 0, Bytes(bytes, 'p')}});
}

void OriginPeer::perform_link(const Now& now) {
  for (LinkAction& action : link_.take_actions()) {
    std::visit(Overloaded{
                   [&](const LinkSend& message) { send_link(message); },
                   [&](const LinkUp& up) {
                     window_bytes_ = std::min(options_.link.window_bytes, up.window_bytes);
                     stuck_.reset();
                     log_.info("link.up", {{"peer", options_.peer},
                                           {"congestion", lanes_[kFirstBulk].dealer->congestion()},
                                           {"window_bytes", window_bytes_}});
                     if (link_.status().peer_config_digest != options_.facts.config_digest) {
                       log_.warn("peer.config_differs", {{"peer", options_.peer}});
                     }
                     nonce_ = up.nonce;
                     for (auto& session : sessions_) {
                       start_session(*session, now);
                     }
                   },
                   [&](const LinkDown& down) {
                     log_.warn("link.down", {{"peer", options_.peer}, {"reason", down.reason}});
                     stuck_.reset();
                     nonce_.reset();
                     for (auto& session : sessions_) {
                       session->paused.clear();
                       session->sender.on_link_down();
                     }
                   },
               },
               action);
  }
}

// When the link is up: it goes on if its set is the same thing at both ends, and may be sent.
void OriginPeer::start_session(Session& session, const Now& now) {
  if (!nonce_ || !session.set->may_send()) {
    return;
  }
  const std::string& set = session.set->config().name;
  session.paused = pause_reason(options_.facts.sets, link_.status().peer_sets, set, options_.peer);
  if (session.paused.empty()) {
    session.sender.on_link_up(*nonce_, now.steady);
  } else {
    log_.warn("set.paused", {{"set", set}, {"peer", options_.peer}, {"reason", session.paused}});
  }
}

// ---------------------------------------------------------------- pace
void OriginPeer::sample_path(const Now& now) {
  sample_at_ = now.steady + kSampleInterval;
  PacerSample sample;
  for (std::size_t i = kFirstBulk; i < lanes_.size(); ++i) {
    const wire::PathFacts path = lanes_[i].dealer->path();
    sample.delivered_bytes += path.acknowledged_bytes;
    if (path.rtt.count() > 0 && path.rtt_min.count() > 0) {
      sample.rtt =
          sample.rtt == Duration::zero() ? Duration(path.rtt) : std::min(sample.rtt, Duration(path.rtt));
      sample.rtt_min = sample.rtt_min == Duration::zero() ? Duration(path.rtt_min)
                                                          : std::min(sample.rtt_min, Duration(path.rtt_min));
    }
  }
  sample.backlogged = std::exchange(backlogged_, stuck_.has_value()) && in_flight() > 0;
  pacer_.on_sample(sample, now.steady);
  measure_rate(sample.delivered_bytes, now);
  if (pacer_.rate() != paced_) {
    paced_ = pacer_.rate();
    for (std::size_t i = kFirstBulk; i < lanes_.size(); ++i) {
      lanes_[i].dealer->set_pacing(paced_ / options_.link.bulk_flows);
    }
  }
}

// For people: bytes that the other end's kernel has acknowledged, over about a second.
void OriginPeer::measure_rate(std::uint64_t delivered_bytes, const Now& now) {
  const double seconds = std::chrono::duration<double>(now.steady - rate_at_).count();
  if (seconds < 1) {
    return;
  }
  const std::uint64_t bytes = delivered_bytes >= bytes_at_rate_ ? delivered_bytes - bytes_at_rate_ : 0;
  send_rate_ = static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds);
  bytes_at_rate_ = delivered_bytes;
  rate_at_ = now.steady;
}

void OriginPeer::on_tick(const Now& now) {
  link_.on_tick(now);
  for (auto& session : sessions_) {
    const auto due = session->sender.next_wakeup();
    if (due && *due <= now.steady) {
      session->sender.on_tick(now.steady);
    }
  }
  if (sample_at_ <= now.steady) {
    sample_path(now);
  }
  advance(now);
}

std::optional<SteadyTime> OriginPeer::next_wakeup() const {
  std::optional<SteadyTime> next = link_.next_wakeup();
  const auto sooner = [&](std::optional<SteadyTime> at) {
    if (at && (!next || *at < *next)) {
      next = at;
    }
  };
  for (const auto& session : sessions_) {
    sooner(session->sender.next_wakeup());
  }
  if (in_flight() > 0) {
    sooner(sample_at_);
  }
  return next;
}

}  // namespace ha::replicator
