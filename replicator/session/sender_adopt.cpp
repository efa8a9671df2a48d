// What only a replica has, and this site has never seen: it becomes a change of ours, or, where we have
// deleted it ourselves, goes there too. docs/divergence.md, "A peer that is ahead".
#include <algorithm>
#include <utility>

#include "replicator/model/unit.h"
#include "replicator/session/sender.h"

namespace ha::replicator {
namespace {

bool same_message(BytesView a, BytesView b) {
  const auto one = message_of(a);
  const auto other = message_of(b);
  return one && other && one->stem == other->stem;
}

}  // namespace

bool Sender::ahead_done() const {
  return ahead_keys_.empty() && !sorting_ && to_fetch_.empty() && !fetching_;
}

void Sender::pump_ahead() {
  if (!ahead_keys_.empty() && !sorting_ && !compare_request_) {
    sorting_ = true;
    SortAheadAction action;
    action.keys.assign(ahead_keys_.begin(), ahead_keys_.end());
    ahead_keys_.clear();
    actions_.push_back(std::move(action));
  }
  if (!to_fetch_.empty() && !fetching_) {
    fetching_ = true;
    fetch_frame_ = 0;
    Fetch fetch{++fetch_number_, 0, {}};
    while (!to_fetch_.empty() && fetch.keys.size() < kFetchItemsMax) {
      fetch.keys.push_back(std::move(to_fetch_.front()));
      to_fetch_.pop_front();
    }
    // A message is taken over whole.
    while (!to_fetch_.empty() && fetch.keys.size() > 1 &&
           same_message(fetch.keys.back(), to_fetch_.front())) {
      to_fetch_.push_front(std::move(fetch.keys.back()));
      fetch.keys.pop_back();
    }
    actions_.push_back(SetMessage(std::move(fetch)));
  }
}

void Sender::on_sorted(std::uint64_t attempt, std::vector<Bytes> deleted, std::vector<Bytes> absent,
                       SteadyTime now, std::vector<AheadMessage> messages) {
  if (attempt != attempt_ || !sorting_) {
    return;
  }
  sorting_ = false;
  last_heard_ = now;
  for (Bytes& key : deleted) {
    plan({{std::move(key), Rank::Delete, 0, true, {}, {}}, {}, {}, 0});
  }
  for (AheadMessage& message : messages) {
    if (fetched_.insert(message.key).second) {
      to_fetch_.push_back(std::move(message.key));
    } else if (missed_) {
      skipped_ = true;
    } else if (!message.taken) {  // it is here by now, under another number
      plan({{std::move(message.key), Rank::Delete, 0, true, {}, {}}, {}, {}, 0});
    }
  }
  std::stable_sort(work_.begin(), work_.end(),
                   [](const Work& a, const Work& b) { return a.item.rank < b.item.rank; });
  for (Bytes& key : absent) {
    if (fetched_.insert(key).second) {
      to_fetch_.push_back(std::move(key));
    } else {
      skipped_ = true;  // we have tried; the next comparison does again
    }
  }
  pump(now);
}

void Sender::on_fetched(Fetched fetched, SteadyTime now) {
  if (!fetching_ || applying_ || fetched.number != fetch_number_ || fetched.frame != fetch_frame_) {
    return;  // a late copy
  }
  applying_ = true;
  ++frames_fetched_;
  last_heard_ = now;
  actions_.push_back(AdoptAction{fetched.number, fetched.frame, fetched.last, std::move(fetched.body)});
}

void Sender::on_adopted(std::uint64_t attempt, std::uint64_t number, bool last, std::uint64_t head,
                        std::uint64_t missed, SteadyTime now) {
  if (attempt != attempt_ || !applying_ || number != fetch_number_) {
    return;
  }
  applying_ = false;
  last_heard_ = now;
  if (!last) {
    actions_.push_back(SetMessage(Fetch{fetch_number_, ++fetch_frame_, {}}));
    return;
  }
  fetching_ = false;
  adopted_ = true;
  adopted_head_ = std::max(adopted_head_, head);
  skipped_ = skipped_ || missed > 0;
  missed_ = missed_ || missed > 0;
  pump(now);
}

// When the index that is offered has what was taken over, nothing of it differs any more.
void Sender::compare_adopted(SteadyTime now) {
  const bool idle = work_.empty() && building_.empty() && output_.empty() && spans_.empty() && ahead_done();
  if (state_ == SenderState::Comparing && adopted_ && idle && !describing_ && !differ_expected_ &&
      index_.position.sequence >= adopted_head_) {
    adopted_ = false;
    const bool skipped = skipped_;
    start_comparing(now);
    skipped_ = skipped_ || skipped;
  }
}

}  // namespace ha::replicator
