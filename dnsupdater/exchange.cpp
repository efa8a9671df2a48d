#include "dnsupdater/exchange.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "common/sys/file.h"

namespace ha::dns {
namespace {

constexpr std::size_t kDatagramBytesMax = 65'535;
// After an answer that is not signed as it should be: a true one may come behind a forged one.
constexpr Duration kForgedWait = std::chrono::milliseconds(100);

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress socket_address(const Endpoint& to) {
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

// What the system says of the way to `to`.
Error network_error(const Endpoint& to, int error) {
  const std::string text = std::strerror(error);
  const Code code = error == ETIMEDOUT ? Code::TimedOut : Code::Unavailable;
  return Error(code, to.text() + ": " + text);
}

class Conversation {
 public:
  Conversation(const Exchange& with, const Request& request, const TsigKey* key)
      : with_(with), request_(request), key_(key), begin_(read_clocks().steady), until_(with.until) {}

  Result<Answer> run() {
    const bool tcp = with_.transport == Transport::Tcp;
    const int family = with_.to.address.is_v6() ? AF_INET6 : AF_INET;
    const int type = (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    socket_ = sys::FileHandle(::socket(family, type, 0), "socket");
    if (!socket_.is_open()) {
      return errno_error("cannot make a socket", errno);
    }
    const SocketAddress address = socket_address(with_.to);
    if (::connect(socket_.fd(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
      if (errno != EINPROGRESS) {
        return network_error(with_.to, errno);
      }
      HA_CHECK(wait(POLLOUT));
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(socket_.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) {
        return network_error(with_.to, error);
      }
    }
    return tcp ? by_tcp() : by_udp();
  }

 private:
  // Until the socket is ready. TimedOut, Cancelled.
  Status wait(short events) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - read_clocks().steady).count();
    std::array<pollfd, 2> polled{{{socket_.fd(), events, 0}, {with_.cancel_fd, POLLIN, 0}}};
    const nfds_t count = with_.cancel_fd >= 0 ? 2 : 1;
    const int ready = left <= 0 ? 0 : ::poll(polled.data(), count, static_cast<int>(std::min(left, 60'000L)));
    if (ready < 0 && errno != EINTR) {
      return errno_error("cannot wait for a socket", errno);
    }
    if (count == 2 && polled[1].revents != 0) {
      return Error(Code::Cancelled, "given up");
    }
    if (ready == 0 && read_clocks().steady >= until_) {
      return Error(Code::TimedOut, with_.to.text() + " does not answer");
    }
    return ok();
  }

  Result<Answer> by_udp() {
    if (::send(socket_.fd(), request_.wire.data(), request_.wire.size(), MSG_NOSIGNAL) < 0) {
      return network_error(with_.to, errno);
    }
    Bytes datagram(kDatagramBytesMax, '\0');
    std::optional<Answer> doubtful;
    for (;;) {
      const ssize_t size = ::recv(socket_.fd(), datagram.data(), datagram.size(), 0);
      if (size >= 0) {
        auto answer = answer_of(BytesView(datagram).substr(0, static_cast<std::size_t>(size)));
        if (answer.ok() && (key_ == nullptr || answer->reply.tsig == TsigVerdict::Good)) {
          return answer;
        }
        // Somebody else's, or damaged, or forged: the right one may still come, but not for ever.
        if (answer.ok() && !doubtful) {
          doubtful = std::move(answer).value();
          until_ = std::min(until_, read_clocks().steady + kForgedWait);
        }
      } else if (errno != EAGAIN && errno != EINTR) {
        return doubtful ? Result<Answer>(*doubtful) : network_error(with_.to, errno);
      }
      if (auto ready = wait(POLLIN); !ready.ok()) {
        const bool time_is_up = doubtful && ready.error().code() == Code::TimedOut;
        return time_is_up ? Result<Answer>(*doubtful) : std::move(ready).error();
      }
    }
  }

  Result<Answer> by_tcp() {
    const int one = 1;
    ::setsockopt(socket_.fd(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    Bytes framed;
    put_be16(framed, static_cast<std::uint16_t>(request_.wire.size()));
    framed += request_.wire;
    for (BytesView left = framed; !left.empty();) {
      const ssize_t sent = ::send(socket_.fd(), left.data(), left.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        left.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN || errno == EINTR) {
        HA_CHECK(wait(POLLOUT));
      } else {
        return network_error(with_.to, errno);
      }
    }
    HA_TRY(const Bytes head, receive(2));
    HA_TRY(const Bytes message, receive(get_be16(head, 0)));
    return answer_of(message);
  }

  Result<Bytes> receive(std::size_t size) {
    Bytes out(size, '\0');
    for (std::size_t at = 0; at < size;) {
      const ssize_t got = ::recv(socket_.fd(), out.data() + at, size - at, 0);
      if (got > 0) {
        at += static_cast<std::size_t>(got);
      } else if (got == 0) {
        return Error(Code::Unavailable, with_.to.text() + " ended the connection before it had answered");
      } else if (errno == EAGAIN || errno == EINTR) {
        HA_CHECK(wait(POLLIN));
      } else {
        return network_error(with_.to, errno);
      }
    }
    return out;
  }

  Result<Answer> answer_of(BytesView wire) {
    const Now now = read_clocks();
    auto reply = read_reply(wire, request_, key_, now.wall + with_.clock_shift);
    if (!reply.ok()) {
      return Error(Code::Corrupt, with_.to.text() + ": " + reply.error().what());
    }
    return Answer{std::move(reply).value(), with_.transport, now.steady - begin_};
  }

  const Exchange& with_;
  const Request& request_;
  const TsigKey* key_;
  SteadyTime begin_;
  SteadyTime until_;
  sys::FileHandle socket_;
};

}  // namespace

Result<Answer> exchange(const Exchange& with, const Request& request, const TsigKey* key) {
  return Conversation(with, request, key).run();
}

}  // namespace ha::dns
