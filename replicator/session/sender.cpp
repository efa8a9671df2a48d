// The life of an attempt: offer, answers, acknowledgements, failures. sender_pass.cpp has the sending itself.
#include "replicator/session/sender.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "replicator/session/overloaded.h"

namespace ha::replicator {
Sender::Sender(SenderOptions options, std::optional<Position> acknowledged)
    : options_(std::move(options)),
      acknowledged_(acknowledged),
      loss_(options_.guards),
      retry_(options_.retry_min) {}

// ---------------------------------------------------------------- attempts
void Sender::clear_attempt() {
  // What the ended attempt still wanted done would be taken for the next one's.
  const auto outlives = [](const SenderAction& action) {
    return std::holds_alternative<AcknowledgedAction>(action) ||
           std::holds_alternative<SenderEvent>(action) || std::holds_alternative<ComparedAction>(action);
  };
  actions_.erase(std::remove_if(actions_.begin(), actions_.end(), std::not_fn(outlives)), actions_.end());
  actions_.push_back(StopBuildsAction{});
  ++attempt_;
  pass_up_to_ = 0;
  list_rank_.reset();
  list_after_key_.reset();
  listing_ = false;
  spans_.clear();
  step_ = 0;
  describing_ = false;
  differ_expected_ = false;
  described_.clear();
  leaves_.clear();
  work_.clear();
  building_.clear();
  unacknowledged_.clear();
  partials_.clear();
  output_.clear();
  output_bytes_ = 0;
  last_rank_ = Rank::Container;
  barrier_ = 0;
  last_batch_ = 0;
  sent_bytes_ = 0;
  consumed_bytes_ = 0;
  items_sent_ = 0;
  items_planned_ = 0;
  bytes_planned_ = 0;
  items_done_ = 0;
  bytes_done_ = 0;
  found_ = {};
  redone_ = 0;
  skipped_ = false;
  ahead_keys_.clear();
  sorting_ = false;
  to_fetch_.clear();
  fetched_.clear();
  fetch_number_ = 0;
  fetching_ = false;
  applying_ = false;
  adopted_ = false;
  frames_fetched_ = 0;
  missed_ = false;
}

void Sender::start_attempt(SteadyTime now) {
  if (!link_up_ || index_.digest_key.empty()) {
    return;
  }
  clear_attempt();
  if (by_hand_ && !compare_request_) {
    hold(SenderHold::ByHand, *by_hand_, release_command(false), now);
    return;
  }
  if (auto few = too_few(options_.guards, index_.count); few && !few_released_ && !compare_request_) {
    hold(SenderHold::TooFew, std::move(*few), release_command(true), now);
    return;
  }
  state_ = SenderState::Offering;
  offered_at_ = last_heard_ = now;
  announced_ = index_.position.sequence;
  const Look look = compare_request_ ? compare_request_->look : Look::AsIs;
  actions_.push_back(SetMessage(Offer{options_.set, index_.position, index_.digest_key, index_.count, look,
                                      released_, accepted_, compare_request_.has_value(), index_.lineage}));
}

void Sender::end_attempt(const std::string& reason, const std::string& hint, SteadyTime now) {
  clear_attempt();
  state_ = SenderState::Waiting;
  reason_ = reason;
  hint_ = hint;
  wake_at_ = now + retry_;
  retry_ = std::min(retry_ * 2, options_.retry_max);
  actions_.push_back(SenderEvent{"session.failed", reason});
}

void Sender::on_link_up(std::uint32_t nonce, SteadyTime now) {
  link_up_ = true;
  if (attempt_ >> 32 != nonce) {  // else it goes on after a silence, and no number comes twice
    attempt_ = std::uint64_t{nonce} << 32;
  }
  retry_ = options_.retry_min;
  start_attempt(now);
}

void Sender::on_link_down() {
  link_up_ = false;
  clear_attempt();
  state_ = SenderState::Down;
}

void Sender::on_index(IndexFacts facts, SteadyTime now) {
  const bool other_index = facts.position.index_id != index_.position.index_id ||
                           facts.position.epoch != index_.position.epoch ||
                           facts.digest_key != index_.digest_key;
  index_ = std::move(facts);
  held_ = held_ && !other_index;
  if (!link_up_) {
    return;
  }
  const bool may_go_on = state_ == SenderState::Held &&
                         (hold_ == SenderHold::TooFew || hold_ == SenderHold::Loss) &&
                         !guard_of(index_.count);
  if (other_index || may_go_on) {
    start_attempt(now);
    return;
  }
  const bool offered = state_ != SenderState::Down && state_ != SenderState::Held;
  if (offered && index_.position.sequence > announced_) {
    announced_ = index_.position.sequence;
    actions_.push_back(SetMessage(Head{announced_}));
  }
  compare_adopted(now);
  const bool idle = state_ == SenderState::Equal || state_ == SenderState::Incomplete;
  equal_ = equal_ && acknowledged_ && index_.position.sequence == acknowledged_->sequence;
  if (idle && acknowledged_ && index_.position.sequence > acknowledged_->sequence) {
    start_incremental(acknowledged_->sequence, now);
  }
}

void Sender::expect(const Bytes& key) {
  if (state_ == SenderState::Equal || state_ == SenderState::Incomplete || state_ == SenderState::Sending ||
      state_ == SenderState::Confirming) {
    actions_.push_back(SetMessage(Expect{key}));
  }
}

void Sender::check_now(SteadyTime now) {
  if (state_ == SenderState::Equal || state_ == SenderState::Incomplete || state_ == SenderState::Waiting) {
    start_attempt(now);
  }
}

void Sender::resync(SteadyTime now) {
  compare_wanted_ = true;
  if (state_ != SenderState::Held) {
    start_attempt(now);
  }
}

void Sender::compare(CompareRequest request, SteadyTime now) {
  compare_request_ = std::move(request);
  start_attempt(now);
}

void Sender::cancel_compare(SteadyTime now) {
  if (compare_request_) {
    compare_request_.reset();
    start_attempt(now);
  }
}

void Sender::on_tick(SteadyTime now) {
  const bool due = wake_at_ <= now && (state_ == SenderState::Waiting || state_ == SenderState::Equal ||
                                       state_ == SenderState::Incomplete || state_ == SenderState::Held);
  if (due) {
    start_attempt(now);
  } else if (expecting_answer() && now - last_heard_ >= options_.answer_timeout) {
    end_attempt(
        "no answer for " +
            std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now - last_heard_).count()) +
            " s",
        "see the replica's log", now);
  }
}

