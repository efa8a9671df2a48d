#include "failover/model/turn.h"

#include <algorithm>
#include <utility>

namespace ha::failover {
namespace {

constexpr Duration kHoldOffFirst = std::chrono::minutes(1);  // after a start that failed; doubles
constexpr Duration kHoldOffMost = std::chrono::hours(1);

using enum State;

constexpr unsigned bit(State state) noexcept {
  return 1U << static_cast<unsigned>(state);
}

// docs/failover.md, "States of a service at a site".
constexpr unsigned followers(State from) noexcept {
  switch (from) {
    case Unknown:
      return bit(Standby);
    case Standby:
      return bit(Unknown) | bit(Prewarm) | bit(Claiming) | bit(Resuming) | bit(Demoting) | bit(GivingUp);
    case Prewarm:
      return bit(Unknown) | bit(Standby) | bit(Claiming) | bit(Resuming) | bit(Demoting) | bit(GivingUp);
    case Claiming:
      return bit(Standby) | bit(Resuming) | bit(Promoting);
    case Resuming:
      return bit(Unknown) | bit(Standby) | bit(Promoting);
    case Promoting:
      return bit(Holding) | bit(Demoting);
    case Holding:
      return bit(Draining) | bit(Demoting);
    case Draining:
      return bit(Holding) | bit(Demoting);
    case Demoting:
      return bit(Standby) | bit(GivingUp) | bit(Failed);
    case GivingUp:
      return bit(Standby) | bit(Unknown);
    case Failed:
      return bit(Unknown);
  }
  return 0;
}

}  // namespace

std::string_view state_text(State state) noexcept {
  switch (state) {
    case Unknown:
      return "unknown";
    case Standby:
      return "standby";
    case Prewarm:
      return "prewarm";
    case Claiming:
      return "claiming";
    case Resuming:
      return "resuming";
    case Promoting:
      return "promoting";
    case Holding:
      return "holding";
    case Draining:
      return "draining";
    case Demoting:
      return "demoting";
    case GivingUp:
      return "giving up";
    case Failed:
      return "failed";
  }
  return "?";
}

bool may_follow(State from, State to) noexcept {
  return (followers(from) & bit(to)) != 0;
}

Turn::Turn(TurnRules rules, std::uint64_t highest, std::uint64_t boot, SteadyTime now)
    : rules_(std::move(rules)),
      why_("just started: the record was not read yet"),
      sight_(highest),
      lease_(rules_.timing),
      rounds_(boot),
      begun_(now) {}

void Turn::go(State to, std::string why) {
  HA_ASSERT(may_follow(state_, to));
  steps_.push_back(Note{"service.state",
                        {{"service", rules_.service},
                         {"from", std::string(state_text(state_))},
                         {"to", std::string(state_text(to))},
                         {"why", why}}});
  state_ = to;
  why_ = std::move(why);
}

void Turn::ask(Ask ask, SteadyTime now) {
  HA_ASSERT(!pending_);
  pending_ = ask;
  asked_ = now;
  steps_.push_back(std::move(ask));
}

// Who may claim, by what was confirmed, and by what we have sent and do not know the fate of.
std::vector<std::string> Turn::candidates() const {
  const bool all = !sight_.record() || sight_.record()->terms.eligible.empty();
  std::vector<std::string> others = all ? rules_.sites : sight_.record()->terms.eligible;
  others.insert(others.end(), wished_.begin(), wished_.end());
  std::sort(others.begin(), others.end());
  others.erase(std::unique(others.begin(), others.end()), others.end());
  others.erase(std::remove(others.begin(), others.end(), rules_.self), others.end());
  return others;
}

bool Turn::engaged() const noexcept {
  return is_serving(state_) || state_ == Claiming || state_ == Resuming || state_ == Demoting ||
         (sight_.is_owner(rules_.self) && !anew_);
}

// By the configuration.
bool Turn::is_candidate() const {
  return std::find(rules_.sites.begin(), rules_.sites.end(), rules_.self) != rules_.sites.end();
}

bool Turn::has_ended() const {
  const auto& record = sight_.record();
  return !accepted_ && (sight_.is_free() || stopped_at_ == record->version ||
                        (fenced_ && fenced_->site == record->owner && fenced_->version == record->version));
}

// By the record, too: the owner may have dropped this site, and does not ask it for promises.
bool Turn::is_eligible() const {
  const bool all = has_ended() || !sight_.record() || sight_.record()->terms.eligible.empty();
  const std::vector<std::string>& sites = all ? rules_.sites : sight_.record()->terms.eligible;
  return is_candidate() && std::find(sites.begin(), sites.end(), rules_.self) != sites.end();
}

bool Turn::may_come(SteadyTime now) const {
  const bool promised = given_.binds(now) && !sight_.is_free();
  return is_eligible() && !sight_.regressed() && !promised && !is_unable(now);
}

// ---------------------------------------------------------------- inputs

void Turn::on_answer(const Answer& answer, SteadyTime now) {
  if (!pending_ || pending_->act != answer.act) {
    return;
  }
  const Ask asked = *std::exchange(pending_, std::nullopt);
  if (answer.verdict == Verdict::Silent) {
    sight_.on_silence(now);
  } else if (answer.verdict == Verdict::Regression) {
    if (!sight_.regressed()) {
      steps_.push_back(Note{"epoch.regression", {{"service", rules_.service}, {"why", answer.why}}});
    }
    sight_.on_regression();
  }
  if (answer.has_record) {
    const std::optional<Version> before = sight_.version();
    sight_.on_record(answer.record, answer.asked, now);
    const Version version = sight_.version().value_or(Version{});
    if (unresolved_ && unresolved_at_ && version > *unresolved_at_) {
      unresolved_ = false;
    } else if (unresolved_ && !unresolved_at_) {
      unresolved_at_ = version;
    }
    if (sight_.version() != before) {
      ground_since_.reset();
      forced_ = false;  // it was about what was there
      anew_ = false;
      accepted_ = accepted_ && sight_.regressed();
    }
  }
  if (asked.act == Act::Claim && answer.verdict == Verdict::Unknown) {
    unresolved_ = true;
    unresolved_at_ = asked.saw.value_or(Version{});
  }
  if (asked.act != Act::Read && answer.verdict == Verdict::Won) {
    wished_.clear();  // what was sent before it names a version that is not there any more
  }
  switch (asked.act) {
    case Act::Read:
      break;  // tick() looks at it
    case Act::Claim:
      on_claimed(answer, now);
      break;
    case Act::Renew:
      on_renewed(asked.epoch, answer, now);
      break;
    case Act::Release:
    case Act::Transfer:
      on_given_up(asked.epoch, answer);
      break;
  }
}

// What was sent before a jump gives nothing: our clock may have stood still since.
void Turn::granted(const Answer& answer, SteadyTime now) {
  const bool counts = answer.record && answer.sent && *answer.sent >= begun_;
  if (!counts || !lease_.grant(answer.record->version.epoch, *answer.sent, now)) {
    return;
  }
  unconfirmed_ = false;
  round_.end();
  if (is_serving(state_)) {
    serve();
  }
}

void Turn::on_claimed(const Answer& answer, SteadyTime now) {
  if (answer.verdict == Verdict::Won) {
    granted(answer, now);
    if (!lease_.held(now)) {
      go(Resuming, "the claim was won, but its answer came too late to serve by it");
      return;
    }
    steps_.push_back(
        Note{"takeover.claimed",
             {{"service", rules_.service}, {"epoch", std::to_string(lease_.epoch())}, {"why", why_}}});
    promote("won epoch " + std::to_string(lease_.epoch()));
    return;
  }
  forced_ = false;
  const bool raced = answer.verdict == Verdict::Lost;
  if (raced) {
    steps_.push_back(Note{"takeover.lost_race", {{"service", rules_.service}, {"why", answer.why}}});
  }
  look_ = true;
  go(Standby, (raced ? "lost the race: " : "the claim came to nothing: ") + answer.why);
}

// What was read shows another owner, or another epoch than ours.
bool Turn::is_another_turn() const {
  return !sight_.is_owner(rules_.self) || sight_.record()->version.epoch != lease_.epoch();
}

// Others may have had the service since that turn of ours: it is not ours to renew or to give, and nobody's
// who serves. A later one that was given to us meanwhile is.
bool Turn::is_accepted_away(const Answer& answer, std::uint64_t epoch) const {
  return answer.verdict == Verdict::Lost && sight_.is_owner(rules_.self) &&
         sight_.record()->version.epoch == epoch;
}

void Turn::on_renewed(std::uint64_t epoch, const Answer& answer, SteadyTime now) {
  const bool won = answer.verdict == Verdict::Won;
  unconfirmed_ = !won;
  if (won) {
    granted(answer, now);
  }
  if (state_ == Resuming) {
    if (won && lease_.held(now)) {
      promote("the record names this site, epoch " + std::to_string(lease_.epoch()));
    } else {
      look_ = true;
      anew_ = is_accepted_away(answer, epoch);
      go(Standby, "could not renew what the record gives this site: " + answer.why);
    }
  } else if (is_serving(state_) && answer.has_record && is_another_turn()) {
    end_known_ = true;
    steps_.push_back(Note{"lease.lost", {{"service", rules_.service}, {"why", answer.why}}});
    demote("the lease was lost: " + answer.why);
  }
}

void Turn::on_given_up(std::uint64_t epoch, const Answer& answer) {
  if (state_ != GivingUp) {
    return;
  }
  if (answer.verdict == Verdict::Won) {
    steps_.push_back(Tell{"", Look{}});
    leaving_.reset();
    go(Standby, "given up: " + why_);
  } else if (answer.verdict == Verdict::Refused && leaving_) {
    leaving_->target.clear();  // nobody in particular, then
  } else if (is_accepted_away(answer, epoch)) {
    anew_ = true;
    leaving_.reset();
    go(Standby, "not ours to give up: " + answer.why);
  }
  // All else: tick_giving_up() looks what the record says now, and goes on.
}

void Turn::on_job(const JobEnd& end, SteadyTime now) {
  if (job_ != end.job) {
    return;
  }
  job_.reset();
  switch (end.job) {
    case Job::Prewarm:
      warm_ = true;  // also when it failed: once is enough, and it has to be cooled all the same
      break;
    case Job::Cool:
      warm_ = false;
      break;
    case Job::Promote:
      warm_ = false;
      if (state_ == Promoting && end.good) {
        hold_off_ = Duration::zero();
        go(Holding, why_);
        steps_.push_back(
            Note{"role.promoted", {{"service", rules_.service}, {"epoch", std::to_string(end.epoch)}}});
      } else if (state_ == Promoting) {
        hold_off_ = std::clamp(hold_off_ * 2, kHoldOffFirst, kHoldOffMost);
        not_before_ = now + hold_off_;
        leaving_ = HandOver{"", std::nullopt, "could not start: " + end.why};
        demote(leaving_->why);
      } else if (state_ == Demoting) {  // it was called off while it started
        steps_.push_back(Run{Job::Demote, end.epoch, why_});
        job_ = Job::Demote;
      }
      break;
    case Job::Demote:
      if (state_ == Demoting && end.good) {
        clean_ = true;
        stopped(now);
      } else if (state_ == Demoting) {
        steps_.push_back(Note{"demote.failed", {{"service", rules_.service}, {"why", end.why}}});
        go(Failed, "did not stop: " + end.why);
      }
      break;
  }
}

void Turn::on_word(const std::string& from, const Word& word, SteadyTime now) {
  if (const auto* ask = std::get_if<PromiseAsk>(&word)) {
    on_promise_ask(from, *ask, now);
  } else if (const auto* answer = std::get_if<PromiseAnswer>(&word)) {
    if (answer->given) {
      round_.on_promise(answer->round, from);
    }
    if (round_.complete(candidates()) && is_serving(state_) && round_.sent() >= begun_ &&
        lease_.extend(round_.sent(), now)) {
      serve();
      round_.end();
    }
  } else if (const auto* end = std::get_if<Stopped>(&word)) {
    if (sight_.record() && sight_.record()->owner == from) {
      stopped_at_ = end->version;
    }
    look_ = true;
  } else {
    look_ = true;
  }
}

// In words why not; empty: it may be given.
std::string Turn::no_promise(const std::string& to, const PromiseAsk& ask) const {
  if (is_serving(state_) || state_ == Demoting || state_ == Resuming || lease_.until() ||
      sight_.is_owner(rules_.self)) {
    return rules_.self + " holds it itself, or may";
  }
  if (pending_ && pending_->act == Act::Claim) {
    return "a claim is under way";
  }
  if (unresolved_) {
    return "an earlier claim may still be under way";
  }
  if (!sight_.known() || sight_.highest() > ask.epoch || !sight_.is_owner(to)) {
    return "the record did not name " + to + " at epoch " + std::to_string(ask.epoch) + " here";
  }
  return "";
}

void Turn::on_promise_ask(const std::string& from, const PromiseAsk& ask, SteadyTime now) {
  PromiseAnswer answer{ask.round, false, no_promise(from, ask)};
  answer.given = answer.why.empty();
  if (answer.given) {
    given_.give(from, rules_.timing.wait(), now);
  }
  steps_.push_back(Tell{from, std::move(answer)});
}

void Turn::on_version(const std::string& owner, const Version& version) noexcept {
  const auto& record = sight_.record();
  look_ = look_ || !record || (record->owner == owner && version > record->version);
}

void Turn::on_fenced(const std::string& site) {
  if (sight_.record()) {
    fenced_ = Fenced{site, sight_.record()->version};
  }
}

void Turn::on_jump(SteadyTime now) {
  begun_ = now;
  sight_.forget_time();
  round_.end();
  stopped_at_.reset();
  fenced_.reset();
  ground_since_.reset();
  look_ = true;
  if (is_serving(state_)) {
    demote("this machine, or its clock, stood still or jumped");
  } else if (!clean_) {
    steps_.push_back(GuardUntil{});  // what an earlier run has left open ends by a clock that stood still
  }
  if (state_ == Standby || state_ == Prewarm || state_ == GivingUp || (state_ == Resuming && !pending_)) {
    go(Unknown, "this machine, or its clock, stood still or jumped: the record is read again");
  }
  lease_.end();
}

void Turn::acknowledge() noexcept {
  not_before_.reset();
  hold_off_ = Duration::zero();
  if (state_ == Failed) {
    clean_ = true;
    lease_.end();
    leaving_.reset();
    go(Unknown, "acknowledged by hand");
    look_ = true;
  }
}

// ---------------------------------------------------------------- what follows from it

// Records and PBX at once: callers find the way while it starts.
void Turn::promote(std::string why) {
  clean_ = false;
  forced_ = false;
  go(Promoting, std::move(why));
  serve();
  steps_.push_back(Run{Job::Promote, lease_.epoch(), why_});
  job_ = Job::Promote;
  steps_.push_back(Follow{});
}

// Until when callers and data may come here.
void Turn::serve() {
  steps_.push_back(GuardUntil{lease_.until()});
  steps_.push_back(Role{true, lease_.epoch(), lease_.until()});
}

void Turn::demote(const std::string& why) {
  go(Demoting, why);
  round_.end();
  steps_.push_back(GuardUntil{});
  steps_.push_back(Role{false, lease_.epoch(), std::nullopt});
  if (job_ != Job::Promote) {  // else when it has ended
    steps_.push_back(Run{Job::Demote, lease_.epoch(), why});
    job_ = Job::Demote;
  }
}

void Turn::stopped(SteadyTime now) {
  const bool ours = sight_.is_owner(rules_.self) && !end_known_;
  const std::uint64_t epoch = lease_.epoch();
  lease_.end();
  steps_.push_back(Note{"role.demoted", {{"service", rules_.service}, {"epoch", std::to_string(epoch)}}});
  if (ours && sight_.version() && !pending_) {  // a renewal on its way would make it another version
    steps_.push_back(Tell{"", Stopped{*sight_.version()}});
  }
  const bool gives_up = leaving_.has_value() && ours;
  end_known_ = false;
  look_ = true;
  if (gives_up) {
    go(GivingUp, why_);
    tick_giving_up(now);
  } else {
    leaving_.reset();
    go(Standby, "stopped: " + why_);
  }
}

// Of a renewal. Who is silent is dropped; who was dropped comes back only while the arbiter itself confirms,
// as it may claim from then on.
Terms Turn::terms(const Around& around) const {
  const std::vector<std::string>& now = sight_.record()->terms.eligible;
  const auto among = [](const std::vector<std::string>& sites, const std::string& site) {
    return std::find(sites.begin(), sites.end(), site) != sites.end();
  };
  Terms terms{rules_.config, {}};
  for (const std::string& site : rules_.sites) {
    const bool may_come_back = !lease_.by_promises() || now.empty() || among(now, site);
    if (may_come_back && !among(around.silent, site)) {
      terms.eligible.push_back(site);
    }
  }
  if (terms.eligible.size() == rules_.sites.size()) {
    terms.eligible.clear();  // all of them
  }
  return terms;
}

}  // namespace ha::failover
