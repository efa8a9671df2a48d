// What cluster.toml and node.toml say, checked and immutable.
//
// cluster.toml is the same file on every site; node.toml says which site this is and may override a few
// values that cannot split the cluster. SIGHUP makes a new Config or keeps the old one. A Config that exists
// is right: names are unique, every reference leads somewhere, paths are absolute and apart from each other.
//
// Not here: reading secrets, resolving host names, looking at the paths; who does that reports it then.
// Thread safety: a plain value; const use from any thread. Errors: Invalid after every problem was put into
// ConfigProblems. Source: the tables in replicator/config_schema.cpp, docs/glossary.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/config.h"
#include "common/base/glob.h"
#include "common/base/result.h"
#include "replicator/model/deletes.h"
#include "replicator/model/guard.h"
#include "replicator/model/overlay.h"

namespace ha::replicator {

struct SiteConfig {
  std::string name;
  std::string location;
  std::vector<std::string> addresses;  // "tcp://host:port", at least one; the first is used
  std::string key;                     // CURVE public key, Z85, 40 characters
  std::string next_key;                // what it becomes while it is being changed; else empty
  ConfigPlace place;

  // docs/keys.md: while there is a next key, the site may have either one.
  [[nodiscard]] bool has_key(std::string_view z85) const noexcept {
    return !z85.empty() && (key == z85 || next_key == z85);
  }
};

struct ServiceConfig {
  std::string name;
  std::vector<std::string> sites;  // eligible, by preference
  std::string holder;              // one of them; empty with [failover]: the arbiter says who it is
  std::uint64_t epoch = 1;         // 0 with [failover]
  ConfigPlace place;
};

enum class PublishMode { File, Set };
enum class AfterOn { Replica, Holder, Always };
enum class PlaceAt { Live, Shelf };

// Of a [[set]] for one service: docs/placement.md.
struct SetConfig {
  std::string name;         // "etc", or "etc@voice1" where a [[set]] is for several services
  std::string base;         // name of the [[set]]
  std::string service;      // "*": of the whole cluster
  std::string origin;       // site that sends it; empty with [failover], until held_by()
  std::uint64_t epoch = 1;  // of the origin's turn
  std::string path;         // its tree at this site; absolute, no '/' at the end
  std::string live_path;    // where a PBX reads it: `path`, unless it is shelved
  PlaceAt place_at = PlaceAt::Live;
  std::string shelf;         // its own place on the shelf, used or not
  bool shelved = false;      // it stands there at this site
  bool may_be_live = false;  // it is live here, or would be after a takeover
  GlobList exclude;
  GlobList unit;  // directories whose files are published together; empty: none
  PublishMode publish = PublishMode::File;
  GuardLimits guards;
  std::uint64_t stranded_max = 0;                            // items that are kept for the operator
  std::map<std::string, std::vector<OverlayRule>> overlays;  // this site's, by file
  Duration check{};                                          // positions are compared at least this often
  Duration walk{};                                           // a full walk at least this often
  Duration settle{};                                         // how long a change may wait for more of them
  Duration stable{};  // a file must have been left alone for so long; 0: it need not
  DeleteRule deletes;
  std::vector<std::vector<std::string>> after;  // commands, each as its words
  AfterOn after_on = AfterOn::Always;
  Duration after_timeout{};
  std::string definition;  // what cluster.toml says of it, defaults included; to be hashed and compared
  ConfigPlace place;
};

struct LinkConfig {
  std::uint64_t bwlimit_bytes_per_s = 0;  // bulk to one peer, all flows together; 0: no limit
  unsigned bulk_flows = 0;
  std::uint64_t window_bytes = 0;  // unacknowledged bulk to one peer
  std::string congestion;          // of the bulk connections: "bbr", "cubic", "system"
};

struct ConfigTexts {
  std::filesystem::path cluster_file;
  std::string cluster;
  std::filesystem::path node_file;
  std::optional<std::string> node;  // nothing: the file does not exist
  std::string host_name;            // the site when node.toml does not say
};

class Config {
 public:
  // Pure: relative paths in the texts are taken from their file's directory, nothing is opened.
  [[nodiscard]] static Result<Config> parse(const ConfigTexts& texts, ConfigProblems& problems);
  // Reads the files (at most kConfigBytesMax each); a missing node file counts as an empty one.
  [[nodiscard]] static Result<Config> load(const std::filesystem::path& cluster_file,
                                           const std::filesystem::path& node_file, ConfigProblems& problems);

