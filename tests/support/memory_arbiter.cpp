#include "tests/support/memory_arbiter.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "failover/lease/lease_record.h"

namespace ha::failover {
namespace {

constexpr int kChangesMax = 10;  // of one call that others come before

template <typename Map>
auto found_in(const Map& map, std::string_view key) {
  const auto found = map.find(key);
  return found == map.end() ? std::nullopt : std::optional(found->second);
}

Error no_answer() {
  return Error(Code::TimedOut, "the arbiter is silent");
}

Error no_service(std::string_view service) {
  return Error(Code::NotFound, "no service is called " + in_quotes(service));
}

}  // namespace

bool MemoryStore::knows(std::string_view service) const {
  return services_.find(service) != services_.end();
}

std::optional<dns::Record> MemoryStore::read(std::string_view service) const {
  return found_in(records_, service);
}

bool MemoryStore::apply(const Change& change) {
  if (read(change.service) != change.before) {
    return false;
  }
  records_.insert_or_assign(change.service, change.after);
  history_[change.service].push_back(change.after);
  return true;
}

const std::vector<dns::Record>& MemoryStore::history(std::string_view service) const {
  static const std::vector<dns::Record> kNone;
  const auto found = history_.find(service);
  return found == history_.end() ? kNone : found->second;
}

std::optional<dns::Record> MemoryStore::shown(std::string_view service) const {
  return found_in(shown_, service);
}

void MemoryArbiter::plan(std::deque<Mishap> next, Mishap ever) {
  plan_ = std::move(next);
  ever_ = ever;
}

std::size_t MemoryArbiter::deliver_late() {
  std::size_t applied = 0;
  for (const MemoryStore::Change& each : std::exchange(late_, {})) {
    applied += store_.apply(each) ? 1U : 0U;
  }
  return applied;
}

// Unlike any other of this process: what a random one is, and the same in each run.
Digest MemoryArbiter::nonce() {
  static std::atomic<std::uint64_t> count{0};
  return {1, ++count};
}

dns::Version MemoryArbiter::beyond(std::string_view service) const {
  return found_in(book_.beyond, service).value_or(dns::Version{});
}

std::optional<Error> MemoryArbiter::regression(std::string_view service,
                                               const std::optional<dns::Record>& now) {
  const auto seen = found_in(book_.seen, service);
  if (dns::is_regression(seen, now)) {
    return Error(Code::Refused, "the record of " + std::string(service) + " has gone back in time",
                 "failover arbiter accept " + std::string(service));
  }
  if (now && now->version.epoch > (seen ? seen->epoch : 0)) {
    book_.seen.insert_or_assign(std::string(service), now->version);
  }
  return std::nullopt;
}

ArbiterSight MemoryArbiter::read(std::string_view service) {
  ArbiterSight out;
  if (is_cut_ || !store_.knows(service)) {
    out.trouble = is_cut_ ? no_answer() : no_service(service);
    return out;
  }
  clock_.now += request_takes_ + reply_takes_;
  const auto now = store_.read(service);
  const auto copy = store_.shown(service);
  out.record = record_of(now);
  out.trouble = regression(service, now);
  const std::uint64_t known = std::max(now ? now->version.epoch : 0, beyond(service).epoch);
  if (!out.trouble && copy && copy->version.epoch > known) {
    out.trouble = Error(Code::Refused, "the record of " + std::string(service) + " is behind its copy");
  }
  out.regression = out.trouble.has_value();
  out.second_half_due = !out.trouble && dns::stand_of(now, copy) == dns::CopyStand::Due;
  last_.insert_or_assign(std::string(service), out);
  return out;
}

ArbiterAnswer MemoryArbiter::claim(std::string_view service, const std::optional<Version>& saw,
                                   const Terms& terms, std::uint64_t above) {
  const auto last = found_in(last_, service);
  const ArbiterSight sight = last ? *last : read(service);
  if (sight.regression) {
    return {ArbiterVerdict::Regression, sight.record, std::nullopt, sight.trouble};
  }
  dns::LeaseWish wish{dns::LeaseAct::Claim, self_};
  wish.saw = version_of(saw);
  wish.epoch = above;
  wish.terms = terms_of(terms);
  return claimed_by(self_, change(service, wish));
}

ArbiterAnswer MemoryArbiter::renew(std::string_view service, std::uint64_t epoch, const Terms& terms,
                                   Hold hold) {
  dns::LeaseWish wish{dns::LeaseAct::Renew, self_};
  wish.epoch = epoch;
  wish.terms = terms_of(terms);
  wish.state = state_of(hold);
  return change(service, wish);
}

ArbiterAnswer MemoryArbiter::release(std::string_view service, std::uint64_t epoch) {
  dns::LeaseWish wish{dns::LeaseAct::Release, self_};
  wish.epoch = epoch;
  return change(service, wish);
}

ArbiterAnswer MemoryArbiter::transfer(std::string_view service, std::uint64_t epoch,
                                      std::string_view target) {
  dns::LeaseWish wish{dns::LeaseAct::Transfer, self_};
  wish.epoch = epoch;
  wish.target = target;
  return change(service, wish);
}

bool MemoryArbiter::send(const MemoryStore::Change& change) {
  if (is_cut_) {
    return false;
  }
  Mishap mishap = ever_;
  if (!plan_.empty()) {
    mishap = plan_.front();
    plan_.pop_front();
  }
  clock_.now += request_takes_;
  switch (mishap) {
    case Mishap::RequestLost:
      return false;
    case Mishap::RequestLate:
      late_.push_back(change);
      return false;
    case Mishap::ReplyLost:
      store_.apply(change);
      return false;
    case Mishap::None:
      break;
  }
  store_.apply(change);
  if (const auto cut = std::exchange(after_next_, nullptr)) {
    cut();
    return false;
  }
  clock_.now += reply_takes_;
  return true;
}

ArbiterAnswer MemoryArbiter::change(std::string_view service, const dns::LeaseWish& wish) {
  if (!store_.knows(service)) {
    return {ArbiterVerdict::Refused, std::nullopt, std::nullopt, no_service(service)};
  }
  std::optional<ArbiterAnswer> out;
  for (int changes = 0; !out && changes < kChangesMax; ++changes) {
    out = change_once(service, wish);
  }
  return out ? *out
             : ArbiterAnswer{ArbiterVerdict::Unreachable, std::nullopt, std::nullopt,
                             Error(Code::Unavailable, "somebody changes the record all the time")};
}

// None: somebody else came before, and it is to be looked at anew.
std::optional<ArbiterAnswer> MemoryArbiter::change_once(std::string_view service,
                                                        const dns::LeaseWish& wish) {
  if (is_cut_) {
    return ArbiterAnswer{ArbiterVerdict::Unreachable, std::nullopt, std::nullopt, no_answer()};
  }
  const auto before = store_.read(service);
  if (auto why = regression(service, before)) {
    return ArbiterAnswer{ArbiterVerdict::Regression, record_of(before), std::nullopt, std::move(why)};
  }
  auto after = dns::wished_record(wish, service, before, nonce(), beyond(service));
  if (!after.ok()) {
    const bool lost = after.error().code() == Code::Conflict;
    return ArbiterAnswer{lost ? ArbiterVerdict::Lost : ArbiterVerdict::Refused, record_of(before),
                         std::nullopt, std::move(after).error()};
  }
  if (before_each_) {
    before_each_();
  }
  const SteadyTime sent = clock_.now;
  for (int tries = 0; tries < tries_max_; ++tries) {
    const bool heard = send({std::string(service), before, *after});
    const auto now = store_.read(service);
    const auto fate = dns::fate_of(*after, before, now);
    if (is_cut_ || (fate == dns::Fate::NotApplied && !heard)) {
      continue;  // what nobody answered is sent again
    }
    switch (fate) {
      case dns::Fate::Ours:
        book_.seen.insert_or_assign(std::string(service), after->version);
        return ArbiterAnswer{ArbiterVerdict::Won, record_of(now), sent, std::nullopt};
      case dns::Fate::Regression:
        return ArbiterAnswer{ArbiterVerdict::Regression, record_of(now), std::nullopt,
                             Error(Code::Refused, "the record went back")};
      case dns::Fate::NotApplied:
      case dns::Fate::Lost:
      case dns::Fate::Overtaken:
        return std::nullopt;
    }
  }
  return ArbiterAnswer{ArbiterVerdict::Unknown, std::nullopt, std::nullopt, no_answer()};
}

std::vector<FollowAnswer> MemoryArbiter::follow(std::string_view service) {
  if (!store_.knows(service)) {
    return {};
  }
  FollowAnswer out;
  out.place = "memory";
  const auto lease = is_cut_ ? std::nullopt : store_.read(service);
  if (is_cut_) {
    out.why = no_answer();
  } else if (!lease || lease->owner != self_) {
    out.why = Error(Code::Conflict, "the record is " + dns::holder_text(lease));
  } else {
    const dns::CopyStand stand = dns::stand_of(lease, store_.shown(service));
    if (stand == dns::CopyStand::Due) {
      store_.show(*lease);
    }
    out.done = stand == dns::CopyStand::Due || stand == dns::CopyStand::Current;
    out.regression = !out.done;
    out.why = out.done ? std::nullopt : std::optional(Error(Code::Refused, "the copy does not fit"));
  }
  return {out};
}

Status MemoryArbiter::accept(std::string_view service, std::uint64_t at_least) {
  const auto copy = store_.shown(service);
  dns::Version& beyond = book_.beyond[std::string(service)];
  beyond = std::max({beyond, found_in(book_.seen, service).value_or(dns::Version{}),
                     copy ? copy->version : dns::Version{}, dns::Version{at_least, 0}});
  book_.seen.erase(std::string(service));
  last_.erase(std::string(service));
  return ok();
}

}  // namespace ha::failover
