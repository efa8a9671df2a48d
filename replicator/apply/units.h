// The files of units on their way into their places: they wait until a unit is whole, and then are published
// together, under the lock of the PBX. docs/units.md.
//
// Whole: what the index has of the unit and what waits for it come to the digest in the entry of its
// directory. What is to be published is journaled first, so that a kill in the middle rolls forward. A unit
// in which something stands that the index does not know is left alone and reported: a scan has to look.
//
// Thread safety: that of the FileTarget. Errors: those of the index and of staging.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "replicator/apply/apply_context.h"
#include "replicator/apply/journal.h"
#include "replicator/apply/publisher.h"
#include "replicator/apply/staged_item.h"
#include "replicator/model/unit.h"

namespace ha::replicator {

class Units {
 public:
  // All must outlive it.
  Units(ApplyContext& context, Publisher& publisher, IsUnit is_unit)
      : context_(context),
        publisher_(publisher),
        journal_(context, publisher, Journal::Kind::Unit),
        is_unit_(std::move(is_unit)) {}

  [[nodiscard]] bool any() const noexcept { return is_unit_ != nullptr; }
  // Takes the parts of units out of `items`.
  Status take(std::vector<StagedItem>& items);
  // Publishes what is whole by now, and what is in the journal.
  Status publish(BatchOutcome& outcome);
  // Rolls forward what a kill has interrupted; adds to `staged` what still waits for a lock.
  Status recover(BatchOutcome& outcome, std::set<Bytes>& staged);
  // Messages that a peer has and this holder has never seen: they become its own, under the next free number
  // where theirs is taken. Those whose content is here go.
  [[nodiscard]] std::vector<StagedItem> take_messages(std::vector<StagedItem>& items) const;
  Status adopt(std::vector<StagedItem> messages, BatchOutcome& outcome);
  // The transfers were given up: what waits goes. What is journaled stays.
  Status forget();
  // Units that have to be looked at, since the last call.
  [[nodiscard]] std::vector<Bytes> take_changed();

 private:
  using Waiting = std::map<Bytes, StagedItem>;
  struct Here {  // what a unit has
    std::map<Bytes, Entry> entries;
    std::map<Bytes, Entry> elsewhere;  // messages of the other folders of the mailbox
    std::optional<Digest> digest;      // of the directory's entry
    bool going = false;                // the directory is to be deleted
  };
  [[nodiscard]] Result<Here> look(const Bytes& unit);
  [[nodiscard]] Result<bool> is_whole(const Bytes& unit, const Waiting& waiting);
  [[nodiscard]] Result<bool> has_to_wait(const Bytes& unit, const Waiting& waiting);
  [[nodiscard]] Result<std::set<Bytes>> ready();
  [[nodiscard]] Result<bool> would_be_twice(const Bytes& unit, const std::set<Bytes>& ready);
  Status journal(const std::vector<StagedItem>& items);
  // After a kill all of it rolls forward; else what came from a folder that was left alone waits again.
  Status publish_journal(BatchOutcome& outcome, bool recovering);
  [[nodiscard]] Result<bool> stands_elsewhere(const Bytes& unit, const std::vector<StagedItem>& items,
                                              const std::set<Bytes>& next);
  Status wait_again(const Bytes& unit, std::vector<StagedItem> items);
  // `coming`: contents that are journaled together, of its mailbox.
  Status publish_unit(const Bytes& unit, std::vector<StagedItem> items, const std::set<Digest>& coming,
                      BatchOutcome& outcome);
  [[nodiscard]] Result<bool> is_as_known(const Bytes& unit, const Here& here,
                                         const std::vector<StagedItem>& items);
  Status give_up(const Bytes& unit, const std::vector<StagedItem>& items);
  Status note_locked(const Bytes& unit, const Error& error);
  Status note_unlocked(const Bytes& unit);
  Status adopt_in(const Bytes& unit, std::vector<StagedItem> items, BatchOutcome& outcome);
  [[nodiscard]] Result<std::vector<StagedItem>> number(const Bytes& unit, std::vector<StagedItem>& items);
  [[nodiscard]] Result<std::set<unsigned>> numbers_in(const Bytes& unit);
  Status renew_digest(const Bytes& unit);

  ApplyContext& context_;
  Publisher& publisher_;
  Journal journal_;
  IsUnit is_unit_;
  std::map<Bytes, Waiting> waiting_;  // by unit, then by key
  std::set<Bytes> going_;             // units whose directories are to be deleted
  std::set<Bytes> changed_;
  std::set<Bytes> journaled_;           // units of which something is in the journal
  std::set<Bytes> locked_;              // by the PBX: their failures are listed
  std::map<Bytes, SteadyTime> moving_;  // units that wait for another folder of their mailbox, and since when
};

}  // namespace ha::replicator
