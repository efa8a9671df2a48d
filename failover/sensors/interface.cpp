// This host's own side of the network: net.link, net.errors, net.conntrack, net.udp_drops, rtp.ports.
#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/units.h"
#include "failover/sensors/bounded_file.h"
#include "failover/sensors/families.h"
#include "failover/sensors/proc_text.h"

namespace ha::failover {
namespace {

// A name that stays in its folder.
Result<std::string> folder_of(const SensorSetup& setup) {
  const std::string name = setup.text("interface");
  if (name.find('/') != std::string::npos || name.starts_with('.')) {
    return Error(Code::Invalid, in_quotes(name) + " is no interface");
  }
  return setup.sys + "/class/net/" + name;
}

std::string first_line(const Result<std::string>& text) {
  return text.ok() ? text->substr(0, text->find('\n')) : "";
}

class NetLink final : public Sensor {
 public:
  NetLink(const SensorSetup& setup, std::string folder)
      : folder_(std::move(folder)), name_(setup.text("interface")), speed_(setup.integer("speed")) {}

  Reading measure(const MeasureTurn&) override {
    const auto state = read_bounded(folder_ + "/operstate");
    if (!state.ok()) {
      return state.error().code() == Code::NotFound ? tripped("there is no interface " + name_)
                                                    : unknown(state.error());
    }
    const auto carrier = read_number(folder_ + "/carrier");  // an error while it is down
    if (!carrier.ok() || *carrier == 0) {
      return tripped(name_ + " has no link, it is " + first_line(state));
    }
    const std::string duplex = first_line(read_bounded(folder_ + "/duplex"));
    const auto speed = read_number(folder_ + "/speed");  // -1, or an error, where it has none
    const std::string now =
        name_ + " has a link" + (speed.ok() ? " of " + std::to_string(*speed) + " Mbit/s" : "");
    if (duplex == "half") {
      return warned(now + ", half duplex");
    }
    if (speed_ > 0 && speed.ok() && *speed < static_cast<std::uint64_t>(speed_)) {
      return warned(now + ", it should be " + std::to_string(speed_));
    }
    return good(now);
  }

 private:
  std::string folder_;
  std::string name_;
  std::int64_t speed_;
};

class NetErrors final : public Sensor {
 public:
  NetErrors(const SensorSetup& setup, std::string folder)
      : spec_(setup.spec), folder_(std::move(folder)), name_(setup.text("interface")) {}

  Reading measure(const MeasureTurn&) override {
    auto now = counts();
    if (!now.ok()) {
      return unknown(now.error());
    }
    const Counts before = std::exchange(last_, *now).value_or(*now);
    const bool restarted = now->all < before.all || now->bad < before.bad;
    const std::uint64_t bad = restarted ? 0 : now->bad - before.bad;
    const std::uint64_t all = restarted ? 0 : now->all - before.all;
    const double share =
        all + bad == 0 ? 0 : 100.0 * static_cast<double>(bad) / static_cast<double>(all + bad);
    return graded(
        spec_, share, "%",
        show_count(bad) + " packets of " + name_ + " broken or dropped, " + show_count(all) + " good");
  }

 private:
  struct Counts {
    std::uint64_t all = 0;
    std::uint64_t bad = 0;
  };
  Result<Counts> counts() const {
    Counts out;
    for (const char* good : {"rx_packets", "tx_packets"}) {
      HA_TRY(const std::uint64_t count, read_number(folder_ + "/statistics/" + good));
      out.all += count;
    }
    for (const char* bad : {"rx_errors", "tx_errors", "rx_dropped", "tx_dropped"}) {
      HA_TRY(const std::uint64_t count, read_number(folder_ + "/statistics/" + bad));
      out.bad += count;
    }
    return out;
  }

  SensorSpec spec_;
  std::string folder_;
  std::string name_;
  std::optional<Counts> last_;
};

class NetConntrack final : public Sensor {
 public:
  explicit NetConntrack(const SensorSetup& setup)
      : spec_(setup.spec), folder_(setup.proc + "/sys/net/netfilter/nf_conntrack_") {}

