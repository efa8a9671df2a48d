#include "failover/lease/lease_record.h"

#include <algorithm>
#include <utility>

namespace ha::failover {
namespace {

using dns::Cause;

Hold hold_of(dns::HoldState state) {
  switch (state) {
    case dns::HoldState::Own:
      return Hold::Own;
    case dns::HoldState::Drain:
      return Hold::Drain;
    case dns::HoldState::Free:
      return Hold::Free;
  }
  return Hold::Free;
}

std::optional<Error> why_of(const std::optional<dns::Trouble>& trouble) {
  return trouble ? std::optional(trouble->error) : std::nullopt;
}

// Of what was not sent.
ArbiterVerdict not_sent(const std::optional<dns::Trouble>& trouble) {
  if (!trouble || is_passing(trouble->cause) || trouble->error.code() == Code::Cancelled) {
    return ArbiterVerdict::Unreachable;
  }
  return trouble->cause == Cause::Regression ? ArbiterVerdict::Regression : ArbiterVerdict::Refused;
}

ArbiterVerdict verdict_of(const dns::LeaseOutcome& outcome) {
  switch (outcome.verdict) {
    case dns::Verdict::Won:
      return ArbiterVerdict::Won;
    case dns::Verdict::Lost:
    case dns::Verdict::Overtaken:
      return ArbiterVerdict::Lost;
    case dns::Verdict::Refused:
      return ArbiterVerdict::Refused;
    case dns::Verdict::Regression:
      return ArbiterVerdict::Regression;
    case dns::Verdict::NotSent:
      return not_sent(outcome.trouble);
    // The record is there, but names beside it are not as they were sent: the next renewal, and follow(), go
    // on from there.
    case dns::Verdict::Partial:
    case dns::Verdict::Nothing:
    case dns::Verdict::Unknown:
      return ArbiterVerdict::Unknown;
  }
  return ArbiterVerdict::Unknown;
}

}  // namespace

Record record_of(const dns::Record& record) {
  return {record.owner,
          {record.version.epoch, record.version.seq},
          hold_of(record.state),
          {record.config, record.eligible}};
}

std::optional<Record> record_of(const std::optional<dns::Record>& record) {
  return record ? std::optional(record_of(*record)) : std::nullopt;
}

dns::LeaseTerms terms_of(const Terms& terms) {
  return {terms.config, terms.eligible};
}

dns::HoldState state_of(Hold hold) noexcept {
  return hold == Hold::Drain ? dns::HoldState::Drain : dns::HoldState::Own;
}

std::optional<dns::Version> version_of(const std::optional<Version>& version) {
  return version ? std::optional(dns::Version{version->epoch, version->seq}) : std::nullopt;
}

ArbiterAnswer answer_of(const dns::LeaseOutcome& outcome) {
  return {verdict_of(outcome), record_of(outcome.now), outcome.sent, why_of(outcome.trouble)};
}

bool is_due(const std::vector<dns::CopySight>& copies) {
  return std::any_of(copies.begin(), copies.end(), [](const dns::CopySight& each) {
    return each.trouble || each.stand == dns::CopyStand::Due;
  });
}

ArbiterSight sight_of(const dns::LeaseSight& sight) {
  ArbiterSight out;
  out.record = record_of(sight.lease);
  out.trouble = why_of(sight.trouble);
  out.regression = sight.trouble && sight.trouble->cause == Cause::Regression;
  out.second_half_due = is_due(sight.copies);
  return out;
}

FollowAnswer answer_of(const dns::FollowOutcome& outcome) {
  FollowAnswer out;
  out.place = outcome.zone.text();
  out.done = outcome.verdict == dns::Verdict::Won || outcome.verdict == dns::Verdict::Nothing;
  if (!out.done) {
    out.why = outcome.trouble ? outcome.trouble->error
                              : Error(Code::Unavailable, std::string(dns::verdict_text(outcome.verdict)));
  }
  out.regression = outcome.verdict == dns::Verdict::Regression ||
                   (outcome.trouble && outcome.trouble->cause == Cause::Regression);
  out.differences = outcome.differences;
  return out;
}

ArbiterAnswer claimed_by(std::string_view self, ArbiterAnswer answer) {
  if (answer.verdict == ArbiterVerdict::Lost && answer.record && answer.record->owner == self) {
    answer.verdict = ArbiterVerdict::Unknown;
  }
  return answer;
}

}  // namespace ha::failover
