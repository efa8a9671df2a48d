#include "dnsupdater/copy_keeper.h"

#include <algorithm>
#include <utility>

#include "dnsupdater/updater.h"

namespace ha::dns {
namespace {

// Of what was held against the book or the lease: only a refusal says that DNS has gone back.
Trouble doubted(Error error) {
  return {error.code() == Code::Refused ? Cause::Regression : Cause::Ours, std::move(error)};
}

}  // namespace

std::optional<Trouble> CopyKeeper::note(const Name& guard, const std::optional<Record>& record,
                                        Writing writing) {
  Status noted = seen_.check(guard, record);
  if (noted.ok() && record && !seen_.has_epoch(guard, record->version.epoch)) {
    Status put = seen_.put(guard, record->version);
    noted = writing == Writing::Needed ? std::move(put) : ok();
  }
  return noted.ok() ? std::nullopt : std::optional(doubted(std::move(noted).error()));
}

GuardLook CopyKeeper::look(const Name& zone, const Name& guard, std::string_view service) {
  auto primary = zones_.primary(zone);
  if (!primary.ok()) {
    return {std::nullopt, ours(std::move(primary).error())};
  }
  auto heard = (*primary)->read({{guard, RrType::Txt}});
  if (auto* trouble = std::get_if<Trouble>(&heard)) {
    return {std::nullopt, std::move(*trouble)};
  }
  auto record = record_in(std::get<std::vector<RrSet>>(heard), guard, service);
  if (!record.ok()) {
    return {std::nullopt, gone_back(std::move(record).error())};
  }
  auto trouble = note(guard, *record, Writing::Tried);
  return {std::move(record).value(), std::move(trouble)};
}

std::vector<CopySight> CopyKeeper::read(std::string_view service,
                                        const std::vector<ServicePlace::Copy>& copies) {
  std::vector<CopySight> out;
  for (const ServicePlace::Copy& each : copies) {
    GuardLook copy = look(each.zone, each.guard, service);
    out.push_back({each.zone, std::move(copy.record), CopyStand::Current, std::move(copy.trouble)});
  }
  return out;
}

std::optional<Trouble> CopyKeeper::judge(std::string_view service, const std::optional<Record>& lease,
                                         std::uint64_t accepted, const std::string& hint,
                                         std::vector<CopySight>& copies) const {
  const std::uint64_t known = std::max(lease ? lease->version.epoch : 0, accepted);
  std::optional<Trouble> trouble;
  for (CopySight& copy : copies) {
    if (!copy.trouble) {
      copy.stand = stand_of(lease, copy.record);
    }
    if (!trouble && copy.record && copy.record->version.epoch > known) {
      trouble =
          gone_back(Error(Code::Refused,
                          "the lease of " + std::string(service) + " has gone back in time: its records in " +
                              copy.zone.text() + " are at epoch " +
                              std::to_string(copy.record->version.epoch) + ", beyond it",
                          "find out why (a restored backup, another server); then: " + hint));
    }
  }
  return trouble;
}

Version CopyKeeper::beyond(const std::vector<ServicePlace::Copy>& copies) const {
  Version out;
  for (const ServicePlace::Copy& each : copies) {
    out = std::max(out, seen_.beyond(each.guard));
  }
  return out;
}

Result<Version> CopyKeeper::accept(std::string_view service, const std::vector<ServicePlace::Copy>& copies) {
  Version furthest;
  for (const ServicePlace::Copy& each : copies) {
    const GuardLook copy = look(each.zone, each.guard, service);
    if (copy.trouble && copy.trouble->cause == Cause::Regression) {
      HA_CHECK(seen_.accept(each.guard));
    }
    furthest = std::max(furthest, copy.record ? copy.record->version : Version{});
  }
  return furthest;
}

std::vector<FollowOutcome> CopyKeeper::follow(std::string_view service,
                                              const std::vector<ServicePlace::Copy>& copies,
                                              const ReadLease& lease) {
  std::vector<FollowOutcome> out;
  out.reserve(copies.size());
  for (const ServicePlace::Copy& copy : copies) {
    out.push_back(follow_zone(service, copy, lease));
  }
  return out;
}

FollowOutcome CopyKeeper::follow_zone(std::string_view service, const ServicePlace::Copy& copy,
                                      const ReadLease& read_lease) {
  const SteadyTime until = read_clocks().steady + total_;
  FollowOutcome out{copy.zone, Verdict::NotSent, std::nullopt, std::nullopt, {}};
  std::uint64_t doubt = 0;  // epoch of a copy that was beyond the lease as it was read before
  for (int tries = 1;; ++tries) {
    GuardLook lease = read_lease();
    if (lease.trouble) {
      out.trouble = std::move(lease.trouble);
      return out;
    }
    const std::uint64_t epoch = lease.record ? lease.record->version.epoch : 0;
    if (epoch < doubt) {  // the lease was read after the copy: it has gone back
      return out;
    }
    if (!lease.record || lease.record->owner != config_.self()) {
      out.verdict = Verdict::Lost;
      out.trouble = ours(
          Error(Code::Conflict, "the lease of " + std::string(service) + " is " + holder_text(lease.record)));
      return out;
    }
    out = follow_once(*lease.record, copy, until);
    // Somebody may have taken the lease, and brought the copy after it, since it was read.
    doubt = out.copy && out.copy->version.epoch > epoch ? out.copy->version.epoch : 0;
    const bool again = is_lost(out.verdict) || doubt > 0;
    if (!again || tries == kLeaseTriesMax || read_clocks().steady >= until) {
      return out;
    }
  }
}

FollowOutcome CopyKeeper::follow_once(const Record& lease, const ServicePlace::Copy& copy, SteadyTime until) {
  FollowOutcome out{copy.zone, Verdict::NotSent, std::nullopt, std::nullopt, {}};
  auto primary = zones_.primary(copy.zone);
  const auto zones = service_sets(config_, lease.id, lease.owner);
  if (!primary.ok() || !zones.ok()) {
    out.trouble = ours(primary.ok() ? zones.error() : std::move(primary).error());
    return out;
  }
  const ServiceZone& wanted = *std::find_if(zones->begin(), zones->end(),
                                            [&](const ServiceZone& each) { return each.zone == copy.zone; });
  const auto planner = [&](const std::vector<RrSet>& found) -> std::variant<Change, Trouble> {
    auto now = record_in(found, copy.guard, lease.id);
    if (!now.ok()) {
      return gone_back(std::move(now).error());
    }
    out.copy = *now;
    if (auto trouble = note(copy.guard, *now, Writing::Needed)) {
      return std::move(*trouble);
    }
    auto made = follow_change(wanted, lease, config_.self(), found, seen_.beyond(copy.guard));
    if (!made.ok()) {
      return doubted(std::move(made).error());
    }
    out.differences = service_differences(wanted, found);
    return std::move(made).value();
  };
  std::vector<SetKey> keys = service_keys(config_, lease.id, copy.zone);
  keys.insert(keys.begin(), {copy.guard, RrType::Txt});
  const SteadyTime now = read_clocks().steady;
  Swap swap(std::move(keys), planner, {std::max(until - now, Duration::zero())}, now);
  SwapResult result = run_swap(swap, **primary);
  out.verdict = result.verdict;
  out.trouble = std::move(result.trouble);
  if (result.verdict != Verdict::Nothing) {
    out.differences = std::move(result.differences);
  }
  if (!result.now.empty()) {
    out.copy = result.now[0];
  }
  if (result.verdict == Verdict::Won) {
    if (Status put = seen_.put(copy.guard, lease.version); !put.ok()) {
      out.verdict = Verdict::Unknown;
      out.trouble = ours(std::move(put).error());
    }
  }
  return out;
}

}  // namespace ha::dns
