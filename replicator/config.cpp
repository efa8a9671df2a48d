#include "replicator/config.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "common/base/bytes.h"
#include "common/base/suggest.h"
#include "common/sys/process.h"
#include "replicator/config_parts.h"
#include "replicator/model/shelf.h"

namespace ha::replicator {
namespace {

template <typename T>
const T* find_named(const std::vector<T>& all, std::string_view name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const T& one) { return one.name == name; });
  return found != all.end() ? &*found : nullptr;
}

// Nothing and no problem if the file does not exist.
std::optional<std::string> read_text(const std::filesystem::path& file, ConfigProblems& problems,
                                     bool required) {
  std::error_code error;
  if (!std::filesystem::exists(file, error) && !error && !required) {
    return std::nullopt;
  }
  std::ifstream stream(file, std::ios::binary);
  std::string text(kConfigBytesMax + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  const ConfigPlace place{file.string(), 0, 0};
  if (!stream.is_open() || stream.bad() || (text.empty() && std::filesystem::is_directory(file, error))) {
    const bool missing = !std::filesystem::exists(file, error);
    problems.error(place, missing ? "does not exist — hareplicate help first-hour says how to get one"
                                  : "cannot be read — check its type and rights");
    return std::nullopt;
  }
  if (text.size() > kConfigBytesMax) {
    problems.error(place, "is larger than 1 MiB");
    return std::nullopt;
  }
  return text;
}

}  // namespace

Result<Config> Config::load(const std::filesystem::path& cluster_file, const std::filesystem::path& node_file,
                            ConfigProblems& problems) {
  const std::optional<std::string> cluster = read_text(cluster_file, problems, true);
  std::optional<std::string> node = read_text(node_file, problems, false);
  if (problems.errors() > 0) {
    return Error(Code::Invalid, "the configuration cannot be read", "hareplicate help first-hour");
  }
  return parse({cluster_file, *cluster, node_file, std::move(node), sys::short_host_name()}, problems);
}

const SiteConfig* Config::site(std::string_view name) const {
  return find_named(sites_, name);
}
const ServiceConfig* Config::service(std::string_view name) const {
  return find_named(services_, name);
}
Error unknown_set(const Config& config, std::string_view name) {
  return Error(Code::Invalid,
               "there is no set \"" + escape(name) + "\"" + did_you_mean(name, names_of(config.sets())),
               "hareplicate status");
}

Error unknown_site(const Config& config, std::string_view name) {
  return Error(Code::Invalid,
               "there is no site \"" + escape(name) + "\"" + did_you_mean(name, names_of(config.sites())),
               "hareplicate config show");
}

const SetConfig* Config::set(std::string_view name) const {
  return find_named(sets_, name);
}

bool Config::may_send() const {
  return std::any_of(sets_.begin(), sets_.end(), [this](const SetConfig& set) {
    const ServiceConfig* const owner = has_failover_ ? service(set.service) : nullptr;
    return owner != nullptr ? std::count(owner->sites.begin(), owner->sites.end(), self_) > 0
                            : set.origin == self_;
  });
}

SetConfig Config::held_by(const SetConfig& set, const std::string& holder, std::uint64_t epoch) const {
  SetConfig out = set;
  out.origin = holder;
  out.epoch = epoch;
  stand(out, holder == self_ || set.place_at == PlaceAt::Live);
  return out;
}

void stand(SetConfig& set, bool live) {
  set.shelved = !live;
  set.path = live ? set.live_path : set.shelf + "/" + kShelvedTreeName;
}

std::vector<const SiteConfig*> Config::replicas_of(const SetConfig& set) const {
  std::vector<const SiteConfig*> out;
  for (const SiteConfig& site : sites_) {
    if (site.name != set.origin) {
      out.push_back(&site);
    }
  }
  return out;
}

LinkConfig Config::link_to(std::string_view peer) const {
  LinkConfig link = link_;
  const auto own = peer_limit_.find(std::string(peer));
  if (own != peer_limit_.end() && !link_overridden_) {
    link.bwlimit_bytes_per_s = own->second;
  }
  return link;
}

std::vector<std::string> Config::listen_endpoints() const {
  const bool bare_ipv6 = listen_.find(':') != std::string::npos && !listen_.starts_with('[');
  const std::string host = bare_ipv6 ? "[" + listen_ + "]" : listen_;
  std::vector<std::string> out;
  for (const std::string& address : self().addresses) {
    std::string endpoint = "tcp://" + host + ":" + std::to_string(port_of(address).value_or(0));
    if (std::find(out.begin(), out.end(), endpoint) == out.end()) {
      out.push_back(std::move(endpoint));
    }
  }
  return out;
}

}  // namespace ha::replicator
