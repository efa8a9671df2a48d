#include "dnsupdater/config.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "common/base/suggest.h"
#include "common/sys/process.h"
#include "common/sys/replace.h"
#include "dnsupdater/record.h"
#include "schemas/cluster_schema.h"

namespace ha::dns {
namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;

template <typename T, typename Key>
const T* find_by(const std::vector<T>& all, std::string_view wanted, const Key& key) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const T& each) { return key(each) == wanted; });
  return found == all.end() ? nullptr : &*found;
}

std::uint32_t seconds(Duration span) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(span).count());
}

}  // namespace

class DnsConfigBuilder {
 public:
  DnsConfigBuilder(const DnsTexts& texts, ConfigProblems& problems)
      : texts_(texts),
        problems_(problems),
        cluster_(
            ConfigDocument::load(texts.cluster_file.string(), texts.cluster, cluster_schema(), problems)),
        node_(ConfigDocument::load(texts.node_file.string(), texts.node, node_schema(), problems)) {}

  Result<DnsConfig> build() {
    const ConfigSection& node = node_.section("");
    config_.self_ = node.has("site") ? node.text("site") : texts_.host_name;
    config_.state_dir_ = node.text("state_dir");
    config_.timeout_ = cluster_.section("dns").duration("timeout");
    for (const ConfigSection& section : cluster_.sections("dns.zone")) {
      add_zone(section);
    }
    for (const ConfigSection& section : cluster_.sections("site")) {
      add_site(section);
    }
    for (const ConfigSection& section : cluster_.sections("service")) {
      config_.services_.push_back({section.text("name"), section.list("sites")});
    }
    add_arbiter();
    for (const ConfigSection& section : cluster_.sections("dns.record")) {
      add_record(section);
    }
    check_targets();
    for (const ConfigSection& section : cluster_.sections("dns.pool")) {
      add_pool(section);
    }
    if (problems_.errors() > 0) {
      return Error(Code::Invalid, "the configuration is not right", "hareplicate config check");
    }
    return std::move(config_);
  }

 private:
  void error(const ConfigSection& section, std::string_view key, const std::string& about,
             const std::string& what) {
    problems_.error(section.place(key), about + ": " + what);
  }

  std::optional<Name> name_in(const ConfigSection& section, std::string_view key, const std::string& about) {
    auto name = Name::parse(section.text(key));
    if (!name.ok()) {
      if (!section.text(key).empty()) {
        error(section, key, about, name.error().what());
      }
      return std::nullopt;
    }
    return std::move(name).value();
  }

  std::vector<Endpoint> endpoints_in(const ConfigSection& section, std::string_view key,
                                     const std::string& about) {
    std::vector<Endpoint> out;
    for (const std::string& text : section.list(key)) {
      auto endpoint = Endpoint::parse(text);
      if (!endpoint.ok()) {
        error(section, key, about,
              std::string(key) + ": " + endpoint.error().what() + " — " + endpoint.error().hint());
      } else if (std::find(out.begin(), out.end(), *endpoint) != out.end()) {
        error(section, key, about, std::string(key) + " has " + endpoint->text() + " twice");
      } else {
        out.push_back(std::move(endpoint).value());
      }
    }
    if (out.size() > kEndpointsMax) {
      error(section, key, about, std::string(key) + " has more than " + std::to_string(kEndpointsMax));
    }
    return out;
  }

  void add_zone(const ConfigSection& section) {
    const std::string about = "dns.zone " + in_quotes(section.text("name"));
    const auto name = name_in(section, "name", about);
    if (!name) {
      return;
    }
    ZoneConfig zone{*name, endpoints_in(section, "primary", about), endpoints_in(section, "servers", about),
                    (texts_.node_file.parent_path() / section.text("key_file")).lexically_normal(),
                    section.place()};
    if (section.has("primary") && section.list("primary").empty()) {
      error(section, "primary", about, "primary is empty — the server where the zone is written");
    }
    if (zone.servers.empty()) {
      zone.servers = zone.primary;
    }
    for (const ZoneConfig& other : config_.zones_) {
      if (other.name == zone.name) {
        error(section, "name", about, "is there twice, first at " + other.place.text());
      }
    }
    if (config_.zones_.size() == kZonesMax) {
      error(section, "name", about, "is one more than the " + std::to_string(kZonesMax) + " that may be");
      return;
    }
    config_.zones_.push_back(std::move(zone));
  }

