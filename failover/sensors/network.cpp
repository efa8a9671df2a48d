// What is between this host and others: ping, net.loss, net.gateway.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>

#include "common/base/random.h"
#include "common/base/units.h"
#include "common/sys/file.h"
#include "dnsupdater/address.h"
#include "failover/sensors/bounded_file.h"
#include "failover/sensors/connection.h"
#include "failover/sensors/families.h"
#include "failover/sensors/icmp_message.h"
#include "failover/sensors/proc_text.h"

namespace ha::failover {
namespace {

constexpr Duration kEchoApart = std::chrono::milliseconds(20);
constexpr unsigned kEchoesOfPing = 3;

// Echoes to one address, numbered from 0.
class Pinger {
 public:
  // By a ping socket, which needs no rights where net.ipv4.ping_group_range allows it; else by a raw one.
  // Denied: neither may be opened.
  [[nodiscard]] static Result<Pinger> open(const dns::Address& to, const std::string& interface) {
    const bool v6 = to.is_v6();
    const int family = v6 ? AF_INET6 : AF_INET;
    const int protocol = v6 ? static_cast<int>(IPPROTO_ICMPV6) : static_cast<int>(IPPROTO_ICMP);
    bool raw = false;
    int fd = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (fd < 0) {
      raw = true;
      fd = ::socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    }
    sys::FileHandle socket(fd, "socket");
    if (!socket.is_open()) {
      return errno_error("cannot send ICMP echoes", errno)
          .hinted("sysctl net.ipv4.ping_group_range=\"0 2147483647\", or CAP_NET_RAW");
    }
    if (!interface.empty() && ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                                           static_cast<socklen_t>(interface.size())) != 0) {
      return errno_error("cannot send by " + interface, errno);
    }
    return Pinger(to, std::move(socket), raw && !v6);
  }

  [[nodiscard]] Status send(std::uint16_t number) {
    const Bytes packet = echo_request(to_.is_v6(), token_, number);
    const Bytes wire = to_.wire();
    sockaddr_in6 v6{};
    sockaddr_in v4{};
    v6.sin6_family = AF_INET6;
    v4.sin_family = AF_INET;
    const sockaddr* address = nullptr;
    socklen_t size = 0;
    if (to_.is_v6()) {
      std::memcpy(&v6.sin6_addr, wire.data(), wire.size());
      address = reinterpret_cast<const sockaddr*>(&v6);
      size = sizeof v6;
    } else {
      std::memcpy(&v4.sin_addr, wire.data(), wire.size());
      address = reinterpret_cast<const sockaddr*>(&v4);
      size = sizeof v4;
    }
    if (::sendto(socket_.fd(), packet.data(), packet.size(), 0, address, size) < 0) {
      return errno_error("cannot send to " + to_.text(), errno);
    }
    return ok();
  }

  // The number of the next answer; nothing at `until`.
  [[nodiscard]] Result<std::optional<std::uint16_t>> next(SteadyTime until, int cancel_fd) {
    std::array<char, kEchoBytesMax> packet{};
    while (true) {
      const ssize_t n = ::recv(socket_.fd(), packet.data(), packet.size(), 0);
      if (n >= 0) {
        const BytesView bytes(packet.data(), static_cast<std::size_t>(n));
        if (const auto number = echo_answer(bytes, to_.is_v6(), with_ip_, token_)) {
          return number;
        }
      } else if (errno != EAGAIN && errno != EINTR && errno != EHOSTUNREACH && errno != ENETUNREACH &&
                 errno != ECONNREFUSED) {  // what routers say of one echo need not hold for the next
        return errno_error(to_.text(), errno);
      }
      if (const Status ready = wait_for(socket_.fd(), POLLIN, until, cancel_fd, to_.text()); !ready.ok()) {
        return ready.error().code() == Code::TimedOut ? Result<std::optional<std::uint16_t>>(std::nullopt)
                                                      : ready.error();
      }
    }
  }

 private:
  Pinger(dns::Address to, sys::FileHandle socket, bool with_ip)
      : to_(std::move(to)), socket_(std::move(socket)), with_ip_(with_ip) {}

  dns::Address to_;
  sys::FileHandle socket_;
  bool with_ip_;
  std::uint64_t token_ = random_seed();
};

// The time of one echo, of up to three that are sent a third of the turn apart; none: nobody answers.
Result<std::optional<Duration>> echo(const dns::Address& to, const std::string& interface,
                                     const MeasureTurn& turn) {
  HA_TRY(Pinger pinger, Pinger::open(to, interface));
  const Duration apart = (turn.until - turn.now.steady) / kEchoesOfPing;
  std::array<SteadyTime, kEchoesOfPing> sent{};
  for (std::uint16_t number = 0; number < kEchoesOfPing; ++number) {
    sent.at(number) = read_clocks().steady;
    if (const Status done = pinger.send(number); !done.ok()) {
      if (done.error().code() != Code::Unavailable) {
        return done.error();
      }
      return std::optional<Duration>();  // there is no way to it
    }
    HA_TRY(const auto back, pinger.next(std::min(sent.at(number) + apart, turn.until), turn.cancel_fd));
    if (back && *back < sent.size()) {
      return std::optional<Duration>(read_clocks().steady - sent.at(*back));
    }
  }
  return std::optional<Duration>();
}

// ---------------------------------------------------------------- ping
class Ping final : public Sensor {
 public:
  Ping(const SensorSetup& setup, dns::Address to) : spec_(setup.spec), to_(std::move(to)) {}

