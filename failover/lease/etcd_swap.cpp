#include "failover/lease/etcd_swap.h"

#include <algorithm>
#include <utility>

namespace ha::failover {
namespace {

using dns::Cause;
using dns::Fate;
using dns::Trouble;

constexpr int kTriesMax = 10;  // of a change that others come before who do not take the record

ArbiterVerdict verdict_of(const Trouble& why) {
  if (why.error.code() == Code::Conflict) {
    return ArbiterVerdict::Lost;
  }
  return why.cause == Cause::Regression ? ArbiterVerdict::Regression : ArbiterVerdict::Refused;
}

}  // namespace

Result<std::optional<dns::Record>> etcd_record(const std::optional<EtcdValue>& value, std::string_view id) {
  if (!value) {
    return std::optional<dns::Record>();
  }
  HA_TRY(dns::Record record, dns::parse_record(value->value));
  if (record.id != id) {
    return Error(Code::Conflict, "the record of " + std::string(id) + " is one of " + in_quotes(record.id));
  }
  return std::optional(std::move(record));
}

EtcdSwap::EtcdSwap(std::string id, Planner planner, const std::optional<EtcdKnown>& known,
                   EtcdSwapLimits limits, SteadyTime now)
    : id_(std::move(id)),
      planner_(std::move(planner)),
      limits_(limits),
      deadline_(now + limits.total),
      wait_until_(now),
      wait_(limits.wait_first) {
  if (known) {
    plan(known->value);
  }
}

EtcdStep EtcdSwap::step(SteadyTime now) {
  if (state_ != State::Ended && now >= deadline_) {
    end_unheard(Trouble{Cause::Network, silence_.value_or(Error(Code::TimedOut, "etcd is silent"))});
  }
  if (state_ == State::Ended) {
    return result_;
  }
  if (now < wait_until_) {
    return EtcdWaitStep{std::min(wait_until_, deadline_)};
  }
  if (state_ == State::Reading) {
    return EtcdReadStep{};
  }
  result_.sent = result_.sent.value_or(now);
  return EtcdSendStep{value_, text_};
}

void EtcdSwap::plan(const std::optional<EtcdValue>& value) {
  result_.value = value;
  auto record = etcd_record(value, id_);
  if (!record.ok()) {
    result_.now.reset();
    end(ArbiterVerdict::Regression, Trouble{Cause::Regression, std::move(record).error()});
    return;
  }
  result_.now = *record;
  auto wanted = planner_(*record);
  if (auto* why = std::get_if<Trouble>(&wanted)) {
    end(verdict_of(*why), std::move(*why));
    return;
  }
  after_ = std::get<dns::Record>(std::move(wanted));
  auto text = dns::encode(*after_);
  if (!text.ok()) {
    end(ArbiterVerdict::Refused, Trouble{Cause::Ours, std::move(text).error()});
    return;
  }
  before_ = std::move(record).value();
  value_ = value;
  text_ = std::move(text).value();
  result_.sent.reset();
  in_doubt_ = false;
  state_ = State::Sending;
}

void EtcdSwap::on_read(const std::optional<EtcdValue>& value) {
  if (state_ == State::Reading) {
    wait_ = limits_.wait_first;
    plan(value);
  }
}

void EtcdSwap::win(std::uint64_t revision) {
  result_.now = after_;
  result_.value = EtcdValue{text_, revision};
  end(ArbiterVerdict::Won);
}

void EtcdSwap::on_applied(std::uint64_t revision) {
  if (state_ == State::Sending) {
    ++result_.sends;
    win(revision);
  }
}

void EtcdSwap::on_unmet(const std::optional<EtcdValue>& value, SteadyTime now) {
  if (state_ != State::Sending) {
    return;
  }
  ++result_.sends;
  auto record = etcd_record(value, id_);
  if (!record.ok()) {
    result_.now.reset();
    end(ArbiterVerdict::Regression, Trouble{Cause::Regression, std::move(record).error()});
    return;
  }
  switch (dns::fate_of(*after_, before_, *record)) {
    case Fate::Ours:
      win(value->mod_revision);
      return;
    case Fate::Regression:
      result_.now = *record;
      end(ArbiterVerdict::Regression,
          Trouble{Cause::Regression, Error(Code::Refused, "the record of " + id_ +
                                                              " is gone, or went back behind what it said")});
      return;
    case Fate::NotApplied:  // the same text, put there again by somebody; a copy under way cannot apply to it
    case Fate::Lost:
    case Fate::Overtaken:
      break;
  }
  if (++tries_ == kTriesMax) {
    result_.now = *record;
    end(ArbiterVerdict::Unreachable,
        Trouble{Cause::Server,
                Error(Code::Unavailable, "somebody changes the record of " + id_ + " all the time")});
    return;
  }
  if (tries_ > 1) {
    wait(now);
  }
  plan(value);
}

void EtcdSwap::on_refused(Trouble why) {
  if (state_ == State::Ended) {
    return;
  }
  if (in_doubt_) {
    end_unheard(std::move(why));
  } else {
    end(ArbiterVerdict::Refused, std::move(why));
  }
}

void EtcdSwap::on_silence(EtcdSilence silence, SteadyTime now) {
  if (state_ == State::Sending && silence.arrived) {
    ++result_.sends;
    in_doubt_ = true;
  }
  silence_ = std::move(silence.error);
  wait(now);
}

void EtcdSwap::wait(SteadyTime now) {
  wait_until_ = now + wait_;
  wait_ = std::min(wait_ * 2, limits_.wait_longest);
}

void EtcdSwap::cancel() {
  if (state_ != State::Ended) {
    end_unheard(Trouble{Cause::Ours, Error(Code::Cancelled, "given up")});
  }
}

void EtcdSwap::end(ArbiterVerdict verdict, std::optional<Trouble> why) {
  state_ = State::Ended;
  result_.verdict = verdict;
  result_.why = std::move(why);
  if (verdict != ArbiterVerdict::Won) {
    result_.sent.reset();
  }
}

void EtcdSwap::end_unheard(Trouble why) {
  if (!in_doubt_) {
    end(ArbiterVerdict::Unreachable, std::move(why));
    return;
  }
  end(ArbiterVerdict::Unknown,
      Trouble{why.cause, std::move(why.error).in("it is not known whether the change is there")});
}

}  // namespace ha::failover
