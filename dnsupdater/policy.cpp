#include "dnsupdater/policy.h"

#include <algorithm>
#include <set>

#include "common/base/bytes.h"
#include "dnsupdater/record.h"
#include "dnsupdater/scratch.h"
#include "dnsupdater/wish.h"

namespace ha::dns {
namespace {

constexpr std::string_view kTypes = "A AAAA SRV NAPTR TXT";

std::string bind_text(const PolicyNames& names, const Name& zone, const PolicyKey& key,
                      const std::vector<Name>& scratch) {
  std::string out = "// named.conf, BIND 9, at the primary of " + zone.text() +
                    "\n"
                    "// The key file is that of this site, " +
                    key.file +
                    ", copied: named has to read it, nobody else.\n"
                    "include \"/etc/bind/" +
                    key.name.text() + ".key\";\n\nzone \"" + zone.text() +
                    "\" {\n"
                    "  type primary;\n"
                    "  // its file and all else, as it is; update-policy takes the place of allow-update\n"
                    "  update-policy {\n";
  const auto grant = [&](std::string_view rule, const Name& name, std::string_view types) {
    out += "    grant " + key.name.absolute() + " " + std::string(rule) + " " + name.absolute() + " " +
           std::string(types) + ";\n";
  };
  for (const Name& name : names.guards) {
    grant("name", name, "TXT");
  }
  for (const Name& name : names.records) {
    grant("name", name, kTypes);
  }
  for (const Name& name : scratch) {
    grant("subdomain", name, kTypes);
  }
  return out + "  };\n};\n";
}

std::string yaml_list(const std::vector<Name>& names) {
  std::string out;
  for (const Name& name : names) {
    out += (out.empty() ? "" : ", ") + ("\"" + name.absolute() + "\"");
  }
  return "[" + out + "]";
}

std::string knot_text(const PolicyNames& names, const Name& zone, const PolicyKey& key,
                      const std::vector<Name>& scratch) {
  std::vector<Name> all = names.guards;  // one rule has to grant a whole message
  all.insert(all.end(), names.records.begin(), names.records.end());
  const auto rule = [&](const std::string& id, std::string_view match, const std::vector<Name>& owners) {
    return "  - id: \"" + id + "\"\n    key: \"" + key.name.text() +
           "\"\n    action: update\n    update-owner: name\n    update-owner-match: " + std::string(match) +
           "\n    update-owner-name: " + yaml_list(owners) +
           "\n    update-type: [A, AAAA, SRV, NAPTR, TXT]\n";
  };
  const std::string names_id = key.name.text() + "." + zone.text();
  const std::string doctor_id = names_id + ".doctor";
  std::string out = "# knot.conf, Knot DNS 3, at the primary of " + zone.text() +
                    "\n"
                    "# The key file is that of this site, " +
                    key.file +
                    ", in Knot's syntax (keymgr -t), copied: knotd has to read it, nobody else.\n"
                    "include: \"/etc/knot/" +
                    key.name.text() + ".conf\"\n\nacl:\n";
  out += all.empty() ? "" : rule(names_id, "equal", all);
  out += rule(doctor_id, "sub-or-equal", scratch);
  return out + "\nzone:\n  - domain: \"" + zone.text() +
         "\"\n"
         "    # its file and all else, as it is; but never \"zonefile-load: difference-no-serial\": a "
         "restart rolls\n"
         "    # back what was acknowledged\n"
         "    acl: [" +
         (all.empty() ? "" : "\"" + names_id + "\", ") + "\"" + doctor_id + "\"]\n";
}

std::string power_text(const Name& zone, const PolicyKey& key) {
  return "# A shell at the primary of " + zone.text() +
         ", PowerDNS 4.7\n"
         "# pdns.conf: dnsupdate=yes, and allow-dnsupdate-from= the addresses of the sites. One pdns_server "
         "only may\n"
         "# take updates for a database. No lua-dnsupdate-policy-script: messages are applied in part with "
         "it. So\n"
         "# the key may write the whole zone; where that is too much, give the names a zone of their own.\n"
         "# SECRET: as in the key file of this site, " +
         key.file +
         "\n"
         "pdnsutil import-tsig-key " +
         key.name.text() + " " + std::string(tsig_algorithm_text(key.algorithm)) +
         " SECRET\npdnsutil add-meta " + zone.text() + " TSIG-ALLOW-DNSUPDATE " + key.name.text() +
         "\npdnsutil set-meta " + zone.text() + " SOA-EDIT-DNSUPDATE INCREASE\n";
}

}  // namespace

Result<PolicyKind> parse_policy_kind(std::string_view text) {
  if (text == "bind") {
    return PolicyKind::Bind;
  }
  if (text == "knot") {
    return PolicyKind::Knot;
  }
  if (text == "powerdns") {
    return PolicyKind::PowerDns;
  }
  return Error(Code::Invalid, "--policy " + escape(text) + ": no such kind of server",
               "bind, knot or powerdns");
}

Result<PolicyNames> policy_names(const DnsConfig& config, const Name& zone) {
  std::set<Name> records;
  std::set<Name> guards;
  for (const RecordConfig& record : config.records()) {
    records.insert(record.name);
  }
  for (const PoolConfig& pool : config.pools()) {
    records.insert(pool.name);
    if (pool.srv) {
      records.insert(*pool.srv);
    }
  }
  for (const SiteAddresses& site : config.sites()) {
    for (const auto* const name : {&site.public_name, &site.maintenance_name}) {
      if (*name) {
        records.insert(**name);
      }
    }
  }
  for (const Name& name : records) {
    HA_TRY(const Guarded guarded, guard_of(config, name));
    guards.insert(guarded.guard.name);
  }
  if (config.lease_zone()) {
    for (const ServiceConfig& service : config.services()) {
      HA_TRY(Name lease, guard_name(service.name, *config.lease_zone()));
      guards.insert(std::move(lease));
    }
  }
  PolicyNames out;
  const auto take = [&](const std::set<Name>& from, std::vector<Name>& to) {
    for (const Name& name : from) {
      const ZoneConfig* of = config.zone_of(name);
      if (of != nullptr && of->name == zone) {
        to.push_back(name);
      }
    }
  };
  take(guards, out.guards);
  take(records, out.records);
  return out;
}

Result<std::string> policy_text(PolicyKind kind, const PolicyNames& names, const Name& zone,
                                const PolicyKey& key) {
  std::vector<Name> scratch;
  for (const std::string_view label : {kDoctorLabel, kProbeLabel}) {
    HA_TRY(Name name, zone.below(label));
    scratch.push_back(std::move(name));
  }
  switch (kind) {
    case PolicyKind::Bind:
      return bind_text(names, zone, key, scratch);
    case PolicyKind::Knot:
      return knot_text(names, zone, key, scratch);
    case PolicyKind::PowerDns:
      return power_text(zone, key);
  }
  return Error(Code::Internal, "no such policy");
}

}  // namespace ha::dns
