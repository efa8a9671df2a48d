#include "failover/lease/dns_arbiter.h"

#include <utility>

#include "failover/lease/lease_record.h"

namespace ha::failover {

ArbiterSight DnsArbiter::read(std::string_view service) {
  ArbiterSight sight = sight_of(keeper_.read(service));
  last_.insert_or_assign(std::string(service), sight);
  return sight;
}

ArbiterAnswer DnsArbiter::claim(std::string_view service, const std::optional<Version>& saw,
                                const Terms& terms, std::uint64_t above) {
  // Only read() looks at the copies: a lease that is behind them is not to be claimed.
  const auto known = last_.find(service);
  const ArbiterSight sight = known != last_.end() ? known->second : read(service);
  if (sight.regression) {
    return {ArbiterVerdict::Regression, sight.record, std::nullopt, sight.trouble};
  }
  return claimed_by(self_, answer_of(keeper_.claim(service, version_of(saw), terms_of(terms), above)));
}

ArbiterAnswer DnsArbiter::renew(std::string_view service, std::uint64_t epoch, const Terms& terms,
                                Hold hold) {
  return answer_of(keeper_.renew(service, epoch, terms_of(terms), state_of(hold)));
}

ArbiterAnswer DnsArbiter::release(std::string_view service, std::uint64_t epoch) {
  return answer_of(keeper_.release(service, epoch));
}

ArbiterAnswer DnsArbiter::transfer(std::string_view service, std::uint64_t epoch, std::string_view target) {
  return answer_of(keeper_.transfer(service, epoch, std::string(target)));
}

std::vector<FollowAnswer> DnsArbiter::follow(std::string_view service) {
  std::vector<FollowAnswer> out;
  for (const dns::FollowOutcome& each : keeper_.follow(service)) {
    out.push_back(answer_of(each));
  }
  return out;
}

Status DnsArbiter::accept(std::string_view service, std::uint64_t beyond) {
  last_.erase(std::string(service));
  return keeper_.accept(service, beyond);
}

}  // namespace ha::failover
