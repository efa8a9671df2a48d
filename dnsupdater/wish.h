// What operators and configuration want of DNS, as operations: what is there becomes what shall be.
//
// Pure: what was read goes in. Every operation here is refused rather than made wrong; nothing is sent by it.
// Thread safety: plain functions. Source: docs/dns.md, "Maintenance" and "The record".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dnsupdater/config.h"
#include "dnsupdater/operation.h"

namespace ha::dns {

// The guard that a name changes with: of its service, of its pool, or its own.
struct Guarded {
  Name zone;
  GuardMove guard;
  bool of_service = false;
};
// NotFound if the name is in no zone that is configured.
[[nodiscard]] Result<Guarded> guard_of(const DnsConfig& config, const Name& name);

// `set`: the whole RRset becomes this. `add_only` false. Refused for guards, for the zone's own NS and SOA,
// for the name of a pool (its guard says what is in it), and for a TTL of 0.
[[nodiscard]] Result<Operation> set_operation(const DnsConfig& config, const Name& name, RrType type,
                                              std::uint32_t ttl_s, std::vector<Rdata> rdata,
                                              const std::vector<RrSet>& found, std::string id);
// The site other than `owner` that one of these addresses belongs to; none: no such.
[[nodiscard]] std::optional<std::string> leads_away(const DnsConfig& config, std::string_view owner,
                                                    const std::vector<Rdata>& rdata);
// `delete`: the RRset, or one rdata of it. NotFound if it is not there.
[[nodiscard]] Result<Operation> delete_operation(const DnsConfig& config, const Name& name, RrType type,
                                                 const std::optional<Rdata>& rdata,
                                                 const std::vector<RrSet>& found, std::string id);

// What a swap of a site's addresses has to look at: address records, pools and their guards.
[[nodiscard]] std::vector<SetKey> site_keys(const DnsConfig& config, const Name& zone);

enum class Going {
  Either,  // `swap`: whatever is in service goes
  Away,    // `maintenance start`: Refused if it has gone already
  Back,    // `maintenance stop`: Refused if it is back
};
struct MaintenanceOptions {
  Going going = Going::Either;
  bool swap_only = false;  // `swap`: the addresses, and nothing before or after
  std::uint32_t low_ttl_s = 5;
  Duration verify = std::chrono::minutes(1);
  std::vector<std::string> drain_command = {};
  Duration drain = Duration::zero();  // zero and no command: no drain
};
// `found` by zone is all of site_keys(). NotFound for a site without names in DNS. A site without maintenance
// addresses is taken out of its pools and brought back; Refused where that cannot be, or leaves one empty.
struct FoundZone {
  Name zone;
  std::vector<RrSet> sets;
};
// With maintenance addresses: names that lead to the site's public_ip lead to its maintenance_ip, and the
// other way round: doing it twice brings back what was.
[[nodiscard]] Result<Operation> maintenance_operation(const DnsConfig& config, const std::string& site,
                                                      const std::vector<FoundZone>& found,
                                                      const MaintenanceOptions& options, std::string what,
                                                      std::string id);

}  // namespace ha::dns
