#include "failover/config.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "common/base/units.h"
#include "common/sys/process.h"
#include "common/sys/replace.h"
#include "failover/zone_time.h"
#include "replicator/config_digest.h"
#include "replicator/config_pace.h"
#include "replicator/config_parts.h"
#include "schemas/cluster_schema.h"

namespace ha::failover {
namespace {

constexpr std::size_t kPathsMax = 8;
constexpr int kMinutesOfAnHour = 60;
constexpr int kHoursOfADay = 24;
// Of a PBX that is stopped by its command; what does not end is killed within a moment more.
constexpr Duration kKillGrace = std::chrono::seconds(1);

std::string shown(const Error& error) {
  return error.what() + (error.hint().empty() ? "" : " — " + error.hint());
}

std::optional<int> number_of(std::string_view text, int max) {
  int out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  const bool good = error == std::errc{} && end == text.data() + text.size() && out >= 0 && out <= max;
  return good ? std::optional(out) : std::nullopt;
}

// "02:00", "24:00" of the end.
std::optional<int> minute_in(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const auto hour = number_of(text.substr(0, colon), kHoursOfADay);
  const auto minute = number_of(text.substr(colon + 1), kMinutesOfAnHour - 1);
  if (!hour || !minute || (*hour == kHoursOfADay && *minute != 0)) {
    return std::nullopt;
  }
  return (*hour * kMinutesOfAnHour + *minute) % (kHoursOfADay * kMinutesOfAnHour);
}

// "udp/5060", "tcp/5060-5061".
Status add_port(std::string_view text, GuardedService& out) {
  const std::size_t slash = text.find('/');
  const std::string_view protocol = text.substr(0, slash);
  const std::string_view range = slash == std::string_view::npos ? "" : text.substr(slash + 1);
  const std::size_t dash = range.find('-');
  constexpr int kPortMax = 65535;
  const auto first = number_of(range.substr(0, dash), kPortMax);
  const auto last = dash == std::string_view::npos ? first : number_of(range.substr(dash + 1), kPortMax);
  if ((protocol != "udp" && protocol != "tcp") || !first || !last || *first == 0 || *last < *first) {
    return Error(Code::Invalid, in_quotes(text) + " is no port", "as \"udp/5060\" or \"tcp/5060-5061\"");
  }
  (protocol == "udp" ? out.udp : out.tcp)
      .push_back({static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)});
  return ok();
}

// Of "tcp://host:port".
std::string host_of(const std::string& address) {
  constexpr std::string_view kScheme = "tcp://";
  const std::size_t colon = address.rfind(':');
  return address.substr(kScheme.size(), colon - kScheme.size());
}

Result<dns::DnsConfig> read_dns(const replicator::ConfigTexts& texts, ConfigProblems& problems) {
  return dns::DnsConfig::parse(
      {texts.cluster_file, texts.cluster, texts.node_file, texts.node.value_or(""), texts.host_name},
      problems);
}

}  // namespace

class FailoverConfigBuilder {
 public:
  FailoverConfigBuilder(const replicator::ConfigTexts& texts, FailoverConfig& config,
                        ConfigProblems& problems)
      : config_(config),
        problems_(problems),
        cluster_(ConfigDocument::load(texts.cluster_file.string(), texts.cluster, cluster_schema(), known_)),
        node_(ConfigDocument::load(texts.node_file.string(), texts.node.value_or(""), node_schema(), known_)),
        folder_(texts.node_file.parent_path()) {}

  Status build() {
    if (cluster_.section("failover").place().line == 0) {
      problems_.error({cluster_.file(), 0, 0},
                      "there is no [failover]: the coordinator has nothing to do — write [failover], and "
                      "[arbiter] with who decides; docs/failover.md");
    }
    config_.listen_ = node_.section("").text("listen");
    read_pbx();
    read_times();
    for (const ConfigSection& section : cluster_.sections("site")) {
      add_site(section);
    }
    for (const ConfigSection& section : cluster_.sections("service")) {
      add_service(section);
    }
    check_paths();
    config_.rules_ = rules();
    config_.watch_ = read_watch(
        cluster_, {config_.cluster_.self().name, folder_, config_.cluster_.state_dir()}, problems_);
    if (problems_.errors() > 0) {
      return Error(Code::Invalid, "the configuration is not right", "failover config check");
    }
    return ok();
  }

