// The origin's half of one set's session with one replica: decides what to send, and when the two are equal.
//
// Sans-IO: it is told what happened and leaves actions to be taken; it reads no file, index or clock. All
// slow work (listing, describing, building frames) is asked for by an action and answered by an on_… call
// that carries the attempt, so that answers of an attempt that has ended are dropped.
//
// An attempt starts with an Offer and ends when anything is amiss: link lost, no answer in time, an answer
// that makes no sense. The next attempt starts from the position the replica presents, so nothing has to be
// undone. Bounds: kWorkItemsMax items waiting, kOutputBytesMax of frames waiting, builds_max batches being
// built. Source: docs/wire.md, "Set session". Thread safety: none; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "replicator/model/guard.h"
#include "replicator/session/messages.h"
#include "replicator/session/reconcile.h"

namespace ha::replicator {

// ---------------------------------------------------------------- actions
struct ListAction {  // → on_listed
  std::uint64_t after = 0;
  std::uint64_t up_to = 0;
  Rank rank = Rank::Container;
  std::optional<Bytes> after_key;
};
struct DescribeAction {  // → on_described
  std::uint64_t step = 0;
  std::vector<Span> spans;
};
struct ItemToBuild {
  Bytes key;
  std::uint64_t size = 0;
  Bytes basis;   // the replica's own report of what it has; empty: what the index says it acknowledged
  Bytes resume;  // what it has verified already of this very content; empty: nothing
  std::optional<Digest> have;        // content digest the replica has; zero: it has nothing; none: not known
  std::optional<Digest> moved = {};  // the content that it is thought to have under another key
};
struct BuildAction {  // → on_frame, on_need
  std::uint64_t batch = 0;
  std::vector<ItemToBuild> items;
};
struct ContinueAction {  // the next frame of a batch → on_frame, on_need
  std::uint64_t batch = 0;
};
struct FeedAction {  // an answer for a batch that needed one → on_frame, on_need
  std::uint64_t batch = 0;
  Bytes body;
};
struct SortAheadAction {  // which of these has this site deleted itself? → on_sorted
  std::vector<Bytes> keys;
};
struct AheadMessage {  // a file of a message in a unit: it may get another number here
  Bytes key;
  bool taken = false;  // this site has something of that key
};
struct AdoptAction {  // a frame of what only the replica has → on_adopted
  std::uint64_t number = 0;
  std::uint32_t frame = 0;
  bool last = false;
  Bytes body;
};
struct StopBuildsAction {};  // all batches of older attempts
// An item that compare() found to differ.
struct Difference {
  Listed item;           // as the origin has it; deleted: only the replica has it
  bool present = false;  // the replica has it too
  bool ahead = false;    // only the replica has it, and we have never seen it
  Digest have;           // the replica's content
};
struct ComparedAction {                 // the answer to compare()
  std::vector<Difference> differences;  // the first kDifferencesMax
  std::uint64_t count = 0;              // of all
};
struct AcknowledgedAction {  // to be persisted
  Position position;
};
struct SenderEvent {  // for the log; `name` is stable
  std::string name;
  std::string text;
};
using SenderAction = std::variant<SetMessage, ListAction, DescribeAction, BuildAction, ContinueAction,
                                  FeedAction, SortAheadAction, AdoptAction, StopBuildsAction, ComparedAction,
                                  AcknowledgedAction, SenderEvent>;

// ---------------------------------------------------------------- facts
// What holds it; docs/guards.md.
enum class SenderHold {
  None,
  ByHand,
  BackInTime,  // the replica is ahead of us; a new index id lets it go on
  TooFew,      // items, here
  Loss,        // of too many items, there
  Replica,     // a guard of the replica
  HandThere,   // somebody at the replica, who releases it there
};

enum class SenderState {
  Down,        // no link
  Waiting,     // after a failure, until the next attempt
  Offering,    // position presented, no answer yet
  Comparing,   // range sums
  Sending,     // batches under way
  Confirming,  // all sent, waiting for the replica to say where it stands
  Equal,       // the replica has confirmed our head
  Incomplete,  // equal but for items on the exception list
  Held,        // by a guard or by hand: nothing is sent until it is released
};

struct IndexFacts {
  Position position;  // of our own index now
  std::uint64_t count = 0;
  std::uint64_t trimmed_to = 0;
  Bytes digest_key;  // 32 bytes; empty: not ready to offer
  Lineage lineage = {};
};

struct SenderOptions {
  std::string set;
  std::string peer = {};  // for the commands that are shown
  GuardLimits guards = {};
  Duration check = std::chrono::seconds(30);           // positions compared at least this often
  Duration answer_timeout = std::chrono::seconds(20);  // silence that ends an attempt
  Duration retry_min = std::chrono::seconds(1);
  Duration retry_max = std::chrono::seconds(60);
  std::size_t builds_max = 3;
};

struct SenderStatus {
  SenderState state = SenderState::Down;
  std::optional<Position> acknowledged;
  std::uint64_t items_sent = 0;  // in this attempt
  std::uint64_t bytes_sent = 0;  // raw bytes of frames in this attempt
  std::uint64_t bytes_in_flight = 0;
  std::uint64_t failed = 0;  // items on the replica's exception list
  SenderHold hold = SenderHold::None;
  std::string reason;  // of Waiting, Held, Incomplete
  std::string hint;
  // In this attempt: what was found to be sent so far, and what of it the replica has applied. Bytes of
  // content.
  std::uint64_t items_planned = 0;
  std::uint64_t bytes_planned = 0;
  std::uint64_t items_done = 0;
  std::uint64_t bytes_done = 0;
  std::uint64_t frames_fetched = 0;  // in this attempt, of what only the replica had
};

struct CompareRequest {
  Look look = Look::AsIs;   // at the replica, before it answers
  std::vector<Span> spans;  // of keys; none: everything
};

inline constexpr std::size_t kDifferencesMax = 10'000;
inline constexpr std::size_t kBatchBytes = 512 * 1024;  // content of the items of one batch, unless it is one
inline constexpr std::size_t kBatchItems = 256;
inline constexpr std::uint64_t kMovedShare = 1024;  // so many bytes that are not sent count as one
inline constexpr std::size_t kWorkItemsMax = 8192;
inline constexpr std::size_t kOutputBytesMax = 4 * 1024 * 1024;
inline constexpr int kRedoMax = 3;

class Sender {
 public:
  // `acknowledged`: the persisted position of this peer.
  Sender(SenderOptions options, std::optional<Position> acknowledged);

