#include "failover/peer_codec.h"

#include <algorithm>

#include "common/base/nanoseconds.h"
#include "schemas/failover.pb.h"

namespace ha::failover {
namespace {

namespace pb = ha::schemas::failover;

Error corrupt(const char* what) {
  return Error(Code::Corrupt, std::string("a peer's message ") + what);
}

template <typename Repeated>
bool over(const Repeated& list, std::size_t limit) {
  return static_cast<std::size_t>(list.size()) > limit;
}

bool bad_name(const std::string& name) {
  return name.empty() || name.size() > kNameBytesMax;
}

void put(const PathBeat& from, pb::Heartbeat& to) {
  const Beat& beat = from.heartbeat.beat;
  const SiteReport& report = from.heartbeat.report;
  HA_ASSERT(beat.hears.size() <= kSitesMax && report.services.size() <= kServicesMax);
  to.set_boot(beat.boot);
  to.set_clock_ns(beat.clock.count());
  to.set_sequence(from.sequence);
  for (const std::string& site : beat.hears) {
    to.add_hears(site);
  }
  to.set_score(report.score);
  to.set_unfit(report.unfit.substr(0, kWhyBytesMax));
  to.set_room(report.room);
  if (report.config) {
    to.set_config(digest_bytes(*report.config));
  }
  for (const auto& [name, service] : report.services) {
    pb::Service& out = *to.add_services();
    out.set_name(name);
    out.set_state(static_cast<std::uint32_t>(service.state));
    out.set_epoch(service.epoch);
    out.set_seq(service.seq);
    out.set_lag(static_cast<std::uint32_t>(service.lag));
    out.set_calls(service.calls);
    out.set_owner_dead(service.owner_dead);
    out.set_unable(service.unable);
  }
  for (std::size_t i = 0; i < std::min(from.worst.size(), kWorstMax); ++i) {
    to.add_worst(from.worst[i].substr(0, kWhyBytesMax));
  }
  if (from.echo) {
    to.mutable_echo()->set_clock_ns(from.echo->clock.count());
    to.mutable_echo()->set_held_ns(from.echo->held.count());
  }
  to.set_wall_ns(from.wall ? nanoseconds(*from.wall) : 0);
}

void put(const ServiceWord& from, pb::Word& to) {
  to.set_service(from.service);
  if (const auto* ask = std::get_if<PromiseAsk>(&from.word)) {
    to.mutable_promise_ask()->set_round(ask->round);
    to.mutable_promise_ask()->set_epoch(ask->epoch);
  } else if (const auto* answer = std::get_if<PromiseAnswer>(&from.word)) {
    to.mutable_promise_answer()->set_round(answer->round);
    to.mutable_promise_answer()->set_given(answer->given);
    to.mutable_promise_answer()->set_why(answer->why.substr(0, kWhyBytesMax));
  } else if (const auto* end = std::get_if<Stopped>(&from.word)) {
    to.mutable_stopped()->set_epoch(end->version.epoch);
    to.mutable_stopped()->set_seq(end->version.seq);
  } else {
    to.mutable_look()->set_health(std::get<Look>(from.word).health);
  }
}

Status read_services(const pb::Heartbeat& from, SiteReport& to) {
  if (over(from.services(), kServicesMax)) {
    return corrupt("names too many services");
  }
  for (const pb::Service& service : from.services()) {
    if (bad_name(service.name()) || service.state() > static_cast<std::uint32_t>(State::Failed) ||
        service.lag() > static_cast<std::uint32_t>(Lag::TooFar)) {
      return corrupt("has a service that cannot be");
    }
    to.services[service.name()] = {static_cast<State>(service.state()),
                                   service.epoch(),
                                   service.seq(),
                                   static_cast<Lag>(service.lag()),
                                   service.calls(),
                                   service.owner_dead(),
                                   service.unable()};
  }
  return ok();
}

Result<PeerMessage> read(const pb::Heartbeat& from) {
  PathBeat to;
  Beat& beat = to.heartbeat.beat;
  beat.boot = from.boot();
  beat.clock = Duration(from.clock_ns());
  to.sequence = from.sequence();
  if (from.clock_ns() < 0 || over(from.hears(), kSitesMax) ||
      std::any_of(from.hears().begin(), from.hears().end(), bad_name)) {
    return corrupt("has a clock or sites that cannot be");
  }
  beat.hears.assign(from.hears().begin(), from.hears().end());
  SiteReport& report = to.heartbeat.report;
  report.score = from.score();
  report.unfit = from.unfit();
  report.room = from.room();
  if (Digest digest; !from.config().empty()) {
    if (!parse_digest(from.config(), digest)) {
      return corrupt("has a digest of the wrong length");
    }
    report.config = digest;
  }
  HA_CHECK(read_services(from, report));
  if (from.unfit().size() > kWhyBytesMax || over(from.worst(), kWorstMax) ||
      std::any_of(from.worst().begin(), from.worst().end(),
                  [](const std::string& text) { return text.size() > kWhyBytesMax; })) {
    return corrupt("says too much about its health");
  }
  to.worst.assign(from.worst().begin(), from.worst().end());
  if (from.has_echo()) {
    if (from.echo().clock_ns() < 0 || from.echo().held_ns() < 0) {
      return corrupt("has an echo that cannot be");
    }
    to.echo = Echo{Duration(from.echo().clock_ns()), Duration(from.echo().held_ns())};
  }
  if (from.wall_ns() > 0) {
    to.wall = wall_time(from.wall_ns());
  }
  return PeerMessage(std::move(to));
}

Result<PeerMessage> read(const pb::Word& from) {
  if (bad_name(from.service())) {
    return corrupt("is about a service without a name");
  }
  switch (from.kind_case()) {
    case pb::Word::kPromiseAsk:
      return PeerMessage(
          ServiceWord{from.service(), PromiseAsk{from.promise_ask().round(), from.promise_ask().epoch()}});
    case pb::Word::kPromiseAnswer:
      if (from.promise_answer().why().size() > kWhyBytesMax) {
        return corrupt("has a reason that is too long");
      }
      return PeerMessage(ServiceWord{
          from.service(), PromiseAnswer{from.promise_answer().round(), from.promise_answer().given(),
                                        from.promise_answer().why()}});
    case pb::Word::kStopped:
      return PeerMessage(
          ServiceWord{from.service(), Stopped{{from.stopped().epoch(), from.stopped().seq()}}});
    case pb::Word::kLook:
      return PeerMessage(ServiceWord{from.service(), Look{from.look().health()}});
    case pb::Word::KIND_NOT_SET:
      break;
  }
  return corrupt("says nothing that this version knows");
}

template <typename Message>
Result<PeerMessage> parse(BytesView body) {
  Message message;
  if (body.size() > kPeerMessageBytesMax) {
    return corrupt("is too long");
  }
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return corrupt("does not parse");
  }
  return read(message);
}

}  // namespace

PeerBytes encode(const PeerMessage& message) {
  if (const auto* beat = std::get_if<PathBeat>(&message)) {
    pb::Heartbeat out;
    put(*beat, out);
    return {PeerMessageType::AHeartbeat, out.SerializeAsString()};
  }
  pb::Word out;
  put(std::get<ServiceWord>(message), out);
  return {PeerMessageType::AWord, out.SerializeAsString()};
}

Result<PeerMessage> decode_peer_message(std::uint16_t type, BytesView body) {
  if (type == static_cast<std::uint16_t>(PeerMessageType::AHeartbeat)) {
    return parse<pb::Heartbeat>(body);
  }
  if (type == static_cast<std::uint16_t>(PeerMessageType::AWord)) {
    return parse<pb::Word>(body);
  }
  return corrupt("is of a kind that this version does not know");
}

}  // namespace ha::failover