  Reading measure(const MeasureTurn&) override {
    const auto count = read_number(folder_ + "count");
    const auto most = read_number(folder_ + "max");
    if (!count.ok() && count.error().code() == Code::NotFound) {
      return graded(spec_, 0, "%", "the kernel tracks no connections");
    }
    if (!count.ok() || !most.ok() || *most == 0) {
      return unknown("the number of tracked connections cannot be read");
    }
    const double share = 100.0 * static_cast<double>(*count) / static_cast<double>(*most);
    return graded(spec_, share, "%",
                  show_count(*count) + " connections are tracked, of " + show_count(*most));
  }

 private:
  SensorSpec spec_;
  std::string folder_;
};

class NetUdpDrops final : public Sensor {
 public:
  explicit NetUdpDrops(const SensorSetup& setup) : spec_(setup.spec), proc_(setup.proc) {}

  Reading measure(const MeasureTurn& turn) override {
    const auto four = read_bounded(proc_ + "/net/snmp");
    const auto six = read_bounded(proc_ + "/net/snmp6");
    const auto drops = four.ok() ? snmp_counter(*four, "Udp", "RcvbufErrors") : std::nullopt;
    if (!drops) {
      return unknown(proc_ + "/net/snmp does not say it");
    }
    const std::uint64_t now =
        *drops + (six.ok() ? named_number(*six, "Udp6RcvbufErrors").value_or(0) : std::uint64_t{0});
    const std::uint64_t before = std::exchange(last_, now).value_or(now);
    const double passed =
        std::chrono::duration<double>(turn.now.steady - std::exchange(at_, turn.now.steady)).count();
    const double rate = now <= before || passed <= 0 ? 0 : static_cast<double>(now - before) / passed;
    return graded(spec_, rate, "/s",
                  show_number(rate) + " UDP packets a second found no room at their receiver");
  }

 private:
  SensorSpec spec_;
  std::string proc_;
  std::optional<std::uint64_t> last_;
  SteadyTime at_{};
};

class RtpPorts final : public Sensor {
 public:
  explicit RtpPorts(const SensorSetup& setup)
      : spec_(setup.spec),
        proc_(setup.proc),
        first_(static_cast<std::size_t>(setup.integer("first"))),
        last_(static_cast<std::size_t>(setup.integer("last"))) {}

  Reading measure(const MeasureTurn&) override {
    PortSet bound;
    for (const char* table : {"/net/udp", "/net/udp6"}) {
      const auto text = read_bounded(proc_ + table, kKernelTableMax);
      if (text.ok()) {
        add_udp_ports(*text, bound);
      } else if (text.error().code() != Code::NotFound) {
        return unknown(text.error());
      }
    }
    std::size_t used = 0;
    for (std::size_t port = first_; port <= last_; ++port) {
      used += bound.test(port) ? 1U : 0U;
    }
    const std::size_t all = last_ - first_ + 1;
    return graded(spec_, 100.0 * static_cast<double>(used) / static_cast<double>(all), "%",
                  std::to_string(used) + " of " + std::to_string(all) + " RTP ports are in use");
  }

 private:
  SensorSpec spec_;
  std::string proc_;
  std::size_t first_;
  std::size_t last_;
};

}  // namespace

SensorMade make_net_link(const SensorSetup& setup) {
  HA_TRY(std::string folder, folder_of(setup));
  return std::unique_ptr<Sensor>(std::make_unique<NetLink>(setup, std::move(folder)));
}

SensorMade make_net_errors(const SensorSetup& setup) {
  HA_TRY(std::string folder, folder_of(setup));
  return std::unique_ptr<Sensor>(std::make_unique<NetErrors>(setup, std::move(folder)));
}

SensorMade make_net_conntrack(const SensorSetup& setup) {
  return std::unique_ptr<Sensor>(std::make_unique<NetConntrack>(setup));
}

SensorMade make_net_udp_drops(const SensorSetup& setup) {
  return std::unique_ptr<Sensor>(std::make_unique<NetUdpDrops>(setup));
}

SensorMade make_rtp_ports(const SensorSetup& setup) {
  if (setup.integer("first") > setup.integer("last")) {
    return Error(Code::Invalid, "first is behind last");
  }
  return std::unique_ptr<Sensor>(std::make_unique<RtpPorts>(setup));
}

}  // namespace ha::failover