  [[nodiscard]] const std::string& cluster_name() const noexcept { return cluster_name_; }
  // Two clusters with different ids never pair, whatever their keys.
  [[nodiscard]] const std::string& cluster_id() const noexcept { return cluster_id_; }
  // cluster.toml as values: equal on two sites exactly when the files mean the same. Comments, order of keys
  // and this node's overrides do not count. To be hashed and compared with peers.
  [[nodiscard]] const std::string& canonical() const noexcept { return canonical_; }
  // cluster.toml as it was read.
  [[nodiscard]] const std::string& cluster_text() const noexcept { return cluster_text_; }

  [[nodiscard]] const SiteConfig& self() const { return *site(self_); }
  [[nodiscard]] const std::vector<SiteConfig>& sites() const noexcept { return sites_; }
  [[nodiscard]] const std::vector<ServiceConfig>& services() const noexcept { return services_; }
  [[nodiscard]] const std::vector<SetConfig>& sets() const noexcept { return sets_; }
  // Null if there is none of that name.
  [[nodiscard]] const SiteConfig* site(std::string_view name) const;
  [[nodiscard]] const ServiceConfig* service(std::string_view name) const;
  [[nodiscard]] const SetConfig* set(std::string_view name) const;

  // The arbiter says who holds the services, and the coordinator tells this site: docs/failover.md.
  [[nodiscard]] bool has_failover() const noexcept { return has_failover_; }
  // This site may be the origin of a set, now or later.
  [[nodiscard]] bool may_send() const;
  // `set` as it is at this site while `holder` holds its service.
  [[nodiscard]] SetConfig held_by(const SetConfig& set, const std::string& holder, std::uint64_t epoch) const;
  // The holder of the set's service, or the set's author; null if nobody is known.
  [[nodiscard]] const SiteConfig* origin_of(const SetConfig& set) const { return site(set.origin); }
  // Every site but the set's origin, in the order of the file: eligible or not, it keeps a copy.
  [[nodiscard]] std::vector<const SiteConfig*> replicas_of(const SetConfig& set) const;
  // What this site may use towards `peer`: [link], what [[link.peer]] says of the pair, the node's override.
  [[nodiscard]] LinkConfig link_to(std::string_view peer) const;

  // What to bind: tcp://LISTEN:PORT for every port among this site's addresses.
  [[nodiscard]] std::vector<std::string> listen_endpoints() const;
  [[nodiscard]] const std::filesystem::path& secret_key_file() const noexcept { return secret_key_file_; }
  [[nodiscard]] const std::filesystem::path& state_dir() const noexcept { return state_dir_; }
  [[nodiscard]] const std::filesystem::path& run_dir() const noexcept { return run_dir_; }
  // Whether other sites may replace cluster.toml here: docs/config-push.md.
  [[nodiscard]] bool accepts_config() const noexcept { return accepts_config_; }

  struct Effective {
    std::string key;     // "set.etc.path", "link.bwlimit", "node.state_dir"
    std::string value;   // as it would be written
    std::string origin;  // "cluster.toml:12:9" or "default"
  };
  // Every value in force, for `config show --origin`.
  [[nodiscard]] const std::vector<Effective>& effective() const noexcept { return effective_; }

 private:
  friend class ConfigBuilder;
  Config() = default;

  std::string cluster_name_;
  std::string cluster_id_;
  std::string canonical_;
  std::string cluster_text_;
  bool accepts_config_ = false;
  bool has_failover_ = false;
  std::string self_;
  std::string listen_;
  std::filesystem::path secret_key_file_;
  std::filesystem::path state_dir_;
  std::filesystem::path run_dir_;
  std::vector<SiteConfig> sites_;
  std::vector<ServiceConfig> services_;
  std::vector<SetConfig> sets_;
  LinkConfig link_;
  bool link_overridden_ = false;                     // by this node: stronger than [[link.peer]]
  std::map<std::string, std::uint64_t> peer_limit_;  // bwlimit by the other site of a [[link.peer]] with us
  std::vector<Effective> effective_;
};

// Puts a set where it is to stand at this site: at its path, or on the shelf.
void stand(SetConfig& set, bool live);

inline constexpr std::size_t kConfigBytesMax = 1 << 20;
// Invalid, with the nearest name that there is: somebody has asked for a set or a site that is not there.
[[nodiscard]] Error unknown_set(const Config& config, std::string_view name);
[[nodiscard]] Error unknown_site(const Config& config, std::string_view name);

// In the state directory while a pushed cluster.toml is on trial: docs/config-push.md.
inline constexpr const char* kTrialFile = "config-trial";

// 40 characters of the Z85 alphabet (ZeroMQ RFC 32) that decode to 32 bytes.
[[nodiscard]] bool is_curve_key(std::string_view text) noexcept;

}  // namespace ha::replicator