  // ---- what happened
  // `nonce`: of this link; attempts are numbered (nonce << 32) + 1, 2, … so that those of two links never
  // mix.
  void on_link_up(std::uint32_t nonce, SteadyTime now);
  void on_link_down();
  void on_index(IndexFacts facts, SteadyTime now);
  void on_message(SetMessage message, std::uint64_t attempt, SteadyTime now);
  void on_tick(SteadyTime now);

  // ---- answers to actions
  void on_listed(std::uint64_t attempt, std::vector<Listed> items, SteadyTime now);
  void on_described(std::uint64_t attempt, Description description, SteadyTime now);
  // `skipped`: items of the batch have changed or vanished since they were indexed; a scan will bring them
  // again.
  void on_frame(std::uint64_t attempt, std::uint64_t batch, Bytes body, bool last, bool skipped,
                SteadyTime now);
  void on_need(std::uint64_t attempt, std::uint64_t batch, Bytes question, SteadyTime now);
  void on_sorted(std::uint64_t attempt, std::vector<Bytes> deleted, std::vector<Bytes> absent, SteadyTime now,
                 std::vector<AheadMessage> messages = {});
  // `head`: of the index after the last frame; `missed`: items of it that could not be taken over.
  void on_adopted(std::uint64_t attempt, std::uint64_t number, bool last, std::uint64_t head,
                  std::uint64_t missed, SteadyTime now);
  void on_work_failed(std::uint64_t attempt, const Error& error, SteadyTime now);

