#include "failover/lease/arbiter_check.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <map>
#include <set>
#include <utility>

namespace ha::failover {
namespace {

using dns::Cause;
using dns::Finding;
using dns::Findings;
using dns::Mark;

constexpr Duration kClockNote = std::chrono::seconds(60);
constexpr unsigned kMajor = 3;
constexpr unsigned kMinor = 4;
const char* const kEtcd = "etcd";
constexpr std::size_t kNamedKeys = 3;  // of those that are refused; they have one prefix

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& each : texts) {
    out += (out.empty() ? "" : ", ") + each;
  }
  return out;
}

bool is_new_enough(const std::string& version) {
  unsigned major = 0;
  unsigned minor = 0;
  const char* const end = version.data() + version.size();
  const auto first = std::from_chars(version.data(), end, major);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.') {
    return false;
  }
  const auto second = std::from_chars(first.ptr + 1, end, minor);
  return second.ec == std::errc{} && std::pair(major, minor) >= std::pair(kMajor, kMinor);
}

Finding judge_reachable(const EtcdMemberFacts& member) {
  const std::string at = member.endpoint.text();
  if (member.status) {
    return {Mark::Good, at, "reachable", "etcd " + member.status->version};
  }
  const bool denied = member.trouble->code() == Code::Denied;
  return {Mark::Bad,
          at,
          "reachable",
          member.trouble->what(),
          member.trouble->hint(),
          denied ? Cause::Key : Cause::Network};
}

Finding judge_version(const EtcdMemberFacts& member) {
  const std::string at = member.endpoint.text();
  if (is_new_enough(member.status->version)) {
    return {Mark::Good, at, "version", member.status->version};
  }
  return {Mark::Bad,           at,
          "version",           member.status->version + " is too old: its gateway is another one",
          "etcd 3.4 or later", Cause::Unsupported};
}

Finding judge_clock(const EtcdMemberFacts& member) {
  const std::string at = member.endpoint.text();
  if (!member.ahead) {
    return {Mark::Note, at, "clock", "it does not say what time it has"};
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*member.ahead).count();
  const std::string apart = std::to_string(std::abs(seconds)) + " s apart";
  if (*member.ahead<kClockNote&& * member.ahead> - kClockNote) {
    return {Mark::Good, at, "clock", apart};
  }
  return {Mark::Note, at, "clock",
          apart + ": no lease counts on it, but certificates and the reading of logs do",
          "timedatectl set-ntp true"};
}

// The members that could be asked are of one cluster, which has a leader.
Findings judge_cluster(const EtcdFacts& facts) {
  Findings out;
  std::set<std::uint64_t> clusters;
  std::vector<std::string> blind;
  bool has_leader = false;
  std::size_t asked = 0;
  for (const EtcdMemberFacts& each : facts.members) {
    if (each.status) {
      ++asked;
      clusters.insert(each.status->cluster);
      has_leader = has_leader || each.status->leader != 0;
    }
    if (each.reads_the_write == false) {
      blind.push_back(each.endpoint.text());
    }
  }
  if (asked == 0) {
    return out;
  }
  const std::string next =
      "endpoint has to name members of one cluster: etcdctl member list, at each of them";
  if (clusters.size() > 1 || !blind.empty()) {
    out.push_back({Mark::Bad, kEtcd, "cluster",
                   blind.empty() ? "its endpoints are of different clusters: two sites could hold one service"
                                 : "what is written elsewhere is not read at " + joined(blind) +
                                       ": two sites could hold one service",
                   next, Cause::Unsupported});
  } else if (!has_leader) {
    out.push_back({Mark::Bad, kEtcd, "cluster", "no leader: most of its members are away",
                   "etcdctl endpoint status", Cause::Network});
  } else {
    out.push_back({Mark::Good, kEtcd, "cluster", "one cluster, as far as it was asked"});
  }
  if (facts.cluster_size == 1) {
    out.push_back({Mark::Note, kEtcd, "members", "one member: while it is away no service can be taken over",
                   "three members at three places"});
  } else if (facts.cluster_size > 0) {
    const std::size_t may_fail = (facts.cluster_size - 1) / 2;
    const bool even = facts.cluster_size % 2 == 0;
    out.push_back({even ? Mark::Note : Mark::Good, kEtcd, "members",
                   std::to_string(facts.cluster_size) + ", of which " + std::to_string(may_fail) +
                       " may be away" + (even ? ": no more than with one less" : ""),
                   even ? "an odd number of members" : ""});
  }
  return out;
}

