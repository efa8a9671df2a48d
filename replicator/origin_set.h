// One set at its origin: notices changes, has them scanned, and tells the sessions how far the index is.
//
// Runs on the origin loop; scanning itself runs on the set's strand, one scan at a time. Changes come from
// the watch (a directory is scanned `settle` after its first event), from a full walk every `walk`, and from
// sessions that met a file which was not what the index says.
// Thread safety: the origin loop's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/base/workers.h"
#include "common/sys/watch.h"
#include "common/wire/loop.h"
#include "replicator/role_book.h"
#include "replicator/set_store.h"

namespace ha::replicator {

class OriginSet {
 public:
  struct Calls {
    std::function<void(OriginSet&)> on_facts;                      // the committed index has moved on
    std::function<void(OriginSet&, const Bytes& key)> on_reading;  // a large file that changed is being read
    std::function<void(OriginSet&)> on_right;                      // it may be sent now, or not any more
  };
  // All must outlive it.
  OriginSet(wire::Loop& loop, SetStore& store, Strand& strand, Logger& log, Calls calls);
  ~OriginSet();
  OriginSet(const OriginSet&) = delete;
  OriginSet& operator=(const OriginSet&) = delete;

  void start(const Now& now);
  // With [failover]: until when it may be sent. Without a right it always may.
  void allow(SendRight right, const Now& now);
  [[nodiscard]] bool may_send() const noexcept { return may_send_; }
  // Why it may not; empty: it may.
  [[nodiscard]] std::string silence(SteadyTime now) const;
  // It is another's now: nothing is begun any more. `done` is called on the loop when what the strand has
  // begun is over; this object must live until then.
  void retire();
  void drain(std::function<void()> done);
  // Look at this key again soon: it is not what the index says.
  void look_again(BytesView key, const Now& now);
  void scan_now(const Now& now);  // a full walk
  // A full walk that begins after this call; `deep` reads all content. `done` is called on the loop.
  using Looked = std::function<void(const Result<ScanResult>&)>;
  void look(bool deep, Looked done, const Now& now);
  void want_signatures(const Bytes& key);
  void acknowledged(const std::string& peer, const Position& position);
  void renew(const Now& now);
  // Takes over a frame of what only `peer` has; `done` is called on the loop, the facts are new by then.
  void adopt(const std::string& peer, AdoptAction action,
             std::function<void(const Result<SetStore::Adopted>&)> done);
  void drop_adoptions(const std::string& peer);  // those that are under way

  [[nodiscard]] SetStore& store() noexcept { return store_; }
  [[nodiscard]] const SetConfig& config() const noexcept { return store_.options().set; }
  [[nodiscard]] const IndexFacts& facts() const noexcept { return facts_; }
  [[nodiscard]] bool first_scan_done() const noexcept { return first_scan_done_; }
  [[nodiscard]] std::uint64_t items_scanned() const noexcept { return items_scanned_; }
  // Why the last look at the tree failed. Code Held: a guard; release() lets it pass.
  [[nodiscard]] const std::optional<Error>& problem() const noexcept { return problem_; }
  [[nodiscard]] bool is_held() const noexcept { return problem_ && problem_->code() == Code::Held; }
  void release(const Now& now);
  // When the oldest change after `sequence` was found; nothing if there is none.
  [[nodiscard]] std::optional<SteadyTime> changed_since(std::uint64_t sequence) const;

 private:
  struct Change {
    std::uint64_t sequence;
    SteadyTime found;
  };

  void open_watch();
  void on_watch(const Now& now);
  void on_tick(const Now& now);
  void check_right(const Now& now);
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const;
  void scan(const Now& now);
  void on_scanned(const Result<ScanResult>& result, const std::vector<Bytes>& directories, const Now& now);
  void wait_for_stable(const ScanResult& result, const Now& now);
  void take_facts(Result<IndexFacts> facts);
  void post_facts();
  void make_next_signatures();

  wire::Loop& loop_;
  SetStore& store_;
  Strand& strand_;
  Logger& log_;
  Calls calls_;
  std::optional<sys::Watch> watch_;
  std::vector<wire::Loop::Id> registered_;
  IndexFacts facts_;
  std::deque<Change> changes_;  // oldest first, at most kChangesKept
  std::set<Bytes> dirty_;       // directories
  std::optional<SteadyTime> scan_at_;
  std::optional<SteadyTime> walk_at_;
  std::set<Bytes> again_;  // directories to be scanned once more, when files are no longer racy
  std::optional<SteadyTime> again_at_;
  std::set<Bytes> unstable_;  // directories of files that are still being written
  std::optional<SteadyTime> unstable_at_;
  bool unstable_everywhere_ = false;  // more than are listed
  bool full_wanted_ = false;
  bool deep_wanted_ = false;
  std::vector<Looked> looks_wanted_;
  std::vector<Looked> looks_;  // of the walk that is under way
  bool scanning_ = false;
  SteadyTime scan_began_{};
  bool signing_ = false;
  std::optional<SteadyTime> sign_at_;
  bool first_scan_done_ = false;
  std::uint64_t items_scanned_ = 0;
  std::deque<Bytes> unsigned_keys_;
  std::optional<Error> problem_;
  std::optional<SendRight> right_;  // none: always
  bool may_send_ = true;
  bool retired_ = false;
};

}  // namespace ha::replicator
