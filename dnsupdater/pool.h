// Addresses that several holders share under one name: changes of one address, and the RRsets that follow.
//
// A pool is the list in its guard's record (Record::at). Every function gives a new list and never leaves one
// in which nothing is in service. No I/O. Thread safety: values. Rules: docs/dns.md, "Pools".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "dnsupdater/record.h"
#include "dnsupdater/rrset.h"

namespace ha::dns {

using Pool = std::vector<PoolAddress>;  // by address, each once, at most kPoolAddressesMax

// What the last address of a family (IPv4, IPv6) does while the other family is in service.
enum class LastOfFamily {
  Stays,  // callers with this family only would lose the service
  MayGo,  // its RRset is deleted
};

// All errors name the address. NotFound if the pool does not have it, Refused if nothing would be `in`
// afterwards, or nothing of its family (see LastOfFamily).
[[nodiscard]] Result<Pool> with_state(const Pool& pool, const Address& address, AddressState state,
                                      LastOfFamily last = LastOfFamily::Stays);
[[nodiscard]] Result<Pool> with_weight(const Pool& pool, const Address& address, std::uint16_t weight);
// Exists if the pool has it, in whatever state; Exhausted past kPoolAddressesMax.
[[nodiscard]] Result<Pool> with_address(const Pool& pool, const PoolAddress& added);
[[nodiscard]] Result<Pool> without_address(const Pool& pool, const Address& address,
                                           LastOfFamily last = LastOfFamily::Stays);

// What takes `from` to `to`, done to a list that others may have changed meanwhile; what is done already is
// done. Conflict if the addresses in question are neither all as in `from` nor all as in `to`. Refused if the
// last one in service would go, or the last one of a family that `to` serves: then somebody else was faster.
[[nodiscard]] Result<Pool> rebased(const Pool& now, const Pool& from, const Pool& to);

// The RRsets of all addresses that are `in`. An RRset without any does not exist. Refused if there is none at
// all: no such plan is made.
struct AddressSets {
  std::optional<RrSet> a;
  std::optional<RrSet> aaaa;
};
[[nodiscard]] Result<AddressSets> address_sets(const Name& name, std::uint32_t ttl_s, const Pool& pool);

// How a pool is served by SRV: every address belongs to a target, whose own A and AAAA are not made here.
struct SrvShape {
  std::uint16_t priority = 0;
  std::uint16_t port = 5060;
  std::vector<std::pair<Address, Name>> targets;
};
// One SRV for each target of which an address is `in`, with the weight of the first of these (IPv4 first).
// Refused if there is none, NotFound if an address that is `in` has no target.
[[nodiscard]] Result<RrSet> srv_set(const Name& name, std::uint32_t ttl_s, const Pool& pool,
                                    const SrvShape& shape);

}  // namespace ha::dns
