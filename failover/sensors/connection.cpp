#include "failover/sensors/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace ha::failover {
namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress socket_address(const dns::Endpoint& to) {
  SocketAddress out;
  const Bytes wire = to.address.wire();
  if (to.address.is_v6()) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(to.port);
    std::memcpy(&v6.sin6_addr, wire.data(), sizeof v6.sin6_addr);
    std::memcpy(&out.storage, &v6, sizeof v6);
    out.size = sizeof v6;
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(to.port);
    std::memcpy(&v4.sin_addr, wire.data(), sizeof v4.sin_addr);
    std::memcpy(&out.storage, &v4, sizeof v4);
    out.size = sizeof v4;
  }
  return out;
}

Error network_error(const dns::Endpoint& to, int error) {
  return Error(error == ETIMEDOUT ? Code::TimedOut : Code::Unavailable,
               to.text() + ": " + std::strerror(error));
}

}  // namespace

Result<dns::Endpoint> endpoint_with_port(std::string_view text) {
  const auto to = dns::Endpoint::parse(text);
  if (!to.ok() || !text.ends_with(":" + std::to_string(to->port)) ||
      (to->address.is_v6() && !text.starts_with('['))) {
    return Error(Code::Invalid, in_quotes(text) + " is no address and port",
                 "192.0.2.10:80 or [2001:db8::10]:80, not a name");
  }
  return *to;
}

Status wait_for(int fd, short events, SteadyTime until, int cancel_fd, std::string_view who) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - read_clocks().steady).count();
    std::array<pollfd, 2> polled{{{fd, events, 0}, {cancel_fd, POLLIN, 0}}};  // -1 is passed over
    const int ready = ::poll(polled.data(), polled.size(), static_cast<int>(std::clamp(left, 0L, 60'000L)));
    if (ready < 0 && errno != EINTR) {
      return errno_error("cannot wait", errno);
    }
    if (ready > 0 && polled[1].revents != 0) {
      return Error(Code::Cancelled, "given up");
    }
    if (ready > 0) {
      return ok();
    }
    if (left <= 0) {
      return Error(Code::TimedOut, std::string(who) + " does not answer");
    }
  }
}

Result<Connection> Connection::open(Transport transport, const dns::Endpoint& to, const MeasureTurn& turn) {
  const int family = to.address.is_v6() ? AF_INET6 : AF_INET;
  const int type = (transport == Transport::Tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
  sys::FileHandle socket(::socket(family, type, 0), "socket");
  if (!socket.is_open()) {
    return errno_error("cannot make a socket", errno);
  }
  Connection made(to, turn.until, turn.cancel_fd, std::move(socket));
  const SocketAddress address = socket_address(to);
  if (::connect(made.fd(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
    if (errno != EINPROGRESS) {
      return network_error(to, errno);
    }
    HA_CHECK(made.wait(POLLOUT, turn.until));
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(made.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      return network_error(to, error);
    }
  }
  return made;
}

Status Connection::send(BytesView bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      HA_CHECK(wait(POLLOUT, until_));
    } else if (errno != EINTR) {
      return network_error(to_, errno);
    }
  }
  return ok();
}

Result<Bytes> Connection::receive(std::size_t bytes_max, SteadyTime until) {
  Bytes out(bytes_max, '\0');
  while (true) {
    const ssize_t n = ::recv(fd(), out.data(), out.size(), 0);
    if (n >= 0) {
      out.resize(static_cast<std::size_t>(n));
      return out;
    }
    if (errno == EAGAIN) {
      HA_CHECK(wait(POLLIN, std::min(until, until_)));
    } else if (errno != EINTR) {
      return network_error(to_, errno);
    }
  }
}

std::string Connection::local() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::getsockname(fd(), reinterpret_cast<sockaddr*>(&storage), &size);
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &storage, sizeof v4);
  ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  return std::string(text.data()) + ":" + std::to_string(ntohs(v4.sin_port));
}

Status Connection::wait(short events, SteadyTime until) const {
  return wait_for(fd(), events, until, cancel_fd_, to_.text());
}

}  // namespace ha::failover
