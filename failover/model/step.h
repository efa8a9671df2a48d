// What goes into the coordinator's core and what comes out: answers, words of other sites, and steps to take.
//
// Values only; the controller carries steps out and reports what came of them. Thread safety: values.
// Source: docs/failover.md, "The flow".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "failover/model/record.h"

namespace ha::failover {

// ---------------------------------------------------------------- the arbiter
enum class Act {
  Read,
  Claim,  // names the version that was seen
  Renew,  // by the owner of the epoch
  Release,
  Transfer,
};

struct Ask {
  Act act = Act::Read;
  std::optional<Version> saw = std::nullopt;  // of Claim; none: no record was there
  std::uint64_t epoch = 0;                    // of Claim: one that is over; of the others but Read: ours
  std::string target = {};                    // of Transfer
  Terms terms = {};                           // of Claim and Renew
  Hold hold = Hold::Own;                      // of Renew
};

enum class Verdict {
  Won,      // of a read: it was read
  Lost,     // another's, or of another version or epoch
  Refused,  // by the arbiter: nothing was changed
  Silent,   // it could not be asked, or it is certain that nothing of it will ever apply
  Unknown,  // it may be there, or come yet
  Regression,
};

struct Answer {
  Act act = Act::Read;
  Verdict verdict = Verdict::Silent;
  bool has_record = false;  // `record` is what was read last; none: there is none
  std::optional<Record> record;
  SteadyTime asked;                               // when the call began
  std::optional<SteadyTime> sent = std::nullopt;  // of Won: no later than the message that is in force
  std::string why = {};                           // of Won: it could not be written down here
};

// ---------------------------------------------------------------- this site
enum class Job {
  Prewarm,  // the PBX starts, behind a closed guard
  Cool,     // it stops again
  Promote,  // hooks, sets put in place, PBX
  Demote,   // hooks, PBX stopped
};
struct Run {
  Job job = Job::Prewarm;
  std::uint64_t epoch = 0;
  std::string why = {};
};
struct JobEnd {
  Job job = Job::Prewarm;
  std::uint64_t epoch = 0;
  bool good = false;
  std::string why = {};
};

// The kernel lets callers in until then; none: closed now.
struct GuardUntil {
  std::optional<SteadyTime> until;
};
// For the replicator: data flows from here while it is valid.
struct Role {
  bool holder = false;
  std::uint64_t epoch = 0;
  std::optional<SteadyTime> until;
};
// What callers see has to follow the record (DNS); to be repeated by the controller until it is done.
struct Follow {};

// ---------------------------------------------------------------- other sites
struct PromiseAsk {
  std::uint64_t round = 0;
  std::uint64_t epoch = 0;
};
struct PromiseAnswer {
  std::uint64_t round = 0;
  bool given = false;
  std::string why = {};
};
// From the owner: it has stopped, and this was the record's version.
struct Stopped {
  Version version;
};
// The record has changed: worth a look. `health`: it was given up because of the sender's health.
struct Look {
  bool health = false;
};
using Word = std::variant<PromiseAsk, PromiseAnswer, Stopped, Look>;
struct Tell {
  std::string to;  // a site; empty: all candidates of the service
  Word word;
};

// ---------------------------------------------------------------- people
// "role.promoted" and its fields: docs/events.md.
struct Note {
  std::string event;
  std::vector<std::pair<std::string, std::string>> fields = {};
};

using Step = std::variant<Ask, Run, GuardUntil, Role, Follow, Tell, Note>;
using Steps = std::vector<Step>;

// What an operator, or this site's policy, wants of a service that it holds.
struct HandOver {
  std::string target;                                    // empty: nobody, it is given up
  std::optional<SteadyTime> drain_until = std::nullopt;  // none: at once
  std::string why;
  bool health = false;  // that is why
};

}  // namespace ha::failover
