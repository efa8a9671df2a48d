// What a turn does next: turn.h.
#include <algorithm>

#include "common/base/units.h"
#include "failover/model/turn.h"

namespace ha::failover {
namespace {

constexpr Duration kRetry = std::chrono::milliseconds(250);  // of a renewal or a release that came to nothing

std::string version_text(const std::optional<Version>& version) {
  return version ? std::to_string(version->epoch) + "." + std::to_string(version->seq) : "none";
}

}  // namespace

Steps Turn::tick(const Around& around, SteadyTime now) {
  if (!sight_.known() && !pending_ && (!asked_ || now >= read_at())) {
    look_ = false;
    ask({Act::Read}, now);
  }
  if (state_ == State::Unknown && sight_.known()) {
    go(State::Standby, "the record was read");
  }
  switch (state_) {
    case State::Unknown:
    case State::Claiming:
    case State::Demoting:
    case State::Failed:
      break;
    case State::Resuming:
      tick_resuming(around, now);
      break;
    case State::Standby:
    case State::Prewarm:
      tick_standby(around, now);
      break;
    case State::Promoting:
    case State::Holding:
    case State::Draining:
      tick_serving(around, now);
      break;
    case State::GivingUp:
      tick_giving_up(now);
      break;
  }
  return std::exchange(steps_, {});
}

SteadyTime Turn::read_at() const {
  return asked_ ? *asked_ + (look_ ? std::min(kRetry, rules_.timing.heartbeat) : rules_.timing.renew)
                : SteadyTime{};
}

SteadyTime Turn::next_wakeup(SteadyTime now) const {
  SteadyTime next = now + rules_.timing.renew;
  const auto sooner = [&](std::optional<SteadyTime> at) {
    if (at && *at > now) {
      next = std::min(next, *at);
    }
  };
  sooner(lease_.stop_at());
  sooner(lease_.until());
  sooner(is_serving(state_) ? std::optional(lease_.renew_at()) : std::nullopt);
  sooner(renew_tried_ ? std::optional(*renew_tried_ + kRetry) : std::nullopt);
  sooner(sight_.since() ? std::optional(*sight_.since() + rules_.timing.wait()) : std::nullopt);
  sooner(begun_ + rules_.timing.wait());
  sooner(given_.until());
  sooner(not_before_);
  sooner(ground_since_ ? std::optional(*ground_since_ + rules_.timing.stagger) : std::nullopt);
  sooner(read_at());
  sooner(asked_ ? std::optional(*asked_ + rules_.timing.renew) : std::nullopt);
  sooner(leaving_ ? leaving_->drain_until : std::nullopt);
  return next;
}

// ---------------------------------------------------------------- somebody else's

// The record names this site: after a restart, a jump, a transfer, or a lease that ran out.
void Turn::tick_own_record(const Around& around, SteadyTime now) {
  const std::string why_not = leaving_         ? leaving_->why
                              : !is_eligible() ? "this site is not eligible"
                              : !around.room   ? "this site holds as many services as it can"
                                               : around.unfit;
  if (!why_not.empty()) {
    leaving_ = leaving_.value_or(HandOver{"", std::nullopt, why_not});
    if (!clean_) {
      demote(why_not);
      return;
    }
    go(State::GivingUp, "the record names this site, but: " + why_not);
    tick_giving_up(now);
  } else if (not_before_ && now < *not_before_) {
    leaving_ = HandOver{"", std::nullopt, "it could not be started here"};
  } else if (!renew_tried_ || now >= *renew_tried_ + kRetry) {
    go(State::Resuming, "the record names this site");
    tick_resuming(around, now);
  }
}

void Turn::tick_resuming(const Around& around, SteadyTime now) {
  if (pending_) {
    return;
  }
  if (sight_.is_owner(rules_.self)) {
    renew(around, now);
  } else {
    go(State::Standby, "the record does not name this site any more");
  }
}

void Turn::tick_standby(const Around& around, SteadyTime now) {
  if (pending_) {
    return;
  }
  if (sight_.known() && sight_.is_owner(rules_.self) && !sight_.regressed() && !anew_) {
    tick_own_record(around, now);
    return;
  }
  leaving_.reset();
  if (sight_.known() && !clean_) {
    demote("what an earlier run may have left is stopped");
    return;
  }
  prewarm_or_cool(around, now);
  if (std::string refused = refusal(around, now); !refused.empty()) {
    why_ = std::move(refused);
    ground_since_.reset();
  } else if (Ground found = ground(around, now); !found.good) {
    why_ = std::move(found.why);
    ground_since_.reset();
  } else {
    ground_since_ = ground_since_.value_or(now);
    why_ = std::move(found.why);
    if (forced_ || now >= *ground_since_ + rules_.timing.stagger * around.rank) {
      claim(now);
      return;
    }
    why_ += ", and waits for " + std::to_string(around.rank) + " before it";
  }
  if (now >= read_at()) {
    look_ = false;
    ask({Act::Read}, now);
  }
}

// Why it must not claim, whatever the owner does; empty: it may.
std::string Turn::refusal(const Around& around, SteadyTime now) const {
  const auto left = [&](SteadyTime until) { return show_age(until - now); };
  if (sight_.regressed()) {
    return "the arbiter has gone back in time behind epoch " + std::to_string(sight_.highest());
  }
  if (forced_ ? !is_candidate() : !is_eligible()) {
    return "this site is not eligible";
  }
  if (given_.binds(now) && !sight_.is_free()) {  // who gave it up has stopped before
    return "promised " + given_.holder() + " not to take it for another " + left(*given_.until());
  }
  if (forced_) {
    return "";
  }
  if (!around.unfit.empty()) {
    return around.unfit;
  }
  if (around.paused) {
    return "takeovers are paused";
  }
  if (!around.room) {
    return "this site holds as many services as it can";
  }
  if (not_before_ && now < *not_before_) {
    return "it could not be started here; tried again in " + left(*not_before_);
  }
  return "";
}

Turn::Ground Turn::ground(const Around& around, SteadyTime now) const {
  if (!sight_.known()) {
    return {false, "the record was not read yet", now};
  }
  const SteadyTime silent_at = *sight_.since() + rules_.timing.wait();
  if (sight_.is_free()) {
    const bool good = !accepted_ || now >= silent_at;
    return {good, good ? "nobody holds it" : "whoever held it before the arbiter went back may serve still",
            accepted_ ? silent_at : *sight_.since()};
  }
  const std::string& owner = sight_.record()->owner;
  if (has_ended()) {
    return {true, owner + (stopped_at_ == sight_.version() ? " says that it has stopped" : " was fenced"),
            now};
  }
  const Duration wait = rules_.timing.wait();
  if (!is_eligible()) {  // the owner may go on by promises for which this site is not asked
    return {false, owner + " has dropped this site: if " + owner + " is off, failover fence confirm " + owner,
            silent_at};
  }
  const std::string seen = owner + " holds it; version " + version_text(sight_.version());
  if (now >= silent_at) {
    return {true, seen + " was not renewed for " + show_age(now - *sight_.since()), silent_at};
  }
  if (rules_.mode == Mode::Fast && around.owner_sure) {
    if (sight_.record()->terms.config && sight_.record()->terms.config != rules_.config) {
      return {false, seen + " and has another configuration: not taken at once", silent_at};
    }
    if (!is_settled(now)) {
      return {false, seen + "; just started: sure after " + show_age(begun_ + wait - now), begun_ + wait};
    }
    return {true, owner + " is dead: nobody hears it", now};
  }
  std::string why = seen + " was seen " + show_age(now - *sight_.since()) + " ago";
  if (rules_.mode == Mode::Fast && around.owner_suspected) {
    why += "; not taken at once: " + around.owner_doubt;
  }
  return {false, std::move(why), silent_at};
}

// Who is eligible is for the owner to change; whom he has dropped comes back with his end only.
void Turn::claim(SteadyTime now) {
  go(State::Claiming, why_);
  Ask wish{Act::Claim};
  wish.saw = sight_.version();
  wish.terms.config = rules_.config;
  if (sight_.record()) {
    std::vector<std::string>& eligible = wish.terms.eligible;
    eligible = sight_.record()->terms.eligible;
    if (!eligible.empty() && std::find(eligible.begin(), eligible.end(), rules_.self) == eligible.end()) {
      eligible.insert(std::upper_bound(eligible.begin(), eligible.end(), rules_.self), rules_.self);
    }
  }
  ask(std::move(wish), now);
}

// Not right after the start, when connections are still being made.
void Turn::prewarm_or_cool(const Around& around, SteadyTime now) {
  const bool stopped = stopped_at_ && stopped_at_ == sight_.version() && around.rank == 0;
  const bool wanted = (around.owner_suspected || stopped) && around.unfit.empty() && around.room &&
                      is_eligible() && is_settled(now);
  if (state_ == State::Standby && wanted) {
    go(State::Prewarm,
       stopped ? "the holder has stopped, and this site is the next" : "the holder is suspected");
  } else if (state_ == State::Prewarm && !wanted) {
    go(State::Standby, "the holder goes on");
  }
  if (!job_ && (state_ == State::Prewarm) != warm_ && (wanted || warm_)) {
    job_ = warm_ ? Job::Cool : Job::Prewarm;
    steps_.push_back(Run{*job_, 0, why_});
  }
}

// ---------------------------------------------------------------- this site's

void Turn::tick_serving(const Around& around, SteadyTime now) {
  const auto stop_at = lease_.stop_at();
  if (!stop_at || now >= *stop_at) {
    steps_.push_back(Note{"lease.ended", {{"service", rules_.service}}});
    demote("the lease ends: the arbiter has not confirmed a renewal, and not all candidates have promised");
    return;
  }
  if (state_ != State::Promoting) {
    leaving_ = around.hand_over;
  }
  if (!leaving_ && state_ == State::Draining) {
    go(State::Holding, "called off");
  } else if (leaving_ && state_ != State::Promoting) {
    if (!leaving_->drain_until || around.calls == 0 || now >= *leaving_->drain_until) {
      demote(leaving_->why);
      return;
    }
    if (state_ == State::Holding) {
      go(State::Draining, leaving_->why);
    }
  }
  const bool due = now >= lease_.renew_at() ||
                   (state_ == State::Draining) != (sight_.record() && sight_.record()->hold == Hold::Drain);
  if (due && !pending_ && (!renew_tried_ || now >= *renew_tried_ + kRetry)) {
    renew(around, now);
  }
  // What the arbiter does with our renewal is not waited for to its end.
  const bool late = pending_ && asked_ && now >= *asked_ + rules_.timing.renew;
  const bool alone = late || unconfirmed_;
  if (alone && now >= lease_.renew_at()) {  // one renewal has failed: the arbiter may be away for longer
    ask_for_promises(now);
  }
}

void Turn::renew(const Around& around, SteadyTime now) {
  renew_tried_ = now;
  Ask wish{Act::Renew};
  wish.epoch = state_ == State::Resuming ? sight_.record()->version.epoch : lease_.epoch();
  wish.terms = terms(around);
  wish.hold = state_ == State::Draining ? Hold::Drain : Hold::Own;
  const std::vector<std::string>& may_claim =
      wish.terms.eligible.empty() ? rules_.sites : wish.terms.eligible;
  wished_.insert(may_claim.begin(), may_claim.end());  // earlier ones may be applied yet
  ask(std::move(wish), now);
}

// A round stands for a renewal: a new one every R, and who has not answered is asked again meanwhile.
void Turn::ask_for_promises(SteadyTime now) {
  if (!round_.running() || now >= round_.sent() + rules_.timing.renew) {
    round_.begin(++rounds_, candidates(), now);
  } else if (now < promises_asked_ + kRetry) {
    return;
  }
  promises_asked_ = now;
  if (candidates().empty()) {  // there is nobody else
    if (lease_.extend(round_.sent(), now)) {
      serve();
    }
    return;
  }
  for (const std::string& site : round_.missing()) {
    steps_.push_back(Tell{site, PromiseAsk{round_.number(), lease_.epoch()}});
  }
}

void Turn::tick_giving_up(SteadyTime now) {
  if (pending_) {
    return;
  }
  if (sight_.known() && !sight_.is_owner(rules_.self)) {
    leaving_.reset();
    go(State::Standby, "given up");
    return;
  }
  if (!sight_.known() || (asked_ && now < *asked_ + kRetry && !look_)) {
    return;
  }
  look_ = false;
  Ask wish{leaving_ && !leaving_->target.empty() ? Act::Transfer : Act::Release};
  wish.epoch = sight_.record()->version.epoch;
  wish.target = leaving_ ? leaving_->target : "";
  ask(std::move(wish), now);
}

}  // namespace ha::failover
