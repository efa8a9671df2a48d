#include "dnsupdater/lease_keeper.h"

#include <algorithm>
#include <utility>

#include "common/sys/digest.h"
#include "dnsupdater/updater.h"

namespace ha::dns {
namespace {

bool holds(const std::optional<Record>& record, const LeaseWish& wish) {
  return record && record->owner == wish.site && record->version.epoch == wish.epoch;
}

}  // namespace

// Of lease and copies: an epoch that was accepted away in any of them does not come again.
Version LeaseKeeper::beyond(const ServicePlace& place) const {
  return std::max(seen_.beyond(place.lease), copies_.beyond(place.copies));
}

LeaseSight LeaseKeeper::read(std::string_view service) {
  LeaseSight sight;
  auto place = place_of(config_, service);
  if (!place.ok()) {
    sight.trouble = ours(std::move(place).error());
    return sight;
  }
  // The lease last: who takes it meanwhile may bring the copies after it, too.
  sight.copies = copies_.read(service, place->copies);
  GuardLook lease = copies_.look(place->zone, place->lease, service);
  sight.lease = std::move(lease.record);
  sight.trouble = std::move(lease.trouble);
  if (!sight.trouble) {
    sight.trouble = copies_.judge(service, sight.lease, beyond(*place).epoch,
                                  "dnsupdater accept " + place->lease.text(), sight.copies);
  }
  return sight;
}

LeaseOutcome LeaseKeeper::claim(std::string_view service, const std::optional<Version>& saw,
                                std::optional<LeaseTerms> terms, std::uint64_t above) {
  LeaseWish wish{LeaseAct::Claim, config_.self()};
  wish.saw = saw;
  wish.epoch = above;
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
    if (is_lost(out.verdict) && wish.act != LeaseAct::Claim && holds(out.now, wish)) {
      if (tries < kLeaseTriesMax && read_clocks().steady < until) {
        continue;
      }
      out.verdict = Verdict::NotSent;  // the last one is lost, but not the lease
      out.trouble = {Cause::Server, Error(Code::Unavailable, "somebody changes the lease of " +
                                                                 place->service + " all the time")};
    } else if (out.verdict == Verdict::NotSent && out.trouble->cause == Cause::Ours &&
               out.trouble->error.code() == Code::Conflict) {
      out.verdict = Verdict::Lost;  // before anything was sent
    }
    return out;
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
    if (auto trouble = copies_.note(place.lease, *now, Writing::Needed)) {
      return std::move(*trouble);
    }
    auto made = lease_change(config_, place, wish, found, *nonce, beyond(place));
    if (!made.ok()) {
      return ours(std::move(made).error());
    }
    // A site that cannot remember what it wins must leave it to others.
    if (Status room = wish.act == LeaseAct::Claim ? seen_.prove_writable() : ok(); !room.ok()) {
      return ours(std::move(room).error());
    }
    after = made->guards[0].after;
    return std::move(made).value();
  };
  const SteadyTime now = read_clocks().steady;
  SwapLimits limits{std::max(until - now, Duration::zero())};
  limits.guards_known = wish.act == LeaseAct::Claim && wish.saw;
  Swap swap(lease_keys(config_, place, wish.act), planner, limits, now);
  SwapResult result = run_swap(swap, **primary);
  out.verdict = result.verdict;
  out.trouble = std::move(result.trouble);
  out.differences = std::move(result.differences);
  if (!result.now.empty()) {
    out.now = result.now[0];
  }
  if (out.verdict == Verdict::Won) {
    out.now = after;
    out.sent = result.first_sent;
    if (Status put = seen_.put(place.lease, after->version); !put.ok()) {
      if (!seen_.has_epoch(place.lease, after->version.epoch)) {
        out.verdict = Verdict::Unknown;  // it is there, but nobody would know after a restart
        out.sent.reset();
      }
      out.trouble = ours(std::move(put).error());
    }
  }
  return out;
}

std::vector<FollowOutcome> LeaseKeeper::follow(std::string_view service) {
  const auto place = place_of(config_, service);
  if (!place.ok()) {
    return {};
  }
  return copies_.follow(service, place->copies,
                        [&] { return copies_.look(place->zone, place->lease, service); });
}

Status LeaseKeeper::accept(std::string_view service, std::uint64_t beyond) {
  HA_TRY(const ServicePlace place, place_of(config_, service));
  Version furthest;
  HA_TRY(furthest, copies_.accept(service, place.copies));
  return seen_.accept(place.lease, std::max(furthest, Version{beyond, 0}));
}

}  // namespace ha::dns
