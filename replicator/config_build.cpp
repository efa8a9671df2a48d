// From two documents to one Config: overrides first, then every table with its references and relations.
#include <algorithm>
#include <set>

#include "common/base/bytes.h"
#include "replicator/config.h"
#include "replicator/config_listing.h"
#include "replicator/config_overlays.h"
#include "replicator/config_pace.h"
#include "replicator/config_parts.h"
#include "replicator/config_placement.h"
#include "schemas/cluster_schema.h"

namespace ha::replicator {
namespace {

constexpr std::string_view kOverrideAdvice =
    " — a node may set \"set.NAME.path\", \"set.NAME.shelf\" and \"link.bwlimit\"";

std::filesystem::path beside(const std::filesystem::path& file, const std::string& path) {
  return (file.parent_path() / path).lexically_normal();
}

}  // namespace

class ConfigBuilder {
 public:
  ConfigBuilder(const ConfigTexts& texts, ConfigProblems& problems)
      : texts_(texts),
        problems_(problems),
        cluster_(
            ConfigDocument::load(texts.cluster_file.string(), texts.cluster, cluster_schema(), problems)),
        node_(ConfigDocument::load(texts.node_file.string(), texts.node.value_or(""), node_schema(),
                                   problems)) {}

  Result<Config> build() {
    const std::size_t unreadable = problems_.errors();
    config_.canonical_ = canonical_text(cluster_);
    config_.cluster_text_ = texts_.cluster;
    definitions_ = set_definitions(cluster_);
    config_.has_failover_ = cluster_.section("failover").place().line > 0;
    apply_overrides();
    add_cluster();
    add_sites();
    add_services();
    add_node(unreadable == 0);
    add_links();
    add_sets();
    add_overlays({cluster_, config_.sites_, config_.self_}, config_.sets_, problems_);
    check_places(config_.sets_, placement_context(), problems_);
    if (problems_.errors() > 0) {
      return Error(Code::Invalid,
                   std::to_string(problems_.errors()) +
                       (problems_.errors() == 1 ? " configuration error" : " configuration errors"),
                   "hareplicate config check");
    }
    config_.effective_ = effective_values(cluster_, node_);
    return std::move(config_);
  }

 private:
  void check(const ConfigPlace& place, const std::string& about, const Status& status) {
    if (!status) {
      problems_.error(place, about + status.error().what());
    }
  }

  void apply_overrides() {
    for (const ConfigSection::Named& named : node_.section("override").loose()) {
      const ConfigValue& value = named.value;
      const std::string about = "override: ";
      if (named.name == "link.bwlimit") {
        check(value.place, about, cluster_.section("link").replace("bwlimit", value.data, value.place));
        config_.link_overridden_ = true;
        continue;
      }
      constexpr std::string_view kSet = "set.";
      const std::string& name = named.name;
      const std::size_t dot = name.rfind('.');
      const std::string key = dot == std::string::npos ? "" : name.substr(dot + 1);
      if (!name.starts_with(kSet) || dot <= kSet.size() || (key != "path" && key != "shelf")) {
        problems_.error(value.place, about + in_quotes(name) + " cannot differ between nodes" +
                                         std::string(kOverrideAdvice));
        continue;
      }
      override_set(name.substr(kSet.size(), dot - kSet.size()), key, value);
    }
  }

  void override_set(const std::string& name, const std::string& key, const ConfigValue& value) {
    std::vector<std::string> known;
    for (ConfigSection& set : cluster_.sections("set")) {
      if (set.text("name") == name) {
        check(value.place, "override: set " + in_quotes(name) + ": ",
              set.replace(key, value.data, value.place));
        return;
      }
      known.push_back(set.text("name"));
    }
    problems_.error(value.place, "override: no set is called " + in_quotes(name) + known_names(name, known));
  }

  void add_cluster() {
    const ConfigSection& section = cluster_.section("cluster");
    config_.cluster_name_ = section.text("name");
    config_.cluster_id_ = section.text("id");
    constexpr std::size_t kIdBytesMax = 64;
    const std::string& id = config_.cluster_id_;
    if (id.size() > kIdBytesMax || escape(id) != id) {
      problems_.error(section.place("id"), "cluster: id must be at most 64 printable characters");
    }
  }

