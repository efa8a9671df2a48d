#include "dnsupdater/updater.h"

#include <poll.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "common/sys/digest.h"
#include "dnsupdater/wire.h"

namespace ha::dns {
namespace {

// False: cancelled.
bool wait_until(SteadyTime until, int cancel_fd) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - read_clocks().steady).count();
  pollfd polled{cancel_fd, POLLIN, 0};
  return ::poll(&polled, cancel_fd >= 0 ? 1 : 0, static_cast<int>(std::clamp(left, 0L, 60'000L))) == 0;
}

// When the first of the signatures over `type` runs out: RFC 4034, section 3.1, seconds since 1970 in 32
// bits.
std::optional<WallTime> signed_until(const std::vector<Rr>& answers, const Name& name, RrType type) {
  constexpr std::size_t kExpiration = 8;
  std::optional<WallTime> until;
  for (const Rr& rr : answers) {
    const Bytes& wire = rr.rdata.wire;
    if (rr.name != name || rr.type != RrType::Rrsig || wire.size() < kExpiration + 4 ||
        get_be16(wire, 0) != static_cast<std::uint16_t>(type)) {
      continue;
    }
    const std::uint32_t seconds =
        std::uint32_t{get_be16(wire, kExpiration)} << 16 | get_be16(wire, kExpiration + 2);
    const WallTime at{std::chrono::seconds(seconds)};
    until = until ? std::min(*until, at) : at;
  }
  return until;
}

}  // namespace

Primary::Heard<Answer> ask_plain(const Endpoint& server, const Question& question, Duration patience,
                                 int cancel_fd) {
  for (const Transport transport : {Transport::Udp, Transport::Tcp}) {
    const Now now = read_clocks();
    const auto id = sys::random_bytes(2);
    if (!id.ok()) {
      return Trouble{Cause::Ours, id.error()};
    }
    auto request = make_query(question, get_be16(*id, 0), nullptr, now.wall);
    if (!request.ok()) {
      return Trouble{Cause::Ours, std::move(request).error()};
    }
    auto answer = exchange({server, transport, now.steady + patience, cancel_fd}, *request, nullptr);
    if (!answer.ok()) {
      return Trouble{Cause::Network, std::move(answer).error()};
    }
    if (!answer->reply.truncated || transport == Transport::Tcp) {
      return std::move(answer).value();
    }
  }
  return Trouble{Cause::Server, Error(Code::Corrupt, server.text() + ": truncated over TCP")};
}

namespace {

// Rdata that nobody has.
Result<Rdata> nobodys(RrType type, const Digest& nonce) {
  if (type == RrType::A || type == RrType::Aaaa) {
    HA_TRY(const Address zero, Address::parse(type == RrType::A ? "0.0.0.0" : "::"));
    return address_rdata(zero);
  }
  return type == RrType::Srv ? srv_rdata(0, 0, 0, Name()) : txt_rdata({"dnsupdater check " + hex(nonce)});
}

// Which rights are tried: to delete what is not there, or to add.
Result<Update> rights_update(const Name& zone, const std::vector<SetKey>& keys, bool adds) {
  HA_TRY(const Digest nonce, new_nonce());
  HA_TRY(const Name never, zone.below("_ha-check-" + hex(nonce)));
  Update update{zone, {{Need::SetExists, never, RrType::Txt}}};
  for (const SetKey& key : keys) {
    HA_TRY(Rdata rdata, nobodys(key.type, nonce));
    if (adds) {
      update.additions.push_back({key.name, key.type, 5, false, {std::move(rdata)}});
    } else {
      update.deletions.push_back({key.name, key.type, std::move(rdata)});
    }
  }
  return update;
}

// First what does no harm where prerequisites do not count; only who has refused for the prerequisite is
// asked the other thing.
Primary::Sent send_rights(Primary& primary, const std::vector<SetKey>& keys) {
  Primary::Sent sent;
  for (const bool adds : {false, true}) {
    auto update = rights_update(primary.options().zone, keys, adds);
    if (!update.ok()) {
      return {Heard::Refused, Trouble{Cause::Ours, std::move(update).error()}, std::nullopt};
    }
    sent = primary.send(*update, 1);
    if (sent.heard != Heard::Unmet) {
      return sent;
    }
  }
  return sent;
}

}  // namespace

Rights probe_rights(Primary& primary, const std::vector<SetKey>& keys) {
  constexpr std::size_t kKeysMax = 100;  // of one message
  Rights out;
  for (std::size_t at = 0; at < keys.size(); at += kKeysMax) {
    const std::vector<SetKey> some(
        keys.begin() + static_cast<std::ptrdiff_t>(at),
        keys.begin() + static_cast<std::ptrdiff_t>(std::min(at + kKeysMax, keys.size())));
    Primary::Sent sent = send_rights(primary, some);
    const bool one_by_one = sent.heard == Heard::Refused && some.size() > 1 &&
                            (sent.trouble->cause == Cause::Policy || sent.trouble->cause == Cause::Key);
    for (const SetKey& key : one_by_one ? some : std::vector<SetKey>()) {
      const Primary::Sent alone = send_rights(primary, {key});
      if (alone.heard == Heard::Refused) {
        out.refused.push_back(key);
      }
    }
    out.took = out.took || sent.heard == Heard::Accepted;
    if (sent.heard == Heard::Silence || (sent.heard == Heard::Refused && out.refused.empty())) {
      out.trouble = std::move(sent.trouble);
      return out;
    }
  }
  return out;
}

std::string data_text(const std::optional<RrSet>& set) {
  std::string out;
  for (const Rdata& each : set ? set->rdata : std::vector<Rdata>()) {
    out += (out.empty() ? "" : ", ") + each.text;
  }
  return out.empty() ? "nothing" : out;
}

std::string behind_text(const ServerView& view, const SetMove& wanted) {
  if (view.trouble) {
    return "is silent";
  }
  if (is_after(wanted, view.set)) {
    return "";
  }
  const bool same_data = view.set && wanted.to && view.set->rdata == wanted.to->rdata;
  return "has " + (same_data ? "TTL " + std::to_string(view.set->ttl_s) : data_text(view.set));
}

std::string behind_text(const ServerView& view, const std::optional<RrSet>& primary) {
  SetMove wanted;
  wanted.to = primary;
  return behind_text(view, wanted);
}

Result<Digest> new_nonce() {
  HA_TRY(const Bytes random, sys::random_bytes(sizeof(Digest)));
  Digest nonce;
  HA_ASSERT(parse_digest(random, nonce));
  return nonce;
}

SwapResult run_swap(Swap& swap, Primary& primary) {
  const int cancel_fd = primary.options().cancel_fd;
  unsigned sends = 0;
  for (;;) {
    const SwapStep step = swap.step(read_clocks().steady);
    if (const auto* result = std::get_if<SwapResult>(&step)) {
      return *result;
    }
    if (const auto* pause = std::get_if<WaitStep>(&step)) {
      if (!wait_until(pause->until, cancel_fd)) {
        swap.cancel();
      }
    } else if (const auto* ask = std::get_if<ReadStep>(&step)) {
      auto found = ask->at_once ? primary.read_at_once(ask->sets) : primary.read(ask->sets);
      if (auto* trouble = std::get_if<Trouble>(&found)) {
        if (trouble->error.code() == Code::Cancelled) {
          swap.cancel();
        }
        swap.on_unread(std::move(*trouble), read_clocks().steady);
      } else {
        swap.on_read(std::get<std::vector<RrSet>>(found), read_clocks().steady);
      }
    } else {
      auto sent = primary.send(std::get<SendStep>(step).update, sends++);
      swap.on_sent(sent.heard, std::move(sent.trouble), read_clocks().steady);
    }
  }
}

std::vector<ServerView> view_servers(const std::vector<Endpoint>& servers, const Name& zone,
                                     const SetKey& key, Duration patience, int cancel_fd, Look look) {
  std::vector<SetKey> questions{key};
  if (look != Look::Set) {
    questions.push_back({zone, RrType::Soa});
  }
  std::vector<ServerView> views;
  for (const Endpoint& server : servers) {
    ServerView view{server, {}, {}};
    for (const SetKey& wanted : questions) {
      Question question{wanted.name, wanted.type};
      question.dnssec = look == Look::Signatures;
      auto heard = ask_plain(server, question, patience, cancel_fd);
      if (auto* trouble = std::get_if<Trouble>(&heard)) {
        view.trouble = std::move(*trouble);
        break;
      }
      const Reply& reply = std::get<Answer>(heard).reply;
      if (reply.rcode != Rcode::NoError && reply.rcode != Rcode::NxDomain) {
        view.trouble = Trouble{Cause::Server,
                               Error(Code::Unavailable, server.text() + " says " + rcode_text(reply.rcode))};
        break;
      }
      auto set = gather(reply.answers, wanted.name, wanted.type);
      if (wanted.type == RrType::Soa && set) {
        view.serial = soa_number(*set, kSoaSerial);
        view.authoritative = reply.authoritative;
        view.is_signed = signed_until(reply.answers, zone, RrType::Soa).has_value();
      }
      if (wanted == key) {
        view.set = std::move(set);
        view.signed_until = signed_until(reply.answers, key.name, key.type);
      }
    }
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace ha::dns
