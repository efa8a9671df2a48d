#include "dnsupdater/pool.h"

#include <algorithm>
#include <utility>

namespace ha::dns {
namespace {

Pool::iterator find(Pool& pool, const Address& address) {
  return std::find_if(pool.begin(), pool.end(),
                      [&](const PoolAddress& one) { return one.address == address; });
}

Error not_there(const Address& address) {
  return {Code::NotFound, address.text() + " is not in the pool", "see: dnsupdater show"};
}

bool serves(const Pool& pool, bool is_v6) {
  return std::any_of(pool.begin(), pool.end(), [&](const PoolAddress& one) {
    return one.state == AddressState::In && one.address.is_v6() == is_v6;
  });
}

// Whether `after` may follow `before`; `address` is the one that goes.
Status check_left(const Pool& before, const Pool& after, const Address& address, LastOfFamily last) {
  const bool any = serves(after, false) || serves(after, true);
  if (!any) {
    return Error(Code::Refused,
                 address.text() + " is the last address in service: the name would be left empty",
                 "bring another address into service first");
  }
  for (const bool is_v6 : {false, true}) {
    if (last == LastOfFamily::Stays && serves(before, is_v6) && !serves(after, is_v6)) {
      return Error(
          Code::Refused, address.text() + " is the last " + (is_v6 ? "IPv6" : "IPv4") + " address in service",
          "bring another one into service first; callers that have only this protocol would lose it");
    }
  }
  return ok();
}

Status insert(Pool& pool, const PoolAddress& added) {
  if (find(pool, added.address) != pool.end()) {
    return Error(Code::Exists, added.address.text() + " is in the pool already", "see: dnsupdater show");
  }
  if (pool.size() >= kPoolAddressesMax) {
    return Error(Code::Exhausted, "a pool has at most 64 addresses; " + added.address.text() + " is one more",
                 "divide the pool into several names");
  }
  const auto place = std::find_if(pool.begin(), pool.end(),
                                  [&](const PoolAddress& one) { return added.address < one.address; });
  pool.insert(place, added);
  return ok();
}

Error nothing_in(const Name& name) {
  return {Code::Refused,
          name.text() + ": no address of the pool is in service, so the name would be left empty",
          "bring one into service first"};
}

}  // namespace

Result<Pool> with_state(const Pool& pool, const Address& address, AddressState state, LastOfFamily last) {
  Pool out = pool;
  const auto found = find(out, address);
  if (found == out.end()) {
    return not_there(address);
  }
  found->state = state;
  HA_CHECK(check_left(pool, out, address, last));
  return out;
}

Result<Pool> with_weight(const Pool& pool, const Address& address, std::uint16_t weight) {
  Pool out = pool;
  const auto found = find(out, address);
  if (found == out.end()) {
    return not_there(address);
  }
  found->weight = weight;
  return out;
}

Result<Pool> with_address(const Pool& pool, const PoolAddress& added) {
  Pool out = pool;
  HA_CHECK(insert(out, added));
  return out;
}

Result<Pool> without_address(const Pool& pool, const Address& address, LastOfFamily last) {
  Pool out = pool;
  const auto found = find(out, address);
  if (found == out.end()) {
    return not_there(address);
  }
  out.erase(found);
  HA_CHECK(check_left(pool, out, address, last));
  return out;
}

Result<Pool> with_replaced(const Pool& pool, const Address& old_address, const Address& new_address,
                           LastOfFamily last) {
  Pool out = pool;
  const auto found = find(out, old_address);
  if (found == out.end()) {
    return not_there(old_address);
  }
  const PoolAddress added{new_address, found->state, found->weight};
  out.erase(found);
  HA_CHECK(insert(out, added));
  HA_CHECK(check_left(pool, out, old_address, last));
  return out;
}

Result<AddressSets> address_sets(const Name& name, std::uint32_t ttl_s, const Pool& pool) {
  std::vector<Rdata> a;
  std::vector<Rdata> aaaa;
  for (const PoolAddress& one : pool) {
    if (one.state == AddressState::In) {
      (one.address.is_v6() ? aaaa : a).push_back(address_rdata(one.address));
    }
  }
  if (a.empty() && aaaa.empty()) {
    return nothing_in(name);
  }
  AddressSets out;
  if (!a.empty()) {
    HA_TRY(out.a, RrSet::make(name, RrType::A, ttl_s, std::move(a)));
  }
  if (!aaaa.empty()) {
    HA_TRY(out.aaaa, RrSet::make(name, RrType::Aaaa, ttl_s, std::move(aaaa)));
  }
  return out;
}

Result<RrSet> srv_set(const Name& name, std::uint32_t ttl_s, const Pool& pool, const SrvShape& shape) {
  std::vector<Name> done;
  std::vector<Rdata> rdata;
  for (const PoolAddress& one : pool) {
    if (one.state != AddressState::In) {
      continue;
    }
    const auto target = std::find_if(shape.targets.begin(), shape.targets.end(),
                                     [&](const auto& pair) { return pair.first == one.address; });
    if (target == shape.targets.end()) {
      return Error(Code::NotFound, name.text() + ": no target is known for " + one.address.text(),
                   "give its site a target in cluster.toml");
    }
    if (std::find(done.begin(), done.end(), target->second) == done.end()) {
      done.push_back(target->second);
      rdata.push_back(srv_rdata(shape.priority, one.weight, shape.port, target->second));
    }
  }
  if (rdata.empty()) {
    return nothing_in(name);
  }
  return RrSet::make(name, RrType::Srv, ttl_s, std::move(rdata));
}

}  // namespace ha::dns
