// What cluster.toml and node.toml say of failover: [failover], [pbx], and keys of [[site]] and [[service]].
//
// A FailoverConfig that exists is right: times stand in the relations that the promises need, every site of a
// service can be heard, ports and windows can be read. It has what the replicator and dnsupdater have read
// of the same files, too. Sensors and handlers are read by watch_config.h. Secrets are not read.
// Thread safety: a plain value. Errors: Invalid after every problem was put into ConfigProblems.
// Source: schemas/cluster_schema.h, docs/failover.md, "Time".
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/config.h"
#include "common/base/result.h"
#include "dnsupdater/config.h"
#include "failover/action/guard_rules.h"
#include "failover/action/pbx_control.h"
#include "failover/model/coordinator.h"
#include "failover/watch_config.h"
#include "replicator/config.h"

namespace ha::failover {

struct SiteSettings {
  std::string name;
  std::vector<std::string> heartbeat;  // "tcp://host:port", one for each path
  unsigned capacity = 1;
};

struct ServiceSettings {
  ServiceRules rules;
  std::string zone;  // of the fallback's window; empty: the host's
  Duration max_lag{};
  Duration reregister{};
  Duration ttl{};          // the longest of its names in DNS
  GuardedService guarded;  // its ports
};

enum class PbxKind { Asterisk, FreeSwitch, Other };

struct PbxSettings {
  PbxKind kind = PbxKind::Asterisk;
  PbxConfig control;
  Duration start_within{};
  Duration stop_within{};
  std::vector<std::string> calls;  // command; empty: `address` is asked
  std::string address;             // AMI or event socket; empty: calls are not counted
  std::string user;
  std::filesystem::path secret_file;
};

class FailoverConfig {
 public:
  [[nodiscard]] static Result<FailoverConfig> load(const std::filesystem::path& cluster_file,
                                                   ConfigProblems& problems);
  // Pure.
  [[nodiscard]] static Result<FailoverConfig> parse(const replicator::ConfigTexts& texts,
                                                    ConfigProblems& problems);

  [[nodiscard]] const replicator::Config& cluster() const noexcept { return cluster_; }
  [[nodiscard]] const dns::DnsConfig& dns() const noexcept { return dns_; }
  [[nodiscard]] const Timing& timing() const noexcept { return timing_; }
  [[nodiscard]] bool needs_guard() const noexcept { return needs_guard_; }
  [[nodiscard]] bool survives_local() const noexcept { return survives_local_; }
  [[nodiscard]] const ActionCommand& fence() const noexcept { return fence_; }  // none: there is no fence
  [[nodiscard]] const PbxSettings& pbx() const noexcept { return pbx_; }
  [[nodiscard]] const std::vector<SiteSettings>& sites() const noexcept { return sites_; }
  [[nodiscard]] const std::vector<ServiceSettings>& services() const noexcept { return services_; }
  [[nodiscard]] const SiteSettings& self() const;
  [[nodiscard]] const ServiceSettings* service(std::string_view name) const;
  // Sensors and handlers of this site.
  [[nodiscard]] const WatchConfig& watch() const noexcept { return watch_; }

  // What the coordinator's core needs.
  [[nodiscard]] const SiteRules& rules() const noexcept { return rules_; }
  // Where to listen, in the order of self().heartbeat: tcp://LISTEN:PORT, or each path's own address when
  // several share a port.
  [[nodiscard]] std::vector<std::string> listen_endpoints() const;

 private:
  friend class FailoverConfigBuilder;
  FailoverConfig(replicator::Config cluster, dns::DnsConfig dns)
      : cluster_(std::move(cluster)), dns_(std::move(dns)) {}

  replicator::Config cluster_;
  dns::DnsConfig dns_;
  WatchConfig watch_;
  Timing timing_;
  bool needs_guard_ = true;
  bool survives_local_ = false;
  ActionCommand fence_;
  PbxSettings pbx_;
  std::vector<SiteSettings> sites_;
  std::vector<ServiceSettings> services_;
  std::string listen_;
  SiteRules rules_;
};

}  // namespace ha::failover
