// One service at one site: the state machine from standby to holder and back.
//
// Pure: answers, ends of jobs, words of other sites and the time go in; steps come out. At most one question
// to the arbiter and one job are under way. It decides by what it has seen of the record and by its own clock
// alone; what other sites say can only make it wait longer (promises) or look sooner, but for two things,
// which the caller vouches for: an owner that says it has stopped, and a confirmed fence. Thread safety: one
// thread. Source: docs/failover.md, "The lease", "States of a service at a site"; docs/failover-model.md.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "failover/model/lease.h"
#include "failover/model/promise.h"
#include "failover/model/sight.h"
#include "failover/model/step.h"
#include "failover/model/timing.h"

namespace ha::failover {

enum class State {
  Unknown,  // just started, or after a jump: nothing was read yet
  Standby,
  Prewarm,  // the holder is suspected: the PBX runs behind a closed guard
  Claiming,
  Resuming,  // the record names us: it is renewed first
  Promoting,
  Holding,
  Draining,
  Demoting,
  GivingUp,  // stopped: release or transfer, until the record is not ours
  Failed,    // it did not stop: for a person, or a fence
};
[[nodiscard]] std::string_view state_text(State state) noexcept;
// The table of docs/failover.md: whether a turn may go from one to the other.
[[nodiscard]] bool may_follow(State from, State to) noexcept;
// Callers may be served.
[[nodiscard]] constexpr bool is_serving(State state) noexcept {
  return state == State::Promoting || state == State::Holding || state == State::Draining;
}

enum class Mode { Lease, Fast };

struct TurnRules {
  std::string service;
  std::string self;
  std::vector<std::string> sites;  // eligible by the configuration, by preference; with self
  Mode mode = Mode::Lease;
  Timing timing;
  std::optional<Digest> config;  // of the configuration that says so
};

// What the rest of the site knows, now.
struct Around {
  // Of this site. `unfit` empty: it may serve.
  std::string unfit = {};                // "health is 120, failed is 100", "in maintenance"
  bool paused = false;                   // by an operator: nothing is taken over by itself
  bool room = true;                      // capacity for one more
  unsigned rank = 0;                     // among the candidates for it; the first is 0
  std::vector<std::string> silent = {};  // candidates that have been silent for long
  // Of the record's owner, when that is another site.
  bool owner_suspected = false;
  bool owner_sure = false;       // docs/failover.md, "Suspicion"
  std::string owner_doubt = {};  // why not
  // Of the service, while it is served here.
  std::optional<HandOver> hand_over = std::nullopt;
  std::uint64_t calls = 0;
};

class Turn {
 public:
  // `highest`: of the epochs ever seen (persisted). `boot`: random; rounds of promises are numbered from it,
  // so that an answer to an earlier run counts for nothing.
  Turn(TurnRules rules, std::uint64_t highest, std::uint64_t boot, SteadyTime now);

  // Steps that are due now. Called after every input, and at next_wakeup().
  [[nodiscard]] Steps tick(const Around& around, SteadyTime now);
  [[nodiscard]] SteadyTime next_wakeup(SteadyTime now) const;

  void on_answer(const Answer& answer, SteadyTime now);
  void on_job(const JobEnd& end, SteadyTime now);
  // `from` was authenticated.
  void on_word(const std::string& from, const Word& word, SteadyTime now);
  // `owner` says that it has written that version: it is read now, so that all candidates count from about
  // the same moment, and not from whenever each happens to look.
  void on_version(const std::string& owner, const Version& version) noexcept;
  // Since the start, or the last jump, it has been long enough that who lives was heard.
  [[nodiscard]] bool is_settled(SteadyTime now) const noexcept {
    return now >= begun_ + rules_.timing.wait();
  }
  // The record is read as soon as possible.
  void look() noexcept { look_ = true; }
  // A person, or STONITH, says that this site is down; counts for the version that was read before.
  void on_fenced(const std::string& site);
  // A suspend, a frozen machine, a stall: what is served is given up first, then it looks.
  void on_jump(SteadyTime now);
  // By a person: a site that did not stop is down or was stopped by hand.
  void acknowledge() noexcept;
  // By a person: claim it as soon as that is safe, whatever this site's health, and although takeovers are
  // paused.
  void take() noexcept { forced_ = true; }
  [[nodiscard]] bool is_forced() const noexcept { return forced_; }
  // By a person: the arbiter is right as it is. Who held it before it went back may serve until the lease
  // ends: nothing but W is a ground for a claim of the version that it shows now.
  void accept() noexcept {
    accepted_ = sight_.regressed() || accepted_;
    sight_.accept();
  }

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] const Sight& sight() const noexcept { return sight_; }
  [[nodiscard]] const Lease& lease() const noexcept { return lease_; }
  [[nodiscard]] const GivenPromise& promise() const noexcept { return given_; }
  [[nodiscard]] const TurnRules& rules() const noexcept { return rules_; }
  // This site serves it, or is about to, or has not given it up yet.
  [[nodiscard]] bool engaged() const noexcept;
  [[nodiscard]] const std::optional<HandOver>& leaving() const noexcept { return leaving_; }
  // What is there has no owner who serves: he gave it up, says that he has stopped, or was fenced.
  [[nodiscard]] bool has_ended() const;
  // It did not stop here, or did not start a moment ago.
  [[nodiscard]] bool is_unable(SteadyTime now) const noexcept {
    return state_ == State::Failed || (not_before_ && now < *not_before_);
  }
  // By itself, as soon as it should: nothing that lasts keeps this site from it.
  [[nodiscard]] bool may_come(SteadyTime now) const;
  // Why it is what it is, and does not do what one might expect: sentences.
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

