// Whether an etcd is a safe arbiter, in words: each finding with what to do next. (Of a name server
// `dnsupdater doctor` and `check` say it.)
//
// look_at_etcd() blocks for a few seconds; it writes one key of its own, "<prefix>_check/<site>", and deletes
// it. judge_etcd() is pure. Thread safety: plain functions. Source: docs/failover.md, "Arbiters".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "dnsupdater/check.h"
#include "dnsupdater/config.h"
#include "failover/lease/etcd_client.h"

namespace ha::failover {

struct EtcdMemberFacts {
  dns::EtcdEndpoint endpoint;
  std::optional<EtcdStatus> status;
  std::optional<Error> trouble;         // it could not be asked: nothing of the rest is there
  std::optional<Duration> ahead;        // of our clock before its
  std::optional<bool> reads_the_write;  // what was written at the first one that answers
};

struct EtcdFacts {
  std::vector<EtcdMemberFacts> members;  // as configured
  std::size_t cluster_size = 0;          // as the cluster says; 0: it did not
  std::optional<Error> write_trouble;    // of our own key
  std::size_t keys = 0;                  // of services
  std::vector<std::string> refused;      // those of them that we may not read and write
  std::optional<Error> rights_trouble;   // beside these
};

[[nodiscard]] EtcdFacts look_at_etcd(const dns::DnsConfig& config, EtcdClient& client, Duration total);
[[nodiscard]] dns::Findings judge_etcd(const dns::DnsConfig& config, const EtcdFacts& facts);

}  // namespace ha::failover
