#include "common/pbx/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace ha::pbx {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress socket_address(const PbxAddress& to) {
  SocketAddress out;
  if (to.is_v6()) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(to.port);
    ::inet_pton(AF_INET6, to.host.c_str(), &v6.sin6_addr);
    std::memcpy(&out.storage, &v6, sizeof v6);
    out.size = sizeof v6;
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(to.port);
    ::inet_pton(AF_INET, to.host.c_str(), &v4.sin_addr);
    std::memcpy(&out.storage, &v4, sizeof v4);
    out.size = sizeof v4;
  }
  return out;
}

Error not_there(int error) {
  return {error == ETIMEDOUT ? Code::TimedOut : Code::Unavailable, std::strerror(error),
          error == ECONNREFUSED ? "nobody listens there: is the PBX up, and its interface enabled?" : ""};
}

// What poll() says of `fd`; 0: the time is up. Cancelled.
Result<short> wait(int fd, short events, const Patience& patience) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(patience.until - read_clocks().steady).count();
    std::array<pollfd, 2> polled{{{fd, events, 0}, {patience.cancel_fd, POLLIN, 0}}};
    const int limit = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
    const int ready = ::poll(polled.data(), patience.cancel_fd >= 0 ? 2 : 1, limit);
    if (ready < 0 && errno != EINTR) {
      return errno_error("cannot wait for a connection", errno);
    }
    if (patience.cancel_fd >= 0 && ready > 0 && polled[1].revents != 0) {
      return Error(Code::Cancelled, "given up");
    }
    if (ready > 0) {
      return polled[0].revents;
    }
    if (ready == 0 && left <= limit) {
      return short{0};
    }
  }
}

}  // namespace

Result<Connection> Connection::open(const PbxAddress& to, const Patience& patience) {
  const int family = to.is_v6() ? AF_INET6 : AF_INET;
  sys::FileHandle socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  if (!socket.is_open()) {
    return errno_error("cannot make a socket", errno);
  }
  const int one = 1;
  ::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const SocketAddress address = socket_address(to);
  if (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
    if (errno != EINPROGRESS) {
      return not_there(errno);
    }
    HA_TRY(const short ready, wait(socket.fd(), POLLOUT, patience));
    int error = ready == 0 ? ETIMEDOUT : 0;
    socklen_t size = sizeof error;
    if (ready != 0) {
      ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error != 0) {
      return not_there(error);
    }
  }
  return Connection(std::move(socket));
}

Result<Connection::Turn> Connection::turn(Bytes& output, const Patience& patience) {
  if (!output.empty()) {
    const ssize_t sent = ::send(socket_.fd(), output.data(), output.size(), MSG_NOSIGNAL);
    const bool is_broken = sent < 0 && errno != EAGAIN && errno != EINTR;
    // Of a broken connection what it has brought is still read: it may say why.
    output.erase(0, is_broken ? output.size() : sent > 0 ? static_cast<std::size_t>(sent) : 0);
  }
  // The other end may not read before what it writes is read: both are waited for at once.
  const short events = static_cast<short>(POLLIN | (output.empty() ? 0 : POLLOUT));
  HA_TRY(const short ready, wait(socket_.fd(), events, patience));
  Turn out;
  out.timed_out = ready == 0;
  if ((ready & ~POLLOUT) != 0) {
    out.received.resize(kReadBytes);
    const ssize_t got = ::recv(socket_.fd(), out.received.data(), out.received.size(), 0);
    out.has_ended = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    out.received.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  }
  return out;
}

}  // namespace ha::pbx