 private:
  // Why this site may claim, if it may.
  struct Ground {
    bool good = false;
    std::string why;  // why, or why not yet
    SteadyTime from;  // of a good one: since when; else when it may be
  };

  void go(State to, std::string why);
  void promote(std::string why);
  void ask(Ask ask, SteadyTime now);
  void tick_resuming(const Around& around, SteadyTime now);
  void tick_own_record(const Around& around, SteadyTime now);
  void tick_standby(const Around& around, SteadyTime now);
  void tick_serving(const Around& around, SteadyTime now);
  void tick_giving_up(SteadyTime now);
  [[nodiscard]] Ground ground(const Around& around, SteadyTime now) const;
  [[nodiscard]] std::string refusal(const Around& around, SteadyTime now) const;
  void claim(SteadyTime now);
  void prewarm_or_cool(const Around& around, SteadyTime now);
  void renew(const Around& around, SteadyTime now);
  void ask_for_promises(SteadyTime now);
  void granted(const Answer& answer, SteadyTime now);
  void on_claimed(const Answer& answer, SteadyTime now);
  void on_renewed(std::uint64_t epoch, const Answer& answer, SteadyTime now);
  void on_given_up(std::uint64_t epoch, const Answer& answer);
  [[nodiscard]] bool is_accepted_away(const Answer& answer, std::uint64_t epoch) const;
  void on_promise_ask(const std::string& from, const PromiseAsk& ask, SteadyTime now);
  [[nodiscard]] std::string no_promise(const std::string& to, const PromiseAsk& ask) const;
  void serve();
  void demote(const std::string& why);
  void stopped(SteadyTime now);
  [[nodiscard]] Terms terms(const Around& around) const;
  [[nodiscard]] bool is_another_turn() const;
  [[nodiscard]] bool is_eligible() const;
  [[nodiscard]] bool is_candidate() const;
  [[nodiscard]] std::vector<std::string> candidates() const;
  [[nodiscard]] SteadyTime read_at() const;

  TurnRules rules_;
  State state_ = State::Unknown;
  std::string why_;
  Steps steps_;

  Sight sight_;
  Lease lease_;
  GivenPromise given_;
  PromiseRound round_;
  std::uint64_t rounds_;
  std::set<std::string> wished_;  // eligible in any renewal since the last change that was confirmed
  SteadyTime promises_asked_{};
  SteadyTime begun_;  // the start or the last jump

  std::optional<Ask> pending_;
  std::optional<SteadyTime> asked_;  // the last question
  std::optional<SteadyTime> renew_tried_;
  bool unconfirmed_ = false;  // the last renewal came to nothing, whatever the reason
  std::optional<Job> job_;    // under way
  bool warm_ = false;         // prewarmed
  bool clean_ = false;        // nothing of it runs here: an earlier run may have left a PBX
  bool look_ = false;         // read as soon as possible
  // The record names this site, in a turn that was accepted away: it is claimed like somebody else's.
  bool anew_ = false;
  bool accepted_ = false;
  bool unresolved_ = true;  // a claim of ours may still apply: forgotten, or its fate is not known
  std::optional<Version> unresolved_at_;  // the version that it names, or the first that was read
  std::optional<Version> stopped_at_;     // its owner says so
  struct Fenced {
    std::string site;
    Version version;  // as it was read before the fence
  };
  std::optional<Fenced> fenced_;
  bool forced_ = false;  // take()
  std::optional<SteadyTime> ground_since_;
  std::optional<SteadyTime> not_before_;  // after a start that failed
  Duration hold_off_{};
  std::optional<HandOver> leaving_;  // after Demoting: give it up
  bool end_known_ = false;           // Demoting because it is another's
};

}  // namespace ha::failover
