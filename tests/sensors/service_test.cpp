// Sensors that talk to others, against servers of few words on loopback.
#include <boost/test/unit_test.hpp>

#include "tests/sensors/loopback.h"
#include "tests/sensors/sensor_fixture.h"
#include "tests/sensors/told.h"

namespace ha::failover {
namespace {

std::string header(const Bytes& request, const std::string& name) {
  const std::size_t at = request.find("\r\n" + name + ": ") + name.size() + 4;
  return request.substr(at, request.find("\r\n", at) - at);
}

// An answer to the OPTIONS that came.
Bytes sip_answer(const Bytes& request, const std::string& status) {
  Bytes out = "SIP/2.0 " + status + "\r\n";
  for (const char* name : {"Via", "From", "To", "Call-ID", "CSeq"}) {
    out += std::string(name) + ": " + header(request, name) + "\r\n";
  }
  return out + "Content-Length: 0\r\n\r\n";
}

// A port of 127.0.0.1 that nobody listens on.
std::string closed_port() {
  return LoopbackSocket(SOCK_STREAM).address;
}

BOOST_AUTO_TEST_SUITE(sensors_service)

BOOST_AUTO_TEST_CASE(a_port_takes_connections_or_not) {
  const Host host;
  const LoopbackSocket open(SOCK_STREAM);
  HA_READS(read_now(*host.sensor("tcp", {{"address", open.address}})), Ok, "takes connections after ");
  HA_READS(read_now(*host.sensor("tcp", {{"address", closed_port()}})), Trip, "Connection refused");
}

BOOST_AUTO_TEST_CASE(a_turn_that_is_cancelled_trips_nobody) {
  const Host host;
  int ends[2];
  BOOST_REQUIRE(::pipe(ends) == 0);
  ::close(ends[1]);  // readable from now on
  const UdpServer silent([](const Bytes&) { return std::vector<Bytes>{}; });
  auto sensor = host.sensor("sip.options", {{"address", silent.address()}});
  const Now now = read_clocks();
  HA_READS(sensor->measure({now, now.steady + seconds(60), ends[0]}), Unknown, "given up");
  ::close(ends[0]);
}

BOOST_AUTO_TEST_CASE(a_web_server_is_good_with_its_status_and_text) {
  const Host host;
  Told<Bytes> heard("");
  Told<Bytes> says("HTTP/1.1 200 OK\r\n\r\nSystem is ready");
  const TcpServer server("\r\n\r\n", [&](const Bytes& request) {
    heard = request;
    const Bytes all = says.get();
    return std::vector<Bytes>{all.substr(0, all.size() / 2), all.substr(all.size() / 2)};
  });
  const auto read = [&](const Options& more) {
    Options options{{"address", server.address()}};
    options.insert(more.begin(), more.end());
    return read_now(*host.sensor("http", options));
  };
  HA_READS(read({{"path", "/ping"}, {"host", "pbx"}, {"body", "ready"}}), Ok, "says 200");
  BOOST_TEST(heard.get().starts_with("GET /ping HTTP/1.1\r\nHost: pbx\r\n"));
  HA_READS(read({{"body", "not there"}}), Trip, "says 200 without \"not there\"");
  HA_READS(read({{"status", std::int64_t{204}}}), Trip, "says 200, not 204");
  says = "SSH-2.0-OpenSSH\r\n\r\n";
  HA_READS(read({}), Trip, "no HTTP response");
  says = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort";
  HA_READS(read({}), Trip, "the connection ended within an HTTP response");
  says = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n";
  HA_READS(read({{"body", "ready"}}), Ok, "says 200");
  says = "";
  HA_READS(read({}), Trip, "the connection ended before an HTTP response");
  HA_READS(read_now(*host.sensor("http", {{"address", closed_port()}})), Trip, "refused");
}

BOOST_AUTO_TEST_CASE(an_answer_without_an_end_is_given_up) {
  const Host host;
  const TcpServer server("\r\n\r\n", [&](const Bytes&) {
    return std::vector<Bytes>{"HTTP/1.1 200 OK\r\n\r\n", Bytes(1 << 20, 'x'), "too late"};
  });
  HA_READS(read_now(*host.sensor("http", {{"address", server.address()}, {"body", "too late"}})), Unknown,
           "too large");
}

BOOST_AUTO_TEST_CASE(any_final_answer_to_options_is_good) {
  const Host host;
  Told<std::string> status("200 OK");
  const UdpServer server([&](const Bytes& request) {
    BOOST_TEST(request.starts_with("OPTIONS sip:echo@127.0.0.1:"));
    Bytes other = sip_answer(request, "503 Busy");
    other.replace(other.find("Call-ID: ") + 9, 1, "x");
    return std::vector<Bytes>{"", other, sip_answer(request, "100 Trying"),
                              sip_answer(request, status.get())};
  });
  auto sensor = host.sensor("sip.options", {{"address", server.address()}, {"user", "echo"}});
  HA_READS(read_now(*sensor), Trip, "headers of a SIP message do not end");  // of the empty one
  const UdpServer polite([&](const Bytes& request) {
    Bytes other = sip_answer(request, "503 Busy");
    other.replace(other.find("Call-ID: ") + 9, 1, "x");
    return std::vector<Bytes>{other, sip_answer(request, "100 Trying"), sip_answer(request, status.get())};
  });
  sensor = host.sensor("sip.options", {{"address", polite.address()}});
  HA_READS(read_now(*sensor), Ok, "says 200 OK after ");
  status = "404 Not Found";
  HA_READS(read_now(*sensor), Ok, "says 404 Not Found");
}

BOOST_AUTO_TEST_CASE(a_lost_request_is_sent_again) {
  const Host host;
  int count = 0;
  const UdpServer server([&](const Bytes& request) {
    return ++count == 1 ? std::vector<Bytes>{} : std::vector<Bytes>{sip_answer(request, "200 OK")};
  });
  auto sensor = host.sensor("sip.options", {{"address", server.address()}, {"warn", "400ms"}});
  HA_READS(read_now(*sensor, seconds(60)), Warn, "says 200 OK after 0.5 s");
}

BOOST_AUTO_TEST_CASE(silence_and_closed_ports_trip) {
  const Host host;
  const UdpServer silent([](const Bytes&) { return std::vector<Bytes>{}; });
  HA_READS(read_now(*host.sensor("sip.options", {{"address", silent.address()}}), milliseconds(50)), Trip,
           "does not answer");
  const std::string closed = LoopbackSocket(SOCK_DGRAM).address;
  HA_READS(read_now(*host.sensor("sip.options", {{"address", closed}})), Trip, "refused");
}

BOOST_AUTO_TEST_CASE(options_go_over_tcp_too) {
  const Host host;
  Told<bool> answers(true);
  const TcpServer server("\r\n\r\n", [&](const Bytes& request) {
    const Bytes first = sip_answer(request, "100 Trying");
    const Bytes last = sip_answer(request, "486 Busy Here");
    return answers.get() ? std::vector<Bytes>{first + last.substr(0, 30), last.substr(30)}
                         : std::vector<Bytes>{first};
  });
  auto sensor = host.sensor("sip.options", {{"address", server.address()}, {"transport", "tcp"}});
  HA_READS(read_now(*sensor), Ok, "says 486 Busy Here");
  answers = false;
  HA_READS(read_now(*sensor), Trip, "closed the connection without an answer");
}

// ---------------------------------------------------------------- names
Bytes dns_answer(const Bytes& query, const std::vector<Bytes>& rdata, char type = 1, char rcode = 0,
                 char ttl = 30) {
  Bytes out = query;
  out[2] = static_cast<char>(0x84);  // an answer, authoritative
  out[3] = rcode;
  out[7] = static_cast<char>(rdata.size());
  out[11] = 0;
  out.resize(query.find('\0', 12) + 5);  // header and question
  for (const Bytes& each : rdata) {
    out += Bytes("\xc0\x0c\0", 3) + Bytes(1, type) + Bytes("\0\1\0\0\0", 5) + Bytes(1, ttl) + Bytes("\0", 1) +
           Bytes(1, static_cast<char>(each.size())) + each;
  }
  return out;
}

char type_of(const Bytes& query) {
  return query[query.find('\0', 12) + 2];
}

BOOST_AUTO_TEST_CASE(every_resolver_has_to_find_what_is_expected) {
  const Host host;
  Told<std::vector<Bytes>> has({Bytes("\xc0\0\2\x0a", 4)});
  Told<char> rcode(0);
  const UdpServer good(
      [](const Bytes& query) { return std::vector<Bytes>{dns_answer(query, {Bytes("\xc0\0\2\x0a", 4)})}; });
  const UdpServer other(
      [&](const Bytes& query) { return std::vector<Bytes>{dns_answer(query, has.get(), 1, rcode.get())}; });
  auto sensor = host.sensor("dns.resolve", {{"query", "sip.example.net"},
                                            {"resolvers", Texts{good.address(), other.address()}},
                                            {"expect", Texts{"192.0.2.10"}}});
  HA_READS(read_now(*sensor), Ok, "found by all of 2 resolvers");
  has = std::vector<Bytes>{Bytes("\xc0\0\2\x0b", 4)};
  HA_READS(read_now(*sensor), Trip, other.address() + " has 192.0.2.11");
  has = std::vector<Bytes>{};
  HA_READS(read_now(*sensor), Trip, other.address() + " has nothing of type A");
  rcode = 3;
  HA_READS(read_now(*sensor), Trip, other.address() + " says NXDOMAIN");
  const UdpServer silent([](const Bytes&) { return std::vector<Bytes>{}; });
  sensor = host.sensor("dns.resolve", {{"query", "sip.example.net"}, {"resolvers", Texts{silent.address()}}});
  HA_READS(read_now(*sensor, milliseconds(50)), Trip, "is silent");
}

BOOST_AUTO_TEST_CASE(servers_of_a_zone_may_differ_for_a_while) {
  Host host;
  const auto soa = [](char serial) {
    return Bytes("\0\0", 2) + Bytes("\0\0\0", 3) + Bytes(1, serial) + Bytes(16, '\1');
  };
  const auto serve = [&](const Bytes& query, char serial, char ttl) {
    return type_of(query) == 6 ? dns_answer(query, {soa(serial)}, 6)
                               : dns_answer(query, {Bytes("\xc0\0\2\x0a", 4)}, 1, 0, ttl);
  };
  Told<char> serial(7);
  Told<char> ttl(30);
  const UdpServer one([&](const Bytes& query) { return std::vector<Bytes>{serve(query, 7, ttl.get())}; });
  const UdpServer two(
      [&](const Bytes& query) { return std::vector<Bytes>{serve(query, serial.get(), ttl.get())}; });
  auto sensor = host.sensor("dns.authority", {{"zone", "example.net"},
                                              {"servers", Texts{one.address(), two.address()}},
                                              {"query", "sip.example.net"},
                                              {"ttl_max", "60s"}});
  const auto read = [&] {  // at the test's time, with real time to ask
    return sensor->measure({{host.now, WallTime{}}, read_clocks().steady + seconds(10), -1});
  };
  HA_READS(read(), Ok, "all servers have the same of example.net");
  ttl = 120;
  HA_READS(read(), Warn, "sip.example.net has TTL 120, more than 1m");
  ttl = 30;
  serial = 6;
  HA_READS(read(), Ok, two.address() + " has serial 6");
  host.now += seconds(61);
  HA_READS(read(), Trip, "for 1 m 1 s");
  serial = 7;
  HA_READS(read(), Ok, "all servers have the same");
}

// ---------------------------------------------------------------- time
BOOST_AUTO_TEST_CASE(a_clock_is_compared_with_a_server) {
  const Host host;
  Told<std::int64_t> ahead_s(0);
  const UdpServer server([&](const Bytes& question) {
    Bytes out(48, '\0');
    out[0] = 0x24;
    out[1] = 1;
    out.replace(24, 8, question.substr(40, 8));
    const auto now = std::chrono::floor<seconds>(read_clocks().wall).time_since_epoch().count() +
                     2'208'988'800 + ahead_s.get();
    for (const std::size_t at : {32U, 40U}) {
      for (unsigned i = 0; i < 4; ++i) {
        out[at + i] = static_cast<char>(now >> (24U - 8U * i) & 0xff);
      }
    }
    return std::vector<Bytes>{Bytes(48, '\x24'), out};
  });
  auto sensor = host.sensor("clock.offset", {{"server", server.address()}, {"warn", "2s"}, {"trip", "10s"}});
  HA_READS(read_now(*sensor), Ok, "of " + server.address());  // within the second that it leaves out
  ahead_s = 3600;
  HA_READS(read_now(*sensor), Trip, "behind " + server.address());
  ahead_s = -5;
  HA_READS(read_now(*sensor), Warn, "ahead of " + server.address());
  const UdpServer silent([](const Bytes&) { return std::vector<Bytes>{}; });
  HA_READS(read_now(*host.sensor("clock.offset", {{"server", silent.address()}}), milliseconds(50)), Unknown,
           "does not answer");
  // Whatever this host's clock is like, the kernel has something to say of it.
  BOOST_TEST(read_now(*host.sensor("clock.offset")).text.find("lock") != std::string::npos);
}

// ---------------------------------------------------------------- certificates
constexpr const char* kCertificate =  // of pbx.example.net, until 2027-01-25T08:00:00Z
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBHDCBwgIBATAKBggqhkjOPQQDAjAaMRgwFgYDVQQDDA9wYnguZXhhbXBsZS5u\n"
    "ZXQwHhcNMjYwMTAxMDAwMDAwWhcNMjcwMTI1MDgwMDAwWjAaMRgwFgYDVQQDDA9w\n"
    "YnguZXhhbXBsZS5uZXQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQsvTuCLBAz\n"
    "BcDTyYWwiPl4D1KtV2k6EV7GUediQQ9w7idkblSRQo6AckarAM7tKIpB7GfkQr/9\n"
    "Tq93XwVuxCX2MAoGCCqGSM49BAMCA0kAMEYCIQDyTt0Z+VO2ExKB0IGbJsdcP9c+\n"
    "B6QuY8vwpBK0nCB5EAIhAN7UIlqEf1dXzkWYlfoTDv8oq6jFdhAF3g7W+fbUX3zU\n"
    "-----END CERTIFICATE-----\n";

BOOST_AUTO_TEST_CASE(a_certificate_warns_before_its_end) {
  const Host host;
  host.put("pbx.pem", kCertificate);
  auto sensor = host.sensor("tls.cert", {{"file", host.path("pbx.pem")}});
  const auto at_day = [&](int day) {
    const WallTime wall(seconds(1'800'000'000 + day * 86'400));  // day 0: 2027-01-15T08:00:00Z
    return sensor->measure({{host.now, wall}, host.now, -1});
  };
  HA_READS(at_day(-20), Ok, "expires in 30 d");
  HA_READS(at_day(0), Warn, "expires in 10 d, 2027-01-25T08:00:00Z");
  HA_READS(at_day(4), Trip, "expires in 6 d");
  HA_READS(at_day(12), Trip, "expired 2 d ago");
  host.put("pbx.pem", "nothing");
  HA_READS(at_day(0), Unknown, "no certificate in PEM form");
  host.remove("pbx.pem");
  HA_READS(at_day(0), Unknown, "cannot read");
}

BOOST_AUTO_TEST_CASE(a_server_without_tls_trips) {
  const Host host;
  const TcpServer server("\1", [](const Bytes&) { return std::vector<Bytes>{"SSH-2.0-OpenSSH\r\n"}; });
  HA_READS(read_now(*host.sensor("tls.cert", {{"address", server.address()}})), Trip, "no TLS: ");
  const TcpServer closes("\1", [](const Bytes&) { return std::vector<Bytes>{}; });
  HA_READS(read_now(*host.sensor("tls.cert", {{"address", closes.address()}, {"server_name", "pbx"}})), Trip,
           "the connection was closed");
  HA_READS(read_now(*host.sensor("tls.cert", {{"address", closed_port()}})), Trip, "refused");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
