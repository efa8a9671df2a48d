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
  return {Code::NotFound, address.text() + " is not in the pool", "dnsupdater pool show"};
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
                 "bring another address into service first: dnsupdater pool in");
  }
  for (const bool is_v6 : {false, true}) {
    if (last == LastOfFamily::Stays && serves(before, is_v6) && !serves(after, is_v6)) {
      return Error(Code::Refused,
                   address.text() + " is the last " + (is_v6 ? "IPv6" : "IPv4") + " address in service",
                   "bring another one into service first; callers that have no other would lose it (pool "
                   "verbs: --drop-protocol)");
    }
  }
  return ok();
}

Status insert(Pool& pool, const PoolAddress& added) {
  if (find(pool, added.address) != pool.end()) {
    return Error(Code::Exists, added.address.text() + " is in the pool already", "dnsupdater pool show");
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

std::optional<PoolAddress> entry(const Pool& pool, const Address& address) {
  const auto found =
      std::find_if(pool.begin(), pool.end(), [&](const PoolAddress& one) { return one.address == address; });
  return found == pool.end() ? std::nullopt : std::optional(*found);
}

std::string entry_text(const std::optional<PoolAddress>& one) {
  return one ? std::string(address_state_text(one->state)) + " with weight " + std::to_string(one->weight)
             : "not in the pool";
}

// Of the first address that is not as in `from`, or not as in `to`.
Error changed_meanwhile(const Pool& now, const Pool& from, const Pool& to,
                        const std::vector<Address>& differ) {
  const auto other = std::find_if(differ.begin(), differ.end(), [&](const Address& address) {
    return entry(now, address) != entry(from, address);
  });
  const Address& address = other == differ.end() ? differ.front() : *other;
  return {Code::Conflict,
          address.text() + " is " + entry_text(entry(now, address)) + ", not " +
              entry_text(entry(from, address)) + " any more, and the change to " +
              entry_text(entry(to, address)) + " is not ours: somebody has changed it meanwhile",
          "dnsupdater pool show"};
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

Result<Pool> rebased(const Pool& now, const Pool& from, const Pool& to) {
  std::vector<Address> differ;
  for (const Pool* const list : {&from, &to}) {
    for (const PoolAddress& one : *list) {
      if (entry(from, one.address) != entry(to, one.address)) {
        differ.push_back(one.address);
      }
    }
  }
  const auto is_as = [&](const Pool& list) {
    return std::all_of(differ.begin(), differ.end(),
                       [&](const Address& address) { return entry(now, address) == entry(list, address); });
  };
  if (is_as(to)) {
    return now;
  }
  if (!is_as(from)) {
    return changed_meanwhile(now, from, to, differ);
  }
  Pool out = now;
  std::optional<Address> gone;
  for (const Address& address : differ) {
    const auto was = entry(from, address);
    const auto shall = entry(to, address);
    std::erase_if(out, [&](const PoolAddress& one) { return one.address == address; });
    if (shall) {
      HA_CHECK(insert(out, *shall));
    }
    if (was && was->state == AddressState::In && (!shall || shall->state != AddressState::In)) {
      gone = address;
    }
  }
  if (gone && (serves(to, false) || serves(to, true))) {  // else it is all taken back
    const bool may_go = !serves(to, gone->is_v6());
    HA_CHECK(check_left(now, out, *gone, may_go ? LastOfFamily::MayGo : LastOfFamily::Stays));
  }
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
                   "give its [[site]] a public_name in cluster.toml");
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