  // The name of a repeated table's section; a problem if it is malformed or taken. False without any name.
  template <typename T>
  bool take_name(const ConfigSection& section, const std::string& table, const std::vector<T>& others,
                 std::string& name) {
    name = section.text("name");
    if (name.empty()) {
      return false;  // missing or wrong: reported already
    }
    check(section.place("name"), table + ": ", check_name(name));
    for (const T& other : others) {
      if (other.name == name) {
        problems_.error(section.place("name"), table + " " + in_quotes(name) + " is there twice, first at " +
                                                   other.place.text() + " — give it another name");
      }
    }
    return true;
  }

  void add_sites() {
    for (const ConfigSection& section : cluster_.sections("site")) {
      SiteConfig site;
      site.place = section.place();
      if (!take_name(section, "site", config_.sites_, site.name)) {
        continue;
      }
      const std::string about = "site " + in_quotes(site.name) + ": ";
      site.location = section.text("location");
      site.addresses = section.list("address");
      site.key = section.text("key");
      site.next_key = section.text("next_key");
      if (section.has("address") && site.addresses.empty()) {
        problems_.error(section.place("address"), about + "address is empty — give at least one");
      }
      for (const std::string& address : site.addresses) {
        check(section.place("address"), about, check_address(address));
      }
      for (const std::string_view key : {"key", "next_key"}) {
        if (section.has(key) && !is_curve_key(section.text(key))) {
          problems_.error(
              section.place(key),
              about + std::string(key) +
                  " is not a CURVE public key: 40 characters of Z85 — make one: hareplicate keys " +
                  (key == "key" ? "new" : "rotate"));
        }
      }
      if (!site.next_key.empty() && site.next_key == site.key) {
        problems_.error(section.place("next_key"), about + "next_key is its key already — take next_key out");
      }
      check_unlike_others(section, site, about);
      config_.sites_.push_back(std::move(site));
    }
    if (config_.sites_.size() < 2 && problems_.errors() == 0) {
      problems_.warning({cluster_.file(), 0, 0},
                        config_.sites_.empty()
                            ? "no [[site]]: nothing is replicated"
                            : "only one [[site]]: nothing is replicated yet — hareplicate invite OTHER-SITE");
    }
  }

  void check_unlike_others(const ConfigSection& section, const SiteConfig& site, const std::string& about) {
    for (const SiteConfig& other : config_.sites_) {
      for (const std::string_view key : {"key", "next_key"}) {
        if (other.has_key(section.text(key))) {
          problems_.error(section.place(key), about + std::string(key) + " is that of site " +
                                                  in_quotes(other.name) + " too — every site has its own");
        }
      }
      for (const std::string& address : site.addresses) {
        if (std::find(other.addresses.begin(), other.addresses.end(), address) != other.addresses.end()) {
          problems_.error(section.place("address"), about + "address " + in_quotes(address) +
                                                        " is that of site " + in_quotes(other.name) + " too");
        }
      }
    }
  }

  void add_services() {
    for (const ConfigSection& section : cluster_.sections("service")) {
      ServiceConfig service;
      service.place = section.place();
      if (!take_name(section, "service", config_.services_, service.name)) {
        continue;
      }
      const std::string about = "service " + in_quotes(service.name) + ": ";
      service.sites = section.list("sites");
      check_sites(section, "sites", service.sites, about);
      add_holder(section, service, about);
      config_.services_.push_back(std::move(service));
    }
  }

  void add_holder(const ConfigSection& section, ServiceConfig& service, const std::string& about) {
    if (config_.has_failover_) {
      service.epoch = 0;
      for (const ConfigSection::Named& given : section.values()) {
        if ((given.name == "holder" || given.name == "epoch") && !given.value.is_default) {
          problems_.error(given.value.place, about + given.name +
                                                 " does not go with [failover] — remove it: the arbiter says "
                                                 "who holds a service");
        }
      }
      return;
    }
    service.holder = section.text("holder");
    service.epoch = static_cast<std::uint64_t>(section.integer("epoch"));
    const bool eligible =
        std::find(service.sites.begin(), service.sites.end(), service.holder) != service.sites.end();
    if (!section.has("holder")) {
      problems_.error(section.place(), about +
                                           "\"holder\" is missing — Site that holds the service, and so "
                                           "sends its data; or [failover], and the arbiter says it");
    } else if (section.has("sites") && !eligible) {
      problems_.error(section.place("holder"), about + "holder " + in_quotes(service.holder) +
                                                   " is not among its sites" +
                                                   known_names(service.holder, service.sites));
    }
  }

