#include "tools/hareplicate/tcp_probe.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "common/sys/file.h"

namespace ha::tool {
namespace {

// 0, or the error.
int connect_error(const sys::FileHandle& socket, const addrinfo& to) {
  if (!socket.is_open()) {
    return errno;
  }
  if (::connect(socket.fd(), to.ai_addr, to.ai_addrlen) == 0) {
    return 0;
  }
  if (errno != EINPROGRESS) {
    return errno;
  }
  pollfd wait{socket.fd(), POLLOUT, 0};
  if (::poll(&wait, 1, std::chrono::milliseconds(kConnectLimit).count()) != 1) {
    return ETIMEDOUT;
  }
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

std::string numeric(const sockaddr* address, socklen_t size) {
  std::array<char, NI_MAXHOST> host{};
  const int code = ::getnameinfo(address, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST);
  return code == 0 ? host.data() : "";
}

std::string local_end(const sys::FileHandle& socket) {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  const bool known = ::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&own), &size) == 0;
  return known ? numeric(reinterpret_cast<sockaddr*>(&own), size) : "";
}

}  // namespace

HostPort split_address(const std::string& address) {
  const std::size_t scheme = address.find("://");
  const std::string rest = scheme == std::string::npos ? address : address.substr(scheme + 3);
  const std::size_t colon = rest.rfind(':');
  std::string host = rest.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') {
    host = host.substr(1, host.size() - 2);
  }
  return {host, colon == std::string::npos ? "" : rest.substr(colon + 1)};
}

std::string join_address(const std::string& host, const std::string& port) {
  return (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" + port;
}

Result<TcpAnswer> probe_tcp(const HostPort& to) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int resolved = ::getaddrinfo(to.host.c_str(), to.port.c_str(), &hints, &list);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
  if (resolved != 0) {
    return Error(Code::NotFound, ::gai_strerror(resolved));
  }
  const SteadyTime start = read_clocks().steady;
  int error = 0;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    const sys::FileHandle socket(::socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                                 "socket");
    error = connect_error(socket, *each);
    if (error == 0) {
      return TcpAnswer{numeric(each->ai_addr, each->ai_addrlen), local_end(socket),
                       read_clocks().steady - start};
    }
  }
  // A firewall that rejects says "no route to host": as with silence, something is in the way.
  const bool closed_way = error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH;
  return Error(closed_way ? Code::TimedOut : Code::Unavailable, std::strerror(error));
}

}  // namespace ha::tool
