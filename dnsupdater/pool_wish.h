// What operators want of a pool, as operations: which of its addresses are in service, and how much.
//
// Pure: what was read goes in. A pool whose guard has no list yet has what its RRsets show, all of it `in`;
// the list is made with the first change. Every change makes the RRsets what the list says, whatever was put
// into them by hand. Thread safety: plain functions. Source: docs/dns.md, "Pools".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dnsupdater/config.h"
#include "dnsupdater/operation.h"
#include "dnsupdater/pool.h"

namespace ha::dns {

// The pool whose name, or whose SRV name, this is; null: none.
[[nodiscard]] const PoolConfig* pool_called(const DnsConfig& config, const Name& name);
// Its guard and all its RRsets.
[[nodiscard]] Result<std::vector<SetKey>> pool_keys(const PoolConfig& pool);

struct PoolView {
  Pool listed;  // by its guard; empty: there is no list
  Pool now;     // the same, or what the RRsets show
};
// `found`: at least what is there of pool_keys(). Errors of record_of().
[[nodiscard]] Result<PoolView> pool_view(const PoolConfig& pool, const std::vector<RrSet>& found);

struct PoolMoves {
  GuardMove guard;
  std::vector<SetMove> sets;  // that become another
  std::uint32_t ttl_s = 0;    // the longest of them
};
// From what is there to `to`. Refused if nothing of it is in service; NotFound if an SRV has no target.
[[nodiscard]] Result<PoolMoves> pool_moves(const DnsConfig& config, const PoolConfig& pool,
                                           const PoolView& view, const std::vector<RrSet>& found,
                                           const Pool& to);
// What shows that somebody has changed the RRsets without the guard: one sentence each.
[[nodiscard]] Result<std::vector<std::string>> pool_differences(const DnsConfig& config,
                                                                const PoolConfig& pool, const PoolView& view,
                                                                const std::vector<RrSet>& found);

enum class PoolChange { In, Drain, Maint, Down, Add, Remove, Weight };
struct PoolWish {
  PoolChange change = PoolChange::In;
  std::vector<std::string> who;  // addresses, or sites: their public_ip as far as the pool has it
  std::optional<std::uint16_t> weight = std::nullopt;  // of Weight; of Add if it is not the configured one
  LastOfFamily last = LastOfFamily::Stays;
  // Of Drain: waits for the TTL, then for calls to end, then makes this of it.
  std::optional<PoolChange> then = std::nullopt;  // Maint, Down, Remove
  std::vector<std::string> drain_command = {};
  Duration drain = Duration::zero();
};
// NotFound for what is no pool, no site, or not in the pool; Exists for what is; Refused as pool.h has it.
[[nodiscard]] Result<Operation> pool_operation(const DnsConfig& config, const Name& name,
                                               const std::vector<RrSet>& found, const PoolWish& wish,
                                               std::string what, std::string id);

}  // namespace ha::dns
