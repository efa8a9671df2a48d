#include <algorithm>
#include <cstdlib>

#include "common/base/units.h"
#include "dnsupdater/check.h"

namespace ha::dns {
namespace {

constexpr Duration kClockNote = std::chrono::seconds(5);

Finding bad(const Name& zone, std::string check, const Trouble& trouble) {
  return {Mark::Bad,    zone.text(), std::move(check), trouble.error.what(), trouble.error.hint(),
          trouble.cause};
}

std::string_view check_of(Cause cause) {
  switch (cause) {
    case Cause::Key:
      return "key";
    case Cause::Clock:
      return "clock";
    case Cause::Policy:
      return "rights";
    default:
      return "primary";
  }
}

std::string listed(const std::vector<std::string>& all) {
  std::string out;
  for (const std::string& each : all) {
    out += (out.empty() ? "" : ", ") + each;
  }
  return out;
}

Finding clock(const ZoneFacts& facts) {
  const Duration apart = facts.ahead.value_or(Duration::zero());
  const Duration size = apart < Duration::zero() ? -apart : apart;
  if (size <= kClockNote) {
    return {Mark::Good, facts.zone.text(), "clock", "as the primary's"};
  }
  return {Mark::Note, facts.zone.text(), "clock",
          "ours is " + show_age(size) + (apart > Duration::zero() ? " ahead of" : " behind") +
              " the primary's; at 300 s it refuses",
          "timedatectl set-ntp true"};
}

Finding rights(const ZoneFacts& facts) {
  const std::string zone = facts.zone.text();
  const RightsFacts& found = facts.rights;
  if (found.took) {
    return {Mark::Bad,
            zone,
            "rights",
            "the primary took a message whose prerequisite was not met",
            "dnsupdater doctor " + zone,
            Cause::Unsupported};
  }
  if (found.trouble) {
    return bad(facts.zone, std::string(check_of(found.trouble->cause)), *found.trouble);
  }
  if (!found.refused.empty()) {
    return {Mark::Bad,
            zone,
            "rights",
            "the key may not write " + (found.refused.size() == found.names ? "anything of ours in this zone"
                                                                            : listed(found.refused)),
            "BIND: update-policy { grant KEY zonesub ANY; };   Knot: acl with action: update",
            Cause::Policy};
  }
  return {Mark::Good, zone, "rights",
          found.names == 0 ? "nothing of ours to write"
                           : "the key may write " + std::to_string(found.names) + " RRsets and guards"};
}

void add_servers(const ZoneFacts& facts, Findings& out) {
  std::size_t same = 0;
  for (const ServerFacts& each : facts.servers) {
    const std::string server = each.server.text();
    const std::string look = "dig @" + each.server.address.text() + " -p " +
                             std::to_string(each.server.port) + " " + facts.zone.text() + " SOA";
    if (each.trouble) {
      out.push_back({Mark::Bad, facts.zone.text(), "servers",
                     server + " does not answer: " + each.trouble->error.what(), look, Cause::Network});
    } else if (!each.serial || !each.authoritative) {
      out.push_back({Mark::Bad, facts.zone.text(), "servers",
                     server + (each.serial ? " answers, but not for the zone itself (no AA)"
                                           : " does not have the zone"),
                     look});
    } else if (facts.serial && *each.serial != *facts.serial) {
      out.push_back({Mark::Note, facts.zone.text(), "servers",
                     server + " has serial " + std::to_string(*each.serial) + ", the primary " +
                         std::to_string(*facts.serial),
                     "dnsupdater wait"});
    } else {
      ++same;
    }
  }
  if (same == facts.servers.size()) {
    out.push_back({Mark::Good, facts.zone.text(), "servers",
                   "all " + std::to_string(same) +
                       (facts.serial ? " have serial " + std::to_string(*facts.serial) : " answer")});
  }
}

bool has(const std::vector<Address>& all, const Address& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

void add_delegation(const ZoneFacts& facts, Findings& out) {
  const std::string zone = facts.zone.text();
  const std::size_t before = out.size();
  std::vector<Address> served;
  for (const ServerFacts& each : facts.servers) {
    served.push_back(each.server.address);
  }
  std::vector<Address> delegated;
  std::vector<std::string> elsewhere;
  for (const NameServer& each : facts.delegated) {
    if (!each.is_known) {
      elsewhere.push_back(each.name.text());
    } else if (each.addresses.empty()) {
      out.push_back({Mark::Bad, zone, "delegation", "NS " + each.name.text() + " has no address",
                     "dnsupdater set " + each.name.text() + " A ADDRESS"});
    }
    for (const Address& address : each.addresses) {
      delegated.push_back(address);
      if (!has(served, address)) {
        out.push_back({Mark::Note, zone, "delegation",
                       "callers ask " + each.name.text() + " (" + address.text() +
                           "), which is not in servers: nobody looks whether it is up to date",
                       "add it to servers of its [[dns.zone]]"});
      }
    }
  }
  for (const ServerFacts& each : facts.servers) {
    if (elsewhere.empty() && !has(delegated, each.server.address)) {
      out.push_back({Mark::Note, zone, "delegation",
                     each.server.text() + " is in servers, but no NS of the zone leads to it",
                     "dig " + zone + " NS"});
    }
  }
  if (facts.delegated.empty()) {
    out.push_back({Mark::Bad, zone, "delegation", "the zone has no NS", "dig " + zone + " NS"});
  }
  for (const NameServer& each : facts.delegated) {
    if (facts.parent &&
        std::find(facts.parent->begin(), facts.parent->end(), each.name) == facts.parent->end()) {
      out.push_back({Mark::Bad, zone, "delegation",
                     "the parent zone does not name " + each.name.text() + ", the zone does",
                     "correct the NS records in the parent zone"});
    }
  }
  if (out.size() == before) {
    out.push_back({Mark::Good, zone, "delegation",
                   elsewhere.empty() ? std::to_string(facts.delegated.size()) + " NS, all of them in servers"
                                     : listed(elsewhere) + " is in no zone of ours: not compared"});
  }
}

}  // namespace

Findings check_zone(const ZoneFacts& facts) {
  Findings out;
  if (facts.trouble) {
    out.push_back(bad(facts.zone, std::string(check_of(facts.trouble->cause)), *facts.trouble));
  } else {
    out.push_back({Mark::Good, facts.zone.text(), "key", "the primary knows it"});
    out.push_back(clock(facts));
    out.push_back(rights(facts));
  }
  add_servers(facts, out);
  if (!facts.trouble) {
    add_delegation(facts, out);
  }
  return out;
}

}  // namespace ha::dns
