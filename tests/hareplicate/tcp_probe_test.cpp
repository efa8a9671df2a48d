#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/sys/temp_directory.h"
#include "tools/hareplicate/tcp_probe.h"

using namespace ha;        // NOLINT: a test
using namespace ha::tool;  // NOLINT

namespace {

// A port of loopback that somebody has: listening, or only bound.
struct Port {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  std::string number;

  explicit Port(bool listening) {
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    BOOST_REQUIRE(::bind(fd, raw, size) == 0);
    BOOST_REQUIRE(::getsockname(fd, raw, &size) == 0);
    BOOST_REQUIRE(!listening || ::listen(fd, 1) == 0);
    number = std::to_string(ntohs(address.sin_port));
  }
  ~Port() { ::close(fd); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(hareplicate_tcp_probe)

BOOST_AUTO_TEST_CASE(addresses_are_split_and_joined) {
  const HostPort named = split_address("tcp://fra1.example.net:7400");
  BOOST_TEST(named.host == "fra1.example.net");
  BOOST_TEST(named.port == "7400");
  const HostPort ipv6 = split_address("[2001:db8::1]:7401");
  BOOST_TEST(ipv6.host == "2001:db8::1");
  BOOST_TEST(join_address(ipv6.host, ipv6.port) == "[2001:db8::1]:7401");
  BOOST_TEST(join_address("a", "1") == "a:1");
}

BOOST_AUTO_TEST_CASE(who_listens_answers_and_both_ends_are_named) {
  const Port port(true);
  const auto answer = probe_tcp({"127.0.0.1", port.number});
  BOOST_TEST_REQUIRE(answer.ok());
  BOOST_TEST(answer->numeric == "127.0.0.1");
  BOOST_TEST(answer->local == "127.0.0.1");
}

BOOST_AUTO_TEST_CASE(a_closed_port_and_a_name_that_is_none_differ) {
  const Port port(false);
  BOOST_TEST((sys::code_of(probe_tcp({"127.0.0.1", port.number})) == Code::Unavailable));
  BOOST_TEST((sys::code_of(probe_tcp({"not a name", "1"})) == Code::NotFound));
}

BOOST_AUTO_TEST_SUITE_END()