 private:
  void error(const ConfigSection& section, std::string_view key, const std::string& text) {
    problems_.error(section.place(key), text);
  }

  // Empty: the key is not there.
  std::vector<std::string> command_in(const ConfigSection& section, std::string_view key,
                                      const std::string& otherwise = "") {
    const std::string text = section.has(key) ? section.text(key) : otherwise;
    if (text.empty()) {
      return {};
    }
    auto words = replicator::parse_command(text);
    if (!words.ok()) {
      error(section, key, std::string(key) + ": " + shown(words.error()));
      return {};
    }
    return std::move(words).value();
  }

  ActionCommand action_in(const ConfigSection& section, std::string_view key, Duration limit,
                          const std::string& otherwise = "") {
    ActionCommand out;
    out.argv = command_in(section, key, otherwise);
    out.limit = limit;
    if (out.empty()) {
      return out;
    }
    if (const Status good = check_action(out); !good.ok()) {
      error(section, key, std::string(key) + ": " + shown(good.error()));
    }
    return out;
  }

  void read_pbx() {
    const ConfigSection& section = cluster_.section("pbx");
    PbxSettings& pbx = config_.pbx_;
    const std::string kind = section.text("kind");
    pbx.kind = kind == "freeswitch" ? PbxKind::FreeSwitch
               : kind == "other"    ? PbxKind::Other
                                    : PbxKind::Asterisk;
    pbx.start_within = section.duration("start_within");
    pbx.stop_within = section.duration("stop_within");
    const bool other = pbx.kind == PbxKind::Other;
    const std::string unit = other ? "" : "/usr/bin/systemctl ";
    pbx.control.start = action_in(section, "start", pbx.start_within, other ? "" : unit + "start " + kind);
    pbx.control.stop = action_in(section, "stop", pbx.stop_within, other ? "" : unit + "stop " + kind);
    pbx.control.restart = action_in(section, "restart", pbx.start_within + pbx.stop_within);
    pbx.control.status = action_in(section, "status", pbx.stop_within);
    pbx.control.process = section.has("process")            ? section.text("process")
                          : other || section.has("pidfile") ? ""
                                                            : kind;
    pbx.control.pidfile = section.text("pidfile");
    pbx.control.kill = section.flag("kill") && !(pbx.control.process.empty() && pbx.control.pidfile.empty());
    pbx.calls = command_in(section, "calls");
    pbx.address = section.text("address");
    pbx.user = section.text("user");
    pbx.secret_file = (folder_ / section.text("secret_file")).lexically_normal();
    if (problems_.errors() == 0) {
      if (const Status good = check_pbx(pbx.control); !good.ok()) {
        problems_.error(section.place(), "pbx: " + shown(good.error()));
      }
    }
  }

  void read_times() {
    const ConfigSection& section = cluster_.section("failover");
    Timing& timing = config_.timing_;
    timing.heartbeat = section.duration("heartbeat");
    timing.misses = static_cast<unsigned>(section.integer("misses"));
    timing.lease = section.duration("lease");
    constexpr int kRenewals = 5;
    timing.renew = section.has("renew") ? section.duration("renew") : timing.lease / kRenewals;
    timing.stop_before = section.duration("stop_before");
    timing.stagger = section.duration("stagger");
    config_.needs_guard_ = section.text("guard") != "off";
    config_.survives_local_ = section.text("on_isolation") == "survive_local";
    // The kernel cuts callers off at the end of the lease; without it the PBX has to be gone by then.
    const Duration stop = config_.needs_guard_ ? Duration{} : config_.pbx_.stop_within + kKillGrace;
    if (const Status good = check(timing, stop); !good.ok()) {
      const auto first = good.error().what().substr(0, good.error().what().find(' '));
      const bool known = first == "renew" || first == "stop_before" || first == "lease";
      problems_.error(known ? section.place(first) : section.place(), "failover: " + shown(good.error()));
    }
    config_.fence_ = action_in(section, "fence", section.duration("fence_within"));
  }

