// The lease of a service: who may change it to what, and how the epoch copies follow.
//
// Pure: what was read goes in, a Change for Swap comes out. A lease is a guard; each change of it names the
// text that was read, so that here stands only what is not to be tried at all. Not here: time (how long a
// lease counts, when a silent owner is dead) is the coordinator's. Thread safety: plain functions.
// Source: docs/dns.md, "Takeover"; design of failover, section 4.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "dnsupdater/plan.h"
#include "dnsupdater/record.h"
#include "dnsupdater/service.h"

namespace ha::dns {

enum class LeaseAct {
  Claim,     // from nobody, or from an owner that was found dead
  Renew,     // by its owner: says that it lives; also drain, and the terms
  Release,   // by its owner: nobody's
  Transfer,  // by its owner: to another site
};

// What the coordinator keeps in the lease.
struct LeaseTerms {
  std::optional<Digest> config = std::nullopt;
  std::vector<std::string> eligible = {};  // by name; empty: any site

  bool operator==(const LeaseTerms&) const = default;
};

struct LeaseWish {
  LeaseAct act = LeaseAct::Claim;
  std::string site;                           // who wants it
  std::optional<Version> saw = std::nullopt;  // Claim: exactly this was there; none: no lease
  std::uint64_t epoch = 0;  // of Claim: its own is higher; of the others: the turn of `site`
  std::string target = {};  // of Transfer
  std::optional<HoldState> state = std::nullopt;   // of Renew: Own or Drain; none: as it is
  std::optional<LeaseTerms> terms = std::nullopt;  // none: as they are
};

// What the lease shall say. `now`: as it is; `beyond`: what was seen of it before a person has accepted less.
// Conflict, naming the holder and the epoch: it is not what the wish is about (any more), so nothing is to be
// sent. Exists: a claim by who holds it. Refused: the site may not have it (eligible). Invalid: a wish that
// makes no sense.
[[nodiscard]] Result<Record> wished_record(const LeaseWish& wish, std::string_view service,
                                           const std::optional<Record>& now, const Digest& nonce,
                                           Version beyond = {});

// What has to be read for it, and the change: the lease, and, where the service has names in the lease's zone
// and changes hands, these. `found`: of lease_keys().
[[nodiscard]] std::vector<SetKey> lease_keys(const DnsConfig& config, const ServicePlace& place,
                                             LeaseAct act);
[[nodiscard]] Result<Change> lease_change(const DnsConfig& config, const ServicePlace& place,
                                          const LeaseWish& wish, const std::vector<RrSet>& found,
                                          const Digest& nonce, Version beyond = {});
// The guard `name` of a service among what was found.
[[nodiscard]] Result<std::optional<Record>> record_in(const std::vector<RrSet>& found, const Name& guard,
                                                      std::string_view id);

// ---------------------------------------------------------------- the second half
// How an epoch copy stands to its lease.
enum class CopyStand {
  Current,    // nothing is due: of the lease's epoch, or nobody holds the lease
  Due,        // its owner has yet to bring copy and records to the lease's epoch
  Beyond,     // of a later epoch than the lease: the lease has gone back in time
  TwoOwners,  // of the lease's epoch with another owner: somebody has broken a rule
};
// Without a lease a copy that was ever held is beyond it.
[[nodiscard]] CopyStand stand_of(const std::optional<Record>& lease, const std::optional<Record>& copy);

// The copy becomes the text of the lease, and the records those of its owner, in one swap; where nothing is
// due the change has nothing to send, whatever the records are. `wanted`: of the lease's owner. Conflict:
// `self` is not the owner. Refused: Beyond or TwoOwners, or a lease older than what was seen of the copy.
// Unavailable: the lease has to be renewed once before.
[[nodiscard]] Result<Change> follow_change(const ServiceZone& wanted, const Record& lease,
                                           std::string_view self, const std::vector<RrSet>& found,
                                           Version beyond = {});

// "held by fra1, epoch 7", "free, epoch 7", "not there".
[[nodiscard]] std::string holder_text(const std::optional<Record>& lease);

}  // namespace ha::dns
