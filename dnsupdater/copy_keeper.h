// Epoch copies on real name servers: reads them, and brings them and the records after a lease, wherever that
// is kept.
//
// It blocks, for workers: follow() ends after `total` for each zone. Not here: the lease (lease_keeper.h, or
// an arbiter outside of DNS). Thread safety: one thread. Source: docs/dns.md, "Takeover".
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "dnsupdater/config.h"
#include "dnsupdater/lease.h"
#include "dnsupdater/seen_book.h"
#include "dnsupdater/service.h"
#include "dnsupdater/swap.h"
#include "dnsupdater/zones.h"

namespace ha::dns {

struct CopySight {
  Name zone;
  std::optional<Record> record;
  CopyStand stand = CopyStand::Current;
  std::optional<Trouble> trouble;  // it could not be read
};

struct FollowOutcome {
  Name zone;
  // Won, or Nothing: copy and records are at the lease's epoch. Lost: this site does not hold the lease.
  Verdict verdict = Verdict::NotSent;
  std::optional<Record> copy;
  std::optional<Trouble> trouble;
  // Of Nothing: records that are not what the configuration says of the owner, one sentence each. An operator
  // may have led callers to the maintenance address: they are left as they are.
  std::vector<std::string> differences;
};

// A guard as it is now.
struct GuardLook {
  std::optional<Record> record;
  std::optional<Trouble> trouble;  // it could not be read, or has gone back in time
};

// How many times a swap is tried that is lost to somebody who did not take the lease.
inline constexpr int kLeaseTriesMax = 10;

// What cannot be written down may be told, by a full disk for one, but nothing is sent that stands on it.
enum class Writing { Tried, Needed };

class CopyKeeper {
 public:
  // All must outlive it. `total`: of one zone.
  CopyKeeper(const DnsConfig& config, SeenBook& seen, Zones& zones, Duration total)
      : config_(config), seen_(seen), zones_(zones), total_(total) {}

  // Each from its primary; how they stand to the lease is not known yet: judge().
  [[nodiscard]] std::vector<CopySight> read(std::string_view service,
                                            const std::vector<ServicePlace::Copy>& copies);
  // Against the lease as it was read after them: puts `stand` into each. Regression if one is at an epoch
  // beyond it and beyond what was accepted; `hint`: the command that accepts.
  [[nodiscard]] std::optional<Trouble> judge(std::string_view service, const std::optional<Record>& lease,
                                             std::uint64_t accepted, const std::string& hint,
                                             std::vector<CopySight>& copies) const;
  // What was accepted of the copies: such an epoch does not come again.
  [[nodiscard]] Version beyond(const std::vector<ServicePlace::Copy>& copies) const;

  // By a person: what DNS shows of them is right from now on. The furthest that they show: the lease has to
  // go beyond it. One that cannot be read is passed over.
  [[nodiscard]] Result<Version> accept(std::string_view service,
                                       const std::vector<ServicePlace::Copy>& copies);

  // `lease` is called before anything is sent, and again before each further try: who has lost the lease
  // meanwhile must not send for it. For all again after any outcome but Won and Nothing.
  using ReadLease = std::function<GuardLook()>;
  [[nodiscard]] std::vector<FollowOutcome> follow(std::string_view service,
                                                  const std::vector<ServicePlace::Copy>& copies,
                                                  const ReadLease& lease);

  // One guard from its primary, held against what was seen.
  [[nodiscard]] GuardLook look(const Name& zone, const Name& guard, std::string_view service);
  // What was read of a later turn is known from then on, whoever took it. None: it has not gone back.
  [[nodiscard]] std::optional<Trouble> note(const Name& guard, const std::optional<Record>& record,
                                            Writing writing);

 private:
  [[nodiscard]] FollowOutcome follow_zone(std::string_view service, const ServicePlace::Copy& copy,
                                          const ReadLease& lease);
  [[nodiscard]] FollowOutcome follow_once(const Record& lease, const ServicePlace::Copy& copy,
                                          SteadyTime until);

  const DnsConfig& config_;
  SeenBook& seen_;
  Zones& zones_;
  Duration total_;
};

// Another change is there: ours is not in force.
[[nodiscard]] constexpr bool is_lost(Verdict verdict) noexcept {
  return verdict == Verdict::Lost || verdict == Verdict::Overtaken;
}

}  // namespace ha::dns
