// What stops a sender on purpose, and what lets it go on: docs/guards.md.
#include <optional>
#include <string>
#include <utility>

#include "replicator/session/sender.h"

namespace ha::replicator {

std::string Sender::release_command(bool deletes) const {
  return "hareplicate release " + options_.set + " --to " + options_.peer +
         (deletes ? " --force-delete" : "");
}

void Sender::hold(SenderHold by, std::string reason, std::string hint, SteadyTime now) {
  clear_attempt();
  state_ = SenderState::Held;
  hold_ = by;
  reason_ = std::move(reason);
  hint_ = std::move(hint);
  wake_at_ = now + options_.check;
  equal_ = false;
  if (told_ != reason_) {
    told_ = reason_;
    actions_.push_back(SenderEvent{"set.held", reason_});
  }
}

void Sender::hold_ahead(const Position& theirs, SteadyTime now) {
  held_ = true;
  std::string reason =
      "this site is the holder but has gone back in time (was the state directory or the tree restored "
      "from a backup?)";
  if (theirs.sequence > index_.position.sequence) {
    reason += ": the replica has confirmed change " + std::to_string(theirs.sequence) +
              " of this index, which ends at " + std::to_string(index_.position.sequence);
  }
  hold(SenderHold::BackInTime, std::move(reason),
       "if this site's copy is the right one: " + release_command(true), now);
}

std::optional<std::pair<SenderHold, std::string>> Sender::guard_of(std::uint64_t items) const {
  if (auto few = too_few(options_.guards, items); few && !few_released_) {
    return std::pair(SenderHold::TooFew, std::move(*few));
  }
  if (auto loss = loss_.judge(items)) {
    return std::pair(SenderHold::Loss, std::move(*loss));
  }
  return std::nullopt;
}

// Before a pass begins: whether it may.
bool Sender::guarded(SteadyTime now) {
  few_released_ = few_released_ && too_few(options_.guards, index_.count);
  auto guard = guard_of(index_.count);
  if (guard) {
    hold(guard->first, std::move(guard->second), release_command(true), now);
  }
  return guard.has_value();
}

void Sender::hold_by_hand(const std::string& reason, SteadyTime now) {
  by_hand_ = reason;
  start_attempt(now);
}

void Sender::release(SteadyTime now) {
  if (state_ != SenderState::Held && !by_hand_) {
    return;
  }
  by_hand_.reset();
  switch (std::exchange(hold_, SenderHold::None)) {
    case SenderHold::None:
    case SenderHold::BackInTime:
    case SenderHold::ByHand:
    case SenderHold::HandThere:
      break;
    case SenderHold::TooFew:
      few_released_ = true;
      loss_.accept(index_.count, now);
      accepted_ = index_.count;
      break;
    case SenderHold::Loss:
      loss_.accept(index_.count, now);
      accepted_ = index_.count;
      break;
    case SenderHold::Replica:
      released_ = reason_;
      break;
  }
  told_.clear();
  start_attempt(now);
}

}  // namespace ha::replicator
