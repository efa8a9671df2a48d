#include "dnsupdater/swap.h"

#include <algorithm>
#include <utility>

namespace ha::dns {
namespace {

const char* const kFindOut = "dnsupdater resume      (it looks at what is there)";

std::optional<Record> guard_in(const std::vector<RrSet>& found, const GuardChange& guard,
                               std::optional<Error>& broken) {
  const auto set = std::find_if(found.begin(), found.end(), [&](const RrSet& each) {
    return each.name == guard.name && each.type == RrType::Txt;
  });
  if (set == found.end()) {
    return std::nullopt;
  }
  auto record = record_of(*set, guard.after.id);
  if (!record.ok()) {
    broken = std::move(record).error();
    return std::nullopt;
  }
  return std::move(record).value();
}

// Of a server that does not do what RFC 2136 says.
Trouble trouble(Code code, std::string what) {
  return {Cause::Server, Error(code, std::move(what))};
}

std::string whose(const std::vector<Record>& now) {
  return now.empty() ? "nobody"
                     : (now[0].owner.empty() ? "nobody" : now[0].owner) + " at epoch " +
                           std::to_string(now[0].version.epoch);
}

}  // namespace

std::string_view verdict_text(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::Nothing:
      return "nothing to do";
    case Verdict::Won:
      return "won";
    case Verdict::Partial:
      return "partial";
    case Verdict::Lost:
      return "lost";
    case Verdict::Overtaken:
      return "overtaken";
    case Verdict::Refused:
      return "refused";
    case Verdict::Regression:
      return "regression";
    case Verdict::Unknown:
      return "unknown";
    case Verdict::NotSent:
      return "not sent";
  }
  return "?";
}

Swap::Swap(std::vector<SetKey> sets, Planner planner, SwapLimits limits, SteadyTime now)
    : sets_(std::move(sets)),
      planner_(std::move(planner)),
      limits_(limits),
      deadline_(now + limits.total),
      wait_until_(now),
      wait_(limits.wait_first) {}

SwapStep Swap::step(SteadyTime now) {
  if (state_ != State::Ended && now >= deadline_) {
    if (result_.sends == 0) {
      end(Verdict::NotSent,
          trouble_ ? *trouble_ : Trouble{Cause::Network, Error(Code::TimedOut, "the primary is silent")});
    } else {
      end_unknown("it is not known whether the change is there");
    }
  }
  if (state_ == State::Ended) {
    return result_;
  }
  if (now < wait_until_) {
    return WaitStep{std::min(wait_until_, deadline_)};
  }
  switch (state_) {
    case State::Reading:
      return ReadStep{sets_, limits_.guards_known};
    case State::Sending:
      result_.first_sent = result_.first_sent.value_or(now);
      return SendStep{plan_->update};
    case State::ReadingBack:
      return ReadStep{read_back_keys(), !looked_};
    case State::Ended:
      break;
  }
  return result_;
}

