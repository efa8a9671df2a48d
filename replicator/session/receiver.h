// The replica's half of one set's session with one origin: takes frames in, keeps their order, acknowledges.
//
// Sans-IO, like Sender: actions out, on_… calls in, each with its attempt. It holds frames while batches of
// lower rank are unfinished and while kApplyingMax are being applied: a batch that is complete is closed
// before much of the next ones is unpacked. Never more than kHeldBytesMax; beyond that the origin has ignored
// its credit and the attempt is refused. Source: docs/wire.md, "Set session". Thread safety: none; one
// thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "replicator/session/messages.h"

namespace ha::replicator {

struct PrepareAction {  // an offer: check epoch and key, look up what we have → on_prepared or on_work_failed
  Offer offer;
};
struct CompareAction {  // → on_compared
  Compare compare;
};
struct ApplyAction {  // → on_applied
  std::uint64_t batch = 0;
  std::uint32_t frame = 0;
  Bytes body;
};
struct CloseAction {  // all frames of the batch are applied: publish → on_closed
  std::uint64_t batch = 0;
};
struct AnswerAction {  // → on_answer
  std::uint64_t batch = 0;
  Bytes body;
};
struct CommitAction {  // we are where the origin says; keep it, with our own sum → on_committed
  Position position;
  bool exact = false;  // the sum is the origin's
};
struct FetchAction {  // → on_fetched
  Fetch fetch;
};
struct ExpectAction {  // a large item may change soon; one at a time → on_expected
  Bytes key;
};
struct AbortAction {};  // the attempt has ended: drop or keep what is staged
using ReceiverAction = std::variant<SetMessage, PrepareAction, CompareAction, ApplyAction, CloseAction,
                                    AnswerAction, CommitAction, FetchAction, ExpectAction, AbortAction>;

enum class ReceiverState { Idle, Preparing, Active, Refused };

struct ReceiverStatus {
  ReceiverState state = ReceiverState::Idle;
  std::optional<Position> committed;
  std::uint64_t batches = 0;
  std::uint64_t bytes = 0;
  bool busy = false;     // something is on its way or at work
  bool in_sync = false;  // at the origin's head, as far as has been heard
  bool held = false;     // refused by a guard
  std::string reason;
  std::string hint;  // of a refusal; empty: it has none of its own
};

inline constexpr std::size_t kHeldBytesMax = 64 * 1024 * 1024;
inline constexpr std::size_t kOpenBatchesMax = 4096;
inline constexpr std::uint32_t kFramesPerBatchMax = 1U << 24;
inline constexpr std::size_t kHeadsMax = 64;
inline constexpr int kApplyingMax = 4;
inline constexpr int kWorkingMax = 32;  // an origin that keeps its own limits comes to half of that

class Receiver {
 public:
  // `fresh`: what fresh_at() of an earlier link's receiver said last.
  explicit Receiver(std::optional<SteadyTime> fresh = {}) : fresh_(fresh) {}

  void on_link_down();
  void on_message(SetMessage message, std::uint64_t attempt, SteadyTime now);
  void on_tick(SteadyTime now);

  void on_prepared(std::uint64_t attempt, Have have, SteadyTime now);
  void on_compared(std::uint64_t attempt, Differ differ, SteadyTime now);
  void on_applied(std::uint64_t attempt, std::uint64_t batch, std::size_t bytes, SteadyTime now);
  void on_closed(std::uint64_t attempt, std::uint64_t batch, std::vector<ItemTrouble> trouble,
                 SteadyTime now);
  void on_answer(std::uint64_t attempt, std::uint64_t batch, Bytes body, SteadyTime now);
  void on_fetched(std::uint64_t attempt, Fetched fetched, SteadyTime now);
  void on_expected(std::uint64_t attempt);
  void on_committed(std::uint64_t attempt, const Position& position, std::uint64_t failed, SteadyTime now);
  // The attempt is refused with the error's words; the origin tries again later.
  void on_work_failed(std::uint64_t attempt, const Error& error, SteadyTime now);

  [[nodiscard]] std::vector<ReceiverAction> take_actions();
  [[nodiscard]] std::uint64_t attempt() const noexcept { return attempt_; }
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const;
  [[nodiscard]] ReceiverStatus status() const;
  // The time as of which the replica has all that the origin had, if the origin was last heard at `heard`;
  // none: not known. Times are of this host: the one-way delay is not in it.
  [[nodiscard]] std::optional<SteadyTime> fresh_at(SteadyTime heard) const;

 private:
  struct Incoming {
    std::set<std::uint32_t> seen;  // frames taken
    std::uint32_t applied = 0;
    std::optional<std::uint32_t> last;  // number of the last frame, once it is known
    bool closing = false;
    std::uint64_t after = 0;
    std::vector<Data> held;
  };

  // A head of the origin that is not committed here, and when it was heard of.
  struct Missing {
    std::uint64_t sequence = 0;
    SteadyTime since{};
  };

  void start(Offer offer, std::uint64_t attempt, SteadyTime now);
  void on_head(const Head& head, SteadyTime now);
  void refuse(const Refusal& refusal, SteadyTime now);
  void ask(ReceiverAction question, SteadyTime now);
  void on_data(Data data, SteadyTime now);
  void on_mark(const Mark& mark);
  void apply(Data data);
  void apply_more();
  void close_if_complete(std::uint64_t number, Incoming& incoming);
  void finish(std::uint64_t number);
  void release_held();
  void commit_if_complete();
  void acknowledge(SteadyTime now);
  void reply(SetMessage message, SteadyTime now);
  [[nodiscard]] bool busy() const;

  ReceiverState state_ = ReceiverState::Idle;
  std::uint64_t attempt_ = 0;
  std::string reason_;
  std::string hint_;
  bool refused_by_hold_ = false;
  std::vector<ReceiverAction> actions_;
  std::map<std::uint64_t, Incoming> incoming_;
  std::uint64_t done_through_ = 0;
  std::set<std::uint64_t> done_beyond_;
  std::uint64_t consumed_ = 0;
  std::deque<Data> ready_;  // may be applied, in this order
  int applying_ = 0;
  std::size_t held_bytes_ = 0;        // of both
  std::vector<ItemTrouble> trouble_;  // since the last acknowledgement
  std::uint64_t redo_asked_ = 0;      // items that must come again before a mark counts
  std::optional<Mark> mark_;          // not committed yet
  Mark last_mark_;                    // of this attempt; one that says less is a late copy
  bool committing_ = false;
  int working_ = 0;         // actions whose answer is due
  bool expecting_ = false;  // likewise, of a hint
  std::optional<Position> committed_;
  Position offered_;
  bool caught_up_ = false;  // we have been at the offered position, and only missing_ is after it
  std::deque<Missing> missing_;
  std::optional<SteadyTime> fresh_;  // while we have not caught up
  SteadyTime last_sent_{};
};

}  // namespace ha::replicator
