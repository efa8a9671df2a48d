#include "dnsupdater/service.h"

#include <algorithm>
#include <utility>

#include "dnsupdater/record.h"

namespace ha::dns {
namespace {

Error unknown(std::string_view what, std::string_view name) {
  return Error(Code::NotFound, "no " + std::string(what) + " is called " + in_quotes(name),
               "hareplicate config show " + std::string(what));
}

// An RRset of these addresses that are of the type; none if there is none of them.
Result<std::optional<RrSet>> address_set(const RecordConfig& record, RrType type,
                                         const std::vector<Address>& addresses) {
  std::vector<Rdata> rdata;
  for (const Address& each : addresses) {
    if (each.is_v6() == (type == RrType::Aaaa)) {
      rdata.push_back(address_rdata(each));
    }
  }
  if (rdata.empty()) {
    return std::optional<RrSet>();
  }
  HA_TRY(RrSet out, RrSet::make(record.name, type, record.ttl_s, std::move(rdata)));
  return std::optional(std::move(out));
}

Status add_sets(const RecordConfig& record, const SiteAddresses& site, ServiceZone& out) {
  if (record.kind == RecordKind::Srv) {
    HA_TRY(RrSet set, RrSet::make(record.name, RrType::Srv, record.ttl_s,
                                  {srv_rdata(0, 0, record.port, *record.target)}));
    out.sets.push_back({record.name, RrType::Srv, std::move(set)});
    return ok();
  }
  if (site.service.empty()) {
    return Error(
        Code::Refused,
        "site " + in_quotes(site.site) + " has no public_ip: nobody could call " + record.name.text(),
        "set public_ip in its [[site]]");
  }
  for (const RrType type : {RrType::A, RrType::Aaaa}) {
    HA_TRY(std::optional<RrSet> set, address_set(record, type, site.service));
    out.sets.push_back({record.name, type, std::move(set)});
  }
  return ok();
}

}  // namespace

Result<std::vector<ServiceZone>> service_sets(const DnsConfig& config, std::string_view service,
                                              std::string_view site) {
  const SiteAddresses* addresses = config.site(site);
  if (config.service(service) == nullptr || addresses == nullptr) {
    return addresses == nullptr ? unknown("site", site) : unknown("service", service);
  }
  std::vector<ServiceZone> out;
  for (const RecordConfig& record : config.records()) {
    if (record.service != service) {
      continue;
    }
    auto zone = std::find_if(out.begin(), out.end(),
                             [&](const ServiceZone& each) { return each.zone == record.zone; });
    if (zone == out.end()) {
      HA_TRY(Name guard, guard_name(service, record.zone));
      zone = out.insert(out.end(), {record.zone, std::move(guard), {}});
    }
    HA_CHECK(add_sets(record, *addresses, *zone));
  }
  return out;
}

Result<std::vector<ServicePlace::Copy>> copies_of(const DnsConfig& config, std::string_view service) {
  if (config.service(service) == nullptr) {
    return unknown("service", service);
  }
  std::vector<ServicePlace::Copy> out;
  for (const RecordConfig& record : config.records()) {
    if (record.service != service) {
      continue;
    }
    HA_TRY(Name guard, guard_name(service, record.zone));
    const ServicePlace::Copy copy{record.zone, std::move(guard)};
    if (std::find(out.begin(), out.end(), copy) == out.end()) {
      out.push_back(copy);
    }
  }
  return out;
}

Result<ServicePlace> place_of(const DnsConfig& config, std::string_view service) {
  ServicePlace out{std::string(service), {}, {}, {}};
  HA_TRY(out.copies, copies_of(config, service));
  if (!config.lease_zone() && out.copies.empty()) {
    return Error(Code::Invalid, "service " + in_quotes(service) + " has no place for a lease",
                 "name [arbiter] zone, or give it a [[dns.record]]");
  }
  out.zone = config.lease_zone() ? *config.lease_zone() : out.copies[0].zone;
  HA_TRY(out.lease, guard_name(service, out.zone));
  std::erase(out.copies, ServicePlace::Copy{out.zone, out.lease});
  return out;
}

std::vector<SetKey> service_keys(const DnsConfig& config, std::string_view service, const Name& zone) {
  std::vector<SetKey> keys;
  for (const RecordConfig& record : config.records()) {
    if (record.service != service || record.zone != zone) {
      continue;
    }
    if (record.kind == RecordKind::Srv) {
      keys.push_back({record.name, RrType::Srv});
    } else {
      keys.push_back({record.name, RrType::A});
      keys.push_back({record.name, RrType::Aaaa});
    }
  }
  return keys;
}

std::vector<SetChange> service_changes(const ServiceZone& wanted, const std::vector<RrSet>& found) {
  std::vector<SetChange> out;
  for (const Expected& each : wanted.sets) {
    const RrSet* now = find_set(found, each.name, each.type);
    out.push_back({each.name, each.type, now != nullptr ? std::optional(*now) : std::nullopt, each.set,
                   each.set.has_value()});
  }
  return out;
}

std::vector<std::string> service_differences(const ServiceZone& wanted, const std::vector<RrSet>& found) {
  return differences({Update{wanted.zone, {}}, wanted.sets}, found);
}

}  // namespace ha::dns
