// The arbiter that the configuration names, with all that it needs.
//
// Thread safety: one thread each. Several may be open at once, in one process or in several: what they have
// in common is the book of what was seen, on the disk.
#pragma once

#include <memory>
#include <optional>

#include "dnsupdater/config.h"
#include "dnsupdater/seen_book.h"
#include "dnsupdater/zones.h"
#include "failover/lease/arbiter.h"

namespace ha::failover {

class OpenArbiter {
 public:
  // `config` must outlive it. `total`: of one call. `cancel_fd`: readable, every call gives up. Errors: those
  // of the book, and of the files with which etcd knows us.
  [[nodiscard]] static Result<std::unique_ptr<OpenArbiter>> open(const dns::DnsConfig& config, Duration total,
                                                                 int cancel_fd = -1);
  OpenArbiter(const OpenArbiter&) = delete;
  OpenArbiter& operator=(const OpenArbiter&) = delete;

  Arbiter* operator->() noexcept { return arbiter_.get(); }
  Arbiter& operator*() noexcept { return *arbiter_; }

 private:
  OpenArbiter(const dns::DnsConfig& config, dns::SeenBook seen, int cancel_fd)
      : seen_(std::move(seen)), zones_(config, cancel_fd, true) {}

  dns::SeenBook seen_;
  dns::Zones zones_;
  std::unique_ptr<Arbiter> arbiter_;
};

}  // namespace ha::failover