// All that the planner has looked at, and all that the plan is about.
std::vector<SetKey> Swap::read_back_keys() const {
  std::vector<SetKey> keys = sets_;
  for (const Expected& each : plan_->afterwards) {
    keys.push_back({each.name, each.type});
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

void Swap::on_read(const std::vector<RrSet>& found, SteadyTime now) {
  if (state_ == State::Reading) {
    make(found);
  } else if (state_ == State::ReadingBack) {
    judge(found, now);
  }
}

void Swap::on_unread(Trouble trouble, SteadyTime now) {
  if (state_ == State::Reading && !is_passing(trouble.cause)) {
    end(Verdict::NotSent, std::move(trouble));
    return;
  }
  // Who cannot look cannot know, and looks again. But who was refused both, in the same way and with nothing
  // under way, has done nothing.
  if (state_ == State::ReadingBack && heard_ == Heard::Refused) {
    if (!any_silent_ && trouble.cause == trouble_->cause) {
      end(Verdict::Refused, trouble_);
      return;
    }
  } else {
    trouble_ = std::move(trouble);
  }
  read_again(now);
}

void Swap::make(const std::vector<RrSet>& found) {
  auto wanted = planner_(found);
  if (auto* trouble = std::get_if<Trouble>(&wanted)) {
    end(Verdict::NotSent, std::move(*trouble));
    return;
  }
  const Change& change = std::get<Change>(wanted);
  auto plan = make_plan(change);
  if (!plan.ok()) {
    end(Verdict::NotSent, Trouble{Cause::Ours, std::move(plan).error()});
    return;
  }
  guards_ = change.guards;
  plan_ = std::move(plan).value();
  if (plan_->empty()) {
    end(Verdict::Nothing);
    return;
  }
  state_ = State::Sending;
  wait_ = limits_.wait_first;
}

void Swap::on_sent(Heard heard, std::optional<Trouble> trouble, SteadyTime now) {
  if (state_ != State::Sending) {
    return;
  }
  ++result_.sends;
  heard_ = heard;
  heard_at_ = now;
  looked_ = false;
  any_silent_ = any_silent_ || heard == Heard::Silence;
  result_.applied = result_.applied || heard == Heard::Accepted;
  trouble_ = std::move(trouble);
  HA_ASSERT(heard != Heard::Refused || trouble_);
  state_ = State::ReadingBack;
  wait_ = heard == Heard::Silence ? wait_ : limits_.wait_first;
}

void Swap::cancel() {
  if (state_ == State::Ended) {
    return;
  }
  trouble_ = Trouble{Cause::Ours, Error(Code::Cancelled, "given up")};
  if (result_.sends == 0) {
    end(Verdict::NotSent, trouble_);
  } else {
    end_unknown("it is not known whether the change is there");
  }
}

void Swap::read_again(SteadyTime now) {
  wait_until_ = now + wait_;
  wait_ = std::min(wait_ * 2, limits_.wait_longest);
}

void Swap::judge(const std::vector<RrSet>& found, SteadyTime now) {
  const bool at_once = !std::exchange(looked_, true);
  std::size_t ours = 0;
  std::size_t as_before = 0;
  bool regressed = false;
  bool overtaken = false;
  result_.now.clear();
  std::optional<Error> broken;
  for (const GuardChange& guard : guards_) {
    const std::optional<Record> record = guard_in(found, guard, broken);
    if (broken) {
      end(Verdict::Regression, Trouble{Cause::Ours, std::move(*broken).in("guard " + guard.name.text())});
      return;
    }
    const Fate fate = fate_of(guard.after, guard.before, record);
    ours += fate == Fate::Ours ? 1U : 0U;
    as_before += fate == Fate::NotApplied ? 1U : 0U;
    regressed = regressed || fate == Fate::Regression;
    overtaken = overtaken || fate == Fate::Overtaken;
    if (record) {
      result_.now.push_back(*record);
    }
  }
  if (regressed) {
    end(Verdict::Regression, trouble(Code::Refused, "a guard is gone, or went back behind what it has said"));
  } else if (ours == guards_.size()) {
    judge_whole(found, at_once, now);
  } else if (as_before == guards_.size()) {
    judge_not_applied(now);
  } else if (ours > 0 && as_before > 0 && at_once) {
    read_again(now);
  } else if (ours > 0 && as_before > 0) {
    result_.differences = differences(*plan_, found);
    end(Verdict::Partial, trouble(Code::Corrupt, "the primary has applied a part of it"));
  } else {
    end(overtaken || ours > 0 ? Verdict::Overtaken : Verdict::Lost,
        Trouble{Cause::Ours, Error(Code::Conflict, "lost to " + whose(result_.now))});
  }
}

void Swap::judge_whole(const std::vector<RrSet>& found, bool at_once, SteadyTime now) {
  std::vector<std::string> wrong = differences(*plan_, found);
  result_.applied = true;
  if (wrong.empty()) {
    end(Verdict::Won);
  } else if (at_once || now < heard_at_ + limits_.visible) {
    read_again(now);
  } else {
    result_.differences = std::move(wrong);
    end(Verdict::Partial, trouble(Code::Corrupt, "the primary has applied a part of it"));
  }
}

void Swap::judge_not_applied(SteadyTime now) {
  const bool may_lag = (heard_ == Heard::Accepted || heard_ == Heard::Unmet) && !any_silent_;
  if (heard_ == Heard::Silence) {
    read_again(now);
    state_ = State::Sending;  // its prerequisite makes a second copy harmless
    return;
  }
  if (may_lag && (now < heard_at_ + limits_.visible || heard_ == Heard::Accepted)) {
    read_again(now);
    return;
  }
  if (any_silent_) {
    if (heard_ == Heard::Refused) {
      end_unknown("it is not there, but a first message that nobody has answered may still be under way");
    } else {
      read_again(now);
    }
    return;
  }
  if (heard_ == Heard::Unmet) {
    trouble_ = trouble(Code::Unsupported, "the primary does not compare TXT records as it should");
  }
  end(Verdict::Refused, trouble_);
}

void Swap::end(Verdict verdict, std::optional<Trouble> trouble) {
  state_ = State::Ended;
  result_.verdict = verdict;
  result_.trouble = std::move(trouble);
}

void Swap::end_unknown(std::string_view what) {
  const std::string why = trouble_ ? ": " + trouble_->error.what() : "";
  end(Verdict::Unknown, Trouble{trouble_ ? trouble_->cause : Cause::Network,
                                Error(Code::TimedOut, std::string(what) + why, kFindOut)});
}

}  // namespace ha::dns
