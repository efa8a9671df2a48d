// Where a service stands in DNS, and what its names say when a site holds it: from [[dns.record]].
//
// Pure. Not here: who holds it (lease.h), pools. Thread safety: plain functions. Source: docs/dns.md,
// "Takeover".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "dnsupdater/config.h"
#include "dnsupdater/plan.h"
#include "dnsupdater/swap.h"

namespace ha::dns {

// The names of a service in one zone.
struct ServiceZone {
  Name zone;
  Name guard;                  // the epoch copy there; in the lease's zone it is the lease
  std::vector<Expected> sets;  // A and AAAA of each address record, SRV; none: it shall not be there
};
// When `site` holds it. NotFound for a service, or a site, that is not configured; Refused if nobody could
// call the service there: a name would have no address.
[[nodiscard]] Result<std::vector<ServiceZone>> service_sets(const DnsConfig& config, std::string_view service,
                                                            std::string_view site);

struct ServicePlace {
  std::string service;
  Name zone;   // of the lease: [arbiter] zone, without it that of the service's first record
  Name lease;  // its guard
  // Other zones with records of the service, each with an epoch copy.
  struct Copy {
    Name zone;
    Name guard;

    bool operator==(const Copy&) const = default;
  };
  std::vector<Copy> copies;
};
// NotFound for a service that is not configured, Invalid if it has neither [arbiter] zone nor records. With
// an arbiter outside of DNS the copy in the zone of the first record stands for the lease.
[[nodiscard]] Result<ServicePlace> place_of(const DnsConfig& config, std::string_view service);

// Where the lease is not in DNS: every zone with records of the service has an epoch copy. NotFound as above.
[[nodiscard]] Result<std::vector<ServicePlace::Copy>> copies_of(const DnsConfig& config,
                                                                std::string_view service);

// All RRsets of the service in that zone, whoever holds it: what has to be read.
[[nodiscard]] std::vector<SetKey> service_keys(const DnsConfig& config, std::string_view service,
                                               const Name& zone);
// From what was found to what is wanted. A set of a family that the site does not have goes; the name keeps
// the other one.
[[nodiscard]] std::vector<SetChange> service_changes(const ServiceZone& wanted,
                                                     const std::vector<RrSet>& found);
// One sentence for each RRset that is not as wanted.
[[nodiscard]] std::vector<std::string> service_differences(const ServiceZone& wanted,
                                                           const std::vector<RrSet>& found);

}  // namespace ha::dns
