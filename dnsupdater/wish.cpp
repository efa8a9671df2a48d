#include "dnsupdater/wish.h"

#include <algorithm>
#include <utility>

#include "dnsupdater/record.h"

namespace ha::dns {
namespace {

constexpr RrType kAddressTypes[] = {RrType::A, RrType::Aaaa};

const RrSet* find(const std::vector<RrSet>& found, const Name& name, RrType type) {
  const auto at = std::find_if(found.begin(), found.end(),
                               [&](const RrSet& each) { return each.name == name && each.type == type; });
  return at == found.end() ? nullptr : &*at;
}

const PoolConfig* pool_called(const DnsConfig& config, const Name& name) {
  const auto& pools = config.pools();
  const auto at =
      std::find_if(pools.begin(), pools.end(), [&](const PoolConfig& each) { return each.name == name; });
  return at == pools.end() ? nullptr : &*at;
}

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
  if (pool_called(config, name) != nullptr && (type == RrType::A || type == RrType::Aaaa)) {
    return Error(Code::Refused, name.text() + " is a pool: its addresses have states",
                 "dnsupdater show " + name.text());
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

Result<ZonePlan> plan_zone(const DnsConfig& config, const SiteAddresses& site, const FoundZone& found) {
  ZonePlan plan{found.zone, {}, {}, 0};
  for (const RrSet& set : found.sets) {
    if (set.type != RrType::A && set.type != RrType::Aaaa) {
      continue;
    }
    HA_TRY(std::optional<RrSet> after, swapped(set, site));
    if (!after) {
      continue;
    }
    HA_TRY(Guarded guarded, guard_of(config, set.name));
    if (pool_called(config, set.name) != nullptr) {
      const RrSet* guard = find(found.sets, guarded.guard.name, RrType::Txt);
      if (guard != nullptr) {
        HA_TRY(const Record record, record_of(*guard, guarded.guard.id));
        guarded.guard.from = record.at;
        guarded.guard.to = record.at;
        for (PoolAddress& each : *guarded.guard.to) {
          if (const auto partner = partner_of(site, each.address)) {
            each.address = *partner;
          }
        }
        std::sort(guarded.guard.to->begin(), guarded.guard.to->end(),
                  [](const PoolAddress& a, const PoolAddress& b) { return a.address < b.address; });
      }
    }
    add_guard(plan, guarded.guard);
    plan.sets.push_back({set.name, set.type, set, std::move(after), guarded.of_service});
    plan.ttl_s = std::max(plan.ttl_s, set.ttl_s);
  }
  return plan;
}

std::vector<GuardMove> without_lists(std::vector<GuardMove> guards) {
  for (GuardMove& guard : guards) {
    guard.from.reset();
    guard.to.reset();
  }
  return guards;
}

bool has(const std::vector<Address>& addresses, const Rdata& rdata) {
  const auto address = address_in(rdata);
  return address && std::find(addresses.begin(), addresses.end(), *address) != addresses.end();
}

// Typed twice, `maintenance start` must not bring callers back.
Status check_going(const ZonePlan& plan, const SiteAddresses& site, Going going) {
  const bool away = going == Going::Away;
  const std::vector<Address>& there = away ? site.maintenance : site.service;
  for (const SetMove& move : plan.sets) {
    for (const Rdata& each : move.from->rdata) {
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
    step.sets.push_back(std::move(move));
  }
  return step;
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
  HA_TRY(const Name guard, guard_name(name));
  return Guarded{zone->name, {guard, name.text()}, pool_called(config, name) != nullptr};
}

Result<Operation> set_operation(const DnsConfig& config, const Name& name, RrType type, std::uint32_t ttl_s,
                                std::vector<Rdata> rdata, const std::vector<RrSet>& found, std::string id) {
  HA_CHECK(may_be_written(config, name, type));
  if (ttl_s == 0) {
    return Error(Code::Refused, name.text() + " " + type_text(type) + " would have a TTL of 0",
                 "use 30s to 60s for a service");
  }
  HA_TRY(RrSet after, RrSet::make(name, type, ttl_s, std::move(rdata)));
  const RrSet* before = find(found, name, type);
  SetMove move{name, type, before != nullptr ? std::optional(*before) : std::nullopt, std::move(after)};
  return one_move(config, std::move(move), "set " + name.text() + " " + type_text(type), std::move(id));
}

Result<Operation> delete_operation(const DnsConfig& config, const Name& name, RrType type,
                                   const std::optional<Rdata>& rdata, const std::vector<RrSet>& found,
                                   std::string id) {
  HA_CHECK(may_be_written(config, name, type));
  const RrSet* before = find(found, name, type);
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
    if (pool.zone == zone) {
      add(pool.name);
    }
  }
  for (const SiteAddresses& site : config.sites()) {
    const ZoneConfig* in = site.maintenance_name ? config.zone_of(*site.maintenance_name) : nullptr;
    if (in != nullptr && in->name == zone) {
      add(*site.maintenance_name);
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
  if (addresses->maintenance.empty()) {
    return Error(Code::Refused, "site " + site + " has no maintenance_ip to swap with",
                 "set maintenance_ip in its [[site]], or use another address: dnsupdater set NAME A …");
  }
  std::vector<ZonePlan> plans;
  std::uint32_t ttl_s = 0;
  for (const FoundZone& zone : found) {
    HA_TRY(ZonePlan plan, plan_zone(config, *addresses, zone));
    HA_CHECK(check_going(plan, *addresses, options.going));
    ttl_s = std::max(ttl_s, plan.ttl_s);
    if (!plan.sets.empty()) {
      plans.push_back(std::move(plan));
    }
  }
  if (plans.empty()) {
    return Error(Code::NotFound, "no name in DNS leads to site " + site, "dnsupdater show");
  }
  const std::uint32_t low = std::min(options.low_ttl_s, ttl_s);
  const bool lowers = !options.swap_only && low < ttl_s;
  Operation operation{std::move(id), std::move(what), {}};
  const auto add = [&](MoveStep step) {
    const Name zone = step.zone;
    const std::vector<SetMove> sets = step.sets;
    operation.steps.emplace_back(std::move(step));
    operation.steps.emplace_back(look_at(config, zone, sets, options.verify));
  };
  const auto lowered = [&](const std::optional<RrSet>& set) {
    return std::optional(with_ttl(*set, lowers ? std::min(low, set->ttl_s) : set->ttl_s));
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
  if (options.swap_only) {
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
