// The arbiter in DNS: leases on a name server, by dnsupdater's library.
//
// Blocks, for workers; what it keeps over restarts is in the SeenBook. Thread safety: one thread, and its
// book and zones are of that thread. Source: docs/dns.md, "Takeover"; docs/failover.md, "Arbiters".
#pragma once

#include <map>
#include <string>

#include "dnsupdater/lease_keeper.h"
#include "failover/lease/arbiter.h"

namespace ha::failover {

class DnsArbiter final : public Arbiter {
 public:
  // All must outlive it. `total`: of one call, and of each zone in follow().
  DnsArbiter(const dns::DnsConfig& config, dns::SeenBook& seen, dns::Zones& zones, Duration total)
      : self_(config.self()), keeper_(config, seen, zones, total) {}

  [[nodiscard]] ArbiterSight read(std::string_view service) override;
  [[nodiscard]] ArbiterAnswer claim(std::string_view service, const std::optional<Version>& saw,
                                    const Terms& terms, std::uint64_t above) override;
  [[nodiscard]] ArbiterAnswer renew(std::string_view service, std::uint64_t epoch, const Terms& terms,
                                    Hold hold) override;
  [[nodiscard]] ArbiterAnswer release(std::string_view service, std::uint64_t epoch) override;
  [[nodiscard]] ArbiterAnswer transfer(std::string_view service, std::uint64_t epoch,
                                       std::string_view target) override;
  [[nodiscard]] std::vector<FollowAnswer> follow(std::string_view service) override;
  [[nodiscard]] Status accept(std::string_view service, std::uint64_t beyond) override;

 private:
  std::string self_;
  dns::LeaseKeeper keeper_;
  std::map<std::string, ArbiterSight, std::less<>> last_;  // read() of each service
};

}  // namespace ha::failover