Finding judge_rights(const EtcdFacts& facts) {
  const std::string next = "etcdctl role grant-permission ROLE --prefix=true readwrite PREFIX";
  const auto& trouble = facts.rights_trouble ? facts.rights_trouble : facts.write_trouble;
  if (const std::size_t count = facts.refused.size(); count > 0) {
    const auto end = facts.refused.begin() + static_cast<std::ptrdiff_t>(std::min(count, kNamedKeys));
    const std::string more = count > kNamedKeys ? " and " + std::to_string(count - kNamedKeys) + " more" : "";
    const std::string words = "not for " + joined({facts.refused.begin(), end}) + more;
    return {Mark::Bad, kEtcd, "rights", words, next, Cause::Policy};
  }
  if (trouble) {
    return {Mark::Bad,
            kEtcd,
            "rights",
            trouble->what(),
            trouble->hint().empty() ? next : trouble->hint(),
            trouble->code() == Code::Denied ? Cause::Policy : Cause::Network};
  }
  return {Mark::Good, kEtcd, "rights",
          "all " + std::to_string(facts.keys) + " records may be read and written"};
}

// Where a member stands, as far as addresses tell; empty: at none of the sites.
std::string site_of(const dns::DnsConfig& config, const dns::EtcdEndpoint& endpoint) {
  const auto address = endpoint.address();
  if (endpoint.is_loopback()) {
    return config.self();
  }
  for (const dns::SiteAddresses& site : config.sites()) {
    for (const auto* const list : {&site.service, &site.maintenance, &site.hosts}) {
      if (address && std::find(list->begin(), list->end(), *address) != list->end()) {
        return site.site;
      }
    }
  }
  return "";
}

Finding judge_place(const dns::DnsConfig& config, const EtcdFacts& facts) {
  std::map<std::string, std::size_t> at;
  for (const EtcdMemberFacts& each : facts.members) {
    if (const std::string site = site_of(config, each.endpoint); !site.empty()) {
      ++at[site];
    }
  }
  const std::size_t all = std::max(facts.cluster_size, facts.members.size());
  for (const auto& [site, count] : at) {
    if (all - count < all / 2 + 1) {
      return {Mark::Note, kEtcd, "place",
              "the arbiter stands at " + site + ": when " + site + " dies nobody can take over",
              "put it at a third place, or three members at three places"};
    }
  }
  if (!at.empty()) {
    return {Mark::Note, kEtcd, "place",
            "a member stands at " + at.begin()->first + ": when that site dies the others have to be there",
            "members at places of their own"};
  }
  return {Mark::Good, kEtcd, "place", "at none of the sites, as far as addresses tell"};
}

Finding judge_encryption(const EtcdFacts& facts) {
  for (const EtcdMemberFacts& each : facts.members) {
    if (!each.endpoint.tls && !each.endpoint.is_loopback()) {
      return {Mark::Note, kEtcd, "encryption",
              each.endpoint.text() + " is plain HTTP: whoever is on the way can take services over",
              "https, or a VPN"};
    }
  }
  return {Mark::Good, kEtcd, "encryption",
          facts.members.empty() || facts.members[0].endpoint.tls ? "TLS" : "on this machine only"};
}

}  // namespace

dns::Findings judge_etcd(const dns::DnsConfig& config, const EtcdFacts& facts) {
  Findings out;
  bool any = false;
  for (const EtcdMemberFacts& each : facts.members) {
    out.push_back(judge_reachable(each));
    if (each.status) {
      any = true;
      out.push_back(judge_version(each));
      out.push_back(judge_clock(each));
    }
  }
  if (any) {
    const Findings cluster = judge_cluster(facts);
    out.insert(out.end(), cluster.begin(), cluster.end());
    out.push_back(judge_rights(facts));
  }
  out.push_back(judge_place(config, facts));
  out.push_back(judge_encryption(facts));
  return out;
}

}  // namespace ha::failover
