// Against servers of one answer on loopback, on ports that the system chose.
#include "dnsupdater/exchange.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "tests/dnsupdater/messages.h"

using namespace ha::dns;
using ha::Bytes;
using ha::Code;
using std::chrono::seconds;

namespace {

const Name kName = name("sip.example.net");
constexpr std::uint16_t kTruncatedReply = kQueryReply | 0x0200;

// A socket of 127.0.0.1, closed with it.
struct Socket {
  explicit Socket(int type) : file(::socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket") {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    BOOST_REQUIRE(::bind(file.fd(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    socklen_t size = sizeof at;
    BOOST_REQUIRE(::getsockname(file.fd(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
    endpoint = {address("127.0.0.1"), ntohs(at.sin_port)};
    BOOST_REQUIRE(type == SOCK_DGRAM || ::listen(file.fd(), 1) == 0);
  }
  ha::sys::FileHandle file;
  Endpoint endpoint{address("127.0.0.1"), 0};
};

Request question() {
  return must(make_query({kName, RrType::A}, 0x1234, nullptr, at_second(kNowS)));
}

Bytes reply(std::uint16_t flags = kQueryReply) {
  return empty_reply(flags, kName, RrType::A);
}

Bytes framed(const Bytes& message) {
  return be(message.size(), 2) + message;
}

Exchange with(const Endpoint& to, Transport transport, int cancel_fd = -1) {
  return {to, transport, ha::read_clocks().steady + seconds(60), cancel_fd};
}

// Asks over UDP; each of `datagrams` comes back, in this order.
ha::Result<Answer> by_udp(const std::vector<Bytes>& datagrams) {
  const Socket server(SOCK_DGRAM);
  std::thread serving([&] {
    Bytes got(512, '\0');
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    ::recvfrom(server.file.fd(), got.data(), got.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    for (const Bytes& each : datagrams) {
      ::sendto(server.file.fd(), each.data(), each.size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
    }
  });
  auto answer = exchange(with(server.endpoint, Transport::Udp), question(), nullptr);
  serving.join();
  return answer;
}

// Asks over TCP; `pieces` come back, and then the connection ends. `heard`: what the server got.
ha::Result<Answer> by_tcp(const std::vector<Bytes>& pieces, Bytes* heard = nullptr) {
  const Socket server(SOCK_STREAM);
  const Request request = question();
  std::thread serving([&] {
    const ha::sys::FileHandle caller(::accept(server.file.fd(), nullptr, nullptr), "caller");
    Bytes got(request.wire.size() + 2, '\0');
    ::recv(caller.fd(), got.data(), got.size(), MSG_WAITALL);
    for (const Bytes& each : pieces) {
      ::send(caller.fd(), each.data(), each.size(), MSG_NOSIGNAL);
    }
    if (heard != nullptr) {
      *heard = got;
    }
  });
  auto answer = exchange(with(server.endpoint, Transport::Tcp), request, nullptr);
  serving.join();
  return answer;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_exchange)

BOOST_AUTO_TEST_CASE(an_endpoint_is_an_address_and_perhaps_a_port) {
  const auto text = [](const char* from) { return must(Endpoint::parse(from)).text(); };
  BOOST_TEST(text("192.0.2.53") == "192.0.2.53:53");
  BOOST_TEST(text("192.0.2.53:5353") == "192.0.2.53:5353");
  BOOST_TEST(text("192.0.2.53:65535") == "192.0.2.53:65535");
  BOOST_TEST(text("2001:DB8::53") == "[2001:db8::53]:53");
  BOOST_TEST(text("[2001:db8::53]") == "[2001:db8::53]:53");
  BOOST_TEST(text("[2001:db8::53]:5353") == "[2001:db8::53]:5353");
  for (const char* const wrong :
       {"", ":", ":53", "ns1", "ns1.example.net:53", "192.0.2.53:", "192.0.2.53:0", "192.0.2.53:65536",
        "192.0.2.53:53x", "192.0.2.53: 53", "192.0.2.53:-1", "192.0.2.53:+1", "[2001:db8::53", "[]:53",
        "[2001:db8::53]53", "[2001:db8::53]:", "[2001:db8::53]:53:53", "192.0.2.53:53:53", "\n"}) {
    const auto endpoint = Endpoint::parse(wrong);
    BOOST_TEST_CONTEXT(wrong) {
      BOOST_TEST((code_of(endpoint) == Code::Invalid));
      BOOST_TEST(!endpoint.error().hint().empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(the_answer_of_a_datagram_comes_back) {
  const Answer answer = must(by_udp({reply()}));
  BOOST_TEST((answer.transport == Transport::Udp));
  BOOST_TEST((answer.reply.rcode == Rcode::NoError));
  BOOST_TEST(answer.reply.authoritative);
}

BOOST_AUTO_TEST_CASE(datagrams_that_answer_nothing_are_passed_over) {
  Bytes other_id = reply();
  other_id[0] = '\x55';
  const Bytes other_name = empty_reply(kQueryReply | 3, name("www.example.net"), RrType::A);
  const Answer answer = must(by_udp({other_id, other_name, Bytes(), "x", Bytes(600, '\xff'), reply()}));
  BOOST_TEST((answer.reply.rcode == Rcode::NoError));
}

BOOST_AUTO_TEST_CASE(a_truncated_answer_is_returned_as_it_is) {
  BOOST_TEST(must(by_udp({reply(kTruncatedReply)})).reply.truncated);
}

BOOST_AUTO_TEST_CASE(a_signed_answer_counts_more_than_a_forged_one_before_it) {
  const TsigKey key = key_of();
  const auto now = ha::read_clocks().wall;
  const Request request = must(make_query({kName, RrType::A}, 0x1234, &key, now));
  Signature good;
  good.time_s =
      static_cast<std::uint64_t>(std::chrono::duration_cast<seconds>(now.time_since_epoch()).count());
  const Socket server(SOCK_DGRAM);
  std::thread serving([&] {
    Bytes got(512, '\0');
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    ::recvfrom(server.file.fd(), got.data(), got.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    for (const Bytes& each : {reply(kQueryReply | 5), with_tsig(reply(), request.mac, good)}) {
      ::sendto(server.file.fd(), each.data(), each.size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
    }
  });
  const auto answer = exchange(with(server.endpoint, Transport::Udp), request, &key);
  serving.join();
  BOOST_REQUIRE(answer.ok());
  BOOST_TEST((answer->reply.tsig == TsigVerdict::Good));
  BOOST_TEST((answer->reply.rcode == Rcode::NoError));
}

BOOST_AUTO_TEST_CASE(a_port_that_is_closed_is_known_at_once) {
  for (const auto& [type, transport] :
       {std::pair{SOCK_DGRAM, Transport::Udp}, std::pair{SOCK_STREAM, Transport::Tcp}}) {
    const Endpoint closed = Socket(type).endpoint;
    const auto before = ha::read_clocks().steady;
    const auto answer = exchange(with(closed, transport), question(), nullptr);
    BOOST_TEST((code_of(answer) == Code::Unavailable));
    BOOST_TEST(answer.error().what().find(closed.text()) == 0U);
    BOOST_TEST((ha::read_clocks().steady - before < seconds(30)));  // of 60
  }
}

BOOST_AUTO_TEST_CASE(silence_is_known_when_the_time_is_up) {
  for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
    const Socket silent(type);
    Exchange past = with(silent.endpoint, type == SOCK_DGRAM ? Transport::Udp : Transport::Tcp);
    past.until = ha::read_clocks().steady;
    BOOST_TEST((code_of(exchange(past, question(), nullptr)) == Code::TimedOut));
  }
}

BOOST_AUTO_TEST_CASE(strays_that_never_end_do_not_hold_it_up) {
  const Socket server(SOCK_DGRAM);
  std::atomic<bool> over = false;
  std::thread serving([&] {
    Bytes got(512, '\0');
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    ::recvfrom(server.file.fd(), got.data(), got.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    while (!over) {
      ::sendto(server.file.fd(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&from), size);
    }
  });
  Exchange soon = with(server.endpoint, Transport::Udp);
  soon.until = ha::read_clocks().steady + std::chrono::milliseconds(50);
  const auto answer = exchange(soon, question(), nullptr);
  over = true;
  serving.join();
  BOOST_TEST((code_of(answer) == Code::TimedOut));
}

BOOST_AUTO_TEST_CASE(over_tcp_messages_have_their_length_before_them) {
  Bytes heard;
  const Answer whole = must(by_tcp({framed(reply())}, &heard));
  BOOST_TEST((whole.transport == Transport::Tcp));
  BOOST_TEST(heard == framed(question().wire));
  const Bytes message = framed(reply());
  std::vector<Bytes> bytes;
  for (const char each : message) {
    bytes.emplace_back(1, each);
  }
  BOOST_TEST(by_tcp(bytes).ok());
}

BOOST_AUTO_TEST_CASE(half_an_answer_over_tcp_is_none) {
  const Bytes message = framed(reply());
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{2}, message.size() - 1}) {
    const auto answer = by_tcp({message.substr(0, size)});
    BOOST_TEST((code_of(answer) == Code::Unavailable));
    BOOST_TEST(answer.error().what().find("ended the connection before it had answered") !=
               std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(another_answer_over_tcp_is_corrupt) {
  Bytes other_id = reply();
  other_id[0] = '\x55';
  for (const Bytes& wrong : {other_id, Bytes(), Bytes("x")}) {
    BOOST_TEST((code_of(by_tcp({framed(wrong)})) == Code::Corrupt));
  }
}

BOOST_AUTO_TEST_CASE(who_gives_up_waits_no_longer) {
  const ha::sys::FileHandle cancel(::eventfd(1, EFD_CLOEXEC), "cancel");
  for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
    const Socket silent(type);
    const Transport transport = type == SOCK_DGRAM ? Transport::Udp : Transport::Tcp;
    BOOST_TEST((code_of(exchange(with(silent.endpoint, transport, cancel.fd()), question(), nullptr)) ==
                Code::Cancelled));
  }
}

BOOST_AUTO_TEST_SUITE_END()