  // Each names a site, none twice, and there is at least one.
  void check_sites(const ConfigSection& section, std::string_view key, const std::vector<std::string>& names,
                   const std::string& about) {
    if (section.has(key) && names.empty()) {
      problems_.error(section.place(key),
                      about + std::string(key) + " is empty — known: " + list_of(names_of(config_.sites_)));
    }
    std::set<std::string> seen;
    for (const std::string& name : names) {
      if (config_.site(name) == nullptr) {
        problems_.error(section.place(key), about + "no site is called " + in_quotes(name) +
                                                known_names(name, names_of(config_.sites_)));
      }
      if (!seen.insert(name).second) {
        problems_.error(section.place(key),
                        about + std::string(key) + " names " + in_quotes(name) + " twice");
      }
    }
  }

  void add_node(bool readable) {
    const ConfigSection& section = node_.section("");
    config_.self_ = section.has("site") ? section.text("site") : texts_.host_name;
    if (readable && config_.site(config_.self_) == nullptr) {
      problems_.error(section.place("site"), "this site is " + in_quotes(config_.self_) + ", which " +
                                                 cluster_.file() + " does not have" +
                                                 known_names(config_.self_, names_of(config_.sites_)) +
                                                 (section.has("site") ? "" : "; set site = in node.toml"));
    }
    config_.accepts_config_ = section.flag("accept_config");
    config_.listen_ = section.text("listen");
    check(section.place("listen"), "", check_listen(config_.listen_));
    config_.secret_key_file_ = beside(texts_.node_file, section.text("secret_key_file"));
    config_.state_dir_ = own_directory(section, "state_dir");
    config_.run_dir_ = own_directory(section, "run_dir");
  }

  std::filesystem::path own_directory(const ConfigSection& section, std::string_view key) {
    auto path = clean_path(section.text(key));
    if (!path) {
      problems_.error(section.place(key), std::string(key) + " " + path.error().what());
      return {};
    }
    return std::move(path).value();
  }

  void add_links() {
    const ConfigSection& link = cluster_.section("link");
    config_.link_.bwlimit_bytes_per_s = link.bytes("bwlimit");
    config_.link_.bulk_flows = static_cast<unsigned>(link.integer("bulk_flows"));
    config_.link_.window_bytes = link.bytes("window");
    config_.link_.congestion = link.text("congestion");
    std::set<std::vector<std::string>> seen;
    for (const ConfigSection& section : cluster_.sections("link.peer")) {
      std::vector<std::string> ends = section.list("between");
      if (!section.has("between")) {
        continue;
      }
      check_sites(section, "between", ends, "link.peer: ");
      if (ends.size() != 2) {
        problems_.error(section.place("between"), "link.peer: between must name two sites");
        continue;
      }
      std::sort(ends.begin(), ends.end());
      if (!seen.insert(ends).second) {
        problems_.error(section.place("between"), "link.peer: this pair is there twice");
      }
      if (ends[0] == config_.self_ || ends[1] == config_.self_) {
        config_.peer_limit_[ends[0] == config_.self_ ? ends[1] : ends[0]] = section.bytes("bwlimit");
      }
    }
  }

  PlacementContext placement_context() const {
    return {cluster_, config_.sites_, config_.services_, config_.self_, config_.state_dir_, config_.run_dir_};
  }

  void add_sets() {
    std::vector<SetConfig> bases;
    for (const ConfigSection& section : cluster_.sections("set")) {
      SetConfig set;
      set.place = section.place();
      if (!take_name(section, "set", bases, set.name)) {
        continue;
      }
      set.base = set.name;
      bases.push_back(set);
      const std::string about = "set " + in_quotes(set.name) + ": ";
      check_kind(section, about);
      set.live_path = directory_of(section, "path", about);
      set.shelf = directory_of(section, "shelf", about);
      const std::string at =
          set_or_defaults(section, cluster_.section("set_defaults"), "place").text("place");
      set.place_at = at == "shelf" ? PlaceAt::Shelf : PlaceAt::Live;
      add_exclude(section, set, about);
      add_times(section, set, about);
      add_pace(section, set, about);
      for (SetConfig& one : sets_of(section, set, placement_context(), problems_)) {
        one.definition = definitions_[set.base] + "service = " + one.service + "\n";
        config_.sets_.push_back(std::move(one));
      }
    }
    if (config_.sets_.empty() && problems_.errors() == 0) {
      problems_.warning({cluster_.file(), 0, 0}, "no [[set]]: nothing is replicated");
    }
  }

  std::string directory_of(const ConfigSection& section, std::string_view key, const std::string& about) {
    if (!section.has(key)) {
      return {};
    }
    auto path = clean_path(section.text(key));
    check(section.place(key), about + std::string(key) + " ", path ? ok() : Status(path.error()));
    return path ? std::move(path).value() : "";
  }

