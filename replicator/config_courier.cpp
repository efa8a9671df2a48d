#include "replicator/config_courier.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/sys/digest.h"
#include "common/wire/envelope.h"
#include "replicator/session/config_codec.h"

namespace ha::replicator {
namespace {

constexpr int kIoThreads = 1;

ConfigAnswer no_answer(const std::string& site, Error error) {
  ConfigAnswer out;
  out.site = site;
  out.error = std::move(error);
  return out;
}

Error silent(const std::string& address, const std::string& trouble) {
  return Error(Code::Unavailable,
               address + " does not answer" + (trouble.empty() ? std::string() : ": " + escape(trouble)),
               "hareplicate doctor");
}

}  // namespace

ConfigCourier::ConfigCourier(wire::Loop& loop, const Config& config, const wire::KeyPair& keys)
    : loop_(loop), config_(config), keys_(keys) {}

Result<std::unique_ptr<ConfigCourier>> ConfigCourier::open(wire::Loop& loop, const Config& config,
                                                           const wire::KeyPair& keys) {
  std::unique_ptr<ConfigCourier> courier(new ConfigCourier(loop, config, keys));
  HA_TRY(courier->context_, wire::Context::open(kIoThreads));
  courier->timer_ = loop.add_timer(
      [raw = courier.get()]() -> std::optional<SteadyTime> {
        std::optional<SteadyTime> next;
        for (const auto& [number, call] : raw->calls_) {
          next = next ? std::min(*next, call.until) : call.until;
        }
        return next;
      },
      [raw = courier.get()](const Now& now) { raw->on_tick(now); });
  return courier;
}

ConfigCourier::~ConfigCourier() {
  for (const auto& [number, call] : calls_) {
    loop_.remove(call.registered);
  }
  loop_.remove(timer_);
}

Result<std::unique_ptr<wire::Dealer>> ConfigCourier::connect(const SiteConfig& site) {
  wire::DealerOptions options;
  options.endpoint = site.addresses.front();
  HA_TRY(options.server_key, wire::PublicKey::parse(site.key));
  if (!site.next_key.empty()) {
    HA_TRY(options.other_server_key, wire::PublicKey::parse(site.next_key));
  }
  HA_TRY(const Bytes name, sys::random_bytes(8));
  options.routing_id = config_.self().name + "/config/" + hex(name);
  return wire::Dealer::open(*context_, keys_, std::move(options));
}

void ConfigCourier::ask(const std::string& site, const ConfigQuestion& question, Done done) {
  const SiteConfig* known = config_.site(site);
  auto dealer = known == nullptr ? Error(Code::NotFound, "this site knows no site \"" + escape(site) + "\"",
                                         "hareplicate config show")
                : calls_.size() >= kCourierCallsMax ? Error(Code::Exhausted, "too many questions at once")
                                                    : connect(*known);
  wire::EnvelopeHeader header;
  header.type = kConfigQuestionType;
  auto message = wire::encode_envelope(header, encode_config(question));
  if (!dealer.ok() || !message.ok()) {
    const Error error = dealer.ok() ? message.error() : dealer.error();
    static_cast<void>(loop_.post([done = std::move(done), site, error] { done(no_answer(site, error)); }));
    return;
  }
  const std::uint64_t number = next_++;
  Call& call = calls_[number];
  call = {site,
          std::move(dealer).value(),
          0,
          std::move(message).value(),
          loop_.now().steady + kCourierPatience,
          {},
          std::move(done)};
  call.registered = loop_.add(*call.dealer, [this, number](const Now& now) { on_call(number, now); });
}

void ConfigCourier::on_call(std::uint64_t number, const Now&) {
  const auto found = calls_.find(number);
  if (found == calls_.end() || !found->second.done) {
    return;
  }
  Call& call = found->second;
  for (const wire::ConnectionEvent& event : call.dealer->take_events()) {
    if (event.kind == wire::ConnectionEvent::Kind::HandshakeFailed) {
      call.trouble = event.detail;
    } else if (event.kind == wire::ConnectionEvent::Kind::Connected) {
      auto message = call.message;
      static_cast<void>(call.dealer->send(std::move(message)));  // again after a reconnection: idempotent
    }
  }
  auto received = call.dealer->recv();
  if (!received.ok() || !*received) {
    return;
  }
  const auto envelope = wire::decode_envelope(**received);
  if (!envelope.ok() || envelope->header.type != kConfigAnswerType) {
    finish(number, no_answer(call.site, Error(Code::Unsupported, "it speaks another version",
                                              "install the same version on both sites")));
    return;
  }
  auto answer = decode_config_answer(envelope->body);
  if (!answer.ok()) {
    finish(number, no_answer(call.site, answer.error()));
    return;
  }
  answer->site = call.site;  // as its key says, whatever it calls itself
  finish(number, std::move(answer).value());
}

void ConfigCourier::on_tick(const Now& now) {
  std::vector<std::uint64_t> over;
  for (const auto& [number, call] : calls_) {
    if (call.until <= now.steady) {
      over.push_back(number);
    }
  }
  for (const std::uint64_t number : over) {
    const Call& call = calls_.at(number);
    if (!call.done) {
      calls_.erase(number);  // it has ended in an earlier turn
      continue;
    }
    finish(number, no_answer(call.site, silent(config_.site(call.site)->addresses.front(), call.trouble)));
  }
}

// The call goes at the next turn: this may be its own handler.
void ConfigCourier::finish(std::uint64_t number, ConfigAnswer answer) {
  Call& call = calls_.at(number);
  call.until = loop_.now().steady;
  const Done done = std::exchange(call.done, {});
  loop_.remove(call.registered);
  call.registered = 0;
  done(std::move(answer));
}

}  // namespace ha::replicator
