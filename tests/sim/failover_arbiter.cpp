#include "tests/sim/failover_arbiter.h"

#include <algorithm>

namespace ha::sim {

using failover::Act;
using failover::Ask;
using failover::Hold;
using failover::Verdict;

bool ArbiterStore::swap(const std::string& service, const std::optional<Stored>& expected,
                        const Stored& wanted) {
  const std::optional<Stored> now = read(service);
  const bool near = flaws.epoch_only && now && expected && now->record.owner == expected->record.owner &&
                    now->record.version.epoch == expected->record.version.epoch;
  if (now != expected && !near) {
    return false;
  }
  records_[service] = wanted;
  if (applied) {
    applied(service, now, wanted);
  }
  return true;
}

std::optional<Stored> ArbiterStore::read(const std::string& service) const {
  const auto found = records_.find(service);
  return found == records_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Stored> wished(const Ask& ask, const std::string& site, const std::optional<Stored>& now,
                             std::uint64_t nonce) {
  Stored out{now ? now->record : failover::Record{}, nonce};
  ++out.record.version.seq;
  if (ask.act == Act::Claim) {
    const auto version = now ? std::optional(now->record.version) : std::nullopt;
    const auto& eligible = out.record.terms.eligible;
    if (version != ask.saw || (now && now->record.hold != Hold::Free && now->record.owner == site) ||
        (!eligible.empty() && std::find(eligible.begin(), eligible.end(), site) == eligible.end())) {
      return std::nullopt;
    }
    ++out.record.version.epoch;
    out.record.owner = site;
    out.record.hold = Hold::Own;
    out.record.terms = ask.terms;
    return out;
  }
  if (!now || now->record.hold == Hold::Free || now->record.owner != site ||
      now->record.version.epoch != ask.epoch) {
    return std::nullopt;
  }
  if (ask.act == Act::Renew) {
    out.record.hold = ask.hold;
    out.record.terms = ask.terms;
  } else if (ask.act == Act::Release) {
    out.record.owner.clear();
    out.record.hold = Hold::Free;
  } else {
    ++out.record.version.epoch;
    out.record.owner = ask.target;
    out.record.hold = Hold::Own;
  }
  return out;
}

ArbiterCall::Message ArbiterCall::next(std::uint64_t nonce, SteadyTime now) {
  ++number_;
  if (reads_ || ask_.act == Act::Read) {
    return Read{};
  }
  if (!wanted_) {
    before_ = *found_;
    wanted_ = wished(ask_, site_, *before_, nonce);
    sent_ = now;
  }
  return Send{*before_, *wanted_};
}

bool ArbiterCall::end(Verdict verdict, std::string why) {
  answer_.act = ask_.act;
  answer_.verdict = verdict;
  answer_.asked = asked_;
  answer_.sent = sent_;
  answer_.why = std::move(why);
  answer_.has_record = found_.has_value();
  if (found_ && *found_) {
    answer_.record = (*found_)->record;
  }
  return true;
}

bool ArbiterCall::on_read(const std::optional<Stored>& found, SteadyTime now) {
  found_ = found;
  if (ask_.act == Act::Read) {
    return end(Verdict::Won);
  }
  if (wanted_ && found && found->nonce == wanted_->nonce) {
    return end(Verdict::Won);
  }
  if (wanted_ && found == *before_) {  // not applied yet: a second copy does no harm
    reads_ = false;
    return now >= deadline_ && end(Verdict::Unknown, "not applied yet");
  }
  wanted_.reset();  // it never was, or it is not in force any more
  if (!wished(ask_, site_, found, 1)) {
    return end(Verdict::Lost, found ? "to " + found->record.owner : "there is no record");
  }
  reads_ = false;
  return now >= deadline_ && end(Verdict::Silent, "too late");
}

bool ArbiterCall::on_silence(SteadyTime now) {
  reads_ = true;
  if (now < deadline_) {
    return false;
  }
  found_.reset();
  return end(wanted_ ? Verdict::Unknown : Verdict::Silent, "the arbiter is silent");
}

}  // namespace ha::sim