  // ---- what the operator or the pipeline wants
  void check_now(SteadyTime now);  // present positions again
  // A large item is being read again: the replica may prepare for a change of it. Only a hint.
  void expect(const Bytes& key);
  void resync(SteadyTime now);  // compare everything by range sums, whatever positions say
  void hold_by_hand(const std::string& reason, SteadyTime now);
  // Lets pass what it is held by now, and nothing else. BackInTime is not left by this: the index has to get
  // a new id. Does nothing when it is not held.
  void release(SteadyTime now);

  // Finds where the two differ and sends nothing: one ComparedAction, or none if cancelled before. What was
  // found is left to the next check, which sends it.
  void compare(CompareRequest request, SteadyTime now);
  void cancel_compare(SteadyTime now);

  // ---- what is to be done
  [[nodiscard]] std::vector<SenderAction> take_actions();
  [[nodiscard]] bool has_actions() const noexcept { return !actions_.empty(); }
  // The next frame, if it fits into `budget` bytes in flight (one always goes when nothing is in flight).
  [[nodiscard]] std::optional<Data> next_data(std::uint64_t budget, SteadyTime now);
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const;
  [[nodiscard]] std::uint64_t attempt() const noexcept { return attempt_; }
  [[nodiscard]] std::uint64_t bytes_in_flight() const noexcept { return sent_bytes_ - consumed_bytes_; }
  [[nodiscard]] bool has_output() const noexcept { return !output_.empty(); }
  [[nodiscard]] SenderState state() const noexcept { return state_; }
  [[nodiscard]] SenderStatus status() const;
  // True once after the set has become equal, when it was not before.
  [[nodiscard]] bool take_became_equal() noexcept { return std::exchange(became_equal_, false); }

 private:
  struct Work {
    Listed item;
    std::optional<Digest> have;
    Bytes basis;
    int tries = 0;

    // It need not be sent, as far as is known.
    [[nodiscard]] bool moved() const noexcept { return item.moved && tries == 0; }
    [[nodiscard]] std::uint64_t bytes() const noexcept {
      return moved() ? item.size / kMovedShare : item.size;
    }
  };
  struct Building {
    std::vector<Work> items;
    bool paused = false;    // output is full
    bool asked = false;     // waits for the replica's answer
    bool complete = false;  // its last frame is in the output
    std::uint32_t frames = 0;
    std::uint64_t after = 0;
  };

  void start_attempt(SteadyTime now);
  void end_attempt(const std::string& reason, const std::string& hint, SteadyTime now);
  void clear_attempt();
  void on_have(Have have, SteadyTime now);
  void on_differ(Differ differ, SteadyTime now);
  void on_ack(Ack ack);
  void on_done(const Done& done, SteadyTime now);
  void on_refusal(const Refusal& refusal, SteadyTime now);
  void on_trouble(ItemTrouble trouble, Work work);
  void take_differences(Differ differ);
  void finish_compare(SteadyTime now);
  void plan(Work work);
  void hold(SenderHold by, std::string reason, std::string hint, SteadyTime now);
  void hold_ahead(const Position& theirs, SteadyTime now);
  [[nodiscard]] bool guarded(SteadyTime now);
  [[nodiscard]] std::optional<std::pair<SenderHold, std::string>> guard_of(std::uint64_t items) const;
  [[nodiscard]] std::string release_command(bool deletes) const;
  void start_incremental(std::uint64_t after, SteadyTime now);
  void start_comparing(SteadyTime now);
  void confirm_equal(SteadyTime now);
  void settle(const Position& theirs, std::uint64_t failed, SteadyTime now);
  void pump(SteadyTime now);
  void pump_comparing();
  void pump_ahead();
  void on_fetched(Fetched fetched, SteadyTime now);
  void compare_adopted(SteadyTime now);
  [[nodiscard]] bool ahead_done() const;
  bool pump_batches();  // false: nothing left to build just now
  void build_next_batch();
  void finish_pass(SteadyTime now);
  [[nodiscard]] bool all_compared() const;
  [[nodiscard]] bool expecting_answer() const;
  [[nodiscard]] bool continues_from(const Position& theirs) const;
  [[nodiscard]] bool output_full() const noexcept { return output_bytes_ >= kOutputBytesMax; }

