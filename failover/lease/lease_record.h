// What dnsupdater says of leases, in the words of an arbiter. Every kind keeps one format of record.
//
// Pure. Thread safety: plain functions. Source: docs/dns.md, "The record"; docs/failover.md, "Arbiters".
#pragma once

#include <optional>
#include <string_view>

#include "dnsupdater/lease_keeper.h"
#include "failover/lease/arbiter.h"

namespace ha::failover {

[[nodiscard]] Record record_of(const dns::Record& record);
[[nodiscard]] std::optional<Record> record_of(const std::optional<dns::Record>& record);
[[nodiscard]] dns::LeaseTerms terms_of(const Terms& terms);
// Free counts as Own: nobody renews what nobody holds.
[[nodiscard]] dns::HoldState state_of(Hold hold) noexcept;
[[nodiscard]] std::optional<dns::Version> version_of(const std::optional<Version>& version);

[[nodiscard]] ArbiterAnswer answer_of(const dns::LeaseOutcome& outcome);
[[nodiscard]] ArbiterSight sight_of(const dns::LeaseSight& sight);
[[nodiscard]] FollowAnswer answer_of(const dns::FollowOutcome& outcome);
[[nodiscard]] bool is_due(const std::vector<dns::CopySight>& copies);

// A claim that is lost to this very site was won, and changed since, or an earlier one came late: read()
// tells.
[[nodiscard]] ArbiterAnswer claimed_by(std::string_view self, ArbiterAnswer answer);

}  // namespace ha::failover
