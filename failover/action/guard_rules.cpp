#include "failover/action/guard_rules.h"

#include <algorithm>
#include <cctype>

#include "common/base/bytes.h"

namespace ha::failover {
namespace {

constexpr std::size_t kNameBytesMax = 32;
// Before the usual filter chains, so that what is dropped here costs nothing there.
constexpr std::string_view kPriority = "-10";

bool is_v6(std::string_view address) {
  return address.find(':') != address.npos;
}

// Nothing but what addresses are written with, so that no text of ours ends early; the kernel reads it.
bool is_address(std::string_view text) {
  return !text.empty() && text.size() <= 45 && std::all_of(text.begin(), text.end(), [](char each) {
    return std::isxdigit(static_cast<unsigned char>(each)) != 0 || each == '.' || each == ':';
  }) && (is_v6(text) || std::count(text.begin(), text.end(), '.') == 3);
}

bool is_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == text.npos || !is_address(text.substr(0, slash))) {
    return false;
  }
  const std::string_view bits = text.substr(slash + 1);
  return !bits.empty() && bits.size() <= 3 &&
         std::all_of(bits.begin(), bits.end(), [](char each) { return each >= '0' && each <= '9'; }) &&
         std::stoi(std::string(bits)) <= (is_v6(text) ? 128 : 32);
}

std::string ports_text(const std::vector<PortRange>& ports) {
  std::string out;
  for (const PortRange& each : ports) {
    out += (out.empty() ? "" : ", ") + std::to_string(each.first) +
           (each.last == each.first ? "" : "-" + std::to_string(each.last));
  }
  return "{ " + out + " }";
}

// Those of one family as a set; empty if there are none.
std::string addresses_text(const std::vector<std::string>& addresses, bool v6) {
  std::string out;
  for (const std::string& each : addresses) {
    if (is_v6(each) == v6) {
      out += (out.empty() ? "" : ", ") + each;
    }
  }
  return out.empty() ? "" : "{ " + out + " }";
}

// One direction, as seen from this host.
struct Direction {
  std::string_view chain;
  std::string_view ours;  // our address and port in its packets
  std::string_view ports;
  std::string_view theirs;  // the other end's address
  std::string_view loopback;
};
constexpr Direction kIn{"input", "daddr", "dport", "saddr", "iif lo"};
constexpr Direction kOut{"output", "saddr", "sport", "daddr", "oif lo"};

// What matches the service's packets in one direction, one text for each protocol and family it has.
std::vector<std::string> matches(const GuardedService& service, const Direction& way) {
  std::vector<std::string> families;
  for (const bool v6 : {false, true}) {
    if (const std::string set = addresses_text(service.addresses, v6); !set.empty()) {
      families.push_back((v6 ? "ip6 " : "ip ") + std::string(way.ours) + " " + set + " ");
    }
  }
  if (families.empty()) {
    families.emplace_back();
  }
  std::vector<std::string> out;
  for (const std::string& family : families) {
    for (const auto& [protocol, ports] : {std::pair("udp ", &service.udp), std::pair("tcp ", &service.tcp)}) {
      if (!ports->empty()) {
        out.push_back(family + protocol + std::string(way.ports) + " " + ports_text(*ports));
      }
    }
  }
  return out;
}

class Script {
 public:
  void line(std::string text) { text_ += std::move(text) + "\n"; }
  void rule(const Direction& way, const std::string& text) {
    line("add rule " + std::string(kGuardTable) + " " + std::string(way.chain) + " " + text);
  }
  [[nodiscard]] std::string text() && { return std::move(text_); }

 private:
  std::string text_;
};

void add_chain(Script& script, const Direction& way, const std::vector<GuardedService>& services) {
  const std::string chain = std::string(kGuardTable) + " " + std::string(way.chain);
  script.line("add chain " + chain + " { type filter hook " + std::string(way.chain) + " priority " +
              std::string(kPriority) + "; policy accept; }");
  script.line("flush chain " + chain);
  script.rule(way, std::string(way.loopback) + " accept");
  for (const GuardedService& service : services) {
    for (const std::string& match : matches(service, way)) {
      script.rule(way, match + " meta l4proto @open_" + service.name + " accept");
    }
    for (const bool v6 : {false, true}) {
      const std::string networks = addresses_text(service.local_networks, v6);
      if (networks.empty()) {
        continue;
      }
      const std::string from = (v6 ? "ip6 " : "ip ") + std::string(way.theirs) + " " + networks + " ";
      for (const std::string& match : matches(service, way)) {
        script.rule(way, from + match + " meta l4proto @local_" + service.name + " accept");
      }
    }
  }
  for (const GuardedService& service : services) {
    for (const std::string& match : matches(service, way)) {
      script.rule(way, match + " counter drop");
    }
  }
}

