#include <algorithm>
#include <functional>

#include "dnsupdater/check.h"
#include "dnsupdater/pool.h"

namespace ha::dns {
namespace {

struct Whose {
  const SiteAddresses* site = nullptr;
  bool is_maintenance = false;
};

Whose whose(const DnsConfig& config, const Rdata& rdata) {
  const auto address = Address::parse(rdata.text);
  for (const SiteAddresses& each : config.sites()) {
    const auto in = [&](const std::vector<Address>& all) {
      return address.ok() && std::find(all.begin(), all.end(), *address) != all.end();
    };
    if (in(each.service) || in(each.maintenance)) {
      return {&each, !in(each.service)};
    }
  }
  return {};
}

bool has_family(const SiteAddresses& site, RrType type) {
  return std::any_of(site.service.begin(), site.service.end(),
                     [&](const Address& each) { return each.is_v6() == (type == RrType::Aaaa); });
}

// The command that makes a name lead to a site.
std::string set_command(const DnsConfig& config, const RecordConfig& record, std::string_view site,
                        RrType type) {
  std::string out = "dnsupdater set " + record.name.text() + " " + type_text(type);
  if (record.kind == RecordKind::Srv) {
    out += " 0 0 " + std::to_string(record.port) + " " + record.target->text();
  } else if (const SiteAddresses* to = config.site(site)) {
    if (!has_family(*to, type)) {
      return "dnsupdater show " + record.name.text();
    }
    for (const Address& each : to->service) {
      out += each.is_v6() == (type == RrType::Aaaa) ? " " + each.text() : "";
    }
  } else {
    out += " ADDRESS";
  }
  return out + " --ttl " + std::to_string(record.ttl_s) + "s";
}

void add_ttl(const RrSet& set, std::uint32_t configured_s, const std::string& next, Findings& out) {
  const std::string name = set.name.text();
  const std::string what = type_text(set.type) + " has TTL " + std::to_string(set.ttl_s);
  if (set.ttl_s == 0) {
    out.push_back({Mark::Bad, name, "ttl", what + ": some phones and Asterisk keep that for ever", next});
  } else if (set.ttls_differ) {
    out.push_back({Mark::Note, name, "ttl", type_text(set.type) + " has several TTLs", next});
  } else if (set.ttl_s > kTtlWarnS) {
    out.push_back({Mark::Note, name, "ttl", what + ": phones keep the old address that long", next});
  } else if (set.ttl_s != configured_s) {
    out.push_back(
        {Mark::Note, name, "ttl", what + ", the configuration says " + std::to_string(configured_s), next});
  }
}

// An address, against who holds the service; empty: nobody is known to.
Finding address_finding(const DnsConfig& config, const RecordConfig& record, const std::string& holder,
                        const RrSet& set, const Rdata& rdata) {
  const Whose found = whose(config, rdata);
  const std::string name = record.name.text();
  const std::string leads = "leads to " + rdata.text;
  const std::string next = set_command(config, record, holder, set.type);
  const ServiceConfig* service = config.service(record.service);
  if (found.site == nullptr) {
    return {Mark::Bad, name, "records", leads + ", an address of no site", next};
  }
  const std::string& site = found.site->site;
  const bool may = std::find(service->sites.begin(), service->sites.end(), site) != service->sites.end();
  if (!may || (!holder.empty() && site != holder)) {
    return {Mark::Bad, name, "records",
            leads + " of " + site + ", " +
                (may ? "but " + holder + " holds " + record.service : "which may not hold " + record.service),
            next};
  }
  if (found.is_maintenance) {
    return {Mark::Note, name, "records", leads + ", the maintenance address of " + site,
            "dnsupdater maintenance stop " + site};
  }
  return {Mark::Good, name, "records", leads + " of " + site};
}

void add_address_record(const DnsConfig& config, const RecordConfig& record, const std::string& holder,
                        const std::vector<RrSet>& sets, Findings& out) {
  const std::string name = record.name.text();
  const SiteAddresses* site = config.site(holder);
  const bool v4 = site == nullptr || has_family(*site, RrType::A);
  std::vector<std::string> sites;
  bool any = false;
  for (const RrType type : {RrType::A, RrType::Aaaa}) {
    const RrSet* set = find_set(sets, record.name, type);
    for (const Rdata& each : set != nullptr ? set->rdata : std::vector<Rdata>()) {
      any = true;
      out.push_back(address_finding(config, record, holder, *set, each));
      const Whose found = whose(config, each);
      sites.push_back(found.site != nullptr ? found.site->site : "");
    }
    if (set != nullptr) {
      add_ttl(*set, record.ttl_s, set_command(config, record, holder, type), out);
    }
  }
  if (!any) {
    out.push_back({Mark::Bad, name, "records", "is not in DNS: nobody can call " + record.service,
                   set_command(config, record, holder, v4 ? RrType::A : RrType::Aaaa)});
    return;
  }
  if (std::adjacent_find(sites.begin(), sites.end(), std::not_equal_to<>()) != sites.end()) {
    out.push_back({Mark::Bad, name, "records", "leads to several sites",
                   set_command(config, record, holder, v4 ? RrType::A : RrType::Aaaa)});
  }
  for (const RrType type : {RrType::A, RrType::Aaaa}) {
    if (site != nullptr && has_family(*site, type) && find_set(sets, record.name, type) == nullptr) {
      out.push_back({Mark::Note, name, "records", "has no " + type_text(type) + ", " + holder + " has one",
                     set_command(config, record, holder, type)});
    }
  }
}

void add_srv_record(const DnsConfig& config, const RecordConfig& record, const std::vector<RrSet>& sets,
                    Findings& out) {
  const std::string next = set_command(config, record, "", RrType::Srv);
  const RrSet* set = find_set(sets, record.name, RrType::Srv);
  if (set == nullptr) {
    out.push_back({Mark::Bad, record.name.text(), "records", "has no SRV", next});
    return;
  }
  // Port and target; priority and weight are the operator's.
  const std::string end = " " + std::to_string(record.port) + " " + record.target->absolute();
  const bool right = set->rdata.size() == 1 && set->rdata[0].text.ends_with(end);
  out.push_back({right ? Mark::Good : Mark::Bad, record.name.text(), "records",
                 right ? "leads to " + record.target->text()
                       : "SRV is \"" + set->rdata[0].text + "\", the configuration says …" + end,
                 right ? "" : next});
  add_ttl(*set, record.ttl_s, next, out);
}

// False: it cannot be gone on from.
bool add_guard(const GuardFacts& guard, const std::string& about, Findings& out) {
  if (guard.trouble) {
    out.push_back({Mark::Bad, about, "guard", guard.trouble->error.what(), guard.trouble->error.hint(),
                   guard.trouble->cause});
    return false;
  }
  if (guard.regression) {
    out.push_back(
        {Mark::Bad, about, "epoch", guard.regression->what(), guard.regression->hint(), Cause::Regression});
    return false;
  }
  return true;
}

// How a copy stands to the lease; both are readable.
void add_copy(const ServiceFacts& facts, const GuardFacts& copy, Findings& out) {
  const std::string in = " in " + copy.zone.text();
  switch (stand_of(facts.lease.record, copy.record)) {
    case CopyStand::Current:
      return;
    case CopyStand::Due:
      out.push_back({Mark::Bad, facts.service, "takeover",
                     copy.zone.text() + ": " + half_done_text(*facts.lease.record, copy.record),
                     "dnsupdater check      (again; then look at the coordinator of " +
                         facts.lease.record->owner + ")"});
      return;
    case CopyStand::Beyond:
      out.push_back({Mark::Bad, facts.service, "epoch",
                     "records" + in + " are at epoch " + std::to_string(copy.record->version.epoch) +
                         ", the lease is " + holder_text(facts.lease.record) +
                         ": its zone has gone back in time",
                     "find out why; then, at each site: dnsupdater accept " + facts.lease.guard.text(),
                     Cause::Regression});
      return;
    case CopyStand::TwoOwners:
      out.push_back({Mark::Bad, facts.service, "epoch",
                     "epoch " + std::to_string(copy.record->version.epoch) + " has two owners: " +
                         facts.lease.record->owner + " in the lease, " + copy.record->owner + in,
                     "find out why; then, at each site: dnsupdater accept " + facts.lease.guard.text(),
                     Cause::Regression});
      return;
  }
}

// Who the records in a zone should lead to: the copy's owner, which may be one behind the lease.
std::string holder_in(const ServiceFacts& facts, const Name& zone) {
  const GuardFacts* guard = &facts.lease;
  for (const GuardFacts& each : facts.copies) {
    guard = each.zone == zone ? &each : guard;
  }
  const std::optional<Record>& record = guard->record;
  return record ? record->owner : "";
}

}  // namespace

std::string half_done_text(const Record& lease, const std::optional<Record>& copy) {
  return "records at epoch " + std::to_string(copy ? copy->version.epoch : 0) + ", lease at " +
         std::to_string(lease.version.epoch) + " of " + lease.owner +
         ": its takeover is half done; its coordinator finishes it";
}

Findings check_service(const DnsConfig& config, const ServiceFacts& facts) {
  Findings out;
  const bool readable = add_guard(facts.lease, facts.service, out);
  if (readable) {
    out.push_back({Mark::Good, facts.service, "lease", holder_text(facts.lease.record)});
  }
  for (const GuardFacts& copy : facts.copies) {
    if (add_guard(copy, facts.service, out) && readable) {
      add_copy(facts, copy, out);
    }
  }
  for (const RecordConfig& record : config.records()) {
    if (record.service != facts.service) {
      continue;
    }
    if (record.kind == RecordKind::Srv) {
      add_srv_record(config, record, facts.sets, out);
    } else {
      add_address_record(config, record, holder_in(facts, record.zone), facts.sets, out);
    }
  }
  return out;
}

Findings check_pool(const DnsConfig& config, const PoolConfig& pool, const PoolFacts& facts) {
  Findings out;
  const std::string name = pool.name.text();
  if (!add_guard(facts.guard, name, out)) {
    return out;
  }
  bool any = false;
  for (const RrSet& set : facts.sets) {
    for (const Rdata& each : set.rdata) {
      any = true;
      if (whose(config, each).site == nullptr) {
        out.push_back({Mark::Bad, name, "pool", "has " + each.text + ", an address of no site",
                       "dnsupdater show " + name});
      }
    }
    add_ttl(set, pool.ttl_s, "dnsupdater show " + name, out);
  }
  const bool listed = facts.guard.record && !facts.guard.record->at.empty();
  if (!any || !listed) {
    out.push_back({any == listed ? Mark::Note : Mark::Bad, name, "pool",
                   any      ? "has addresses, but no guard that says whose turn they have"
                   : listed ? "has a guard, but no addresses: nobody can call it"
                            : "is not in DNS yet",
                   "dnsupdater show " + name});
    return out;
  }
  const auto wanted = address_sets(pool.name, pool.ttl_s, facts.guard.record->at);
  const auto same = [&](RrType type, const std::optional<RrSet>& set) {
    const RrSet* found = find_set(facts.sets, pool.name, type);
    return set.has_value() == (found != nullptr) && (!set || set->rdata == found->rdata);
  };
  const bool right = wanted.ok() && same(RrType::A, wanted->a) && same(RrType::Aaaa, wanted->aaaa);
  out.push_back({right ? Mark::Good : Mark::Bad, name, "pool",
                 right ? "its addresses are those that its guard says are in"
                       : "its addresses are not those that its guard says are in",
                 right ? "" : "dnsupdater show " + name});
  return out;
}

}  // namespace ha::dns
