#include "dnsupdater/primary.h"

#include <algorithm>
#include <cstdlib>
#include <future>
#include <iterator>

#include "common/base/units.h"
#include "common/sys/digest.h"

namespace ha::dns {
namespace {

constexpr Duration kUdpPatience = std::chrono::milliseconds(500);
constexpr int kReadTries = 5;  // of several RRsets between which somebody changed something

// Most answers that we take for a refusal are signed; those about the signature itself cannot be.
bool is_refusal(const Reply& reply) {
  switch (reply.tsig) {
    case TsigVerdict::ServerBadKey:
    case TsigVerdict::ServerBadMac:
    case TsigVerdict::ServerBadTime:
      return true;
    case TsigVerdict::Good:
    case TsigVerdict::Missing:
      return reply.rcode != Rcode::NoError && reply.rcode != Rcode::ServFail;
    default:
      return false;
  }
}

bool is_unmet(Rcode rcode) {
  return rcode == Rcode::YxDomain || rcode == Rcode::YxRrset || rcode == Rcode::NxRrset ||
         rcode == Rcode::NxDomain;
}

Trouble clock_trouble(const Reply& reply, WallTime ours) {
  std::string by = "more than 300 s from the primary's";
  if (reply.server_time) {
    // Signatures have whole seconds.
    const auto apart = (std::chrono::floor<std::chrono::seconds>(*reply.server_time) -
                        std::chrono::floor<std::chrono::seconds>(ours))
                           .count();
    by = std::to_string(std::abs(apart)) + " s " + (apart > 0 ? "behind" : "ahead of") + " the primary's";
  }
  return {Cause::Clock, Error(Code::Denied, "our clock is " + by, "timedatectl set-ntp true")};
}

Trouble no_such_zone(const Name& zone) {
  return {Cause::Zone, Error(Code::Refused, "the primary does not have zone " + zone.text() + " (NOTAUTH)",
                             "is [[dns.zone]] primary the server where the zone is written?")};
}

std::optional<Trouble> signature_trouble(const Reply& reply, const Name& zone, const Name& key,
                                         WallTime ours) {
  switch (reply.tsig) {
    case TsigVerdict::Good:
    case TsigVerdict::NotAsked:
      return std::nullopt;
    case TsigVerdict::ServerBadKey:
      return Trouble{Cause::Key, Error(Code::Denied, "the primary does not know the key " + key.text(),
                                       "add it to the server (BIND: include its key file in named.conf)")};
    case TsigVerdict::ServerBadMac:
      return Trouble{Cause::Key, Error(Code::Denied, "the primary has another secret for key " + key.text(),
                                       "compare the key files here and there")};
    case TsigVerdict::ServerBadTime:
    case TsigVerdict::OutOfTime:
      return clock_trouble(reply, ours);
    case TsigVerdict::Missing:
      if (reply.rcode == Rcode::NotAuth && reply.of_update) {  // Knot looks for the zone before the key
        return no_such_zone(zone);
      }
      if (reply.rcode == Rcode::Refused || reply.rcode == Rcode::NotAuth) {
        return Trouble{Cause::Policy,
                       Error(Code::Denied,
                             "the primary refuses, unsigned; PowerDNS says so of a wrong key, a "
                             "wrong secret and a clock that is off, too",
                             "compare the key files and the clocks (timedatectl) here and there")};
      }
      return Trouble{Cause::Network, Error(Code::Unavailable, "an answer without a signature (" +
                                                                  rcode_text(reply.rcode) + ")")};
    default:
      return Trouble{Cause::Network,
                     Error(Code::Unavailable, "an answer that cannot be believed: " +
                                                  std::string(tsig_verdict_text(reply.tsig)))};
  }
}

Bytes random_id() {
  auto bytes = sys::random_bytes(2);
  return bytes.ok() ? std::move(bytes).value() : Bytes(2, '\1');
}

}  // namespace

std::optional<Trouble> trouble_of(const Reply& reply, const Name& zone, const Name& key, WallTime ours) {
  if (reply.tsig == TsigVerdict::Missing && reply.rcode == Rcode::NotImp) {
    return Trouble{Cause::Unsupported, Error(Code::Unsupported, "this server takes no updates (NOTIMP)")};
  }
  if (auto signature = signature_trouble(reply, zone, key, ours)) {
    return signature;
  }
  switch (reply.rcode) {
    case Rcode::NoError:
    case Rcode::NxDomain:
      return std::nullopt;
    case Rcode::Refused:
      return Trouble{Cause::Policy, Error(Code::Denied,
                                          "the primary does not let the key " + key.text() +
                                              " do this in zone " + zone.text() + ", or the zone is frozen",
                                          "BIND: update-policy { grant " + key.text() +
                                              " zonesub any; }; or: rndc thaw " + zone.text())};
    case Rcode::NotAuth:
      return no_such_zone(zone);
    case Rcode::NotZone:
      return Trouble{
          Cause::Zone,
          Error(Code::Refused, "the message names something outside of zone " + zone.text() + " (NOTZONE)",
                "hareplicate config show dns.zone")};
    case Rcode::NotImp:
      return Trouble{Cause::Unsupported, Error(Code::Unsupported, "this server takes no updates (NOTIMP)")};
    default:
      return Trouble{Cause::Server, Error(Code::Unavailable, "the primary says " + rcode_text(reply.rcode))};
  }
}

// A message that was refused for its time has changed nothing: it is signed and sent once more.
Primary::Heard<Answer> Primary::once(Transport transport, const Make& make) {
  auto heard = sent(transport, make);
  const auto* answer = std::get_if<Answer>(&heard);
  if (!options_.by_its_clock || answer == nullptr || !answer->reply.server_time) {
    return heard;
  }
  clock_shift_ = *answer->reply.server_time - read_clocks().wall;
  return sent(transport, make);
}

// One try, at the endpoint that answered last or else the next one.
Primary::Heard<Answer> Primary::sent(Transport transport, const Make& make) {
  std::optional<Trouble> last;
  for (std::size_t tried = 0; tried < options_.endpoints.size(); ++tried) {
    const Now now = read_clocks();
    const auto shift = std::chrono::duration_cast<WallTime::duration>(clock_shift_);
    auto request = make(get_be16(random_id(), 0), now.wall + shift);
    if (!request.ok()) {
      return Trouble{Cause::Ours, std::move(request).error()};
    }
    const bool short_enough = request->wire.size() <= kUdpBytesMax;
    // What is lost of a short message is asked for again, by TCP, soon.
    const bool by_udp = short_enough && transport == Transport::Udp;
    const Duration patience = by_udp ? std::min(options_.patience, kUdpPatience) : options_.patience;
    const Exchange with{options_.endpoints[endpoint_], by_udp ? Transport::Udp : Transport::Tcp,
                        now.steady + patience, options_.cancel_fd, shift};
    auto answer = exchange(with, *request, key_);
    if (answer.ok()) {
      return std::move(answer).value();
    }
    last = Trouble{Cause::Network, std::move(answer).error()};
    if (last->error.code() == Code::Cancelled) {
      return {Trouble{Cause::Ours, std::move(last->error)}};
    }
    endpoint_ = (endpoint_ + 1) % options_.endpoints.size();
    if (request->is_update) {
      break;  // it may have arrived: whoever sends has to look first
    }
  }
  return *last;
}

Primary::Heard<Answer> Primary::ask(const Question& question) {
  const Make make = [&](std::uint16_t id, WallTime now) { return make_query(question, id, key_, now); };
  auto heard = once(Transport::Udp, make);
  const auto* answer = std::get_if<Answer>(&heard);
  const bool by_udp = answer == nullptr || answer->transport == Transport::Udp;
  if (by_udp && (answer == nullptr || answer->reply.truncated || answer->reply.tsig != TsigVerdict::Good)) {
    auto again = once(Transport::Tcp, make);
    return answer != nullptr && !answer->reply.truncated && std::holds_alternative<Trouble>(again)
               ? std::move(heard)
               : std::move(again);
  }
  return heard;
}

Primary::Heard<std::vector<RrSet>> Primary::read_once(const std::vector<SetKey>& keys) {
  std::vector<RrSet> found;
  for (const SetKey& key : keys) {
    auto heard = ask({key.name, key.type});
    if (auto* trouble = std::get_if<Trouble>(&heard)) {
      return std::move(*trouble);
    }
    const Answer& answer = std::get<Answer>(heard);
    if (auto trouble = trouble_of(answer.reply, options_.zone, key_->name, read_clocks().wall)) {
      return std::move(*trouble);
    }
    if (!answer.reply.authoritative) {
      return Trouble{
          Cause::Zone,
          Error(Code::Refused, "the primary's answer about " + key.name.text() + " is not its own (no AA)",
                "is [[dns.zone]] primary a resolver? It has to be where the zone is")};
    }
    if (auto set = gather(answer.reply.answers, key.name, key.type)) {
      found.push_back(std::move(*set));
    }
  }
  return found;
}

Primary::Heard<std::vector<RrSet>> Primary::read(const std::vector<SetKey>& keys) {
  std::vector<SetKey> guards;
  std::vector<SetKey> others;
  for (const SetKey& key : keys) {
    (key.type == RrType::Txt && is_guard_name(key.name) ? guards : others).push_back(key);
  }
  for (int tries = 1;; ++tries) {
    auto first = read_once(guards);
    auto* found = std::get_if<std::vector<RrSet>>(&first);
    if (found == nullptr || others.empty()) {
      return first;
    }
    auto rest = read_once(others);
    if (std::holds_alternative<Trouble>(rest)) {
      return rest;
    }
    auto again = read_once(guards);
    auto* last = std::get_if<std::vector<RrSet>>(&again);
    if (last == nullptr) {
      return again;
    }
    if (*last == *found) {
      for (RrSet& set : std::get<std::vector<RrSet>>(rest)) {
        found->push_back(std::move(set));
      }
      return first;
    }
    if (tries == kReadTries) {
      return Trouble{Cause::Network,
                     Error(Code::Unavailable, "it changes all the time: it was not the same twice")};
    }
  }
}

Primary::Heard<std::vector<RrSet>> Primary::read_at_once(const std::vector<SetKey>& keys) {
  std::vector<Primary> asking(keys.size(), *this);
  std::vector<std::future<Heard<std::vector<RrSet>>>> answers;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    // One after the other where there is no thread to be had.
    answers.push_back(std::async(std::launch::async | std::launch::deferred,
                                 [&asking, &keys, i] { return asking[i].read_once({keys[i]}); }));
  }
  Heard<std::vector<RrSet>> out;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto heard = answers[i].get();
    if (std::holds_alternative<Trouble>(out)) {
      continue;  // the first one that is known is enough; the others have to come to their end
    }
    endpoint_ = asking[i].endpoint_;
    clock_shift_ = asking[i].clock_shift_;
    if (auto* found = std::get_if<std::vector<RrSet>>(&heard)) {
      std::move(found->begin(), found->end(), std::back_inserter(std::get<std::vector<RrSet>>(out)));
    } else {
      out = std::move(heard);
    }
  }
  return out;
}

