// One pass of a sender: from where the replica stands to where our head was when the pass began. Work comes
// from listing what changed or from comparing ranges; it leaves as batches of frames, ranks in order.
#include <algorithm>
#include <utility>

#include "replicator/session/sender.h"

namespace ha::replicator {
namespace {

constexpr std::size_t kSpansPerStep = 64;

}  // namespace

void Sender::start_incremental(std::uint64_t after, SteadyTime now) {
  if (guarded(now)) {
    return;
  }
  state_ = SenderState::Sending;
  last_heard_ = now;
  pass_up_to_ = index_.position.sequence;
  list_after_ = after;
  list_rank_ = Rank::Container;
  list_after_key_.reset();
  last_rank_ = Rank::Container;
  barrier_ = last_batch_;
  skipped_ = false;
  pump(now);
}

void Sender::start_comparing(SteadyTime now) {
  if (!compare_request_ && guarded(now)) {
    return;
  }
  state_ = SenderState::Comparing;
  last_heard_ = now;
  pass_up_to_ = index_.position.sequence;
  spans_.assign(1, Span{});
  if (compare_request_ && !compare_request_->spans.empty()) {
    spans_.assign(compare_request_->spans.begin(), compare_request_->spans.end());
  }
  step_ = 0;
  skipped_ = false;
  actions_.push_back(SenderEvent{"session.comparing", {}});
  pump(now);
}

// The copies are equal, only the replica does not know it of this index: a mark tells it.
void Sender::confirm_equal(SteadyTime now) {
  state_ = SenderState::Sending;
  last_heard_ = now;
  pass_up_to_ = index_.position.sequence;
  list_rank_.reset();
  pump(now);
}

void Sender::pump(SteadyTime now) {
  if (state_ != SenderState::Sending && state_ != SenderState::Comparing) {
    return;
  }
  if (state_ == SenderState::Comparing) {
    pump_comparing();
  }
  pump_ahead();
  while (pump_batches()) {
  }
  finish_pass(now);
}

void Sender::pump_comparing() {
  if (describing_ || differ_expected_ || spans_.empty() || work_.size() >= kWorkItemsMax) {
    return;
  }
  DescribeAction action{++step_, {}};
  while (!spans_.empty() && action.spans.size() < kSpansPerStep) {
    action.spans.push_back(std::move(spans_.front()));
    spans_.pop_front();
  }
  describing_ = true;
  actions_.push_back(std::move(action));
}

void Sender::on_described(std::uint64_t attempt, Description description, SteadyTime now) {
  if (attempt != attempt_ || !describing_ || description.compare.step != step_) {
    return;
  }
  describing_ = false;
  differ_expected_ = true;
  last_heard_ = now;
  spans_.insert(spans_.begin(), description.left.begin(), description.left.end());
  leaves_.clear();
  for (Listed& leaf : description.leaves) {
    leaves_.emplace(leaf.key, std::move(leaf));
  }
  described_.clear();
  for (const Range& range : description.compare.ranges) {
    if (!range.leaf) {
      described_.push_back({range.low, range.high});
    }
  }
  actions_.push_back(SetMessage(std::move(description.compare)));
}

void Sender::on_differ(Differ differ, SteadyTime now) {
  if (!differ_expected_ || differ.step != step_) {
    return;
  }
  differ_expected_ = false;
  auto next = described_.begin();
  for (Range& range : differ.ranges) {
    next = std::find_if(next, described_.end(),
                        [&](const Span& span) { return span.low == range.low && span.high == range.high; });
    if (next == described_.end()) {
      end_attempt("the replica answers of keys that it was not asked about", {}, now);
      return;
    }
    ++next;
    spans_.push_back({std::move(range.low), std::move(range.high)});
  }
  if (compare_request_) {
    take_differences(std::move(differ));
    return;
  }
  for (ItemHash& wanted : differ.wanted) {
    const auto leaf = leaves_.find(wanted.key);
    if (leaf == leaves_.end()) {
      end_attempt("the replica wants an item that was not offered: " + escape(wanted.key), {}, now);
      return;
    }
    Work work{std::move(leaf->second), wanted.hash, {}, 0};
    leaves_.erase(leaf);
    plan(std::move(work));
  }
  ahead_keys_.insert(ahead_keys_.end(), std::make_move_iterator(differ.ahead.begin()),
                     std::make_move_iterator(differ.ahead.end()));
  for (Bytes& key : differ.extra) {
    plan({{std::move(key), Rank::Delete, 0, true, {}, {}}, {}, {}, 0});
  }
  leaves_.clear();
  std::stable_sort(work_.begin(), work_.end(), [](const Work& a, const Work& b) {
    return a.item.rank != b.item.rank ? a.item.rank < b.item.rank : a.moved() && !b.moved();
  });
}

void Sender::plan(Work work) {
  ++items_planned_;
  bytes_planned_ += work.item.size;
  work_.push_back(std::move(work));
}

// ---------------------------------------------------------------- comparing only
void Sender::take_differences(Differ differ) {
  std::set<Bytes> wanted_keys;  // a message may be both wanted and ahead
  for (const ItemHash& wanted : differ.wanted) {
    wanted_keys.insert(wanted.key);
  }
  differ.ahead.erase(std::remove_if(differ.ahead.begin(), differ.ahead.end(),
                                    [&](const Bytes& key) { return wanted_keys.contains(key); }),
                     differ.ahead.end());
  found_.count += differ.wanted.size() + differ.extra.size() + differ.ahead.size();
  const auto add = [this](Difference difference) {
    if (found_.differences.size() < kDifferencesMax) {
      found_.differences.push_back(std::move(difference));
    }
  };
  for (const ItemHash& wanted : differ.wanted) {
    if (const auto leaf = leaves_.find(wanted.key); leaf != leaves_.end()) {
      add({std::move(leaf->second), wanted.present, false, wanted.hash});
    }
  }
  for (Bytes& key : differ.extra) {
    add({{std::move(key), Rank::Delete, 0, true, {}, {}}, true, false, {}});
  }
  for (Bytes& key : differ.ahead) {
    add({{std::move(key), Rank::Delete, 0, true, {}, {}}, true, true, {}});
  }
  leaves_.clear();
}

void Sender::finish_compare(SteadyTime now) {
  const std::uint64_t differences = found_.count;
  actions_.push_back(std::exchange(found_, {}));
  compare_request_.reset();
  const bool at_rest = acknowledged_ && !ahead_ && acknowledged_->index_id == index_.position.index_id &&
                       acknowledged_->sequence == index_.position.sequence;
  if (differences == 0 || !at_rest || compare_wanted_) {
    start_attempt(now);
    return;
  }
  state_ = SenderState::Incomplete;
  reason_ = std::to_string(differences) + " items differ; the next check sends them";
  hint_ = "hareplicate diff " + options_.set;
  equal_ = false;
  step_ = 0;
  wake_at_ = now + options_.check;
}

void Sender::on_listed(std::uint64_t attempt, std::vector<Listed> items, SteadyTime now) {
  if (attempt != attempt_ || !listing_) {
    return;
  }
  listing_ = false;
  if (items.empty()) {
    list_after_key_.reset();
    list_rank_ = *list_rank_ == Rank::Delete
                     ? std::nullopt
                     : std::optional(static_cast<Rank>(static_cast<int>(*list_rank_) + 1));
  } else {
    list_after_key_ = items.back().key;
    const std::optional<Digest> have = list_after_ == 0 ? std::optional(Digest{}) : std::nullopt;
    // First what was moved: what it is made from may be about to be replaced.
    std::stable_partition(items.begin(), items.end(), [](const Listed& item) { return item.moved; });
    for (Listed& item : items) {
      plan({std::move(item), have, {}, 0});
    }
  }
  pump(now);
}

// Lists more, or starts a batch. A batch of a higher rank waits until all frames of the lower ones are in the
// output, so that the replica never holds back frames whose predecessors lack credit.
bool Sender::pump_batches() {
  if (list_rank_ && !listing_ && work_.size() < kBatchItems) {
    listing_ = true;
    actions_.push_back(ListAction{list_after_, pass_up_to_, *list_rank_, list_after_key_});
  }
  if (work_.empty() || building_.size() >= options_.builds_max || output_full()) {
    return false;
  }
  const Rank rank = work_.front().item.rank;
  if (rank == Rank::Delete && state_ == SenderState::Comparing && !all_compared() &&
      work_.size() < kWorkItemsMax) {
    return false;  // what is still to be found may have been moved from there
  }
  if (rank > last_rank_) {
    if (!building_.empty() || !output_.empty()) {
      return false;
    }
    barrier_ = last_batch_;
  }
  last_rank_ = rank;
  build_next_batch();
  return true;
}

void Sender::build_next_batch() {
  BuildAction action{++last_batch_, {}};
  std::vector<Work> items;
  std::uint64_t bytes = 0;
  while (!work_.empty() && work_.front().item.rank == last_rank_ && items.size() < kBatchItems &&
         (items.empty() || bytes + work_.front().bytes() <= kBatchBytes)) {
    Work work = std::move(work_.front());
    work_.pop_front();
    bytes += work.bytes();
    ItemToBuild item{work.item.key, work.item.size, work.basis, {}, work.have};
    const auto partial = partials_.find(work.item.key);
    if (partial != partials_.end() && partial->second.first == work.item.content) {
      item.resume = partial->second.second;
    } else if (work.moved()) {
      item.moved = work.item.content;
    }
    action.items.push_back(std::move(item));
    items.push_back(std::move(work));
  }
  items_sent_ += items.size();
  unacknowledged_[action.batch] = items;
  building_[action.batch] = {std::move(items), false, false, false, 0, barrier_};
  actions_.push_back(std::move(action));
}

void Sender::on_frame(std::uint64_t attempt, std::uint64_t batch, Bytes body, bool last, bool skipped,
                      SteadyTime now) {
  const auto it = building_.find(batch);
  if (attempt != attempt_ || it == building_.end()) {
    return;
  }
  Building& building = it->second;
  skipped_ = skipped_ || skipped;
  output_bytes_ += body.size();
  output_.push_back({batch, building.frames++, last, building.after, std::move(body)});
  if (last) {
    building_.erase(it);
  } else if (output_full()) {
    building.paused = true;
  } else {
    actions_.push_back(ContinueAction{batch});
  }
  pump(now);
}

void Sender::on_need(std::uint64_t attempt, std::uint64_t batch, Bytes question, SteadyTime now) {
  const auto it = building_.find(batch);
  if (attempt != attempt_ || it == building_.end()) {
    return;
  }
  it->second.asked = true;
  last_heard_ = now;
  actions_.push_back(SetMessage(Ask{batch, std::move(question)}));
}

std::optional<Data> Sender::next_data(std::uint64_t budget, SteadyTime now) {
  if (output_.empty()) {
    return std::nullopt;
  }
  const std::size_t size = output_.front().body.size();
  if (bytes_in_flight() > 0 && size > budget) {
    return std::nullopt;
  }
  if (bytes_in_flight() == 0) {
    last_heard_ = now;  // the replica's time to answer starts here
  }
  Data data = std::move(output_.front());
  output_.pop_front();
  output_bytes_ -= size;
  sent_bytes_ += size;
  for (auto& [batch, building] : building_) {
    if (building.paused && !output_full()) {
      building.paused = false;
      actions_.push_back(ContinueAction{batch});
      break;
    }
  }
  pump(now);
  return data;
}

bool Sender::all_compared() const {
  return spans_.empty() && !describing_ && !differ_expected_;
}

void Sender::finish_pass(SteadyTime now) {
  const bool sending = state_ == SenderState::Sending;
  const bool comparing = state_ == SenderState::Comparing;
  const bool all_sent = !list_rank_ && !listing_ && work_.empty() && building_.empty() && output_.empty();
  if ((!sending && !comparing) || !all_sent || !all_compared() || !ahead_done()) {
    return;
  }
  if (compare_request_) {
    finish_compare(now);
    return;
  }
  if (adopted_) {
    compare_adopted(now);
    return;
  }
  state_ = SenderState::Confirming;
  last_heard_ = now;
  Position position = index_.position;
  const bool exact = position.sequence == pass_up_to_;
  position.sequence = pass_up_to_;
  position.sum = exact ? position.sum : Digest{};
  actions_.push_back(SetMessage(Mark{last_batch_, position, redone_, exact}));
}

}  // namespace ha::replicator