  std::vector<Address> addresses_in(const ConfigSection& section, std::string_view key,
                                    const std::string& about) {
    std::vector<Address> out;
    for (const std::string& text : section.list(key)) {
      auto address = Address::parse(text);
      if (!address.ok()) {
        error(section, key, about, std::string(key) + ": " + address.error().what());
        continue;
      }
      const auto [other, is_new] = addresses_.emplace(address->text(), about);
      if (!is_new) {
        error(section, key, about,
              std::string(key) + ": " + address->text() + " is there twice, first in " + other->second);
      }
      out.push_back(*address);
    }
    if (out.size() > kSiteAddressesMax) {
      error(section, key, about, std::string(key) + " has more than " + std::to_string(kSiteAddressesMax));
    }
    return out;
  }

  // "tcp://192.0.2.1:7400" and "tcp://[2001:db8::1]:7400".
  static std::vector<Address> hosts_in(const ConfigSection& section) {
    std::vector<Address> out;
    for (const std::string& text : section.list("address")) {
      const std::size_t scheme = text.find("://");
      auto host = Endpoint::parse(scheme == std::string::npos ? text : text.substr(scheme + 3));
      if (host.ok()) {
        out.push_back(host->address);
      }
    }
    return out;
  }

  void add_site(const ConfigSection& section) {
    const std::string about = "site " + in_quotes(section.text("name"));
    SiteAddresses site{section.text("name"), addresses_in(section, "public_ip", about),
                       addresses_in(section, "maintenance_ip", about)};
    bool paired = site.maintenance.empty() || site.maintenance.size() == site.service.size();
    for (std::size_t i = 0; paired && i < site.maintenance.size(); ++i) {
      paired = site.maintenance[i].is_v6() == site.service[i].is_v6();
    }
    if (!paired) {
      error(section, "maintenance_ip", about,
            "maintenance_ip has to have one address for each of public_ip, IPv4 for IPv4");
    }
    site.public_name = site_name(section, "public_name", about);
    site.maintenance_name = site_name(section, "maintenance_name", about);
    site.hosts = hosts_in(section);
    config_.sites_.push_back(std::move(site));
  }

  // A name that leads to one site; it changes with a guard of its own, so nothing else may have it.
  std::optional<Name> site_name(const ConfigSection& section, std::string_view key,
                                const std::string& about) {
    auto name = section.text(key).empty() ? std::nullopt : name_in(section, key, about);
    if (!name) {
      return std::nullopt;
    }
    const std::string what = std::string(key) + " ";
    const ZoneConfig* zone = config_.zone_of(*name);
    if (zone == nullptr) {
      error(section, key, about, what + "is in no [[dns.zone]]");
    } else if (*name == zone->name) {
      error(section, key, about, what + "is the zone itself");
    } else if (is_guard_name(*name)) {
      error(section, key, about, what + "begins with _ha: such names are ours");
    } else {
      take_name(section, key, *name, about, what);
    }
    return name;
  }

  // `what`: which name of `about` it is; said before what is wrong with it.
  void take_name(const ConfigSection& section, std::string_view key, const Name& name,
                 const std::string& about, const std::string& what = "") {
    const auto [other, is_new] = names_.emplace(name.text(), Owner{about, section.place(key)});
    if (!is_new) {
      error(section, key, about,
            what + "is a name of " + other->second.about + " too, at " + other->second.place.text());
    }
  }

  void add_arbiter() {
    const ConfigSection& section = cluster_.section("arbiter");
    config_.arbiter_ = read_arbiter(section, cluster_.section("cluster").text("id"),
                                    texts_.node_file.parent_path(), problems_);
    if (section.text("zone").empty() || config_.arbiter_.kind != ArbiterKind::Dns) {
      return;
    }
    config_.lease_zone_ = name_in(section, "zone", "arbiter");
    const bool known = config_.lease_zone_ &&
                       std::any_of(config_.zones_.begin(), config_.zones_.end(),
                                   [&](const auto& each) { return each.name == *config_.lease_zone_; });
    if (config_.lease_zone_ && !known) {
      error(section, "zone", "arbiter", in_quotes(section.text("zone")) + " is no [[dns.zone]]");
    }
  }