Primary::Sent Primary::send(const Update& update, unsigned earlier) {
  const Make make = [&](std::uint16_t id, WallTime now) { return make_update(update, id, *key_, now); };
  auto heard = once(earlier == 0 ? Transport::Udp : Transport::Tcp, make);
  const auto doubtful = [&] {
    const auto* answer = std::get_if<Answer>(&heard);
    return answer != nullptr && answer->transport == Transport::Udp &&
           answer->reply.tsig == TsigVerdict::Missing && is_refusal(answer->reply);
  };
  if (doubtful()) {  // anybody can say so over UDP
    heard = once(Transport::Tcp, make);
  }
  Sent sent;
  if (auto* trouble = std::get_if<Trouble>(&heard)) {
    sent.heard = trouble->cause == Cause::Ours ? dns::Heard::Refused : dns::Heard::Silence;
    sent.trouble = std::move(*trouble);
    return sent;
  }
  sent.answer = std::get<Answer>(std::move(heard));
  const Reply& reply = sent.answer->reply;
  if (reply.tsig == TsigVerdict::Good && reply.rcode == Rcode::NoError) {
    sent.heard = dns::Heard::Accepted;
    return sent;
  }
  if (reply.tsig == TsigVerdict::Good && is_unmet(reply.rcode)) {
    sent.heard = dns::Heard::Unmet;
    return sent;
  }
  sent.trouble = trouble_of(reply, options_.zone, key_->name, read_clocks().wall);
  const bool refused = is_refusal(reply) && sent.trouble && !is_passing(sent.trouble->cause);
  sent.heard = refused ? dns::Heard::Refused : dns::Heard::Silence;
  return sent;
}

}  // namespace ha::dns
