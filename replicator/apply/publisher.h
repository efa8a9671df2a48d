// Puts staged items in their places: renames, links, metadata in place, deletions; then tells the index.
//
// Order: contents synced; directories from the top, files, links, deletions from the bottom; names synced;
// the times of the directories touched set back; one transaction of the index. Each step may have happened
// before (a journal that is rolled forward), and is then passed over. Places are reached through pinned
// directories. Thread safety: that of the FileTarget.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "replicator/apply/apply_context.h"
#include "replicator/apply/staged_item.h"

namespace ha::replicator {

class UnitLock;

// Items of one unit are published under its lock, which is let go as soon as they are in their places.
struct UnitPass {
  UnitLock* lock = nullptr;   // null: its directory is not there
  std::set<Digest> contents;  // what the mailbox has afterwards: nothing of it is lost
};

class Publisher {
 public:
  // `context` must outlive it.
  explicit Publisher(ApplyContext& context) : context_(context) {}

  // Items that fail become troubles in `outcome` and lose what they have staged. NoSpace: what is left is not
  // published; its staged files are freed, unless they are in the journal. What was published is in the index
  // then; only if names could not be synced, or the index failed, a scan has to find out.
  Status publish(std::vector<StagedItem> items, BatchOutcome& outcome, const UnitPass* unit = nullptr);

  // Directories to be deleted that still held items which were to go as well wait here; now they go or fail.
  Status finish_pass(BatchOutcome& outcome);
  void forget_waiting() { waiting_.clear(); }

  // The contents that `items` have staged are on the disk afterwards.
  Status sync_contents(const std::vector<StagedItem>& items);
  // Items put aside since the last call.
  [[nodiscard]] std::uint64_t take_stranded() noexcept { return std::exchange(stranded_, 0); }
  Status record_failures(const std::vector<Trouble>& troubles);

 private:
  Status put_failures(IndexBatch& batch, const std::vector<Trouble>& troubles) const;
  struct Done {
    StagedItem item;
    LocalStat local;
    bool kept = false;  // a deletion, but the item stays
  };
  enum class Fate : std::uint8_t { Published, Waiting, Kept };
  struct Place {
    const sys::Directory* parent = nullptr;  // pinned until the next place()
    Bytes name;
  };

  Status save_what_is_there(const StagedItem& item);
  Status save_messages(const std::vector<StagedItem>& items);
  [[nodiscard]] Result<bool> unit_loses(const StagedItem& item);
  [[nodiscard]] bool is_in_place(const StagedItem& item, const Place& at, const sys::Stat& live) const;
  [[nodiscard]] Result<bool> loses_something(const StagedItem& item, const sys::Stat& live);
  Status note_put_back(const StagedItem& item);
  [[nodiscard]] Result<Fate> put(const StagedItem& item, LocalStat& local);
  Status put_content(const StagedItem& item, LocalStat& local);
  [[nodiscard]] const Overlay* overlay_of(const StagedItem& item) const;
  Status put_overlaid(const StagedItem& item, const Overlay& overlay, LocalStat& local);
  Status put_altered(const StagedItem& item, const Pristine& pristine, LocalStat& local);
  Status find_overlaid(const StagedItem& item, LocalStat& local);
  Status put_metadata(const StagedItem& item, LocalStat& local);
  Status put_directory(const StagedItem& item, LocalStat& local);
  Status put_special(const StagedItem& item, LocalStat& local);
  Status put_link(const StagedItem& item, LocalStat& local);
  [[nodiscard]] Result<Fate> remove(const StagedItem& item);
  Status record_kept(IndexBatch& batch, const StagedItem& item);
  Status make_special(const StagedItem& item, const StagedName& staged);

  [[nodiscard]] Result<Place> place(BytesView key, bool make_parents);
  Status make_parents(BytesView directory);
  // Renames `staged` to `place`, whatever is there; what was there is gone afterwards.
  Status swap_in(const Place& place, BytesView key, const StagedName& staged);
  Status exchange(const Place& place, BytesView key, const StagedName& staged, bool old_is_directory);
  [[nodiscard]] Result<LocalStat> stat_after(const Place& place, const LocalStat& before);
  struct Content {
    std::uint64_t unknown = 0;  // items that the index has no entry for
    std::uint64_t kept = 0;
    std::uint64_t items = 0;  // known, and no directories
  };
  Status discard_replaced(BytesView key, const StagedName& staged);
  Status check_replaceable(BytesView directory);  // nothing in it would be lost that must not be
  // Of the directory; with `deep` of all that is beneath it. Stops at about kUnknownMax.
  [[nodiscard]] Result<Content> count_content(BytesView directory, bool deep);
  [[nodiscard]] Result<std::optional<Entry>> find_entry(BytesView key);

  void retry_waiting();
  void fail(StagedItem& item, Error error);
  void touch(BytesView key);
  void restore_times();
  void restore_time(const Bytes& directory);
  Status sync_names();
  Status sync_areas();
  [[nodiscard]] bool sync_by_area(std::size_t count) const;
  Status record(BatchOutcome& outcome);
  Status record_done(IndexBatch& batch, const Done& done, bool any_failures);
  void reset();

  ApplyContext& context_;
  std::vector<StagedItem> waiting_;
  std::uint64_t stranded_ = 0;

  // Of one publish():
  const UnitPass* unit_ = nullptr;
  std::vector<Done> done_;
  std::map<Bytes, std::size_t, std::less<>> done_by_key_;
  std::vector<Trouble> troubles_;
  std::vector<std::uint64_t> ended_journal_;  // of items in trouble
  std::set<Bytes> touched_;                   // directories in which names changed
  std::map<Bytes, LocalStat> restated_;       // what else the index has to know
  std::set<Bytes> overlaid_;                  // items that were altered, or could have been
  sys::Directory parent_;
  std::optional<Bytes> parent_key_;  // what parent_ is
};

}  // namespace ha::replicator