  Reading measure(const MeasureTurn& turn) override {
    const auto took = echo(to_, "", turn);
    if (!took.ok()) {
      return unknown(took.error());
    }
    if (!*took) {
      return tripped(to_.text() + " does not answer");
    }
    return graded(spec_, std::chrono::duration<double>(**took).count(), "s",
                  to_.text() + " answers after " + show_age(**took));
  }

 private:
  SensorSpec spec_;
  dns::Address to_;
};

// ---------------------------------------------------------------- net.loss
class NetLoss final : public Sensor {
 public:
  NetLoss(const SensorSetup& setup, dns::Address to)
      : spec_(setup.spec),
        to_(std::move(to)),
        count_(static_cast<std::uint16_t>(setup.integer("count"))),
        window_(static_cast<std::size_t>(setup.integer("window"))) {}

  Reading measure(const MeasureTurn& turn) override {
    const auto came = round(turn);
    if (!came.ok()) {
      return unknown(came.error());
    }
    for (const bool each : *came) {
      last_.push_back(each);
    }
    while (last_.size() > window_) {
      last_.pop_front();
    }
    const auto lost = static_cast<std::size_t>(std::count(last_.begin(), last_.end(), false));
    const double share = 100.0 * static_cast<double>(lost) / static_cast<double>(last_.size());
    return graded(spec_, share, "%",
                  std::to_string(lost) + " of the last " + std::to_string(last_.size()) + " echoes to " +
                      to_.text() + " were lost");
  }

 private:
  // Which of the echoes came back. What is still under way at the end of the turn is lost.
  Result<std::vector<bool>> round(const MeasureTurn& turn) {
    HA_TRY(Pinger pinger, Pinger::open(to_, ""));
    std::vector<bool> came(count_, false);
    std::size_t missing = count_;
    SteadyTime next = turn.now.steady;
    for (std::uint16_t number = 0; missing > 0;) {
      const SteadyTime now = read_clocks().steady;
      if (number < count_ && now >= next) {
        if (const Status sent = pinger.send(number); !sent.ok() && sent.error().code() != Code::Unavailable) {
          return sent.error();
        }
        ++number;
        next += kEchoApart;
      }
      const SteadyTime until = number < count_ ? std::min(next, turn.until) : turn.until;
      HA_TRY(const auto back, pinger.next(until, turn.cancel_fd));
      if (back && *back < count_ && !came[*back]) {
        came[*back] = true;
        --missing;
      }
      if (!back && until == turn.until) {
        break;
      }
    }
    return came;
  }

  SensorSpec spec_;
  dns::Address to_;
  std::uint16_t count_;
  std::size_t window_;
  std::deque<bool> last_;
};

// ---------------------------------------------------------------- net.gateway
class NetGateway final : public Sensor {
 public:
  explicit NetGateway(const SensorSetup& setup) : proc_(setup.proc), interface_(setup.text("interface")) {}

  Reading measure(const MeasureTurn& turn) override {
    const auto text = read_bounded(proc_ + "/net/route", kKernelTableMax);
    if (!text.ok()) {
      return unknown(text.error());
    }
    std::vector<Gateway> gateways = default_gateways(*text);
    std::erase_if(gateways,
                  [&](const Gateway& each) { return !interface_.empty() && each.interface != interface_; });
    if (gateways.empty()) {
      const std::string none = "there is no default route" + (interface_.empty() ? "" : " by " + interface_);
      return had_one_ || !interface_.empty() ? tripped(none) : good(none + ", and there was none before");
    }
    had_one_ = true;
    // One after the other, each its part of the turn.
    const Duration each_time = (turn.until - turn.now.steady) / static_cast<std::int64_t>(gateways.size());
    std::string silent;
    MeasureTurn part = turn;
    for (const Gateway& gateway : gateways) {
      part.now = read_clocks();
      part.until = std::min(part.now.steady + each_time, turn.until);
      const auto here = answers(gateway, part);
      if (!here.ok()) {
        return unknown(here.error());
      }
      if (!*here) {
        silent += (silent.empty() ? "" : ", ") + gateway.address + " by " + gateway.interface;
      }
    }
    return silent.empty() ? good("every default gateway answers")
                          : tripped("no answer from default gateway " + silent);
  }

 private:
  // One that answers no echoes may still answer ARP, which the echoes have made the kernel ask for.
  Result<bool> answers(const Gateway& gateway, const MeasureTurn& turn) const {
    HA_TRY(const dns::Address address, dns::Address::parse(gateway.address));
    HA_TRY(const auto took, echo(address, gateway.interface, turn));
    if (took) {
      return true;
    }
    HA_TRY(const std::string neighbours, read_bounded(proc_ + "/net/arp", kKernelTableMax));
    return is_in_arp(neighbours, gateway.address);
  }

  std::string proc_;
  std::string interface_;
  bool had_one_ = false;
};

}  // namespace

SensorMade make_ping(const SensorSetup& setup) {
  HA_TRY(dns::Address to, dns::Address::parse(setup.text("address")));
  return std::unique_ptr<Sensor>(std::make_unique<Ping>(setup, std::move(to)));
}

SensorMade make_net_loss(const SensorSetup& setup) {
  HA_TRY(dns::Address to, dns::Address::parse(setup.text("address")));
  return std::unique_ptr<Sensor>(std::make_unique<NetLoss>(setup, std::move(to)));
}

SensorMade make_net_gateway(const SensorSetup& setup) {
  return std::unique_ptr<Sensor>(std::make_unique<NetGateway>(setup));
}

}  // namespace ha::failover