bool Sender::expecting_answer() const {
  switch (state_) {
    case SenderState::Offering:
    case SenderState::Confirming:
      return true;
    case SenderState::Comparing:
    case SenderState::Sending:
      return differ_expected_ || (fetching_ && !applying_) || bytes_in_flight() > 0 ||
             unacknowledged_.size() > building_.size() ||
             std::any_of(building_.begin(), building_.end(),
                         [](const auto& each) { return each.second.asked; });
    case SenderState::Down:
    case SenderState::Waiting:
    case SenderState::Equal:
    case SenderState::Incomplete:
    case SenderState::Held:
      return false;
  }
  return false;
}

std::optional<SteadyTime> Sender::next_wakeup() const {
  switch (state_) {
    case SenderState::Waiting:
    case SenderState::Equal:
    case SenderState::Held:
    case SenderState::Incomplete:
      return wake_at_;
    case SenderState::Offering:
    case SenderState::Comparing:
    case SenderState::Sending:
    case SenderState::Confirming:
    case SenderState::Down:
      break;
  }
  return expecting_answer() ? std::optional(last_heard_ + options_.answer_timeout) : std::nullopt;
}

// ---------------------------------------------------------------- messages
void Sender::on_message(SetMessage message, std::uint64_t attempt, SteadyTime now) {
  if (attempt != attempt_ || state_ == SenderState::Down || state_ == SenderState::Waiting) {
    return;
  }
  last_heard_ = now;
  std::visit(Overloaded{
                 [&](Have& have) { on_have(std::move(have), now); },
                 [&](Differ& differ) { on_differ(std::move(differ), now); },
                 [&](Ack& ack) { on_ack(std::move(ack)); },
                 [&](const Done& done) { on_done(done, now); },
                 [&](Fetched& fetched) { on_fetched(std::move(fetched), now); },
                 [&](const Refusal& refusal) { on_refusal(refusal, now); },
                 [&](Answer& answer) {
                   const auto it = building_.find(answer.batch);
                   if (it != building_.end() && std::exchange(it->second.asked, false)) {
                     actions_.push_back(FeedAction{answer.batch, std::move(answer.body)});
                   }
                 },
                 [&](const auto&) { end_attempt("the replica sent what only an origin sends", {}, now); },
             },
             message);
  pump(now);
}

void Sender::on_refusal(const Refusal& refusal, SteadyTime now) {
  const std::string there = "on " + options_.peer + ": ";  // where what the replica says is to be typed
  if (refusal.code == Code::HeldByHand) {
    hold(SenderHold::HandThere, refusal.what, there + "hareplicate release " + options_.set, now);
  } else if (refusal.code == Code::Held && !refusal.hint.empty()) {
    hold(SenderHold::Replica, refusal.what,
         refusal.hint.starts_with(there) ? refusal.hint : there + refusal.hint, now);
  } else if (refusal.code == Code::Held) {
    hold(SenderHold::Replica, refusal.what, release_command(true), now);
  } else {
    end_attempt(refusal.what, refusal.hint, now);
  }
}

bool Sender::continues_from(const Position& theirs) const {
  return acknowledged_ && theirs == *acknowledged_ && same_lineage(theirs, index_.position) &&
         theirs.sequence >= index_.trimmed_to && theirs.sequence <= index_.position.sequence;
}

