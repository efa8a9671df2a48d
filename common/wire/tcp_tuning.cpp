#include "common/wire/tcp_tuning.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace ha::wire {
namespace {

Bytes addresses_of(int fd) {
  sockaddr_storage own{};
  sockaddr_storage peer{};
  socklen_t own_bytes = sizeof own;
  socklen_t peer_bytes = sizeof peer;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_bytes) != 0 ||
      ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_bytes) != 0 ||
      (own.ss_family != AF_INET && own.ss_family != AF_INET6)) {
    return {};
  }
  return Bytes(reinterpret_cast<const char*>(&own), own_bytes) +
         Bytes(reinterpret_cast<const char*>(&peer), peer_bytes);
}

}  // namespace

TcpConnection TcpConnection::adopt(int fd) {
  TcpConnection out;
  out.fd_ = fd;
  out.ends_ = addresses_of(fd);
  return out;
}

bool TcpConnection::current() const {
  return !ends_.empty() && addresses_of(fd_) == ends_;
}

std::string TcpConnection::set_congestion(const std::string& name) {
  if (!current()) {
    return {};
  }
  if (!name.empty()) {
    // Refused without the module or the right; what is in force is read below either way.
    static_cast<void>(
        ::setsockopt(fd_, IPPROTO_TCP, TCP_CONGESTION, name.data(), static_cast<socklen_t>(name.size())));
  }
  char in_force[16 + 1] = {};  // TCP_CA_NAME_MAX and a zero
  socklen_t bytes = sizeof in_force - 1;
  return ::getsockopt(fd_, IPPROTO_TCP, TCP_CONGESTION, in_force, &bytes) == 0 ? std::string(in_force)
                                                                               : std::string{};
}

bool TcpConnection::set_pacing(std::uint64_t bytes_per_second) {
  // All ones is the kernel's word for unlimited.
  const std::uint64_t rate = bytes_per_second == 0 ? ~std::uint64_t{0} : bytes_per_second;
  return current() && ::setsockopt(fd_, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate) == 0;
}

PathFacts TcpConnection::facts() const {
  tcp_info info{};
  socklen_t bytes = sizeof info;
  if (!current() || ::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &bytes) != 0) {
    return {};
  }
  PathFacts out;
  out.rtt = std::chrono::microseconds(info.tcpi_rtt);
  out.rtt_min = std::chrono::microseconds(info.tcpi_min_rtt);
  out.delivery_bytes_per_second = info.tcpi_delivery_rate;
  out.acknowledged_bytes = info.tcpi_bytes_acked;
  out.unsent_bytes = info.tcpi_notsent_bytes;
  out.retransmits = info.tcpi_total_retrans;
  return out;
}

void set_listener_congestion(int fd, const std::string& name) {
  if (!name.empty()) {
    static_cast<void>(
        ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(), static_cast<socklen_t>(name.size())));
  }
}

}  // namespace ha::wire
