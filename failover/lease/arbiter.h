// Who holds a service is decided here: one record a service, changed by compare-and-swap only.
//
// The interface; dns_arbiter.h and etcd_arbiter.h are it, and one conformance suite tries them all. Every
// call blocks until its deadline at most, for workers; accept() and follow() once for each place more. A
// verdict is never guessed: what is not known says so, and read() tells. It counts no time: when a lease runs
// out, and when an owner is dead, is for the coordinator. Thread safety: one thread each; several may work
// for one site, one a service. Source: docs/failover.md, "Arbiters".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "failover/model/record.h"

namespace ha::failover {

enum class ArbiterVerdict {
  Won,          // it is there, whole; `record` is what was written
  Lost,         // another's, or of another version or epoch than was named: `record`
  Refused,      // by the arbiter, or by a rule of the record: nothing was changed
  Unreachable,  // nothing was sent, or it is certain that nothing of it will ever apply
  Unknown,      // it may be there, or come yet; or it was there, and somebody has gone on for this site
  Regression,   // the record has gone back in time: nothing is sent until a person has looked
};

struct ArbiterAnswer {
  ArbiterVerdict verdict = ArbiterVerdict::Unreachable;
  std::optional<Record> record;    // as it was read last
  std::optional<SteadyTime> sent;  // of Won: no later than the message that is in force
  std::optional<Error> why;        // of all but Won; of Won: it could not be written down here
};

// What was read. `record` none: there is none yet.
struct ArbiterSight {
  std::optional<Record> record;
  std::optional<Error> trouble;  // it could not be read, or must not be used; nothing is claimed then
  bool regression = false;       // ... because it has gone back in time
  bool second_half_due = false;  // what callers see is behind it, or could not be read: follow()
};

// How what callers see stands to the record, a line for each place (a DNS zone).
struct FollowAnswer {
  std::string place;
  bool done = false;
  std::optional<Error> why;              // of not done; Conflict: this site does not own it
  bool regression = false;               // not done because it has gone back in time
  std::vector<std::string> differences;  // left as they are: an operator's
};

class Arbiter {
 public:
  virtual ~Arbiter() = default;

  [[nodiscard]] virtual ArbiterSight read(std::string_view service) = 0;
  // By this site. `saw`: exactly this version was there; none: there was no record. Its epoch is higher than
  // `above`, too. Regression as well while the last read() says so.
  [[nodiscard]] virtual ArbiterAnswer claim(std::string_view service, const std::optional<Version>& saw,
                                            const Terms& terms, std::uint64_t above) = 0;
  // By the owner of `epoch`: it lives. `hold`: Own or Drain.
  [[nodiscard]] virtual ArbiterAnswer renew(std::string_view service, std::uint64_t epoch, const Terms& terms,
                                            Hold hold) = 0;
  [[nodiscard]] virtual ArbiterAnswer release(std::string_view service, std::uint64_t epoch) = 0;
  [[nodiscard]] virtual ArbiterAnswer transfer(std::string_view service, std::uint64_t epoch,
                                               std::string_view target) = 0;
  // Brings what callers see to the record, if this site owns it. To be called again until all is done.
  [[nodiscard]] virtual std::vector<FollowAnswer> follow(std::string_view service) = 0;
  // By a person, after a regression: what is there now is right, and the next change goes beyond all that was
  // seen of it, and beyond that epoch, so that no epoch comes twice. On the disk afterwards.
  [[nodiscard]] virtual Status accept(std::string_view service, std::uint64_t beyond = 0) = 0;
};

}  // namespace ha::failover