  void add_site(const ConfigSection& section) {
    const std::string about = "site " + in_quotes(section.text("name")) + ": ";
    SiteSettings site{section.text("name"), section.list("heartbeat"),
                      static_cast<unsigned>(section.integer("capacity"))};
    for (const std::string& address : site.heartbeat) {
      if (const Status good = replicator::check_address(address); !good.ok()) {
        error(section, "heartbeat", about + "heartbeat: " + shown(good.error()));
      } else if (!addresses_.insert(address).second) {
        error(section, "heartbeat", about + "heartbeat " + in_quotes(address) + " is there twice");
      }
      const std::vector<std::string> replication = section.list("address");
      if (std::find(replication.begin(), replication.end(), address) != replication.end()) {
        error(section, "heartbeat",
              about + "heartbeat " + in_quotes(address) +
                  " is the replicator's address — give it a port of its own");
      }
    }
    if (site.heartbeat.size() > kPathsMax) {
      error(section, "heartbeat", about + "heartbeat has more than " + std::to_string(kPathsMax));
    }
    config_.sites_.push_back(std::move(site));
  }

  Fallback fallback_in(const ConfigSection& section, const std::string& about) {
    Fallback out;
    const std::string when = section.text("fallback");
    out.when = when == "always"      ? Fallback::When::Always
               : when == "when-idle" ? Fallback::When::WhenIdle
                                     : Fallback::When::Never;
    out.stable_for = section.duration("fallback_after");
    const std::string window = section.text("fallback_window");
    const std::size_t dash = window.find('-');
    const auto from = minute_in(std::string_view(window).substr(0, dash));
    const auto to =
        dash == std::string::npos ? std::nullopt : minute_in(std::string_view(window).substr(dash + 1));
    if (!window.empty() && (!from || !to)) {
      error(section, "fallback_window",
            about + "fallback_window = " + in_quotes(window) + " — as \"02:00-05:00\"");
    }
    out.from_minute = from.value_or(0);
    out.to_minute = to.value_or(0);
    return out;
  }

  void add_service(const ConfigSection& section) {
    const std::string about = "service " + in_quotes(section.text("name")) + ": ";
    ServiceSettings service;
    service.rules.name = section.text("name");
    service.rules.sites = section.list("sites");
    service.rules.mode = section.text("takeover") == "fast" ? Mode::Fast : Mode::Lease;
    service.rules.fallback = fallback_in(section, about);
    service.zone = section.text("fallback_zone");
    if (const auto minute = minute_of_day({}, service.zone); !minute.ok()) {
      error(section, "fallback_zone", about + shown(minute.error()));
    }
    service.max_lag = section.duration("max_lag");
    service.reregister = section.duration("reregister");
    for (const dns::RecordConfig& record : config_.dns_.records()) {
      if (record.service == service.rules.name) {
        service.ttl = std::max<Duration>(service.ttl, std::chrono::seconds(record.ttl_s));
      }
    }
    service.guarded.name = service.rules.name;
    const std::vector<std::string> ports = section.list("ports");
    for (const std::string& port :
         ports.empty() ? std::vector<std::string>{"udp/5060", "tcp/5060-5061"} : ports) {
      if (const Status good = add_port(port, service.guarded); !good.ok()) {
        error(section, "ports", about + "ports: " + shown(good.error()));
      }
    }
    for (const ConfigSection& site : cluster_.sections("site")) {
      if (site.text("name") == config_.cluster_.self().name) {
        service.guarded.local_networks = site.list("local_networks");
      }
    }
    if (const Status good = check_guarded(service.guarded); !good.ok()) {
      problems_.error(section.place(), about + shown(good.error()));
    }
    config_.services_.push_back(std::move(service));
  }

