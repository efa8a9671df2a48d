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

void ArbiterStore::roll_back(const std::set<std::string>& services) {
  for (const std::string& service : services) {
    if (const auto old = kept_.find(service); old != kept_.end()) {
      records_[service] = old->second;
    } else {
      records_.erase(service);
    }
  }
}

const Stored* ArbiterStore::find(const std::string& service) const {
  const auto found = records_.find(service);
  return found == records_.end() ? nullptr : &found->second;
}

std::optional<Stored> ArbiterStore::kept(const std::string& service) const {
  const auto found = kept_.find(service);
  return found == kept_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Stored> wished(const Ask& ask, const Asker& asker, const std::optional<Stored>& now,
                             std::uint64_t nonce, const failover::Version& beyond) {
  const std::string& site = asker.site;
  Stored out{now ? now->record : failover::Record{}, nonce};
  failover::Version& next = out.record.version;
  next.seq = std::max(next.seq, beyond.seq) + 1;
  const std::uint64_t new_epoch = std::max(next.epoch, beyond.epoch) + 1;
  if (ask.act == Act::Claim) {
    const auto version = now ? std::optional(now->record.version) : std::nullopt;
    const auto names = [&](const std::vector<std::string>& eligible) {
      return std::find(eligible.begin(), eligible.end(), site) != eligible.end();
    };
    const auto& eligible = out.record.terms.eligible;
    const bool dropped = !eligible.empty() && !names(eligible) && !names(ask.terms.eligible);
    const bool ours = now && now->record.hold != Hold::Free && now->record.owner == site;
    if (version != ask.saw || (ours && next.epoch >= beyond.epoch) || (dropped && !asker.eligible)) {
      return std::nullopt;
    }
    next.epoch = new_epoch;
    out.record.owner = site;
    out.record.hold = Hold::Own;
    out.record.terms = ask.terms;
    return out;
  }
  if (!now || now->record.hold == Hold::Free || now->record.owner != site ||
      now->record.version.epoch != ask.epoch || next.epoch < beyond.epoch) {
    return std::nullopt;  // also of a turn that others may have had since
  }
  if (ask.act == Act::Renew) {
    out.record.hold = ask.hold;
    out.record.terms = ask.terms;
  } else if (ask.act == Act::Release) {
    out.record.owner.clear();
    out.record.hold = Hold::Free;
  } else {
    next.epoch = new_epoch;
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
    wanted_ = wished(ask_, asker_, *before_, nonce, seen_.beyond);
    sent_ = now;
  }
  return Send{*before_, *wanted_};
}

bool ArbiterCall::end(Verdict verdict, std::string why) {
  ++number_;  // what is still to be heard of it comes too late
  answer_.act = ask_.act;
  answer_.verdict = verdict;
  answer_.asked = asked_;
  answer_.sent = sent_;
  answer_.why = std::move(why);
  answer_.has_record = found_.has_value();
  if (found_ && *found_) {
    answer_.record = (*found_)->record;
    if (ask_.act != Act::Read && verdict == Verdict::Won) {
      seen_.highest = std::max(seen_.highest, answer_.record->version);
    }
  }
  return true;
}

bool ArbiterCall::on_read(const std::optional<Stored>& found, SteadyTime now) {
  found_ = found;
  const failover::Version version = found ? found->record.version : failover::Version{};
  if (version < seen_.highest) {
    return end(Verdict::Regression, "the arbiter has gone back in time");
  }
  if (version.epoch > seen_.highest.epoch) {  // of a renewal only who has made it remembers it
    seen_.highest = version;
  }
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
  if (!wished(ask_, asker_, found, 1, seen_.beyond)) {
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