  // A name that callers ask for; its zone.
  std::optional<Name> zone_for(const ConfigSection& section, const Name& name, const std::string& about) {
    const ZoneConfig* zone = config_.zone_of(name);
    if (zone == nullptr) {
      error(section, "name", about, "is in no [[dns.zone]]");
      return std::nullopt;
    }
    if (is_guard_name(name) || name == zone->name) {
      error(section, "name", about,
            is_guard_name(name) ? "names that begin with _ha are ours" : "is the zone itself");
      return std::nullopt;
    }
    return zone->name;
  }

  void check_ttl(const ConfigSection& section, std::uint32_t ttl_s, const std::string& about) {
    if (ttl_s > kTtlWarnS) {
      problems_.warning(section.place("ttl"),
                        about + ": ttl is over " + std::to_string(kTtlWarnS) +
                            "s: phones keep the old address that long after a takeover");
    }
  }

  void check_service(const ConfigSection& section, std::string_view key, const std::string& service,
                     const std::string& about) {
    const ServiceConfig* known = config_.service(service);
    if (known == nullptr) {
      std::vector<std::string> names;
      for (const ServiceConfig& each : config_.services_) {
        names.push_back(each.name);
      }
      error(section, key, about, "no service is called " + in_quotes(service) + did_you_mean(service, names));
      return;
    }
    for (const std::string& name : known->sites) {
      const SiteAddresses* site = config_.site(name);
      if (site != nullptr && site->service.empty()) {
        error(section, key, about,
              "site " + in_quotes(name) + " may hold " + service + ", but has no public_ip");
      }
    }
  }

  void add_record(const ConfigSection& section) {
    const std::string about = "dns.record " + in_quotes(section.text("name"));
    const auto name = name_in(section, "name", about);
    const auto zone = name ? zone_for(section, *name, about) : std::nullopt;
    if (!zone) {
      return;
    }
    RecordConfig record{section.text("service"), *name, *zone};
    record.kind = section.text("type") == "SRV" ? RecordKind::Srv : RecordKind::Address;
    record.ttl_s = seconds(section.duration("ttl"));
    record.port = static_cast<std::uint16_t>(section.integer("port"));
    record.target = section.text("target").empty() ? std::nullopt : name_in(section, "target", about);
    record.place = section.place();
    check_ttl(section, record.ttl_s, about);
    if (!record.service.empty()) {
      check_service(section, "service", record.service, about);
    }
    if (record.kind == RecordKind::Address && record.target) {
      error(section, "target", about, "only SRV has a target");
    }
    const RecordConfig* same = nullptr;
    for (const RecordConfig& other : config_.records_) {
      if (other.name == record.name && (same == nullptr || other.kind == record.kind)) {
        same = &other;
      }
    }
    if (same == nullptr) {
      take_name(section, "name", *name, about);
    } else if (same->kind == record.kind) {
      error(section, "name", about, "is there twice, first at " + same->place.text());
    } else if (same->service != record.service) {  // it changes with the guard of one service
      error(section, "service", about,
            "is a name of service " + in_quotes(same->service) + " already, at " + same->place.text());
    }
    config_.records_.push_back(std::move(record));
  }

  // SRV leads to the address record of its service.
  void check_targets() {
    for (RecordConfig& record : config_.records_) {
      std::vector<Name> names;
      for (const RecordConfig& other : config_.records_) {
        if (other.kind == RecordKind::Address && other.service == record.service) {
          names.push_back(other.name);
        }
      }
      if (record.kind != RecordKind::Srv) {
        continue;
      }
      const std::string about = "dns.record " + in_quotes(record.name.text()) + ": ";
      if (!record.target && names.size() == 1) {
        record.target = names[0];
      } else if (!record.target) {
        problems_.error(record.place, about + (names.empty() ? "service " + in_quotes(record.service) +
                                                                   " has no [[dns.record]] of type address"
                                                             : "target is missing: there are several names"));
      } else if (std::find(names.begin(), names.end(), *record.target) == names.end()) {
        problems_.error(record.place, about + "target " + in_quotes(record.target->text()) +
                                          " is no address record of service " + in_quotes(record.service));
      }
    }
  }