  SiteRules rules() const {
    SiteRules out;
    out.self = config_.cluster_.self().name;
    out.timing = config_.timing_;
    std::size_t own_paths = 0;
    for (const SiteSettings& site : config_.sites_) {
      if (site.name == out.self) {
        own_paths = site.heartbeat.size();
        out.capacity = site.capacity;
      }
    }
    for (const SiteSettings& site : config_.sites_) {
      if (site.name != out.self && !site.heartbeat.empty()) {
        out.paths[site.name] = static_cast<unsigned>(own_paths);
      }
    }
    for (const ServiceSettings& service : config_.services_) {
      out.services.push_back(service.rules);
    }
    out.config = replicator::config_digest_of(config_.cluster_);
    return out;
  }

  // Who may hold something has to be heard.
  void check_paths() {
    for (const ServiceSettings& service : config_.services_) {
      for (const std::string& name : service.rules.sites) {
        const auto site = std::find_if(config_.sites_.begin(), config_.sites_.end(),
                                       [&](const SiteSettings& each) { return each.name == name; });
        if (site != config_.sites_.end() && site->heartbeat.empty() && unheard_.insert(name).second) {
          problems_.error(config_.cluster_.site(name)->place,
                          "site " + in_quotes(name) + " may hold " + service.rules.name +
                              ", but has no heartbeat — heartbeat = [\"tcp://" +
                              host_of(config_.cluster_.site(name)->addresses.front()) + ":7410\"]");
        }
      }
    }
  }

  FailoverConfig& config_;
  ConfigProblems& problems_;
  ConfigProblems known_;  // of the same texts: said before
  ConfigDocument cluster_;
  ConfigDocument node_;
  std::filesystem::path folder_;
  std::set<std::string> addresses_;
  std::set<std::string> unheard_;
};

Result<FailoverConfig> FailoverConfig::parse(const replicator::ConfigTexts& texts, ConfigProblems& problems) {
  HA_TRY(replicator::Config cluster, replicator::Config::parse(texts, problems));
  ConfigProblems again;  // what both say of the same texts is said once
  auto dns = read_dns(texts, again);
  if (!dns.ok()) {
    problems.add(again);
    return std::move(dns).error();
  }
  FailoverConfig config(std::move(cluster), std::move(dns).value());
  HA_CHECK(FailoverConfigBuilder(texts, config, problems).build());
  return config;
}

Result<FailoverConfig> FailoverConfig::load(const std::filesystem::path& cluster_file,
                                            ConfigProblems& problems) {
  replicator::ConfigTexts texts;
  texts.cluster_file = cluster_file;
  texts.node_file = cluster_file.parent_path() / "node.toml";
  texts.host_name = sys::short_host_name();
  auto cluster = sys::read_kept(cluster_file.string(), replicator::kConfigBytesMax);
  if (!cluster.ok()) {
    return Error(cluster.error().code() == Code::NotFound ? Code::Invalid : cluster.error().code(),
                 cluster.error().what(), "hareplicate init writes one; another file: --config FILE");
  }
  texts.cluster = std::move(cluster).value();
  auto node = sys::read_kept(texts.node_file.string(), replicator::kConfigBytesMax);
  if (node.ok()) {
    texts.node = std::move(node).value();
  } else if (node.error().code() != Code::NotFound) {
    return std::move(node).error();
  }
  return parse(texts, problems);
}

const SiteSettings& FailoverConfig::self() const {
  const auto found = std::find_if(sites_.begin(), sites_.end(), [&](const SiteSettings& each) {
    return each.name == cluster_.self().name;
  });
  HA_ASSERT(found != sites_.end());
  return *found;
}

const ServiceSettings* FailoverConfig::service(std::string_view name) const {
  const auto found = std::find_if(services_.begin(), services_.end(),
                                  [&](const ServiceSettings& each) { return each.rules.name == name; });
  return found == services_.end() ? nullptr : &*found;
}

std::vector<std::string> FailoverConfig::listen_endpoints() const {
  std::set<std::uint16_t> ports;
  for (const std::string& address : self().heartbeat) {
    ports.insert(replicator::port_of(address).value_or(0));
  }
  const bool apart = ports.size() == self().heartbeat.size();
  std::vector<std::string> out;
  for (const std::string& address : self().heartbeat) {
    out.push_back("tcp://" + (apart ? listen_ : host_of(address)) + ":" +
                  std::to_string(replicator::port_of(address).value_or(0)));
  }
  return out;
}

}  // namespace ha::failover
