// Whether the peers can be reached at all: names resolve, ports answer.
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "common/base/units.h"
#include "common/sys/file.h"
#include "tools/hareplicate/doctor.h"

namespace ha::tool {
namespace {

constexpr int kConnectLimitMs = 3000;

// "tcp://host:port" and "tcp://[::1]:port"
std::pair<std::string, std::string> split(const std::string& address) {
  const std::string rest = address.substr(address.find("://") + 3);
  const std::size_t colon = rest.rfind(':');
  std::string host = rest.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') {
    host = host.substr(1, host.size() - 2);
  }
  return {host, rest.substr(colon + 1)};
}

int connect_error(const addrinfo& to) {
  const sys::FileHandle socket(::socket(to.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                               "socket");
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
  if (::poll(&wait, 1, kConnectLimitMs) != 1) {
    return ETIMEDOUT;
  }
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

Check check_address(const std::string& site, const std::string& address) {
  const std::string what = "peer " + site;
  const auto [host, port] = split(address);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int resolved = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
  if (resolved != 0) {
    return {Health::Bad, what, address + ": " + ::gai_strerror(resolved),
            "correct address in cluster.toml, or the name server: getent hosts " + host};
  }
  const SteadyTime start = read_clocks().steady;
  int error = 0;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    error = connect_error(*each);
    if (error == 0) {
      return {Health::Good, what, address + " answers, " + show_age(read_clocks().steady - start), ""};
    }
  }
  const bool refused = error == ECONNREFUSED;
  return {Health::Bad, what, address + ": " + std::strerror(error),
          refused ? "start the replicator on " + site + ": replicator --config FILE"
                  : "let TCP port " + port + " through on the way to " + site};
}

}  // namespace

std::vector<Check> check_peers(const replicator::Config& config) {
  std::vector<Check> checks;
  for (const replicator::SiteConfig& site : config.sites()) {
    if (site.name != config.self().name) {
      checks.push_back(check_address(site.name, site.addresses.front()));
    }
  }
  return checks;
}

}  // namespace ha::tool