  // It changes in one message with the pool, and leads to a name of each site.
  void check_srv(const ConfigSection& section, const PoolConfig& pool, const std::string& about) {
    const ZoneConfig* zone = config_.zone_of(*pool.srv);
    if (zone == nullptr || zone->name != pool.zone) {
      error(section, "srv", about, "srv is not in the zone of the pool, " + pool.zone.text());
      return;
    }
    if (*pool.srv == zone->name || is_guard_name(*pool.srv)) {
      error(section, "srv", about, "srv is the zone itself, or begins with _ha");
      return;
    }
    take_name(section, "srv", *pool.srv, about, "srv ");
    std::set<std::string> missing;
    for (const std::string& name : pool.services) {
      const ServiceConfig* service = config_.service(name);
      for (const std::string& each : service != nullptr ? service->sites : std::vector<std::string>()) {
        const SiteAddresses* site = config_.site(each);
        if (site != nullptr && !site->public_name) {
          missing.insert(each);
        }
      }
    }
    for (const std::string& each : missing) {
      error(section, "srv", about, "site " + in_quotes(each) + " has no public_name that srv could lead to");
    }
  }

  void add_pool(const ConfigSection& section) {
    const std::string about = "dns.pool " + in_quotes(section.text("name"));
    const auto name = name_in(section, "name", about);
    const auto zone = name ? zone_for(section, *name, about) : std::nullopt;
    if (!zone) {
      return;
    }
    PoolConfig pool{*name, *zone, section.list("services")};
    pool.ttl_s = seconds(section.duration("ttl"));
    pool.weight = static_cast<std::uint16_t>(section.integer("weight"));
    pool.place = section.place();
    check_ttl(section, pool.ttl_s, about);
    if (pool.services == std::vector<std::string>{"*"}) {
      pool.services.clear();
      for (const ServiceConfig& each : config_.services_) {
        pool.services.push_back(each.name);
      }
    }
    if (pool.services.empty()) {
      error(section, "services", about, "services is empty");
    }
    for (const std::string& service : pool.services) {
      check_service(section, "services", service, about);
    }
    take_name(section, "name", *name, about);
    pool.srv = section.text("srv").empty() ? std::nullopt : name_in(section, "srv", about);
    pool.port = static_cast<std::uint16_t>(section.integer("port"));
    if (pool.srv) {
      check_srv(section, pool, about);
    }
    config_.pools_.push_back(std::move(pool));
  }

  const DnsTexts& texts_;
  ConfigProblems& problems_;
  ConfigDocument cluster_;
  ConfigDocument node_;
  DnsConfig config_;
  std::map<std::string, std::string> addresses_;  // whose it is
  struct Owner {
    std::string about;
    ConfigPlace place;
  };
  std::map<std::string, Owner> names_;  // that are led somewhere
};

Result<DnsConfig> DnsConfig::parse(const DnsTexts& texts, ConfigProblems& problems) {
  return DnsConfigBuilder(texts, problems).build();
}

Result<DnsConfig> DnsConfig::load(const std::filesystem::path& cluster_file, ConfigProblems& problems) {
  DnsTexts texts;
  texts.cluster_file = cluster_file;
  texts.node_file = cluster_file.parent_path() / "node.toml";
  texts.host_name = sys::short_host_name();
  auto cluster = sys::read_kept(cluster_file.string(), kFileBytesMax);
  if (!cluster.ok()) {
    return Error(cluster.error().code() == Code::NotFound ? Code::Invalid : cluster.error().code(),
                 cluster.error().what(), "hareplicate init writes one; another file: --config FILE");
  }
  texts.cluster = std::move(cluster).value();
  auto node = sys::read_kept(texts.node_file.string(), kFileBytesMax);
  if (!node.ok() && node.error().code() != Code::NotFound) {
    return std::move(node).error();
  }
  texts.node = node.ok() ? std::move(node).value() : std::string();
  return parse(texts, problems);
}

const ZoneConfig* DnsConfig::zone_of(const Name& name) const {
  const ZoneConfig* best = nullptr;
  for (const ZoneConfig& zone : zones_) {
    if (name.is_in(zone.name) && (best == nullptr || zone.name.is_in(best->name))) {
      best = &zone;
    }
  }
  return best;
}

const SiteAddresses* DnsConfig::site(std::string_view name) const {
  return find_by(sites_, name, [](const SiteAddresses& each) { return std::string_view(each.site); });
}

const ServiceConfig* DnsConfig::service(std::string_view name) const {
  return find_by(services_, name, [](const ServiceConfig& each) { return std::string_view(each.name); });
}

}  // namespace ha::dns
