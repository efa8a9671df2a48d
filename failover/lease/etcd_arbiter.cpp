#include "failover/lease/etcd_arbiter.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "dnsupdater/updater.h"
#include "failover/lease/lease_record.h"

namespace ha::failover {
namespace {

using dns::Cause;
using dns::LeaseAct;
using dns::LeaseWish;
using dns::ours;
using dns::Trouble;

Trouble trouble_of(EtcdFailure failure) {
  const bool cancelled = failure.error.code() == Code::Cancelled;
  const Cause cause = cancelled                        ? Cause::Ours
                      : failure.no == EtcdNo::Doubtful ? Cause::Network
                                                       : Cause::Policy;
  return {cause, std::move(failure.error)};
}

std::string accept_hint(std::string_view service) {
  return "failover arbiter accept " + std::string(service);
}

std::string version_text(const dns::Version& version) {
  return "epoch " + std::to_string(version.epoch) + ", seq " + std::to_string(version.seq);
}

void wait_until(SteadyTime until, int cancel_fd) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - read_clocks().steady).count();
  pollfd polled{cancel_fd, POLLIN, 0};
  ::poll(&polled, cancel_fd >= 0 ? 1 : 0, static_cast<int>(std::clamp(left, 0L, 60'000L)));
}

}  // namespace

Result<dns::Name> etcd_guard(std::string_view service) {
  HA_TRY(const dns::Name zone, dns::Name::parse("etcd.invalid"));
  return dns::guard_name(service, zone);
}

std::string EtcdArbiter::key_of(std::string_view service) const {
  return config_.arbiter().prefix + std::string(service);
}

// The book speaks of DNS, and of commands for guards there.
std::optional<Trouble> EtcdArbiter::note(std::string_view service, const std::optional<dns::Record>& record,
                                         dns::Writing writing) {
  auto guard = etcd_guard(service);
  if (!guard.ok()) {
    return ours(std::move(guard).error());
  }
  auto trouble = copies_.note(*guard, record, writing);
  if (trouble && trouble->cause == Cause::Regression) {
    const dns::Version seen = seen_.of(*guard).value_or(dns::Version{});
    trouble->error =
        Error(Code::Refused,
              "etcd has gone back in time: " + key_of(service) + " was seen at " + version_text(seen) +
                  " and is " + (record ? "at " + version_text(record->version) : std::string("gone")),
              "find out why (a restored snapshot, another cluster); then: " + accept_hint(service));
  }
  return trouble;
}

dns::Version EtcdArbiter::beyond(std::string_view service) const {
  const auto guard = etcd_guard(service);
  const auto copies = dns::copies_of(config_, service);
  return std::max(guard.ok() ? seen_.beyond(*guard) : dns::Version{},
                  copies.ok() ? copies_.beyond(*copies) : dns::Version{});
}

dns::GuardLook EtcdArbiter::look(std::string_view service) {
  auto heard = client_.read(key_of(service), read_clocks().steady + total_);
  if (auto* failure = std::get_if<EtcdFailure>(&heard)) {
    return {std::nullopt, trouble_of(std::move(*failure))};
  }
  const auto& value = std::get<EtcdRead>(heard).now;
  auto record = etcd_record(value, service);
  if (!record.ok()) {
    return {std::nullopt, Trouble{Cause::Regression, std::move(record).error()}};
  }
  auto trouble = note(service, *record, dns::Writing::Tried);
  known_.insert_or_assign(std::string(service), EtcdKnown{value});
  return {std::move(record).value(), std::move(trouble)};
}

ArbiterSight EtcdArbiter::read(std::string_view service) {
  dns::LeaseSight sight;
  const auto copies = dns::copies_of(config_, service);
  if (!copies.ok()) {
    sight.trouble = ours(copies.error());
    return sight_of(sight);
  }
  // etcd last: who takes it meanwhile may bring the copies after it, too.
  sight.copies = copies_.read(service, *copies);
  dns::GuardLook lease = look(service);
  sight.lease = std::move(lease.record);
  sight.trouble = std::move(lease.trouble);
  if (!sight.trouble) {
    sight.trouble =
        copies_.judge(service, sight.lease, beyond(service).epoch, accept_hint(service), sight.copies);
  }
  ArbiterSight out = sight_of(sight);
  last_.insert_or_assign(std::string(service), out);
  return out;
}

ArbiterAnswer EtcdArbiter::claim(std::string_view service, const std::optional<Version>& saw,
                                 const Terms& terms, std::uint64_t above) {
  // Only read() looks at the copies: a record that is behind them is not to be claimed.
  const auto last = last_.find(service);
  const ArbiterSight sight = last != last_.end() ? last->second : read(service);
  if (sight.regression) {
    return {ArbiterVerdict::Regression, sight.record, std::nullopt, sight.trouble};
  }
  LeaseWish wish{LeaseAct::Claim, config_.self()};
  wish.saw = version_of(saw);
  wish.epoch = above;
  wish.terms = terms_of(terms);
  return claimed_by(config_.self(), change(service, wish));
}

ArbiterAnswer EtcdArbiter::renew(std::string_view service, std::uint64_t epoch, const Terms& terms,
                                 Hold hold) {
  LeaseWish wish{LeaseAct::Renew, config_.self()};
  wish.epoch = epoch;
  wish.terms = terms_of(terms);
  wish.state = state_of(hold);
  return change(service, wish);
}

ArbiterAnswer EtcdArbiter::release(std::string_view service, std::uint64_t epoch) {
  LeaseWish wish{LeaseAct::Release, config_.self()};
  wish.epoch = epoch;
  return change(service, wish);
}

ArbiterAnswer EtcdArbiter::transfer(std::string_view service, std::uint64_t epoch, std::string_view target) {
  LeaseWish wish{LeaseAct::Transfer, config_.self()};
  wish.epoch = epoch;
  wish.target = target;
  return change(service, wish);
}

std::optional<EtcdKnown> EtcdArbiter::known_for(std::string_view service, const LeaseWish& wish) const {
  const auto known = known_.find(service);
  if (known == known_.end()) {
    return std::nullopt;
  }
  const auto record = etcd_record(known->second.value, service);
  if (!record.ok()) {
    return std::nullopt;
  }
  const auto version = *record ? std::optional((*record)->version) : std::nullopt;
  const bool fits = wish.act == LeaseAct::Claim
                        ? version == wish.saw
                        : *record && (*record)->owner == wish.site && version->epoch == wish.epoch;
  return fits ? std::optional(known->second) : std::nullopt;
}

EtcdSwapResult EtcdArbiter::run(std::string_view service, EtcdSwap& swap) {
  const std::string key = key_of(service);
  for (;;) {
    const SteadyTime now = read_clocks().steady;
    const EtcdStep step = swap.step(now);
    std::optional<EtcdFailure> failure;
    if (const auto* result = std::get_if<EtcdSwapResult>(&step)) {
      return *result;
    }
    if (const auto* wait = std::get_if<EtcdWaitStep>(&step)) {
      wait_until(wait->until, client_.cancel_fd());
    } else if (const auto* send = std::get_if<EtcdSendStep>(&step)) {
      auto heard = client_.exchange(key, send->before, send->after, swap.deadline());
      if (const auto* done = std::get_if<EtcdSwapped>(&heard)) {
        done->applied ? swap.on_applied(done->revision) : swap.on_unmet(done->now, read_clocks().steady);
      } else {
        failure = std::get<EtcdFailure>(std::move(heard));
      }
    } else {
      auto heard = client_.read(key, swap.deadline());
      if (const auto* done = std::get_if<EtcdRead>(&heard)) {
        swap.on_read(done->now);
      } else {
        failure = std::get<EtcdFailure>(std::move(heard));
      }
    }
    if (failure && failure->no == EtcdNo::Refused) {
      swap.on_refused(trouble_of(std::move(*failure)));
    } else if (failure) {
      const bool cancelled = failure->error.code() == Code::Cancelled;
      swap.on_silence({failure->arrived, std::move(failure->error)}, read_clocks().steady);
      if (cancelled) {
        swap.cancel();
      }
    }
  }
}

ArbiterAnswer EtcdArbiter::change(std::string_view service, const LeaseWish& wish) {
  const auto guard = etcd_guard(service);
  if (!guard.ok() || config_.service(service) == nullptr) {
    return {ArbiterVerdict::Refused, std::nullopt, std::nullopt,
            guard.ok() ? Error(Code::NotFound, "no service is called " + in_quotes(service)) : guard.error()};
  }
  const auto planner = [&](const std::optional<dns::Record>& now) -> std::variant<dns::Record, Trouble> {
    if (auto trouble = note(service, now, dns::Writing::Needed)) {
      return std::move(*trouble);
    }
    const auto nonce = dns::new_nonce();
    auto wanted = nonce.ok() ? dns::wished_record(wish, service, now, *nonce, beyond(service))
                             : Result<dns::Record>(nonce.error());
    if (!wanted.ok()) {
      return ours(std::move(wanted).error());
    }
    // A site that cannot remember what it wins must leave it to others.
    if (Status room = wish.act == LeaseAct::Claim ? seen_.prove_writable() : ok(); !room.ok()) {
      return ours(std::move(room).error());
    }
    return std::move(wanted).value();
  };
  EtcdSwapLimits limits;
  limits.total = total_;
  EtcdSwap swap(std::string(service), planner, known_for(service, wish), limits, read_clocks().steady);
  EtcdSwapResult result = run(service, swap);
  if (result.verdict == ArbiterVerdict::Won) {
    if (Status put = seen_.put(*guard, result.now->version); !put.ok()) {
      if (!seen_.has_epoch(*guard, result.now->version.epoch)) {
        result.verdict = ArbiterVerdict::Unknown;  // it is there, but nobody would know after a restart
        result.sent.reset();
      }
      result.why = ours(std::move(put).error());
    }
  }
  if (result.verdict == ArbiterVerdict::Won || result.verdict == ArbiterVerdict::Lost) {
    known_.insert_or_assign(std::string(service), EtcdKnown{result.value});
  } else {
    known_.erase(std::string(service));
  }
  return {result.verdict, record_of(result.now), result.sent,
          result.why ? std::optional(result.why->error) : std::nullopt};
}

std::vector<FollowAnswer> EtcdArbiter::follow(std::string_view service) {
  std::vector<FollowAnswer> out;
  const auto copies = dns::copies_of(config_, service);
  if (!copies.ok()) {
    return out;
  }
  for (const dns::FollowOutcome& each : copies_.follow(service, *copies, [&] { return look(service); })) {
    out.push_back(answer_of(each));
  }
  return out;
}

Status EtcdArbiter::accept(std::string_view service, std::uint64_t beyond) {
  HA_TRY(const dns::Name guard, etcd_guard(service));
  HA_TRY(const std::vector<dns::ServicePlace::Copy> copies, dns::copies_of(config_, service));
  HA_TRY(const dns::Version furthest, copies_.accept(service, copies));
  known_.erase(std::string(service));
  last_.erase(std::string(service));
  return seen_.accept(guard, std::max(furthest, dns::Version{beyond, 0}));
}

}  // namespace ha::failover
