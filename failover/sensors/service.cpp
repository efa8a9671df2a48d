// What answers on a port: tcp, http, sip.options.
#include <sys/socket.h>

#include <utility>

#include "common/base/http.h"
#include "common/base/units.h"
#include "failover/sensors/connection.h"
#include "failover/sensors/families.h"
#include "failover/sensors/sip_exchange.h"

namespace ha::failover {
namespace {

constexpr std::size_t kHttpBodyMax = std::size_t{1} << 20;
constexpr std::size_t kHttpPartMax = 64 * 1024;

double seconds_since(const MeasureTurn& turn) {
  return std::chrono::duration<double>(read_clocks().steady - turn.now.steady).count();
}

// What came back, in words; how long it took is the value.
Reading answered(const SensorSpec& spec, const MeasureTurn& turn, const std::string& what) {
  const double took = seconds_since(turn);
  return graded(spec, took, "s",
                what + " after " + show_age(Duration(static_cast<std::int64_t>(took * 1e9))));
}

// ---------------------------------------------------------------- tcp
class Tcp final : public Sensor {
 public:
  Tcp(SensorSpec spec, dns::Endpoint to) : spec_(std::move(spec)), to_(std::move(to)) {}

  Reading measure(const MeasureTurn& turn) override {
    const auto connection = Connection::open(Transport::Tcp, to_, turn);
    return connection.ok() ? answered(spec_, turn, to_.text() + " takes connections")
                           : failed(connection.error());
  }

 private:
  SensorSpec spec_;
  dns::Endpoint to_;
};

// ---------------------------------------------------------------- http
class Http final : public Sensor {
 public:
  Http(const SensorSetup& setup, dns::Endpoint to, Bytes request)
      : spec_(setup.spec),
        to_(std::move(to)),
        request_(std::move(request)),
        status_(static_cast<unsigned>(setup.integer("status"))),
        body_(setup.text("body")) {}

  Reading measure(const MeasureTurn& turn) override {
    const auto reply = ask(turn);
    if (!reply.ok()) {
      return failed(reply.error());
    }
    const std::string said = to_.text() + " says " + std::to_string(reply->status);
    if (reply->status != status_) {
      return tripped(said + ", not " + std::to_string(status_));
    }
    if (reply->body.find(body_) == reply->body.npos) {
      return tripped(said + " without " + in_quotes(body_));
    }
    return answered(spec_, turn, said);
  }

 private:
  Result<HttpResponse> ask(const MeasureTurn& turn) {
    HA_TRY(Connection connection, Connection::open(Transport::Tcp, to_, turn));
    HA_CHECK(connection.send(request_));
    HttpReader reader({.body_bytes_max = kHttpBodyMax});
    while (true) {
      HA_TRY(const Bytes part, connection.receive(kHttpPartMax, turn.until));
      if (part.empty()) {
        const Status ended = reader.end();
        return ended.ok() ? Result<HttpResponse>(reader.take()) : Error(ended.error()).in(to_.text());
      }
      const auto is_whole = reader.feed(part);
      if (!is_whole.ok()) {
        return Error(is_whole.error()).in(to_.text());
      }
      if (*is_whole) {
        return reader.take();
      }
    }
  }

  SensorSpec spec_;
  dns::Endpoint to_;
  Bytes request_;
  unsigned status_;
  std::string body_;
};

// ---------------------------------------------------------------- sip.options
class SipOptions final : public Sensor {
 public:
  SipOptions(const SensorSetup& setup, dns::Endpoint to)
      : spec_(setup.spec), to_(std::move(to)), transport_(transport_of(setup)), user_(setup.text("user")) {}

  Reading measure(const MeasureTurn& turn) override {
    const auto reply = ask(turn);
    return reply.ok() ? answered(spec_, turn,
                                 to_.text() + " says " + std::to_string(reply->status) + " " + reply->reason)
                      : failed(reply.error());
  }

 private:
  Result<SipReply> ask(const MeasureTurn& turn) {
    HA_TRY(SipExchange exchange, SipExchange::open(transport_, to_, turn));
    const SipRequest request = exchange.next("OPTIONS");
    HA_TRY(const Bytes bytes, make_sip_options(request, to_.text(), user_));
    return exchange.ask(request, bytes);
  }

  SensorSpec spec_;
  dns::Endpoint to_;
  Transport transport_;
  std::string user_;
};

}  // namespace

SensorMade make_tcp(const SensorSetup& setup) {
  HA_TRY(dns::Endpoint to, endpoint_with_port(setup.text("address")));
  return std::unique_ptr<Sensor>(std::make_unique<Tcp>(setup.spec, std::move(to)));
}

SensorMade make_http(const SensorSetup& setup) {
  HA_TRY(dns::Endpoint to, endpoint_with_port(setup.text("address")));
  HA_TRY(Bytes request, encode_http({.method = "GET",
                                     .target = setup.text("path"),
                                     .fields = {{"User-Agent", "hareplicate"}, {"Connection", "close"}},
                                     .body = {}},
                                    setup.text("host")));
  return std::unique_ptr<Sensor>(std::make_unique<Http>(setup, std::move(to), std::move(request)));
}

SensorMade make_sip_options(const SensorSetup& setup) {
  HA_TRY(dns::Endpoint to, endpoint_with_port(setup.text("address")));
  HA_CHECK(make_sip_options({"OPTIONS", "UDP", "", "check"}, to.text(), setup.text("user")));
  return std::unique_ptr<Sensor>(std::make_unique<SipOptions>(setup, std::move(to)));
}

}  // namespace ha::failover
