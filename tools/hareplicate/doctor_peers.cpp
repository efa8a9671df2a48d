// Whether the peers can be reached at all: names resolve, ports answer.
#include "common/base/units.h"
#include "tools/hareplicate/doctor.h"
#include "tools/hareplicate/tcp_probe.h"

namespace ha::tool {

Check check_peer(const std::string& site, const std::string& address) {
  const std::string what = "peer " + site;
  const HostPort to = split_address(address);
  const auto answer = probe_tcp(to);
  if (answer.ok()) {
    return {Health::Good, what, address + " answers, " + show_age(answer->took), ""};
  }
  std::string fix = "let TCP port " + to.port + " through on the way to " + site;
  if (answer.error().code() == Code::NotFound) {
    fix = "correct address in cluster.toml, or the name server: getent hosts " + to.host;
  } else if (answer.error().code() == Code::Unavailable) {
    fix = "on " + site + ": systemctl start replicator; or let TCP port " + to.port + " through";
  }
  return {Health::Bad, what, address + ": " + answer.error().what(), fix};
}

std::vector<Check> check_peers(const replicator::Config& config) {
  std::vector<Check> checks;
  for (const replicator::SiteConfig& site : config.sites()) {
    if (site.name != config.self().name) {
      checks.push_back(check_peer(site.name, site.addresses.front()));
    }
  }
  return checks;
}

}  // namespace ha::tool
