// What cluster.toml says about DNS: zones, the names of services and pools, the addresses of sites.
//
// A DnsConfig that exists is right: names lie in a zone that is configured, references lead somewhere, each
// site that may be led to has an address. Secrets are not read here and no name is looked up.
// Thread safety: a plain value. Errors: Invalid after every problem was put into ConfigProblems.
// Source: schemas/cluster_schema.h, docs/dns.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/config.h"
#include "common/base/result.h"
#include "dnsupdater/address.h"
#include "dnsupdater/config_arbiter.h"
#include "dnsupdater/endpoint.h"
#include "dnsupdater/rrset.h"

namespace ha::dns {

inline constexpr std::size_t kZonesMax = 64;
inline constexpr std::size_t kEndpointsMax = 16;      // of a zone, of each kind
inline constexpr std::size_t kSiteAddressesMax = 16;  // of a site, of each kind
inline constexpr std::uint32_t kTtlWarnS = 60;

struct ZoneConfig {
  Name name;
  std::vector<Endpoint> primary;  // addresses of one server, by preference
  std::vector<Endpoint> servers;  // that answer callers
  std::filesystem::path key_file;
  ConfigPlace place;
};

struct SiteAddresses {
  std::string site;
  std::vector<Address> service;      // as configured; a swap may have changed parts: maintenance.h
  std::vector<Address> maintenance;  // none, or one for each of `service`, of its family
  std::optional<Name> public_name = std::nullopt;       // leads to whatever is in service; target of SRV
  std::optional<Name> maintenance_name = std::nullopt;  // leads to the other ones
  std::vector<Address> hosts = {};  // where its replicator listens, as far as these are no names
};

struct ServiceConfig {
  std::string name;
  std::vector<std::string> sites;  // eligible, by preference
};

enum class RecordKind { Address, Srv };
struct RecordConfig {
  std::string service;
  Name name;
  Name zone;
  RecordKind kind = RecordKind::Address;
  std::uint32_t ttl_s = 0;
  std::uint16_t port = 0;                     // of Srv
  std::optional<Name> target = std::nullopt;  // of Srv: there always
  ConfigPlace place = {};
};

struct PoolConfig {
  Name name;
  Name zone;
  std::vector<std::string> services;
  std::uint32_t ttl_s = 0;
  std::uint16_t weight = 0;
  std::optional<Name> srv = std::nullopt;  // in the same zone; leads to the public_name of sites
  std::uint16_t port = 0;                  // of it
  ConfigPlace place = {};
};

struct DnsTexts {
  std::filesystem::path cluster_file;
  std::string cluster;
  std::filesystem::path node_file;
  std::string node;
  std::string host_name;  // the site when node.toml does not say
};

class DnsConfig {
 public:
  // Pure.
  [[nodiscard]] static Result<DnsConfig> parse(const DnsTexts& texts, ConfigProblems& problems);
  // node.toml is looked for beside cluster.toml; without it all is default.
  [[nodiscard]] static Result<DnsConfig> load(const std::filesystem::path& cluster_file,
                                              ConfigProblems& problems);

  [[nodiscard]] const std::string& self() const noexcept { return self_; }
  [[nodiscard]] const std::filesystem::path& state_dir() const noexcept { return state_dir_; }
  [[nodiscard]] Duration timeout() const noexcept { return timeout_; }
  [[nodiscard]] const std::vector<ZoneConfig>& zones() const noexcept { return zones_; }
  [[nodiscard]] const std::vector<SiteAddresses>& sites() const noexcept { return sites_; }
  [[nodiscard]] const std::vector<ServiceConfig>& services() const noexcept { return services_; }
  [[nodiscard]] const std::vector<RecordConfig>& records() const noexcept { return records_; }
  [[nodiscard]] const std::vector<PoolConfig>& pools() const noexcept { return pools_; }
  [[nodiscard]] const ArbiterConfig& arbiter() const noexcept { return arbiter_; }
  // The zone of the leases; none: each service's own, or they are not in DNS at all.
  [[nodiscard]] const std::optional<Name>& lease_zone() const noexcept { return lease_zone_; }

  // The zone that `name` is in, the deepest of several; null: none that is configured.
  [[nodiscard]] const ZoneConfig* zone_of(const Name& name) const;
  [[nodiscard]] const SiteAddresses* site(std::string_view name) const;
  [[nodiscard]] const ServiceConfig* service(std::string_view name) const;

 private:
  friend class DnsConfigBuilder;
  DnsConfig() = default;

  std::string self_;
  std::filesystem::path state_dir_;
  Duration timeout_{};
  std::vector<ZoneConfig> zones_;
  std::vector<SiteAddresses> sites_;
  std::vector<ServiceConfig> services_;
  std::vector<RecordConfig> records_;
  std::vector<PoolConfig> pools_;
  ArbiterConfig arbiter_;
  std::optional<Name> lease_zone_;
};

}  // namespace ha::dns
