// sip.register: whether a phone can register, as one of its own does.
#include <algorithm>
#include <utility>

#include "common/base/random.h"
#include "common/base/units.h"
#include "common/sys/secret.h"
#include "failover/sensors/families.h"
#include "failover/sensors/sip_digest.h"
#include "failover/sensors/sip_exchange.h"

namespace ha::failover {
namespace {

// Asterisk acknowledges what it has not committed, and may lose it within a second: docs/pbx.md.
constexpr Duration kKeptFor = std::chrono::milliseconds(1200);
constexpr unsigned kExpiresS = 120;  // if we cannot take it back
constexpr const char* kContact = "hareplicate-probe-";

class SipRegister final : public Sensor {
 public:
  SipRegister(const SensorSetup& setup, dns::Endpoint to, SipBinding binding)
      : spec_(setup.spec),
        to_(std::move(to)),
        transport_(transport_of(setup)),
        binding_(std::move(binding)),
        secret_file_(setup.text("secret_file")) {}

  Reading measure(const MeasureTurn& turn) override {
    const auto reading = try_it(turn);
    return reading.ok() ? *reading : failed(reading.error());
  }

 private:
  Result<Reading> try_it(const MeasureTurn& turn) {
    HA_TRY(const sys::Secret secret, sys::load_secret(secret_file_));
    HA_TRY(SipExchange exchange, SipExchange::open(transport_, to_, turn));
    const std::string contact = kContact + exchange.token();
    SteadyTime begin = read_clocks().steady;
    HA_TRY(const SipReply taken, send(exchange, secret, contact, kExpiresS));
    if (is_refusal(taken)) {
      return refused(taken);
    }
    Duration took = read_clocks().steady - begin;
    const Status waited =
        wait_for(-1, 0, std::min(read_clocks().steady + kKeptFor, turn.until), turn.cancel_fd, "");
    if (waited.error().code() != Code::TimedOut) {
      return waited.error();
    }
    begin = read_clocks().steady;
    HA_TRY(const SipReply kept, send(exchange, secret, "", 0));
    const bool is_there =
        std::any_of(kept.contacts.begin(), kept.contacts.end(),
                    [&](const std::string& each) { return each.find(contact + "@") != each.npos; });
    HA_TRY(const SipReply removed, send(exchange, secret, contact, 0));
    took += read_clocks().steady - begin;
    if (is_refusal(kept) || is_refusal(removed)) {
      return refused(is_refusal(kept) ? kept : removed);
    }
    was_taken_ = true;
    if (!is_there) {
      return tripped(to_.text() + " took a registration and has lost it");
    }
    return graded(spec_, std::chrono::duration<double>(took).count(), "s",
                  to_.text() + " took a registration, kept it and took it back, in " + show_age(took));
  }

  static bool is_refusal(const SipReply& reply) { return reply.status < 200 || reply.status > 299; }
  // What it has never taken may be a wrong password; what it takes no more is the server's trouble.
  Reading refused(const SipReply& reply) const {
    const std::string said = to_.text() + " does not register " + binding_.user + ": " +
                             std::to_string(reply.status) + " " + reply.reason;
    return was_taken_ || reply.status >= 500 ? tripped(said) : unknown(said);
  }

  // With its first challenge answered.
  Result<SipReply> send(SipExchange& exchange, const sys::Secret& secret, const std::string& contact,
                        unsigned expires_s) {
    SipBinding binding = binding_;
    binding.contact = contact;
    binding.expires_s = expires_s;
    HA_TRY(SipReply reply, send(exchange, binding, ""));
    if (reply.status != 401 && reply.status != 407) {
      return reply;
    }
    HA_TRY(const std::string login, login_for(reply, secret));
    return send(exchange, binding, login);
  }
  static Result<SipReply> send(SipExchange& exchange, const SipBinding& binding, const std::string& login) {
    const SipRequest request = exchange.next("REGISTER");
    HA_TRY(const Bytes bytes, make_sip_register(request, binding, login));
    return exchange.ask(request, bytes);
  }

  // The first challenge that we can answer (RFC 8760, 2.4).
  Result<std::string> login_for(const SipReply& reply, const sys::Secret& secret) const {
    Error why(Code::Corrupt, to_.text() + " wants a login and does not say how");
    for (const std::string& each : reply.challenges) {
      const auto challenge = parse_sip_challenge(each);
      if (!challenge.ok()) {
        why = Error(challenge.error()).in(to_.text());
        continue;
      }
      HA_TRY(const std::string credentials,
             sip_credentials(*challenge, {"REGISTER", registrar_uri(binding_), binding_.user,
                                          secret.first_line(), std::to_string(random_seed())}));
      return (reply.status == 407 ? "Proxy-Authorization: " : "Authorization: ") + credentials + "\r\n";
    }
    return why;
  }

  SensorSpec spec_;
  dns::Endpoint to_;
  Transport transport_;
  SipBinding binding_;
  std::string secret_file_;
  bool was_taken_ = false;
};

}  // namespace

SensorMade make_sip_register(const SensorSetup& setup) {
  HA_TRY(dns::Endpoint to, endpoint_with_port(setup.text("address")));
  if (setup.spec.timeout <= kKeptFor) {
    return Error(Code::Invalid, "timeout must be more than " + show_age(kKeptFor) +
                                    ", as it waits that long before it looks");
  }
  SipBinding binding{setup.text("user"), setup.text("domain"), "", 0};
  if (binding.domain.empty()) {
    binding.domain = to.address.is_v6() ? "[" + to.address.text() + "]" : to.address.text();
  }
  HA_CHECK(make_sip_register({"REGISTER", "UDP", "", "check"}, binding, ""));
  return std::unique_ptr<Sensor>(std::make_unique<SipRegister>(setup, std::move(to), std::move(binding)));
}

}  // namespace ha::failover
