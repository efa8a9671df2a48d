// sip.register against a registrar that the test makes trouble for.
#include <boost/test/unit_test.hpp>
#include <mutex>
#include <set>

#include "common/base/bytes.h"
#include "failover/sensors/sip_digest.h"
#include "tests/sensors/loopback.h"
#include "tests/sensors/sensor_fixture.h"

namespace ha::failover {
namespace {

Bytes field(const Bytes& request, const std::string& name) {
  const std::size_t at = request.find("\r\n" + name + ": ");
  const std::size_t begin = at + name.size() + 4;
  return at == request.npos ? Bytes() : request.substr(begin, request.find("\r\n", begin) - begin);
}
std::string quoted(const std::string& text, const std::string& name) {
  const std::size_t begin = text.find(name + "=\"") + name.size() + 2;
  return text.substr(begin, text.find('"', begin) - begin);
}

// Knows "probe" with the password "good"; a nonce is for one request.
class Registrar {
 public:
  Registrar() : server_([this](const Bytes& request) { return std::vector<Bytes>{answer(request)}; }) {}

  void when_taken(std::function<void()> act) {
    const std::lock_guard lock(mutex_);
    on_taken_ = std::move(act);
  }
  enum class Trouble { None, Loses, Password, Busy, Basic, Proxy };
  void make(Trouble trouble) {
    const std::lock_guard lock(mutex_);
    trouble_ = trouble;
  }
  [[nodiscard]] std::set<std::string> contacts() {
    const std::lock_guard lock(mutex_);
    return contacts_;
  }
  [[nodiscard]] std::size_t most() {
    const std::lock_guard lock(mutex_);
    return most_;
  }
  [[nodiscard]] const std::string& address() const { return server_.address(); }

 private:
  Bytes answer(const Bytes& request) {
    const std::lock_guard lock(mutex_);
    if (trouble_ == Trouble::Busy) {
      return made(request, "503 Busy", "");
    }
    const bool proxy = trouble_ == Trouble::Proxy;
    const Bytes login = field(request, proxy ? "Proxy-Authorization" : "Authorization");
    if (login.empty() || quoted(login, "nonce") != nonce_) {
      nonce_ = "n" + std::to_string(++nonces_);
      const std::string asked = std::string(proxy ? "Proxy-" : "WWW-") + "Authenticate: ";
      const std::string basic = asked + "Basic realm=\"lab\"\r\n";
      return made(request, proxy ? "407 Proxy" : "401 Who",
                  trouble_ == Trouble::Basic
                      ? basic
                      : basic + asked + "Digest realm=\"lab\", qop=\"auth\", nonce=\"" + nonce_ + "\"\r\n");
    }
    SipChallenge challenge;
    challenge.realm = "lab";
    challenge.nonce = nonce_;
    challenge.has_qop = true;
    const std::string right =
        sip_credentials(challenge, {"REGISTER", "sip:127.0.0.1", "probe",
                                    trouble_ == Trouble::Password ? "new" : "good", quoted(login, "cnonce")})
            .value();
    nonce_ = "used";
    if (login != right) {
      return made(request, "403 Forbidden", "");
    }
    const Bytes contact = field(request, "Contact");
    if (!contact.empty() && field(request, "Expires") == "0") {
      contacts_.erase(contact);
    } else if (!contact.empty() && trouble_ != Trouble::Loses) {
      contacts_.insert(contact);
      on_taken_();
    }
    most_ = std::max(most_, contacts_.size());
    Bytes there = "Contact: <sip:probe@192.0.2.7>;expires=60\r\n";  // somebody else's
    for (const Bytes& each : contacts_) {
      there += "Contact: " + each + ";expires=120\r\n";
    }
    return made(request, "200 OK", there);
  }
  static Bytes made(const Bytes& request, const std::string& status, const Bytes& more) {
    Bytes out = "SIP/2.0 " + status + "\r\n";
    for (const char* name : {"Via", "From", "To", "Call-ID", "CSeq"}) {
      out += std::string(name) + ": " + field(request, name) + "\r\n";
    }
    return out + more + "Content-Length: 0\r\n\r\n";
  }

  std::mutex mutex_;
  Trouble trouble_ = Trouble::None;
  std::function<void()> on_taken_ = [] {};
  std::set<std::string> contacts_;
  std::size_t most_ = 0;
  std::string nonce_;
  unsigned nonces_ = 0;
  UdpServer server_;
};

struct Probed : Host {
  Registrar registrar;
  std::unique_ptr<Sensor> made;

  Probed() {
    put("secret", "good\n");
    std::filesystem::permissions(path("secret"), std::filesystem::perms::owner_read);
    made = sensor("sip.register",
                  {{"address", registrar.address()}, {"user", "probe"}, {"secret_file", path("secret")}});
  }
  Reading now() const { return read_now(*made, seconds(10)); }
};

using Trouble = Registrar::Trouble;

}  // namespace

BOOST_AUTO_TEST_SUITE(sensors_sip_register)

BOOST_AUTO_TEST_CASE(a_registration_that_is_kept_is_good_and_nothing_stays) {
  Probed host;
  HA_READS(host.now(), Ok, "took a registration, kept it and took it back, in ");
  BOOST_TEST(host.registrar.most() == 1U);
  BOOST_TEST(host.registrar.contacts().empty());
  host.registrar.make(Trouble::Proxy);
  HA_READS(host.now(), Ok, "kept it");
  host.registrar.make(Trouble::Loses);
  HA_READS(host.now(), Trip, "took a registration and has lost it");
}

BOOST_AUTO_TEST_CASE(a_refusal_trips_only_where_it_was_taken_before) {
  Probed host;
  host.registrar.make(Trouble::Password);
  HA_READS(host.now(), Unknown, "does not register probe: 403 Forbidden");
  host.registrar.make(Trouble::Busy);
  HA_READS(host.now(), Trip, "does not register probe: 503 Busy");
  host.registrar.make(Trouble::None);
  HA_READS(host.now(), Ok, "kept it");
  host.registrar.make(Trouble::Password);
  HA_READS(host.now(), Trip, "403 Forbidden");
  host.registrar.make(Trouble::Basic);
  HA_READS(host.now(), Unknown, "wants another way to log in than Digest");
}

BOOST_AUTO_TEST_CASE(its_own_trouble_is_not_the_servers) {
  Probed host;
  std::filesystem::permissions(host.path("secret"), std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  HA_READS(host.now(), Unknown, "secret");
  host.remove("secret");
  HA_READS(host.now(), Unknown, "secret");
  const UdpServer silent([](const Bytes&) { return std::vector<Bytes>{}; });
  host.put("secret", "good");
  std::filesystem::permissions(host.path("secret"), std::filesystem::perms::owner_read);
  const auto deaf =
      host.sensor("sip.register",
                  {{"address", silent.address()}, {"user", "probe"}, {"secret_file", host.path("secret")}});
  HA_READS(read_now(*deaf, milliseconds(50)), Trip, "does not answer");
}

BOOST_AUTO_TEST_CASE(it_is_given_up_while_it_waits) {
  Probed host;
  int ends[2];
  BOOST_REQUIRE(::pipe(ends) == 0);
  host.registrar.when_taken([&] { ::close(ends[1]); });
  const Now now = read_clocks();
  HA_READS(host.made->measure({now, now.steady + seconds(60), ends[0]}), Unknown, "given up");
  BOOST_TEST(host.registrar.contacts().size() == 1U);
  ::close(ends[0]);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::failover
