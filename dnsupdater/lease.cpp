#include "dnsupdater/lease.h"

#include <algorithm>
#include <utility>

namespace ha::dns {
namespace {

Error conflict(std::string_view service, const std::optional<Record>& now) {
  return Error(Code::Conflict, "the lease of " + std::string(service) + " is " + holder_text(now),
               "dnsupdater show");
}

std::string epoch_text(const Record& record) {
  return "epoch " + std::to_string(record.version.epoch);
}

bool may_hold(const std::vector<std::string>& eligible, std::string_view site) {
  return eligible.empty() || std::find(eligible.begin(), eligible.end(), site) != eligible.end();
}

Error not_eligible(std::string_view service, std::string_view site) {
  return Error(Code::Refused,
               "site " + in_quotes(site) + " is not among those that may hold " + std::string(service),
               "dnsupdater show");
}

// A new turn: beyond every epoch that was ever seen.
Result<Record> turned(Record record, std::string_view site, const Digest& nonce, Version beyond) {
  const std::optional<Digest> last = record.nonce.is_zero() ? std::nullopt : std::optional(record.nonce);
  if (last == nonce || nonce.is_zero()) {
    return Error(Code::Invalid, "a change needs a new nonce");
  }
  record.version.epoch = std::max(record.version.epoch, beyond.epoch) + 1;
  record.version.seq = std::max(record.version.seq, beyond.seq) + 1;
  if (record.version.epoch > kCounterMax || record.version.seq > kCounterMax) {
    return Error(Code::Exhausted, "a guard's counter has reached its end");
  }
  record.owner = site;
  record.state = HoldState::Own;
  record.nonce = nonce;
  return record;
}

Result<Record> claimed(const LeaseWish& wish, std::string_view service, const std::optional<Record>& now,
                       const Digest& nonce, Version beyond) {
  const auto there = now ? std::optional(now->version) : std::nullopt;
  if (there != wish.saw) {
    return conflict(service, now);
  }
  if (now && now->owner == wish.site && now->version.epoch >= beyond.epoch) {
    return Error(Code::Exists, "site " + in_quotes(wish.site) + " holds " + std::string(service) +
                                   " already, at " + epoch_text(*now));
  }
  // Who was dropped may come back once its owner has ended, and says so by putting itself in.
  const bool named = wish.terms && !wish.terms->eligible.empty() && may_hold(wish.terms->eligible, wish.site);
  if (now && !named && !may_hold(now->eligible, wish.site)) {
    return not_eligible(service, wish.site);
  }
  Record from = now ? *now : Record{};
  from.id = service;
  return turned(std::move(from), wish.site, nonce, std::max(beyond, Version{wish.epoch, 0}));
}

Result<Record> held(const LeaseWish& wish, std::string_view service, const std::optional<Record>& now,
                    const Digest& nonce, Version beyond) {
  const bool is_ours = now && now->owner == wish.site && now->version.epoch == wish.epoch;
  if (!is_ours) {
    return conflict(service, now);
  }
  if (now->version.epoch < beyond.epoch) {  // a turn that others may have had since: not ours to give, either
    return Error(Code::Conflict, "the lease of " + std::string(service) + " went back to " +
                                     epoch_text(*now) + "; " + std::to_string(beyond.epoch) +
                                     " was seen: claim it anew");
  }
  if (wish.act == LeaseAct::Release) {
    return freed_record(*now, nonce, beyond);
  }
  if (wish.act == LeaseAct::Transfer) {
    if (wish.target == wish.site) {
      return Error(Code::Invalid, "a transfer to the site that holds it");
    }
    const std::vector<std::string>& eligible = wish.terms ? wish.terms->eligible : now->eligible;
    return may_hold(eligible, wish.target) ? turned(*now, wish.target, nonce, beyond)
                                           : Result<Record>(not_eligible(service, wish.target));
  }
  HA_TRY(Record out, next_record(*now, nonce, beyond));
  out.state = wish.state.value_or(out.state);
  return out;
}

}  // namespace

std::string holder_text(const std::optional<Record>& lease) {
  if (!lease) {
    return "not there";
  }
  return (lease->owner.empty() ? "free" : "held by " + lease->owner) + ", " + epoch_text(*lease);
}

Result<Record> wished_record(const LeaseWish& wish, std::string_view service,
                             const std::optional<Record>& now, const Digest& nonce, Version beyond) {
  HA_TRY(Record out, wish.act == LeaseAct::Claim ? claimed(wish, service, now, nonce, beyond)
                                                 : held(wish, service, now, nonce, beyond));
  if (wish.terms) {
    out.config = wish.terms->config;
    out.eligible = wish.terms->eligible;
  }
  HA_TRY([[maybe_unused]] const std::string text, encode(out));
  return out;
}

Result<std::optional<Record>> record_in(const std::vector<RrSet>& found, const Name& guard,
                                        std::string_view id) {
  for (const RrSet& each : found) {
    if (each.name == guard && each.type == RrType::Txt) {
      HA_TRY(Record record, record_of(each, id));
      return std::optional(std::move(record));
    }
  }
  return std::optional<Record>();
}

std::vector<SetKey> lease_keys(const DnsConfig& config, const ServicePlace& place, LeaseAct act) {
  std::vector<SetKey> keys;
  if (act == LeaseAct::Claim || act == LeaseAct::Transfer) {
    keys = service_keys(config, place.service, place.zone);
  }
  keys.insert(keys.begin(), {place.lease, RrType::Txt});
  return keys;
}

Result<Change> lease_change(const DnsConfig& config, const ServicePlace& place, const LeaseWish& wish,
                            const std::vector<RrSet>& found, const Digest& nonce, Version beyond) {
  HA_TRY(std::optional<Record> now, record_in(found, place.lease, place.service));
  HA_TRY(Record after, wished_record(wish, place.service, now, nonce, beyond));
  Change out{place.zone, {}, {}, true};
  if (wish.act == LeaseAct::Claim || wish.act == LeaseAct::Transfer) {
    HA_TRY(const std::vector<ServiceZone> zones, service_sets(config, place.service, after.owner));
    for (const ServiceZone& each : zones) {
      if (each.zone == place.zone) {
        out.sets = service_changes(each, found);
      }
    }
  }
  out.guards.push_back({place.lease, std::move(now), std::move(after)});
  return out;
}

CopyStand stand_of(const std::optional<Record>& lease, const std::optional<Record>& copy) {
  const std::uint64_t at = lease ? lease->version.epoch : 0;
  if (copy && copy->version.epoch > at) {
    return CopyStand::Beyond;
  }
  if (!lease || lease->owner.empty()) {
    return CopyStand::Current;
  }
  if (!copy || copy->version.epoch < at || copy->owner.empty()) {
    return CopyStand::Due;
  }
  return copy->owner == lease->owner ? CopyStand::Current : CopyStand::TwoOwners;
}

Result<Change> follow_change(const ServiceZone& wanted, const Record& lease, std::string_view self,
                             const std::vector<RrSet>& found, Version beyond) {
  if (lease.owner != self) {
    return conflict(lease.id, lease);
  }
  HA_TRY(std::optional<Record> copy, record_in(found, wanted.guard, lease.id));
  Change out{wanted.zone, {}, {}};
  switch (stand_of(lease, copy)) {
    case CopyStand::Current:
      out.guards.push_back({wanted.guard, copy, *copy});
      return out;
    case CopyStand::Beyond:
      return Error(
          Code::Refused,
          "DNS has gone back in time: the records of " + lease.id + " in " + wanted.zone.text() + " are at " +
              epoch_text(*copy) + ", its lease at " + epoch_text(lease),
          "find out why (a restored backup, another server); then: dnsupdater accept " + wanted.guard.text());
    case CopyStand::TwoOwners:
      return Error(Code::Refused,
                   epoch_text(lease) + " of " + lease.id + " has two owners: " + lease.owner +
                       " in the lease, " + copy->owner + " in " + wanted.guard.text(),
                   "find out why (a restored backup, another server); then release the lease and claim it");
    case CopyStand::Due:
      break;
  }
  if (lease.version.epoch < beyond.epoch) {
    return Error(Code::Refused,
                 wanted.guard.text() + " was seen at epoch " + std::to_string(beyond.epoch) +
                     ", and the lease of " + lease.id + " is at " + epoch_text(lease),
                 "the lease has gone back too: find out why; then: dnsupdater accept " + wanted.guard.text());
  }
  if (copy && copy->version >= lease.version) {
    return Error(Code::Unavailable, wanted.guard.text() + " was made anew by hand and is further on than " +
                                        "the lease, which nobody has renewed yet");
  }
  out.sets = service_changes(wanted, found);
  out.guards.push_back({wanted.guard, std::move(copy), lease});
  return out;
}

}  // namespace ha::dns