std::string set_of(std::string_view kind, std::string_view service) {
  return std::string(kGuardTable) + " " + std::string(kind) + std::string(service);
}

// Also when they are not there: what is deleted has to exist, so it is added before.
std::string without(const std::string& set) {
  return "add element " + set + " { tcp, udp }\ndelete element " + set + " { tcp, udp }\n";
}

}  // namespace

Status check_guarded(const GuardedService& service) {
  const std::string& name = service.name;
  if (name.empty() || name.size() > kNameBytesMax || std::any_of(name.begin(), name.end(), [](char each) {
        return std::isalnum(static_cast<unsigned char>(each)) == 0 && each != '-' && each != '_';
      })) {
    return Error(Code::Invalid, "the guard cannot have a service " + in_quotes(name),
                 "letters, digits, - and _, at most 32");
  }
  if (service.udp.empty() && service.tcp.empty()) {
    return Error(Code::Invalid, "service " + name + " has no ports to guard");
  }
  for (const auto* ports : {&service.udp, &service.tcp}) {
    if (ports->size() > kGuardListMax || std::any_of(ports->begin(), ports->end(), [](const PortRange& each) {
          return each.first == 0 || each.last < each.first;
        })) {
      return Error(Code::Invalid, "service " + name + " has ports that are no range, or more than " +
                                      std::to_string(kGuardListMax));
    }
  }
  if (service.addresses.size() > kGuardListMax || service.local_networks.size() > kGuardListMax) {
    return Error(Code::Exhausted, "service " + name + " has more than " + std::to_string(kGuardListMax) +
                                      " addresses or networks");
  }
  for (const std::string& each : service.addresses) {
    if (!is_address(each)) {
      return Error(Code::Invalid, in_quotes(each) + " is no address of service " + name);
    }
  }
  for (const std::string& each : service.local_networks) {
    if (!is_network(each)) {
      return Error(Code::Invalid, in_quotes(each) + " is no network of service " + name, "10.0.0.0/8");
    }
  }
  return ok();
}

std::string guard_setup(const std::vector<GuardedService>& services) {
  Script script;
  script.line("add table " + std::string(kGuardTable));
  for (const GuardedService& service : services) {
    script.line("add set " + set_of("open_", service.name) + " { type inet_proto; flags timeout; }");
    script.line("add set " + set_of("local_", service.name) + " { type inet_proto; }");
  }
  add_chain(script, kIn, services);
  add_chain(script, kOut, services);
  return std::move(script).text();
}

std::string guard_open(std::string_view service, std::chrono::milliseconds remaining) {
  const std::string set = set_of("open_", service);
  const std::string count = std::to_string(std::max(remaining.count(), std::int64_t{1}));
  // An element that is there keeps its old timeout when it is added again (before Linux 6.12): it is taken
  // out and put in. Packets see the set as it was or as it is, nothing in between.
  return without(set) + "add element " + set + " { tcp timeout " + count + "ms, udp timeout " + count +
         "ms }\n" + without(set_of("local_", service));
}

std::string guard_close(std::string_view service) {
  return without(set_of("open_", service)) + without(set_of("local_", service));
}

std::string guard_keep_local(std::string_view service) {
  return without(set_of("open_", service)) + "add element " + set_of("local_", service) + " { tcp, udp }\n";
}

std::vector<std::string> guard_lists() {
  const std::string list = "list chain " + std::string(kGuardTable) + " ";
  return {list + std::string(kIn.chain), list + std::string(kOut.chain)};
}

std::string guard_remove() {
  return "add table " + std::string(kGuardTable) + "\ndelete table " + std::string(kGuardTable) + "\n";
}

}  // namespace ha::failover
