#include "failover/lease/open_arbiter.h"

#include <utility>

#include "failover/lease/dns_arbiter.h"
#include "failover/lease/etcd_arbiter.h"

namespace ha::failover {

Result<std::unique_ptr<OpenArbiter>> OpenArbiter::open(const dns::DnsConfig& config, Duration total,
                                                       int cancel_fd) {
  HA_TRY(dns::SeenBook seen, dns::SeenBook::open(config.state_dir().string()));
  std::unique_ptr<OpenArbiter> out(new OpenArbiter(config, std::move(seen), cancel_fd));
  if (config.arbiter().kind == dns::ArbiterKind::Etcd) {
    // Each member has its chance within one call, and one of them a second.
    const Duration patience = total / static_cast<int>(config.arbiter().endpoints.size() + 1);
    HA_TRY(EtcdClient client, EtcdClient::open(config.arbiter(), patience, cancel_fd));
    out->arbiter_ = std::make_unique<EtcdArbiter>(config, out->seen_, out->zones_, std::move(client), total);
  } else {
    out->arbiter_ = std::make_unique<DnsArbiter>(config, out->seen_, out->zones_, total);
  }
  return out;
}

}  // namespace ha::failover