  SenderOptions options_;
  SenderState state_ = SenderState::Down;
  IndexFacts index_;
  std::optional<Position> acknowledged_;
  std::vector<SenderAction> actions_;
  std::uint64_t attempt_ = 0;
  std::uint64_t announced_ = 0;  // the head that the replica knows of
  bool link_up_ = false;
  bool compare_wanted_ = false;  // the operator wants everything compared
  std::optional<CompareRequest> compare_request_;
  ComparedAction found_;
  bool ahead_ = false;  // the replica has presented a position of ours that we do not have
  bool held_ = false;   // … and this index has not been renewed since, however many changes it has seen
  SenderHold hold_ = SenderHold::None;  // of state Held
  std::optional<std::string> by_hand_;  // why
  LossGuard loss_;
  bool few_released_ = false;  // until there have been enough items again
  std::string told_;           // the reason of a hold that was told last
  std::string released_;       // the replica's sentence that an operator lets pass
  std::optional<std::uint64_t> accepted_;
  std::string reason_;
  std::string hint_;
  SteadyTime offered_at_{};
  SteadyTime last_heard_{};
  SteadyTime wake_at_{};  // Waiting: next attempt; Equal, Incomplete: next check
  Duration retry_;
  std::uint64_t failed_ = 0;
  bool equal_ = false;  // at the last confirmation, and nothing has changed since
  bool became_equal_ = false;

  // what only the replica has, and we have never seen
  std::deque<Bytes> ahead_keys_;  // still to be sorted
  bool sorting_ = false;
  std::deque<Bytes> to_fetch_;
  std::set<Bytes> fetched_;  // in this attempt
  std::uint64_t fetch_number_ = 0;
  std::uint32_t fetch_frame_ = 0;
  bool fetching_ = false;  // one is asked for, or being applied here
  bool applying_ = false;
  std::uint64_t frames_fetched_ = 0;
  bool adopted_ = false;  // something was; everything is compared again
  std::uint64_t adopted_head_ = 0;
  bool missed_ = false;  // something could not be taken over

  // one pass
  std::uint64_t pass_up_to_ = 0;  // our head when the pass began: where it leads to
  std::uint64_t list_after_ = 0;
  std::optional<Rank> list_rank_;  // being listed; none: nothing (left) to list
  std::optional<Bytes> list_after_key_;
  bool listing_ = false;
  std::deque<Span> spans_;  // still to be described
  std::uint64_t step_ = 0;
  bool describing_ = false;
  bool differ_expected_ = false;
  std::vector<Span> described_;                 // the ranges of that step that are sums, in their order
  std::map<Bytes, Listed> leaves_;              // of the step that is under way
  std::deque<Work> work_;                       // ordered by rank
  std::map<std::uint64_t, Building> building_;  // not completely in the output
  std::map<std::uint64_t, std::vector<Work>> unacknowledged_;
  std::map<Bytes, std::pair<Digest, Bytes>> partials_;  // key → content, resume
  std::deque<Data> output_;
  std::size_t output_bytes_ = 0;
  Rank last_rank_ = Rank::Container;
  std::uint64_t barrier_ = 0;  // batches of lower ranks end here
  std::uint64_t last_batch_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t consumed_bytes_ = 0;
  std::uint64_t items_sent_ = 0;
  std::uint64_t items_planned_ = 0;
  std::uint64_t bytes_planned_ = 0;
  std::uint64_t items_done_ = 0;
  std::uint64_t bytes_done_ = 0;
  std::uint64_t redone_ = 0;
  bool skipped_ = false;  // in this pass: the sums need not agree at its end
};

}  // namespace ha::replicator
