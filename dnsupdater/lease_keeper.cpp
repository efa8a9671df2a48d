#include "dnsupdater/lease_keeper.h"

#include <algorithm>
#include <utility>

#include "common/sys/digest.h"
#include "dnsupdater/updater.h"

namespace ha::dns {
namespace {

constexpr int kTriesMax = 10;  // of a swap that is lost to somebody who did not take the lease

Trouble ours(Error error) {
  return {Cause::Ours, std::move(error)};
}

Trouble gone_back(Error error) {
  return {Cause::Regression, std::move(error)};
}

bool holds(const std::optional<Record>& record, const LeaseWish& wish) {
  return record && record->owner == wish.site && record->version.epoch == wish.epoch;
}

Trouble copy_beyond(std::string_view service, const LeaseSight::Copy& copy, const ServicePlace& place) {
  return gone_back(Error(
      Code::Refused,
      "DNS has gone back in time: the records of " + std::string(service) + " in " + copy.zone.text() +
          " are at epoch " + std::to_string(copy.record->version.epoch) + ", beyond the lease",
      "find out why (a restored backup, another server); then: dnsupdater accept " + place.lease.text()));
}

bool is_lost(Verdict verdict) {
  return verdict == Verdict::Lost || verdict == Verdict::Overtaken;
}

}  // namespace

// What was read of a later turn is known from then on, whoever took it.
Status LeaseKeeper::note(const Name& guard, const std::optional<Record>& record) {
  HA_CHECK(seen_.check(guard, record));
  const auto known = seen_.of(guard);
  if (!record || record->version.epoch <= (known ? known->epoch : 0)) {
    return ok();
  }
  return seen_.put(guard, record->version);
}

LeaseKeeper::Found LeaseKeeper::look(const Name& zone, const Name& guard, std::string_view service) {
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
  if (Status noted = note(guard, *record); !noted.ok()) {
    const bool regressed = noted.error().code() == Code::Refused;
    return {std::move(record).value(),
            Trouble{regressed ? Cause::Regression : Cause::Ours, std::move(noted).error()}};
  }
  return {std::move(record).value(), std::nullopt};
}

// Of lease and copies: an epoch that was accepted away in any of them does not come again.
Version LeaseKeeper::beyond(const ServicePlace& place) const {
  Version out = seen_.beyond(place.lease);
  for (const ServicePlace::Copy& each : place.copies) {
    out = std::max(out, seen_.beyond(each.guard));
  }
  return out;
}

LeaseSight LeaseKeeper::read(std::string_view service) {
  LeaseSight sight;
  auto place = place_of(config_, service);
  if (!place.ok()) {
    sight.trouble = ours(std::move(place).error());
    return sight;
  }
  // The lease last: who takes it meanwhile may bring the copies after it, too.
  for (const ServicePlace::Copy& each : place->copies) {
    Found copy = look(each.zone, each.guard, service);
    sight.copies.push_back({each.zone, std::move(copy.record), CopyStand::Current, std::move(copy.trouble)});
  }
  Found lease = look(place->zone, place->lease, service);
  sight.lease = std::move(lease.record);
  sight.trouble = std::move(lease.trouble);
  const std::uint64_t known = std::max(sight.lease ? sight.lease->version.epoch : 0, beyond(*place).epoch);
  for (LeaseSight::Copy& copy : sight.copies) {
    if (!sight.trouble && !copy.trouble) {
      copy.stand = stand_of(sight.lease, copy.record);
    }
    if (!sight.trouble && copy.record && copy.record->version.epoch > known) {
      sight.trouble = copy_beyond(service, copy, *place);
    }
  }
  return sight;
}

LeaseOutcome LeaseKeeper::claim(std::string_view service, const LeaseSight& saw,
                                std::optional<LeaseTerms> terms) {
  if (saw.trouble) {
    return {Verdict::NotSent, saw.lease, std::nullopt, saw.trouble, {}};
  }
  LeaseWish wish{LeaseAct::Claim, config_.self()};
  wish.saw = saw.lease ? std::optional(saw.lease->version) : std::nullopt;
  wish.terms = std::move(terms);
  return change(service, wish);
}

LeaseOutcome LeaseKeeper::renew(std::string_view service, std::uint64_t epoch,
                                std::optional<LeaseTerms> terms, std::optional<HoldState> state) {
  LeaseWish wish{LeaseAct::Renew, config_.self()};
  wish.epoch = epoch;
  wish.terms = std::move(terms);
  wish.state = state;
  return change(service, wish);
}

LeaseOutcome LeaseKeeper::release(std::string_view service, std::uint64_t epoch) {
  LeaseWish wish{LeaseAct::Release, config_.self()};
  wish.epoch = epoch;
  return change(service, wish);
}

LeaseOutcome LeaseKeeper::transfer(std::string_view service, std::uint64_t epoch, const std::string& target) {
  LeaseWish wish{LeaseAct::Transfer, config_.self()};
  wish.epoch = epoch;
  wish.target = target;
  return change(service, wish);
}

LeaseOutcome LeaseKeeper::change(std::string_view service, const LeaseWish& wish) {
  auto place = place_of(config_, service);
  if (!place.ok()) {
    return {Verdict::NotSent, std::nullopt, std::nullopt, ours(std::move(place).error()), {}};
  }
  const SteadyTime until = read_clocks().steady + total_;
  for (int tries = 1;; ++tries) {
    LeaseOutcome out = change_once(*place, wish, until);
    const bool again = is_lost(out.verdict) && wish.act != LeaseAct::Claim && holds(out.now, wish);
    if (!again || tries == kTriesMax || read_clocks().steady >= until) {
      return out;
    }
  }
}

LeaseOutcome LeaseKeeper::change_once(const ServicePlace& place, const LeaseWish& wish, SteadyTime until) {
  LeaseOutcome out;
  auto primary = zones_.primary(place.zone);
  const auto nonce = new_nonce();
  if (!primary.ok() || !nonce.ok()) {
    out.trouble = ours(primary.ok() ? nonce.error() : std::move(primary).error());
    return out;
  }
  std::optional<Record> after;
  const auto planner = [&](const std::vector<RrSet>& found) -> std::variant<Change, Trouble> {
    auto now = record_in(found, place.lease, place.service);
    if (!now.ok()) {
      return gone_back(std::move(now).error());
    }
    out.now = *now;
    if (Status noted = note(place.lease, *now); !noted.ok()) {
      const bool regressed = noted.error().code() == Code::Refused;
      return Trouble{regressed ? Cause::Regression : Cause::Ours, std::move(noted).error()};
    }
    auto made = lease_change(config_, place, wish, found, *nonce, beyond(place));
    if (!made.ok()) {
      return ours(std::move(made).error());
    }
    after = made->guards[0].after;
    return std::move(made).value();
  };
  const SteadyTime now = read_clocks().steady;
  Swap swap(lease_keys(config_, place, wish.act), planner, {std::max(until - now, Duration::zero())}, now);
  SwapResult result = run_swap(swap, **primary);
  out.verdict = result.verdict;
  out.trouble = std::move(result.trouble);
  out.differences = std::move(result.differences);
  if (!result.now.empty()) {
    out.now = result.now[0];
  }
  const bool conflict = out.trouble && out.trouble->error.code() == Code::Conflict;
  if (out.verdict == Verdict::NotSent && conflict) {
    out.verdict = Verdict::Lost;  // before anything was sent
  }
  if (out.verdict == Verdict::Won) {
    out.now = after;
    out.sent = result.first_sent;
    if (Status put = seen_.put(place.lease, after->version); !put.ok()) {
      out.verdict = Verdict::Unknown;  // it is there, but nobody would know after a restart
      out.sent.reset();
      out.trouble = ours(std::move(put).error());
    }
  }
  return out;
}

std::vector<FollowOutcome> LeaseKeeper::follow(std::string_view service) {
  const auto place = place_of(config_, service);
  std::vector<FollowOutcome> out;
  for (const ServicePlace::Copy& copy : place.ok() ? place->copies : std::vector<ServicePlace::Copy>()) {
    out.push_back(follow_zone(*place, copy));
  }
  return out;
}

FollowOutcome LeaseKeeper::follow_zone(const ServicePlace& place, const ServicePlace::Copy& copy) {
  const SteadyTime until = read_clocks().steady + total_;
  FollowOutcome out{copy.zone, Verdict::NotSent, std::nullopt, std::nullopt, {}};
  std::uint64_t doubt = 0;  // epoch of a copy that was beyond the lease as it was read before
  for (int tries = 1;; ++tries) {
    // Each time: who has lost the lease meanwhile must not send for it.
    Found lease = look(place.zone, place.lease, place.service);
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
      out.trouble =
          ours(Error(Code::Conflict, "the lease of " + place.service + " is " + holder_text(lease.record)));
      return out;
    }
    out = follow_once(*lease.record, copy, until);
    // Somebody may have taken the lease, and brought the copy after it, since it was read.
    doubt = out.copy && out.copy->version.epoch > epoch ? out.copy->version.epoch : 0;
    const bool again = is_lost(out.verdict) || doubt > 0;
    if (!again || tries == kTriesMax || read_clocks().steady >= until) {
      return out;
    }
  }
}

FollowOutcome LeaseKeeper::follow_once(const Record& lease, const ServicePlace::Copy& copy,
                                       SteadyTime until) {
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
    if (Status noted = note(copy.guard, *now); !noted.ok()) {
      const bool regressed = noted.error().code() == Code::Refused;
      return Trouble{regressed ? Cause::Regression : Cause::Ours, std::move(noted).error()};
    }
    auto made = follow_change(wanted, lease, config_.self(), found, seen_.beyond(copy.guard));
    if (!made.ok()) {
      const bool regressed = made.error().code() == Code::Refused;
      return Trouble{regressed ? Cause::Regression : Cause::Ours, std::move(made).error()};
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
