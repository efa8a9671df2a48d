// The kernel guard's table as text for nftables: which ports belong to which service, who may pass when.
//
// Pure; guard.h gives it to the kernel. One table of our own, inet hareplicate. Of each service a set
// open_SERVICE with a timeout on its elements, and a set local_SERVICE without. Packets to a service's ports,
// and from them, pass if one of the services that have the port is open, or is kept for local networks and
// the other end is in one; else they are dropped. Loopback always passes. What passes here still has to pass
// the tables of others. Thread safety: plain functions. Source: nft(8), nftables 1.0.6.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha::failover {

inline constexpr std::string_view kGuardTable = "inet hareplicate";
inline constexpr std::size_t kGuardListMax = 256;  // of addresses, ports, networks of a service

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};

struct GuardedService {
  std::string name;
  std::vector<PortRange> udp = {};
  std::vector<PortRange> tcp = {};
  std::vector<std::string> addresses = {};       // of this host that callers reach it by; empty: all
  std::vector<std::string> local_networks = {};  // "10.0.0.0/8": see keep_local
};
// Invalid: a name that is none (letters, digits, '-', '_', at most 32), no port, a range that ends before it
// begins, what is no address or network. Exhausted above kGuardListMax.
[[nodiscard]] Status check_guarded(const GuardedService& service);

// The functions below want services that were checked.
// Makes the table what it should be, in one transaction; what is open stays open.
[[nodiscard]] std::string guard_setup(const std::vector<GuardedService>& services);
// Opens it for that long, also if it is open: one transaction, so that there is no moment without it.
// `remaining` in whole milliseconds, at least one.
[[nodiscard]] std::string guard_open(std::string_view service, std::chrono::milliseconds remaining);
[[nodiscard]] std::string guard_close(std::string_view service);
// For local networks only, without an end.
[[nodiscard]] std::string guard_keep_local(std::string_view service);
// Show the rules, to see whether they are still ours; one by one, as nftables 1.0.6 finds only the last chain
// of several that are listed at once.
[[nodiscard]] std::vector<std::string> guard_lists();
[[nodiscard]] std::string guard_remove();

}  // namespace ha::failover
