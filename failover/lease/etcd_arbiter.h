// The arbiter in etcd: one key a service, with the same text that a lease in DNS has.
//
// Changes are transactions that compare the whole value and its revision; a lost reply is resolved by sending
// the transaction again, which reads back. Neither leases nor times of etcd count for anything. The names of
// the service in DNS follow: each zone of its [[dns.record]]s has an epoch copy. What was seen is in the same
// book, under a name that is in no zone.
//
// Blocks, for workers. Thread safety: one thread, and its book, zones and client are of that thread.
// Source: docs/failover.md, "Arbiters".
#pragma once

#include <map>
#include <string>

#include "dnsupdater/copy_keeper.h"
#include "failover/lease/arbiter.h"
#include "failover/lease/etcd_client.h"
#include "failover/lease/etcd_swap.h"

namespace ha::failover {

// In the book of what was seen: "_ha.<service>.etcd.invalid". Invalid for what can be no service.
[[nodiscard]] Result<dns::Name> etcd_guard(std::string_view service);

class EtcdArbiter final : public Arbiter {
 public:
  // All but the client must outlive it. `total`: of one call, and of each zone in follow().
  EtcdArbiter(const dns::DnsConfig& config, dns::SeenBook& seen, dns::Zones& zones, EtcdClient client,
              Duration total)
      : config_(config),
        seen_(seen),
        copies_(config, seen, zones, total),
        client_(std::move(client)),
        total_(total) {}

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
  [[nodiscard]] std::string key_of(std::string_view service) const;
  [[nodiscard]] dns::GuardLook look(std::string_view service);
  [[nodiscard]] std::optional<dns::Trouble> note(std::string_view service,
                                                 const std::optional<dns::Record>& record,
                                                 dns::Writing writing);
  [[nodiscard]] dns::Version beyond(std::string_view service) const;
  [[nodiscard]] ArbiterAnswer change(std::string_view service, const dns::LeaseWish& wish);
  [[nodiscard]] EtcdSwapResult run(std::string_view service, EtcdSwap& swap);
  // If it is what the wish is about: then it need not be read.
  [[nodiscard]] std::optional<EtcdKnown> known_for(std::string_view service,
                                                   const dns::LeaseWish& wish) const;

  const dns::DnsConfig& config_;
  dns::SeenBook& seen_;
  dns::CopyKeeper copies_;
  EtcdClient client_;
  Duration total_;
  std::map<std::string, EtcdKnown, std::less<>> known_;
  std::map<std::string, ArbiterSight, std::less<>> last_;  // read() of each service
};

}  // namespace ha::failover
