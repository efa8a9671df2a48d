// Certificates: tls.cert. The only user of OpenSSL's TLS (docs/adr/0016-openssl-for-two-sensors.md). It looks
// at what a server shows and trusts nothing: chains and names are for those who call.
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <ctime>
#include <optional>
#include <utility>

#include "common/base/units.h"
#include "common/sys/unique.h"
#include "failover/sensors/bounded_file.h"
#include "failover/sensors/connection.h"
#include "failover/sensors/families.h"

namespace ha::failover {
namespace {

using SslContext = sys::Unique<SSL_CTX, ::SSL_CTX_free>;
using Ssl = sys::Unique<SSL, ::SSL_free>;
using Certificate = sys::Unique<X509, ::X509_free>;
using Bio = sys::Unique<BIO, ::BIO_free_all>;

constexpr std::size_t kPartBytes = 16 * 1024;
constexpr std::size_t kCertificateFileMax = 256 * 1024;
constexpr std::size_t kHandshakeBytesMax = 256 * 1024;

std::string library_error() {
  std::array<char, 256> text{};
  const unsigned long code = ::ERR_get_error();
  ::ERR_error_string_n(code, text.data(), text.size());
  ::ERR_clear_error();
  return code == 0 ? "no reason given" : text.data();
}

Result<WallTime> expiry_of(const X509& certificate) {
  std::tm broken{};
  if (::ASN1_TIME_to_tm(::X509_get0_notAfter(&certificate), &broken) != 1) {
    return Error(Code::Corrupt, "the certificate has no end that can be read");
  }
  return std::chrono::system_clock::from_time_t(::timegm(&broken));
}

// Everything goes through memory, so that the connection keeps its time.
class Handshake {
 public:
  [[nodiscard]] static Result<Handshake> make(const std::string& server_name) {
    SslContext context(::SSL_CTX_new(::TLS_client_method()));
    Ssl ssl(context ? ::SSL_new(context.get()) : nullptr);
    Bio in(::BIO_new(::BIO_s_mem()));
    Bio out(::BIO_new(::BIO_s_mem()));
    if (!ssl || !in || !out) {
      return Error(Code::Internal, "OpenSSL: " + library_error());
    }
    ::SSL_set_verify(ssl.get(), SSL_VERIFY_NONE, nullptr);
    ::SSL_set_security_level(ssl.get(), 0);  // old servers show their certificate too
    if (!server_name.empty() && ::SSL_set_tlsext_host_name(ssl.get(), server_name.c_str()) != 1) {
      return Error(Code::Invalid, "server_name cannot be used: " + library_error());
    }
    Handshake made{std::move(context), std::move(ssl), in.get(), out.get()};
    ::SSL_set_bio(made.ssl_.get(), in.release(), out.release());
    return made;
  }

  [[nodiscard]] Result<Certificate> certificate(Connection& connection, SteadyTime until) {
    std::size_t came = 0;
    while (true) {
      const int done = ::SSL_connect(ssl_.get());
      const int wants = ::SSL_get_error(ssl_.get(), done);
      HA_CHECK(flush(connection));
      if (Certificate shown(::SSL_get1_peer_certificate(ssl_.get())); shown) {
        return shown;  // also if the server then wants one of ours
      }
      if (done == 1 || wants != SSL_ERROR_WANT_READ) {
        return Error(Code::Unavailable, "no TLS: " + library_error());
      }
      HA_TRY(const Bytes part, connection.receive(kPartBytes, until));
      came += part.size();
      if (part.empty() || came > kHandshakeBytesMax) {
        return Error(Code::Unavailable, "no TLS: the connection was closed");
      }
      ::BIO_write(in_, part.data(), static_cast<int>(part.size()));
    }
  }

 private:
  Handshake(SslContext context, Ssl ssl, BIO* in, BIO* out)
      : context_(std::move(context)), ssl_(std::move(ssl)), in_(in), out_(out) {}

  Status flush(Connection& connection) {
    std::array<char, kPartBytes> part{};
    while (true) {
      const int n = ::BIO_read(out_, part.data(), static_cast<int>(part.size()));
      if (n <= 0) {
        return ok();
      }
      HA_CHECK(connection.send(BytesView(part.data(), static_cast<std::size_t>(n))));
    }
  }

  SslContext context_;
  Ssl ssl_;
  BIO* in_;   // of ssl_
  BIO* out_;  // of ssl_
};

class TlsCert final : public Sensor {
 public:
  TlsCert(const SensorSetup& setup, std::optional<dns::Endpoint> to)
      : spec_(setup.spec), to_(std::move(to)), name_(setup.text("server_name")), file_(setup.text("file")) {}

  Reading measure(const MeasureTurn& turn) override {
    const auto expiry = to_ ? of_server(turn) : of_file();
    if (!expiry.ok()) {
      const bool theirs =
          expiry.error().code() == Code::Unavailable || expiry.error().code() == Code::TimedOut;
      return to_ && theirs ? tripped(expiry.error().what()) : unknown(expiry.error());
    }
    const Duration left = *expiry - turn.now.wall;
    const bool over = left <= Duration::zero();
    return graded(spec_, std::chrono::duration<double>(left).count(), "s",
                  "the certificate of " + (to_ ? to_->text() : file_) +
                      (over ? " expired " + show_age(-left) + " ago" : " expires in " + show_age(left)) +
                      ", " + show_utc(*expiry));
  }

 private:
  Result<WallTime> of_server(const MeasureTurn& turn) const {
    HA_TRY(Connection connection, Connection::open(Transport::Tcp, *to_, turn));
    HA_TRY(Handshake handshake, Handshake::make(name_));
    auto shown = handshake.certificate(connection, turn.until);
    if (!shown.ok()) {
      return std::move(shown).error().in(to_->text());
    }
    return expiry_of(**shown);
  }

  Result<WallTime> of_file() const {
    HA_TRY(const std::string text, read_bounded(file_, kCertificateFileMax));
    const Bio bio(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    const Certificate read(bio ? ::PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
    if (!read) {
      return Error(Code::Corrupt, file_ + " has no certificate in PEM form: " + library_error());
    }
    return expiry_of(*read);
  }

  SensorSpec spec_;
  std::optional<dns::Endpoint> to_;
  std::string name_;
  std::string file_;
};

}  // namespace

SensorMade make_tls_cert(const SensorSetup& setup) {
  if (setup.has("address") == setup.has("file")) {
    return Error(Code::Invalid, "tls.cert needs address or file, one of them");
  }
  std::optional<dns::Endpoint> to;
  if (setup.has("address")) {
    HA_TRY(to, endpoint_with_port(setup.text("address")));
  }
  return std::unique_ptr<Sensor>(std::make_unique<TlsCert>(setup, std::move(to)));
}

}  // namespace ha::failover
