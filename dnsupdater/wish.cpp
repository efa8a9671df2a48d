#include "dnsupdater/wish.h"

#include <algorithm>
#include <utility>

#include "dnsupdater/pool_wish.h"
#include "dnsupdater/record.h"

namespace ha::dns {
namespace {

constexpr RrType kAddressTypes[] = {RrType::A, RrType::Aaaa};

VerifyStep look_at(const DnsConfig& config, const Name& zone, std::vector<SetMove> sets, Duration limit) {
  VerifyStep step{zone, {}, std::move(sets), limit};
  for (const ZoneConfig& each : config.zones()) {
    if (each.name == zone) {
      step.servers = each.servers;
    }
  }
  return step;
}

Status may_be_written(const DnsConfig& config, const Name& name, RrType type) {
  if (is_guard_name(name)) {
    return Error(Code::Refused, name.text() + " is a guard: dnsupdater changes it itself");
  }
  if (type == RrType::Soa ||
      (config.zone_of(name) != nullptr && config.zone_of(name)->name == name && type == RrType::Ns)) {
    return Error(Code::Refused, "the " + type_text(type) + " of a zone is its server's business");
  }
  const PoolConfig* pool = pool_called(config, name);
  const bool is_srv = pool != nullptr && pool->srv == name;
  if (pool != nullptr && (is_srv ? type == RrType::Srv : type == RrType::A || type == RrType::Aaaa)) {
    return Error(Code::Refused, name.text() + " is a pool: its addresses have states",
                 "dnsupdater pool show " + pool->name.text());
  }
  return ok();
}

Result<Operation> one_move(const DnsConfig& config, SetMove move, std::string what, std::string id) {
  HA_TRY(const Guarded guarded, guard_of(config, move.name));
  move.of_service = guarded.of_service;
  Operation operation{std::move(id), std::move(what), {}};
  operation.steps.emplace_back(MoveStep{guarded.zone, {guarded.guard}, {move}});
  operation.steps.emplace_back(look_at(config, guarded.zone, {move}, std::chrono::minutes(1)));
  return operation;
}

// ---------------------------------------------------------------- swapping a site's addresses

// The other one of the pair that `address` is in; none: it is not the site's.
std::optional<Address> partner_of(const SiteAddresses& site, const Address& address) {
  for (std::size_t i = 0; i < site.maintenance.size(); ++i) {
    if (site.service[i] == address) {
      return site.maintenance[i];
    }
    if (site.maintenance[i] == address) {
      return site.service[i];
    }
  }
  return std::nullopt;
}

std::optional<Address> address_in(const Rdata& rdata) {
  auto parsed = Address::parse(rdata.text);
  return parsed.ok() ? std::optional(*parsed) : std::nullopt;
}

// The set with the site's addresses exchanged; none: the site is not in it.
Result<std::optional<RrSet>> swapped(const RrSet& set, const SiteAddresses& site) {
  std::vector<Rdata> rdata;
  bool any = false;
  for (const Rdata& each : set.rdata) {
    const auto address = address_in(each);
    const auto partner = address ? partner_of(site, *address) : std::nullopt;
    any = any || partner.has_value();
    rdata.push_back(partner ? address_rdata(*partner) : each);
  }
  if (!any) {
    return std::optional<RrSet>();
  }
  HA_TRY(RrSet out, RrSet::make(set.name, set.type, set.ttl_s, std::move(rdata)));
  return std::optional(std::move(out));
}

RrSet with_ttl(RrSet set, std::uint32_t ttl_s) {
  set.ttl_s = ttl_s;
  set.ttls_differ = false;
  return set;
}

// What is to be done in one zone: the same guards in each step, and for each set how it is before and after.
struct ZonePlan {
  Name zone;
  std::vector<GuardMove> guards;  // of pools with both lists
  std::vector<SetMove> sets;
  std::uint32_t ttl_s = 0;  // the longest
};

void add_guard(ZonePlan& plan, const GuardMove& guard) {
  const bool known = std::any_of(plan.guards.begin(), plan.guards.end(),
                                 [&](const GuardMove& each) { return each.name == guard.name; });
  if (!known) {
    plan.guards.push_back(guard);
  }
}

void add_pool(ZonePlan& plan, PoolMoves moves) {
  plan.guards.push_back(std::move(moves.guard));
  for (SetMove& each : moves.sets) {
    plan.ttl_s = std::max(plan.ttl_s, each.from ? each.from->ttl_s : 0);
    plan.sets.push_back(std::move(each));
  }
}

// Every pool of the zone in which `make` changes something.
template <typename Make>
Status plan_pools(const DnsConfig& config, const FoundZone& found, ZonePlan& plan, const Make& make) {
  for (const PoolConfig& pool : config.pools()) {
    if (pool.zone != found.zone) {
      continue;
    }
    HA_TRY(const PoolView view, pool_view(pool, found.sets));
    auto to = make(view.now);
    if (!to.ok()) {
      return std::move(to).error().in("pool " + pool.name.text());
    }
    if (*to != view.now) {
      HA_TRY(PoolMoves moves, pool_moves(config, pool, view, found.sets, *to));
      add_pool(plan, std::move(moves));
    }
  }
  return ok();
}

Result<Pool> swapped(const Pool& pool, const SiteAddresses& site) {
  Pool out = pool;
  for (PoolAddress& each : out) {
    if (const auto partner = partner_of(site, each.address)) {
      each.address = *partner;
    }
  }
  std::sort(out.begin(), out.end(),
            [](const PoolAddress& a, const PoolAddress& b) { return a.address < b.address; });
  return out;
}

Result<ZonePlan> plan_zone(const DnsConfig& config, const SiteAddresses& site, const FoundZone& found) {
  ZonePlan plan{found.zone, {}, {}, 0};
  for (const RrSet& set : found.sets) {
    if ((set.type != RrType::A && set.type != RrType::Aaaa) || pool_called(config, set.name) != nullptr) {
      continue;
    }
    HA_TRY(std::optional<RrSet> after, swapped(set, site));
    if (!after) {
      continue;
    }
    HA_TRY(Guarded guarded, guard_of(config, set.name));
    add_guard(plan, guarded.guard);
    plan.sets.push_back({set.name, set.type, set, std::move(after), guarded.of_service});
    plan.ttl_s = std::max(plan.ttl_s, set.ttl_s);
  }
  HA_CHECK(plan_pools(config, found, plan, [&](const Pool& pool) { return swapped(pool, site); }));
  return plan;
}

bool has(const std::vector<Address>& addresses, const Rdata& rdata) {
  const auto address = address_in(rdata);
  return address && std::find(addresses.begin(), addresses.end(), *address) != addresses.end();
}

// Without another address to lead to, the site can only leave pools, and come back.
Result<ZonePlan> plan_out(const DnsConfig& config, const SiteAddresses& site, const FoundZone& found,
                          Going going) {
  ZonePlan plan{found.zone, {}, {}, 0};
  for (const RrSet& set : found.sets) {
    const bool leads_here = std::any_of(set.rdata.begin(), set.rdata.end(),
                                        [&](const Rdata& each) { return has(site.service, each); });
    const auto is_set = [&](const RecordConfig& record) { return record.name == set.name; };
    if (leads_here && (set.type == RrType::A || set.type == RrType::Aaaa) &&
        std::any_of(config.records().begin(), config.records().end(), is_set)) {
      return Error(Code::Refused,
                   set.name.text() + " leads to site " + site.site + ", which has no maintenance_ip",
                   "set maintenance_ip in its [[site]], or use another address: dnsupdater set " +
                       set.name.text() + " " + type_text(set.type) + " …");
    }
  }
  HA_CHECK(plan_pools(config, found, plan, [&](const Pool& pool) -> Result<Pool> {
    Pool to = pool;
    for (const PoolAddress& each : pool) {
      const bool serves = each.state == AddressState::In || each.state == AddressState::Draining;
      const bool moves = going == Going::Away ? serves : each.state == AddressState::Maint;
      if (moves && std::find(site.service.begin(), site.service.end(), each.address) != site.service.end()) {
        const AddressState state = going == Going::Away ? AddressState::Maint : AddressState::In;
        HA_TRY(to, with_state(to, each.address, state));
      }
    }
    return to;
  }));
  return plan;
}

std::vector<GuardMove> without_lists(std::vector<GuardMove> guards) {
  for (GuardMove& guard : guards) {
    guard.from.reset();
    guard.to.reset();
  }
  return guards;
}

// Typed twice, `maintenance start` must not bring callers back.
Status check_going(const ZonePlan& plan, const SiteAddresses& site, Going going) {
  const bool away = going == Going::Away;
  const std::vector<Address>& there = away ? site.maintenance : site.service;
  for (const SetMove& move : plan.sets) {
    for (const Rdata& each : move.from ? move.from->rdata : std::vector<Rdata>()) {
      if (going != Going::Either && move.of_service && has(there, each)) {
        return Error(Code::Refused,
                     "site " + site.site + " is " + (away ? "in maintenance already" : "not in maintenance") +
                         ": " + move.name.text() + " leads to " + each.text,
                     std::string("dnsupdater maintenance ") + (away ? "stop " : "start ") + site.site);
      }
    }
  }
  return ok();
}

template <typename Make>
MoveStep step_of(const ZonePlan& plan, std::vector<GuardMove> guards, const Make& make) {
  MoveStep step{plan.zone, std::move(guards), {}};
  for (const SetMove& each : plan.sets) {
    SetMove move = each;
    make(move);
    if (!move.from && !move.to) {  // the last one of its family has gone
      continue;
    }
    step.sets.push_back(std::move(move));
  }
  return step;
}

// What the steps of `going` need: with maintenance addresses both ways are the same.
Result<std::vector<ZonePlan>> plans_of(const DnsConfig& config, const SiteAddresses& site,
                                       const std::vector<FoundZone>& found, Going going) {
  const bool swaps = !site.maintenance.empty();
  if (!swaps && going == Going::Either) {
    return Error(Code::Refused, "site " + site.site + " has no maintenance_ip to swap with",
                 "dnsupdater maintenance start " + site.site + " takes it out of its pools");
  }
  std::vector<ZonePlan> plans;
  for (const FoundZone& zone : found) {
    HA_TRY(ZonePlan plan, swaps ? plan_zone(config, site, zone) : plan_out(config, site, zone, going));
    if (swaps) {
      HA_CHECK(check_going(plan, site, going));
    }
    if (!plan.sets.empty() || !plan.guards.empty()) {
      plans.push_back(std::move(plan));
    }
  }
  if (!plans.empty()) {
    return plans;
  }
  if (swaps) {
    return Error(Code::NotFound, "no name in DNS leads to site " + site.site, "dnsupdater show");
  }
  return Error(Code::Refused,
               "site " + site.site + " has no maintenance_ip, and is in no pool " +
                   (going == Going::Away ? "that it could leave" : "in state maint"),
               "dnsupdater pool show");
}

}  // namespace

Result<Guarded> guard_of(const DnsConfig& config, const Name& name) {
  const ZoneConfig* zone = config.zone_of(name);
  if (zone == nullptr) {
    return Error(Code::NotFound, name.text() + " is in no [[dns.zone]] of this configuration",
                 "hareplicate config show dns.zone");
  }
  for (const RecordConfig& record : config.records()) {
    if (record.name == name) {
      HA_TRY(const Name guard, guard_name(record.service, record.zone));
      return Guarded{zone->name, {guard, record.service}, true};
    }
  }
  const PoolConfig* pool = pool_called(config, name);
  const Name& guarded = pool != nullptr ? pool->name : name;
  HA_TRY(const Name guard, guard_name(guarded));
  return Guarded{zone->name, {guard, guarded.text()}, pool != nullptr};
}

Result<Operation> set_operation(const DnsConfig& config, const Name& name, RrType type, std::uint32_t ttl_s,
                                std::vector<Rdata> rdata, const std::vector<RrSet>& found, std::string id) {
  HA_CHECK(may_be_written(config, name, type));
  if (ttl_s == 0) {
    return Error(Code::Refused, name.text() + " " + type_text(type) + " would have a TTL of 0",
                 "use 30s to 60s for a service");
  }
  HA_TRY(RrSet after, RrSet::make(name, type, ttl_s, std::move(rdata)));
  const RrSet* before = find_set(found, name, type);
  SetMove move{name, type, before != nullptr ? std::optional(*before) : std::nullopt, std::move(after)};
  return one_move(config, std::move(move), "set " + name.text() + " " + type_text(type), std::move(id));
}

std::optional<std::string> leads_away(const DnsConfig& config, std::string_view owner,
                                      const std::vector<Rdata>& rdata) {
  const auto is_of = [](const SiteAddresses& site, const Rdata& each) {
    return has(site.service, each) || has(site.maintenance, each);
  };
  for (const SiteAddresses& site : config.sites()) {
    const bool any =
        std::any_of(rdata.begin(), rdata.end(), [&](const Rdata& each) { return is_of(site, each); });
    if (any && site.site != owner) {
      return site.site;
    }
  }
  return std::nullopt;
}

Result<Operation> delete_operation(const DnsConfig& config, const Name& name, RrType type,
                                   const std::optional<Rdata>& rdata, const std::vector<RrSet>& found,
                                   std::string id) {
  HA_CHECK(may_be_written(config, name, type));
  const RrSet* before = find_set(found, name, type);
  const bool there = before != nullptr && (!rdata || std::find(before->rdata.begin(), before->rdata.end(),
                                                               *rdata) != before->rdata.end());
  if (!there) {
    return Error(Code::NotFound,
                 name.text() + " has no " + type_text(type) + (rdata ? " " + rdata->text : std::string()),
                 "dnsupdater show " + name.text());
  }
  SetMove move{name, type, *before, std::nullopt};
  if (rdata && before->rdata.size() > 1) {
    std::vector<Rdata> rest = before->rdata;
    std::erase(rest, *rdata);
    HA_TRY(move.to, RrSet::make(name, type, before->ttl_s, std::move(rest)));
  }
  return one_move(config, std::move(move), "delete " + name.text() + " " + type_text(type), std::move(id));
}

std::vector<SetKey> site_keys(const DnsConfig& config, const Name& zone) {
  std::vector<SetKey> keys;
  const auto add = [&](const Name& name) {
    for (const RrType type : kAddressTypes) {
      keys.push_back({name, type});
    }
    if (auto guarded = guard_of(config, name); guarded.ok()) {
      keys.push_back({guarded->guard.name, RrType::Txt});
    }
  };
  for (const RecordConfig& record : config.records()) {
    if (record.zone == zone && record.kind == RecordKind::Address) {
      add(record.name);
    }
  }
  for (const PoolConfig& pool : config.pools()) {
    if (auto of_pool = pool_keys(pool); pool.zone == zone && of_pool.ok()) {
      keys.insert(keys.end(), of_pool->begin(), of_pool->end());
    }
  }
  for (const SiteAddresses& site : config.sites()) {
    for (const auto* const name : {&site.public_name, &site.maintenance_name}) {
      const ZoneConfig* in = *name ? config.zone_of(**name) : nullptr;
      if (in != nullptr && in->name == zone) {
        add(**name);
      }
    }
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

Result<Operation> maintenance_operation(const DnsConfig& config, const std::string& site,
                                        const std::vector<FoundZone>& found,
                                        const MaintenanceOptions& options, std::string what, std::string id) {
  const SiteAddresses* addresses = config.site(site);
  if (addresses == nullptr) {
    return Error(Code::NotFound, "no site is called " + in_quotes(site), "hareplicate config show site");
  }
  HA_TRY(const std::vector<ZonePlan> plans, plans_of(config, *addresses, found, options.going));
  std::uint32_t ttl_s = 0;
  for (const ZonePlan& plan : plans) {
    ttl_s = std::max(ttl_s, plan.ttl_s);
  }
  // Who only comes back into a pool keeps nobody waiting.
  const bool swap_only =
      options.swap_only || (addresses->maintenance.empty() && options.going == Going::Back);
  const std::uint32_t low = std::min(options.low_ttl_s, ttl_s);
  const bool lowers = !swap_only && low < ttl_s;
  Operation operation{std::move(id), std::move(what), {}};
  const auto add = [&](MoveStep step) {
    const Name zone = step.zone;
    const std::vector<SetMove> sets = step.sets;
    operation.steps.emplace_back(std::move(step));
    operation.steps.emplace_back(look_at(config, zone, sets, options.verify));
  };
  const auto lowered = [&](const std::optional<RrSet>& set) {
    return set ? std::optional(with_ttl(*set, lowers ? std::min(low, set->ttl_s) : set->ttl_s)) : set;
  };
  if (lowers) {
    for (const ZonePlan& plan : plans) {
      add(step_of(plan, without_lists(plan.guards), [&](SetMove& move) { move.to = lowered(move.from); }));
    }
    operation.steps.emplace_back(PauseStep{std::chrono::seconds(ttl_s), "caches still have the longer TTL"});
  }
  for (const ZonePlan& plan : plans) {
    add(step_of(plan, plan.guards, [&](SetMove& move) {
      move.from = lowered(move.from);
      move.to = lowered(move.to);
    }));
  }
  if (swap_only) {
    return operation;
  }
  operation.steps.emplace_back(
      PauseStep{std::chrono::seconds(lowers ? low : ttl_s), "caches still have the old address"});
  if (!options.drain_command.empty() || options.drain > Duration::zero()) {
    operation.steps.emplace_back(DrainStep{options.drain_command, options.drain});
  }
  if (lowers) {
    for (const ZonePlan& plan : plans) {
      add(step_of(plan, without_lists(plan.guards), [&](SetMove& move) { move.from = lowered(move.to); }));
    }
  }
  return operation;
}

}  // namespace ha::dns