void Sender::on_have(Have have, SteadyTime now) {
  if (state_ != SenderState::Offering) {
    return;
  }
  for (Partial& partial : have.partials) {
    partials_[std::move(partial.key)] = {partial.content, std::move(partial.resume)};
  }
  if (!accepted_) {
    loss_.has(have.count, now);
  }
  ahead_ = same_lineage(have.position, index_.position) &&
           (held_ || have.position.sequence > index_.position.sequence);
  if (compare_request_) {
    start_comparing(now);
  } else if (ahead_) {
    hold_ahead(have.position, now);
  } else if (compare_wanted_) {
    start_comparing(now);
  } else if (have.position == index_.position) {
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - offered_at_);
    actions_.push_back(SenderEvent{"session.checked", "equal after " + std::to_string(took.count()) + " us"});
    settle(have.position, 0, now);
  } else if (continues_from(have.position)) {
    start_incremental(have.position.sequence, now);
  } else if (have.position == Position{} && have.count == 0) {
    start_incremental(0, now);
  } else if (have.position.sum == index_.position.sum && have.count == index_.count) {
    confirm_equal(now);
  } else {
    start_comparing(now);
  }
}

void Sender::on_ack(Ack ack) {
  consumed_bytes_ = std::max(consumed_bytes_, std::min(ack.consumed_bytes, sent_bytes_));
  std::map<Bytes, ItemTrouble> trouble;
  for (ItemTrouble& item : ack.trouble) {
    trouble[item.key] = std::move(item);
  }
  const std::set<std::uint64_t> sparse(ack.sparse.begin(), ack.sparse.end());
  for (auto it = unacknowledged_.begin(); it != unacknowledged_.end();) {
    if (building_.contains(it->first) || (it->first > ack.batches && !sparse.contains(it->first))) {
      ++it;
      continue;
    }
    for (Work& work : it->second) {
      ++items_done_;
      bytes_done_ += work.item.size;
      if (const auto found = trouble.find(work.item.key); found != trouble.end()) {
        on_trouble(std::move(found->second), std::move(work));
      }
    }
    it = unacknowledged_.erase(it);
  }
  retry_ = options_.retry_min;
}

void Sender::on_trouble(ItemTrouble trouble, Work work) {
  if (!trouble.redo) {
    actions_.push_back(SenderEvent{"item.failed", escape(trouble.key) + ": " + trouble.reason});
    return;
  }
  ++redone_;
  if (++work.tries > kRedoMax) {
    skipped_ = true;  // it changes under the replica's hands; the next comparison brings it again
    return;
  }
  work.basis = std::move(trouble.basis);
  work_.push_front(std::move(work));
  if (state_ == SenderState::Confirming) {
    state_ = SenderState::Sending;
  }
}

void Sender::on_done(const Done& done, SteadyTime now) {
  const bool ours = same_lineage(done.position, index_.position);
  if (state_ != SenderState::Confirming || !ours || done.position.sequence != pass_up_to_) {
    return;  // of an earlier mark
  }
  settle(done.position, done.failed, now);
}

// The replica has confirmed a position: are we equal, is there more, or do the sums tell of a difference?
void Sender::settle(const Position& theirs, std::uint64_t failed, SteadyTime now) {
  if (!acknowledged_ || !(*acknowledged_ == theirs)) {
    acknowledged_ = theirs;
    actions_.push_back(AcknowledgedAction{theirs});
  }
  failed_ = failed;
  retry_ = options_.retry_min;
  if (index_.position.sequence > theirs.sequence) {
    start_incremental(theirs.sequence, now);
    return;
  }
  const bool compared = std::exchange(compare_wanted_, false);
  if (theirs.sum == index_.position.sum) {
    state_ = SenderState::Equal;
    loss_.equal(index_.count, now);
    released_.clear();
    accepted_.reset();
    became_equal_ = !std::exchange(equal_, true);
    reason_.clear();
    hint_.clear();
    told_.clear();
    wake_at_ = now + options_.check;
  } else if (failed > 0 || skipped_ || (compared && step_ > 0)) {
    state_ = SenderState::Incomplete;
    reason_ = failed > 0 ? std::to_string(failed) + " items could not be applied at the replica"
                         : "items change while they are compared, or cannot be read here";
    hint_ = "hareplicate status " + options_.set + " --problems";
    compare_wanted_ = true;
    wake_at_ = now + options_.check;
  } else {
    compare_wanted_ = true;
    start_comparing(now);
  }
}

// ---------------------------------------------------------------- answers of workers
void Sender::on_work_failed(std::uint64_t attempt, const Error& error, SteadyTime now) {
  if (attempt == attempt_ && state_ != SenderState::Down && state_ != SenderState::Waiting) {
    end_attempt(error.what(), error.hint(), now);
  }
}

std::vector<SenderAction> Sender::take_actions() {
  return std::exchange(actions_, {});
}

SenderStatus Sender::status() const {
  // Of a large item under way the bytes taken in say more than the items that are complete.
  const std::uint64_t bytes_done = std::max(bytes_done_, std::min(consumed_bytes_, bytes_planned_));
  return {state_,
          acknowledged_,
          items_sent_,
          sent_bytes_,
          bytes_in_flight(),
          failed_,
          state_ == SenderState::Held ? hold_ : SenderHold::None,
          reason_,
          hint_,
          items_planned_,
          bytes_planned_,
          items_done_,
          bytes_done,
          frames_fetched_};
}

}  // namespace ha::replicator
