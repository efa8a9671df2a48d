#include "dnsupdater/pool_wish.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/suggest.h"
#include "dnsupdater/record.h"
#include "dnsupdater/wish.h"

namespace ha::dns {
namespace {

bool is_in(const Pool& pool, const Address& address) {
  return std::any_of(pool.begin(), pool.end(),
                     [&](const PoolAddress& one) { return one.address == address; });
}

// The TTL that the pool has; of one that is not there yet, the configured one.
std::uint32_t ttl_of(const PoolConfig& pool, const std::vector<const RrSet*>& sets) {
  std::uint32_t ttl_s = 0;
  for (const RrSet* set : sets) {
    if (set != nullptr && set->ttl_s > 0) {
      ttl_s = ttl_s == 0 ? set->ttl_s : std::min(ttl_s, set->ttl_s);
    }
  }
  return ttl_s == 0 ? pool.ttl_s : ttl_s;
}

// Also after a maintenance swap the site's public_name leads to what is in service there.
SrvShape shape_of(const DnsConfig& config, const PoolConfig& pool) {
  SrvShape shape;
  shape.port = pool.port;
  for (const SiteAddresses& site : config.sites()) {
    for (const auto* const list : {&site.service, &site.maintenance}) {
      for (const Address& address : *list) {
        if (site.public_name) {
          shape.targets.emplace_back(address, *site.public_name);
        }
      }
    }
  }
  return shape;
}

void add_move(const RrSet* from, std::optional<RrSet> to, PoolMoves& out) {
  const bool same = from == nullptr ? !to : to == *from;
  if (same) {
    return;
  }
  SetMove move;
  move.name = from != nullptr ? from->name : to->name;
  move.type = from != nullptr ? from->type : to->type;
  // A family may come and go; that something is left is what the list is for.
  move.of_service = from != nullptr && to.has_value();
  move.shared = true;
  out.ttl_s = std::max(out.ttl_s, from != nullptr ? from->ttl_s : 0);
  move.from = from != nullptr ? std::optional(*from) : std::nullopt;
  move.to = std::move(to);
  out.sets.push_back(std::move(move));
}

Result<std::vector<Address>> addresses_of(const DnsConfig& config, const Pool& pool, const PoolWish& wish) {
  std::vector<Address> out;
  for (const std::string& word : wish.who) {
    if (auto address = Address::parse(word); address.ok()) {
      out.push_back(*address);
      continue;
    }
    const SiteAddresses* site = config.site(word);
    if (site == nullptr) {
      std::vector<std::string> known;
      for (const SiteAddresses& each : config.sites()) {
        known.push_back(each.site);
      }
      return Error(Code::Invalid, in_quotes(word) + " is no address and no site" + did_you_mean(word, known),
                   "hareplicate config show site");
    }
    bool any = false;
    for (const Address& address : site->service) {
      if (wish.change == PoolChange::Add || is_in(pool, address)) {
        out.push_back(address);
        any = true;
      }
    }
    if (!any) {
      return Error(Code::NotFound, "site " + word + " has no address in the pool",
                   "dnsupdater pool show; dnsupdater pool add");
    }
  }
  return out;
}

AddressState state_of(PoolChange change) {
  switch (change) {
    case PoolChange::Drain:
      return AddressState::Draining;
    case PoolChange::Maint:
      return AddressState::Maint;
    case PoolChange::Down:
      return AddressState::Down;
    default:
      return AddressState::In;
  }
}

Result<Pool> changed(const Pool& pool, const Address& address, PoolChange change, const PoolWish& wish,
                     std::uint16_t default_weight) {
  switch (change) {
    case PoolChange::Add:
      return with_address(pool, {address, AddressState::In, wish.weight.value_or(default_weight)});
    case PoolChange::Remove:
      return without_address(pool, address, wish.last);
    case PoolChange::Weight:
      return with_weight(pool, address, wish.weight.value_or(default_weight));
    default:
      return with_state(pool, address, state_of(change), wish.last);
  }
}

VerifyStep look_at(const DnsConfig& config, const Name& zone, std::vector<SetMove> sets) {
  VerifyStep step{zone, {}, std::move(sets), std::chrono::minutes(1)};
  for (const ZoneConfig& each : config.zones()) {
    if (each.name == zone) {
      step.servers = each.servers;
    }
  }
  return step;
}

}  // namespace

const PoolConfig* pool_called(const DnsConfig& config, const Name& name) {
  const auto& pools = config.pools();
  const auto at = std::find_if(pools.begin(), pools.end(),
                               [&](const PoolConfig& each) { return each.name == name || each.srv == name; });
  return at == pools.end() ? nullptr : &*at;
}

Result<std::vector<SetKey>> pool_keys(const PoolConfig& pool) {
  HA_TRY(const Name guard, guard_name(pool.name));
  std::vector<SetKey> keys{{guard, RrType::Txt}, {pool.name, RrType::A}, {pool.name, RrType::Aaaa}};
  if (pool.srv) {
    keys.push_back({*pool.srv, RrType::Srv});
  }
  return keys;
}

Result<PoolView> pool_view(const PoolConfig& pool, const std::vector<RrSet>& found) {
  PoolView view;
  HA_TRY(const Name guard, guard_name(pool.name));
  if (const RrSet* set = find_set(found, guard, RrType::Txt)) {
    HA_TRY(Record record, record_of(*set, pool.name.text()));
    view.listed = std::move(record.at);
  }
  view.now = view.listed;
  if (!view.listed.empty()) {
    return view;
  }
  for (const RrType type : {RrType::A, RrType::Aaaa}) {
    const RrSet* set = find_set(found, pool.name, type);
    for (const Rdata& each : set != nullptr ? set->rdata : std::vector<Rdata>()) {
      HA_TRY(const Address address, Address::parse(each.text));
      HA_TRY(view.now, with_address(view.now, {address, AddressState::In, pool.weight}));
    }
  }
  return view;
}

Result<PoolMoves> pool_moves(const DnsConfig& config, const PoolConfig& pool, const PoolView& view,
                             const std::vector<RrSet>& found, const Pool& to) {
  HA_TRY(const Name guard, guard_name(pool.name));
  PoolMoves out{{guard, pool.name.text(), view.listed, to}, {}, 0};
  const RrSet* a = find_set(found, pool.name, RrType::A);
  const RrSet* aaaa = find_set(found, pool.name, RrType::Aaaa);
  HA_TRY(AddressSets sets, address_sets(pool.name, ttl_of(pool, {a, aaaa}), to));
  add_move(a, std::move(sets.a), out);
  add_move(aaaa, std::move(sets.aaaa), out);
  if (pool.srv) {
    const RrSet* srv = find_set(found, *pool.srv, RrType::Srv);
    HA_TRY(RrSet set, srv_set(*pool.srv, ttl_of(pool, {srv}), to, shape_of(config, pool)));
    add_move(srv, std::move(set), out);
  }
  return out;
}

Result<std::vector<std::string>> pool_differences(const DnsConfig& config, const PoolConfig& pool,
                                                  const PoolView& view, const std::vector<RrSet>& found) {
  std::vector<std::string> out;
  if (view.now.empty()) {
    return out;
  }
  HA_TRY(const PoolMoves moves, pool_moves(config, pool, view, found, view.now));
  for (const std::string& line : lines_of(MoveStep{pool.zone, {}, moves.sets})) {
    out.push_back(line);
  }
  return out;
}

Result<Operation> pool_operation(const DnsConfig& config, const Name& name, const std::vector<RrSet>& found,
                                 const PoolWish& wish, std::string what, std::string id) {
  const PoolConfig* pool = pool_called(config, name);
  if (pool == nullptr) {
    std::vector<std::string> known;
    for (const PoolConfig& each : config.pools()) {
      known.push_back(each.name.text());
    }
    return Error(Code::Invalid, name.text() + " is no [[dns.pool]]" + did_you_mean(name.text(), known),
                 "dnsupdater pool show");
  }
  HA_TRY(const PoolView view, pool_view(*pool, found));
  HA_TRY(const std::vector<Address> addresses, addresses_of(config, view.now, wish));
  Pool to = view.now;
  for (const Address& address : addresses) {
    HA_TRY(to, changed(to, address, wish.change, wish, pool->weight));
  }
  HA_TRY(PoolMoves moves, pool_moves(config, *pool, view, found, to));
  Operation operation{std::move(id), std::move(what), {}};
  operation.steps.emplace_back(MoveStep{pool->zone, {moves.guard}, moves.sets});
  if (!moves.sets.empty()) {
    operation.steps.emplace_back(look_at(config, pool->zone, moves.sets));
  }
  const bool waits = !wish.drain_command.empty() || wish.drain > Duration::zero();
  if (!wish.then && !waits) {
    return operation;
  }
  operation.steps.emplace_back(
      PauseStep{std::chrono::seconds(moves.ttl_s), "caches still have the old address"});
  if (waits) {
    operation.steps.emplace_back(DrainStep{wish.drain_command, wish.drain});
  }
  if (wish.then) {
    Pool last = to;
    for (const Address& address : addresses) {
      HA_TRY(last, changed(last, address, *wish.then, wish, pool->weight));
    }
    operation.steps.emplace_back(MoveStep{pool->zone, {{moves.guard.name, moves.guard.id, to, last}}, {}});
  }
  return operation;
}

}  // namespace ha::dns
