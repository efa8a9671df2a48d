// Leases on real name servers: reads, claims, renews, gives up.
//
// It blocks, for workers: a call ends after `total` at most, follow() after that for each zone. What was won
// is in the book of what was seen before it is reported. How copies follow is copy_keeper.h. When a lease
// runs out, and when an owner is dead, is for the coordinator to say: a lease counts from `sent` of a
// confirmed claim or renewal. Thread safety: one thread. Source: docs/dns.md, "Takeover".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "dnsupdater/config.h"
#include "dnsupdater/copy_keeper.h"
#include "dnsupdater/lease.h"
#include "dnsupdater/seen_book.h"
#include "dnsupdater/swap.h"
#include "dnsupdater/zones.h"

namespace ha::dns {

// What is there of a service.
struct LeaseSight {
  std::optional<Record> lease;
  std::vector<CopySight> copies;
  // The lease could not be read, or DNS has gone back in time: nothing is claimed then.
  std::optional<Trouble> trouble;
};

struct LeaseOutcome {
  // Won; Lost and Overtaken: it is another's, or at another epoch, see `now`; Unknown: read() again; the
  // others: nothing was changed by this.
  Verdict verdict = Verdict::NotSent;
  std::optional<Record> now;             // the lease as it was read last; of Won what was written
  std::optional<SteadyTime> sent;        // of Won: no later than the message that is in force
  std::optional<Trouble> trouble;        // of all but Won; of Won: it could not be written down here
  std::vector<std::string> differences;  // of Partial
};

class LeaseKeeper {
 public:
  // All must outlive it. `total`: of one change; [dns] timeout for people, less for who renews.
  LeaseKeeper(const DnsConfig& config, SeenBook& seen, Zones& zones, Duration total)
      : config_(config), seen_(seen), zones_(zones), copies_(config, seen, zones, total), total_(total) {}

  // Lease and copies, each from its primary.
  [[nodiscard]] LeaseSight read(std::string_view service);

  // `saw`: as read() has shown it, without trouble; none: no lease. One that has been changed since is lost.
  // Its epoch is higher than `above`, too.
  [[nodiscard]] LeaseOutcome claim(std::string_view service, const std::optional<Version>& saw,
                                   std::optional<LeaseTerms> terms = std::nullopt, std::uint64_t above = 0);
  // By the owner of `epoch`. What others have changed of the lease without taking it is no loss: it is read
  // and tried again.
  [[nodiscard]] LeaseOutcome renew(std::string_view service, std::uint64_t epoch,
                                   std::optional<LeaseTerms> terms = std::nullopt,
                                   std::optional<HoldState> state = std::nullopt);
  [[nodiscard]] LeaseOutcome release(std::string_view service, std::uint64_t epoch);
  [[nodiscard]] LeaseOutcome transfer(std::string_view service, std::uint64_t epoch,
                                      const std::string& target);

  // The second half, in every zone that has a copy; nothing is sent unless this site owns the lease, which is
  // read before. For all again after any outcome but Won and Nothing, and after a restart.
  [[nodiscard]] std::vector<FollowOutcome> follow(std::string_view service);

  // By a person: what DNS shows of lease and copies is right from now on. The next change goes beyond all
  // that was seen of them.
  [[nodiscard]] Status accept(std::string_view service, std::uint64_t beyond = 0);

 private:
  [[nodiscard]] Version beyond(const ServicePlace& place) const;
  [[nodiscard]] LeaseOutcome change(std::string_view service, const LeaseWish& wish);
  [[nodiscard]] LeaseOutcome change_once(const ServicePlace& place, const LeaseWish& wish, SteadyTime until);

  const DnsConfig& config_;
  SeenBook& seen_;
  Zones& zones_;
  CopyKeeper copies_;
  Duration total_;
};

}  // namespace ha::dns
