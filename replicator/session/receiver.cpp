#include "replicator/session/receiver.h"

#include <algorithm>
#include <utility>

#include "replicator/session/overloaded.h"

namespace ha::replicator {
namespace {

// A busy replica says so, or the origin would take its silence for a lost message.
constexpr Duration kSignOfLife = std::chrono::seconds(3);

}  // namespace

void Receiver::on_link_down() {
  if (state_ != ReceiverState::Idle) {
    actions_.push_back(AbortAction{});
  }
  state_ = ReceiverState::Idle;
}

void Receiver::start(Offer offer, std::uint64_t attempt, SteadyTime now) {
  if (state_ != ReceiverState::Idle) {
    actions_.push_back(AbortAction{});
  }
  fresh_ = fresh_at(now);
  offered_ = offer.position;
  caught_up_ = caught_up_ && committed_ == offered_;
  missing_.clear();
  attempt_ = attempt;
  state_ = ReceiverState::Preparing;
  reason_.clear();
  hint_.clear();
  expecting_ = false;
  incoming_.clear();
  done_through_ = 0;
  done_beyond_.clear();
  consumed_ = 0;
  ready_.clear();
  applying_ = 0;
  held_bytes_ = 0;
  trouble_.clear();
  redo_asked_ = 0;
  mark_.reset();
  last_mark_ = {};
  committing_ = false;
  working_ = 1;
  actions_.push_back(PrepareAction{std::move(offer)});
}

void Receiver::refuse(const Refusal& refusal, SteadyTime now) {
  reply(refusal, now);
  actions_.push_back(AbortAction{});
  fresh_ = fresh_at(now);
  caught_up_ = false;
  state_ = ReceiverState::Refused;
  reason_ = refusal.what;
  hint_ = refusal.hint;
  refused_by_hold_ = refusal.code == Code::Held || refusal.code == Code::HeldByHand;
  incoming_.clear();
  ready_.clear();
  held_bytes_ = 0;
  working_ = 0;
}

void Receiver::on_message(SetMessage message, std::uint64_t attempt, SteadyTime now) {
  if (auto* offer = std::get_if<Offer>(&message)) {
    // An attempt that is repeated or older than ours is a late copy. A new link has a new Receiver.
    if (attempt > attempt_) {
      start(std::move(*offer), attempt, now);
    }
    return;
  }
  if (const auto* head = std::get_if<Head>(&message); head != nullptr && attempt == attempt_) {
    on_head(*head, now);
    return;
  }
  if (attempt != attempt_ || state_ != ReceiverState::Active) {
    return;
  }
  std::visit(Overloaded{
                 [&](Compare& compare) { ask(CompareAction{std::move(compare)}, now); },
                 [&](Data& data) { on_data(std::move(data), now); },
                 [&](Ask& basis) {
                   ask(AnswerAction{basis.batch, std::move(basis.body)}, now);
                 },
                 [&](const Mark& mark) { on_mark(mark); },
                 [&](Fetch& fetch) { ask(FetchAction{std::move(fetch)}, now); },
                 [&](Expect& item) {
                   if (!std::exchange(expecting_, true)) {
                     actions_.push_back(ExpectAction{std::move(item.key)});
                   }
                 },
                 [&](const auto&) {
                   refuse({Code::Corrupt, "the origin sent what only a replica sends", {}}, now);
                 },
             },
             message);
}

// What is asked waits for the strand with all that it carries: the number of questions is what bounds it.
void Receiver::ask(ReceiverAction question, SteadyTime now) {
  if (working_ >= kWorkingMax) {
    refuse({Code::Exhausted, "the origin asks too much at one time", {}}, now);
    return;
  }
  ++working_;
  actions_.push_back(std::move(question));
}

// ---------------------------------------------------------------- frames
void Receiver::on_data(Data data, SteadyTime now) {
  if (data.batch <= done_through_ || done_beyond_.contains(data.batch)) {
    return;  // a late copy
  }
  if (incoming_.size() >= kOpenBatchesMax && !incoming_.contains(data.batch)) {
    refuse({Code::Exhausted, "the origin has too many batches under way", {}}, now);
    return;
  }
  Incoming& incoming = incoming_[data.batch];
  if (data.frame >= kFramesPerBatchMax || !incoming.seen.insert(data.frame).second) {
    return;
  }
  const bool beyond = incoming.last && data.frame > *incoming.last;
  const bool short_of = data.last && *incoming.seen.rbegin() > data.frame;
  if (beyond || short_of) {
    refuse({Code::Corrupt, "frames beyond the last one of a batch", {}}, now);
    return;
  }
  incoming.after = data.after;
  if (data.last) {
    incoming.last = data.frame;
  }
  held_bytes_ += data.body.size();
  if (held_bytes_ > kHeldBytesMax) {
    refuse({Code::Exhausted, "the origin sends more than it has credit for", {}}, now);
  } else if (incoming.after <= done_through_) {
    apply(std::move(data));
  } else {
    incoming.held.push_back(std::move(data));
  }
}

void Receiver::apply(Data data) {
  ready_.push_back(std::move(data));
  apply_more();
}

void Receiver::apply_more() {
  while (!ready_.empty() && applying_ < kApplyingMax) {
    Data data = std::move(ready_.front());
    ready_.pop_front();
    held_bytes_ -= data.body.size();
    ++applying_;
    ++working_;
    actions_.push_back(ApplyAction{data.batch, data.frame, std::move(data.body)});
  }
}

void Receiver::on_applied(std::uint64_t attempt, std::uint64_t batch, std::size_t bytes, SteadyTime now) {
  const auto it = incoming_.find(batch);
  if (attempt != attempt_ || state_ != ReceiverState::Active || it == incoming_.end()) {
    return;
  }
  --working_;
  --applying_;
  consumed_ += bytes;
  ++it->second.applied;
  close_if_complete(batch, it->second);
  if (!it->second.closing) {
    acknowledge(now);
  }
  apply_more();
}

void Receiver::close_if_complete(std::uint64_t number, Incoming& incoming) {
  if (incoming.last && incoming.applied == *incoming.last + 1 && !incoming.closing) {
    incoming.closing = true;
    ++working_;
    actions_.push_back(CloseAction{number});
  }
}

void Receiver::on_closed(std::uint64_t attempt, std::uint64_t batch, std::vector<ItemTrouble> trouble,
                         SteadyTime now) {
  if (attempt != attempt_ || state_ != ReceiverState::Active || !incoming_.contains(batch)) {
    return;
  }
  --working_;
  for (ItemTrouble& item : trouble) {
    if (item.redo) {
      ++redo_asked_;
    }
    trouble_.push_back(std::move(item));
  }
  finish(batch);
  acknowledge(now);
  release_held();
  commit_if_complete();
}

void Receiver::finish(std::uint64_t number) {
  incoming_.erase(number);
  done_beyond_.insert(number);
  while (!done_beyond_.empty() && *done_beyond_.begin() == done_through_ + 1) {
    ++done_through_;
    done_beyond_.erase(done_beyond_.begin());
  }
}

void Receiver::release_held() {
  for (auto& [number, incoming] : incoming_) {
    if (incoming.after > done_through_) {
      continue;
    }
    for (Data& data : std::exchange(incoming.held, {})) {
      apply(std::move(data));
    }
  }
}

// ---------------------------------------------------------------- marks
void Receiver::on_mark(const Mark& mark) {
  if (mark.position.sequence < last_mark_.position.sequence || mark.batches < last_mark_.batches ||
      mark.redone < last_mark_.redone) {
    return;
  }
  last_mark_ = mark;
  mark_ = mark;
  commit_if_complete();
}

void Receiver::commit_if_complete() {
  if (!mark_ || committing_ || done_through_ < mark_->batches || mark_->redone < redo_asked_) {
    return;
  }
  committing_ = true;
  ++working_;
  actions_.push_back(CommitAction{mark_->position, mark_->exact});
}

void Receiver::on_committed(std::uint64_t attempt, const Position& position, std::uint64_t failed,
                            SteadyTime now) {
  if (attempt != attempt_ || state_ != ReceiverState::Active) {
    return;
  }
  --working_;
  committing_ = false;
  committed_ = position;
  while (!missing_.empty() && missing_.front().sequence <= position.sequence) {
    missing_.pop_front();
  }
  // At the offered sequence the sums tell whether all of it is here; failed items are listed by name.
  caught_up_ = caught_up_ || position.sequence > offered_.sequence || position == offered_ ||
               (failed > 0 && position.sequence == offered_.sequence);
  if (mark_ && mark_->position.sequence == position.sequence) {
    mark_.reset();
  }
  reply(Done{position, failed}, now);
  commit_if_complete();
}

// ---------------------------------------------------------------- how far behind
void Receiver::on_head(const Head& head, SteadyTime now) {
  std::uint64_t known = missing_.empty() ? offered_.sequence : missing_.back().sequence;
  if (committed_ && same_lineage(*committed_, offered_)) {
    known = std::max(known, committed_->sequence);
  }
  if (head.sequence <= known) {
    return;
  }
  if (missing_.size() == kHeadsMax) {
    missing_.back().sequence = head.sequence;  // the older time stands for both
  } else {
    missing_.push_back({head.sequence, now});
  }
}

std::optional<SteadyTime> Receiver::fresh_at(SteadyTime heard) const {
  if (!caught_up_) {
    return fresh_;
  }
  return missing_.empty() ? heard : missing_.front().since;
}

// ---------------------------------------------------------------- answers of workers
void Receiver::on_prepared(std::uint64_t attempt, Have have, SteadyTime now) {
  if (attempt != attempt_ || state_ != ReceiverState::Preparing) {
    return;
  }
  --working_;
  state_ = ReceiverState::Active;
  if (have.position.index_id != 0) {
    committed_ = have.position;
  }
  caught_up_ = have.position == offered_;
  reply(std::move(have), now);
}

void Receiver::on_compared(std::uint64_t attempt, Differ differ, SteadyTime now) {
  if (attempt == attempt_ && state_ == ReceiverState::Active) {
    --working_;
    reply(std::move(differ), now);
  }
}

void Receiver::on_fetched(std::uint64_t attempt, Fetched fetched, SteadyTime now) {
  if (attempt == attempt_ && state_ == ReceiverState::Active) {
    --working_;
    reply(std::move(fetched), now);
  }
}

void Receiver::on_expected(std::uint64_t attempt) {
  expecting_ = expecting_ && attempt != attempt_;
}

void Receiver::on_answer(std::uint64_t attempt, std::uint64_t batch, Bytes body, SteadyTime now) {
  if (attempt == attempt_ && state_ == ReceiverState::Active) {
    --working_;
    reply(Answer{batch, std::move(body)}, now);
  }
}

void Receiver::on_work_failed(std::uint64_t attempt, const Error& error, SteadyTime now) {
  if (attempt == attempt_ && (state_ == ReceiverState::Active || state_ == ReceiverState::Preparing)) {
    refuse({error.code(), error.what(), error.hint()}, now);
  }
}

// ---------------------------------------------------------------- out
void Receiver::acknowledge(SteadyTime now) {
  Ack ack;
  ack.batches = done_through_;
  for (const std::uint64_t batch : done_beyond_) {
    if (ack.sparse.size() == kSparseMax) {
      break;
    }
    ack.sparse.push_back(batch);
  }
  ack.consumed_bytes = consumed_;
  for (ItemTrouble& item : std::exchange(trouble_, {})) {
    ack.trouble.push_back(std::move(item));
  }
  reply(std::move(ack), now);
}

void Receiver::reply(SetMessage message, SteadyTime now) {
  last_sent_ = now;
  actions_.push_back(std::move(message));
}

bool Receiver::busy() const {
  return (state_ == ReceiverState::Active || state_ == ReceiverState::Preparing) && working_ > 0;
}

void Receiver::on_tick(SteadyTime now) {
  if (busy() && now - last_sent_ >= kSignOfLife) {
    acknowledge(now);
  }
}

std::optional<SteadyTime> Receiver::next_wakeup() const {
  return busy() ? std::optional(last_sent_ + kSignOfLife) : std::nullopt;
}

ReceiverStatus Receiver::status() const {
  ReceiverStatus out;
  out.state = state_;
  out.committed = committed_;
  out.batches = done_through_;
  out.bytes = consumed_;
  out.busy = busy() || !incoming_.empty();
  out.in_sync = state_ == ReceiverState::Active && caught_up_ && missing_.empty();
  out.held = state_ == ReceiverState::Refused && refused_by_hold_;
  out.reason = reason_;
  out.hint = hint_;
  return out;
}

std::vector<ReceiverAction> Receiver::take_actions() {
  return std::exchange(actions_, {});
}

}  // namespace ha::replicator