  void add_exclude(const ConfigSection& section, SetConfig& set, const std::string& about) {
    auto exclude = GlobList::parse(section.list("exclude"));
    if (exclude) {
      set.exclude = std::move(exclude).value();
    } else {
      problems_.error(section.place("exclude"), about + "exclude: " + exclude.error().what() +
                                                    (exclude.error().hint().empty() ? "" : " — ") +
                                                    exclude.error().hint());
    }
  }

  void check_kind(const ConfigSection& section, const std::string& about) {
    const std::string kind = section.text("kind");
    const std::vector<std::string> later{"sqlite", "astdb", "mysql", "calls", "registrations", "limits"};
    if (kind.empty() || kind == "files") {
      return;
    }
    if (std::find(later.begin(), later.end(), kind) != later.end()) {
      problems_.error(section.place("kind"), about + "kind " + in_quotes(kind) +
                                                 " is not supported by this version — it knows \"files\"");
      return;
    }
    problems_.error(section.place("kind"),
                    about + "no kind is called " + in_quotes(kind) + known_names(kind, {"files"}));
  }

  void add_times(const ConfigSection& section, SetConfig& set, const std::string& about) {
    const ConfigSection& defaults = cluster_.section("set_defaults");
    const auto of = [&](std::string_view key) -> const ConfigSection& {
      return set_or_defaults(section, defaults, key);
    };
    set.check = of("check").duration("check");
    set.walk = of("walk").duration("walk");
    set.settle = of("settle").duration("settle");
    set.publish = of("publish").text("publish") == "set" ? PublishMode::Set : PublishMode::File;
    set.stranded_max = static_cast<std::uint64_t>(of("stranded_max").integer("stranded_max"));
    set.guards.items_min = static_cast<std::uint64_t>(of("min_items").integer("min_items"));
    set.guards.delete_percent_max = of("max_delete").percent("max_delete");
    if (set.check > set.walk) {
      problems_.error(of("walk").place("walk"),
                      about + "walk is shorter than check — a walk includes a check, make it longer");
    }
    if (set.settle > set.check) {
      problems_.error(of("settle").place("settle"), about + "settle is longer than check — make it shorter");
    }
  }

  void add_pace(const ConfigSection& section, SetConfig& set, const std::string& about) {
    const auto of = [&](std::string_view key) -> const ConfigSection& {
      return set_or_defaults(section, cluster_.section("set_defaults"), key);
    };
    set.stable = of("stable").duration("stable");
    set.after_timeout = of("after_timeout").duration("after_timeout");
    const std::string on = of("after_on").text("after_on");
    set.after_on = on == "replica" ? AfterOn::Replica : on == "holder" ? AfterOn::Holder : AfterOn::Always;
    const auto refuse = [&](const ConfigSection& in, std::string_view key, const Error& error) {
      problems_.error(in.place(key), about + error.what() + " — " + error.hint());
    };
    if (auto deletes = parse_delete(of("delete").text("delete")); deletes.ok()) {
      set.deletes = *deletes;
    } else if (of("delete").has("delete")) {
      refuse(of("delete"), "delete", deletes.error());
    }
    add_unit(section, set, about);
    if (set.deletes.mode == DeleteMode::Never) {
      set.guards.delete_percent_max = 100;  // a replica loses nothing
    }
    for (const std::string& text : section.list("after")) {
      auto words = parse_command(text);
      if (words.ok()) {
        set.after.push_back(std::move(words).value());
      } else {
        refuse(section, "after", std::move(words).error().in("after"));
      }
    }
  }

  void add_unit(const ConfigSection& section, SetConfig& set, const std::string& about) {
    if (!section.has("unit")) {
      return;
    }
    auto unit = parse_unit(section.text("unit"), set);
    if (unit.ok()) {
      set.unit = std::move(unit).value();
    } else {
      problems_.error(section.place("unit"), about + unit.error().what() + " — " + unit.error().hint());
    }
  }

  const ConfigTexts& texts_;
  ConfigProblems& problems_;
  ConfigDocument cluster_;
  ConfigDocument node_;
  std::map<std::string, std::string> definitions_;  // by set, before this node's overrides
  Config config_;
};

Result<Config> Config::parse(const ConfigTexts& texts, ConfigProblems& problems) {
  return ConfigBuilder(texts, problems).build();
}

}  // namespace ha::replicator
