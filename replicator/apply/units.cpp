#include "replicator/apply/units.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/clock.h"
#include "replicator/apply/file_facts.h"
#include "replicator/apply/unit_lock.h"
#include "replicator/model/item_hash.h"

namespace ha::replicator {
namespace {

constexpr Duration kMoveWait = std::chrono::seconds(30);
constexpr std::size_t kNamesMax = 1'000'000;

// The folder that its folders are in; what stands at the top is its own.
Bytes mailbox_of(const Bytes& unit) {
  return parent_of_key(unit).empty() ? unit : Bytes(parent_of_key(unit));
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(read_clocks().wall.time_since_epoch()).count();
}

}  // namespace

// ---------------------------------------------------------------- waiting

Status Units::take(std::vector<StagedItem>& items) {
  std::vector<StagedItem> others;
  for (StagedItem& item : items) {
    const Bytes& key = item.header.key;
    const bool container = !item.header.deleted && item.header.rank == Rank::Container;
    if (is_unit_(key)) {
      if (item.header.deleted) {
        going_.insert(key);
      } else if (container) {
        going_.erase(key);
      }
    }
    if (container || !is_in_unit(is_unit_, key)) {
      others.push_back(std::move(item));
      continue;
    }
    Waiting& waiting = waiting_[Bytes(parent_of_key(key))];
    if (const auto older = waiting.find(key); older != waiting.end()) {
      HA_CHECK(context_.staging.discard(older->second.staged));
      waiting.erase(older);
    }
    waiting.emplace(key, std::move(item));
  }
  items = std::move(others);
  return ok();
}

Status Units::forget() {
  for (auto& [unit, waiting] : std::exchange(waiting_, {})) {
    for (const auto& [key, item] : waiting) {
      HA_CHECK(context_.staging.discard(item.staged));
    }
  }
  going_.clear();
  return ok();
}

std::vector<Bytes> Units::take_changed() {
  const std::set<Bytes> changed = std::exchange(changed_, {});
  return {changed.begin(), changed.end()};
}

Result<Units::Here> Units::look(const Bytes& unit) {
  Here here;
  here.going = going_.contains(unit);
  HA_TRY(const std::optional<Entry> directory, context_.index.get(unit));
  if (here.going) {
    here.digest = Digest{};
  } else if (directory && !directory->deleted && directory->rank == Rank::Container) {
    HA_TRY(const FileMeta meta, decode_meta(directory->meta));
    here.digest = meta.unit;
  }
  const Bytes mailbox = mailbox_of(unit);
  HA_CHECK(context_.index.for_each({mailbox + "/", mailbox + "0"}, {}, [&](Entry& entry) -> Result<bool> {
    const bool ours = parent_of_key(entry.key) == unit;
    if (entry.rank != Rank::Container &&
        (ours || (is_in_unit(is_unit_, entry.key) && message_of(entry.key)))) {
      (ours ? here.entries : here.elsewhere).emplace(entry.key, std::move(entry));
    }
    return true;
  }));
  return here;
}

// Without a digest (an origin of an older version) the items go as they come.
Result<bool> Units::is_whole(const Bytes& unit, const Waiting& waiting) {
  HA_TRY(const Here here, look(unit));
  if (!here.digest) {
    return true;
  }
  Digest sum;
  for (const auto& [key, entry] : here.entries) {
    if (!waiting.contains(key) && is_counted(entry.state)) {
      sum += entry.hash;
    }
  }
  for (const auto& [key, item] : waiting) {
    sum += item.header.deleted ? Digest{} : item.header.hash;
  }
  return sum == *here.digest;
}

// Whether a message would go that the holder has yet to take over: then it will come again, under the number
// that it gets there.
Result<bool> Units::has_to_wait(const Bytes& unit, const Waiting& waiting) {
  const ApplyOrigin& origin = context_.origin;
  HA_TRY(const Here here, look(unit));
  std::set<Digest> contents;
  for (const auto& [other, items] : waiting_) {  // of the other folders of the mailbox as well
    for (const auto& [key, item] : items) {
      if (parent_of_key(other) == parent_of_key(unit)) {
        contents.insert(item.header.content);
      }
    }
  }
  for (const auto& [key, entry] : here.entries) {
    if (!waiting.contains(key)) {
      contents.insert(entry.content);
    }
  }
  for (const auto& [key, entry] : here.elsewhere) {
    contents.insert(entry.content);
  }
  const Source ours{context_.index.index_id(), context_.index.epoch()};
  return std::any_of(here.entries.begin(), here.entries.end(), [&](const auto& each) {
    const Entry& entry = each.second;
    const bool ahead = entry.source == ours ||
                       (origin.careful && is_beyond(entry.source, entry.version, origin.lineage, ours.epoch));
    return ahead && waiting.contains(each.first) && message_of(each.first) &&
           !contents.contains(entry.content);
  });
}

// ---------------------------------------------------------------- publishing

// A message that was saved to another folder appears there when it goes from the first one, not before: if
// roles turned between the two, it would stay twice. One that stays there was copied: that may take longer.
Result<bool> Units::would_be_twice(const Bytes& unit, const std::set<Bytes>& ready) {
  HA_TRY(const Here here, look(unit));
  const auto stays = [&](const Entry& entry) {
    const Bytes folder(parent_of_key(entry.key));
    const auto changes = waiting_.find(folder);
    return !ready.contains(folder) || changes == waiting_.end() || !changes->second.contains(entry.key);
  };
  std::set<Digest> elsewhere;
  for (const auto& [key, entry] : here.elsewhere) {
    if (!entry.content.is_zero() && stays(entry)) {
      elsewhere.insert(entry.content);
    }
  }
  for (const auto& [key, entry] : here.entries) {
    elsewhere.erase(entry.content);  // it is twice already
  }
  const bool twice = std::any_of(waiting_[unit].begin(), waiting_[unit].end(), [&](const auto& each) {
    return message_of(each.first) && elsewhere.contains(each.second.header.content);
  });
  if (!twice) {
    moving_.erase(unit);
    return false;
  }
  const SteadyTime now = read_clocks().steady;
  return now - moving_.emplace(unit, now).first->second < kMoveWait;
}

Result<std::set<Bytes>> Units::ready() {
  std::set<Bytes> ready;
  for (const auto& [unit, waiting] : waiting_) {
    HA_TRY(const bool whole, is_whole(unit, waiting));
    HA_TRY(const bool waits, whole ? has_to_wait(unit, waiting) : Result<bool>(true));
    if (!waits && !journaled_.contains(unit)) {  // what is in the journal comes first
      ready.insert(unit);
    }
  }
  std::set<Bytes> now;
  for (const Bytes& unit : ready) {
    HA_TRY(const bool twice, would_be_twice(unit, ready));
    if (!twice) {
      now.insert(unit);
    }
  }
  return now;
}

Status Units::publish(BatchOutcome& outcome) {
  HA_TRY(const std::set<Bytes> units, ready());
  std::vector<StagedItem> whole;
  for (const Bytes& unit : units) {
    for (auto& [key, item] : waiting_[unit]) {
      whole.push_back(std::move(item));
    }
    waiting_.erase(unit);
  }
  if (!whole.empty()) {
    HA_CHECK(journal(whole));
  }
  return journaled_.empty() ? ok() : publish_journal(outcome, false);
}

Status Units::journal(const std::vector<StagedItem>& items) {
  HA_CHECK(journal_.put(items));
  for (const StagedItem& item : items) {
    journaled_.insert(Bytes(parent_of_key(item.header.key)));
  }
  return ok();
}

Status Units::recover(BatchOutcome& outcome, std::set<Bytes>& staged) {
  HA_CHECK(publish_journal(outcome, true));
  return journal_.each(outcome.troubles, [&](const std::vector<StagedItem>& items) -> Status {
    for (const StagedItem& item : items) {
      if (item.staged.is_set()) {
        staged.insert(item.staged.path());
      }
    }
    return ok();
  });
}

// A unit that cannot be published now stays in the journal.
Status Units::publish_journal(BatchOutcome& outcome, bool recovering) {
  std::map<Bytes, std::vector<StagedItem>> by_unit;
  std::map<Bytes, std::set<Digest>> coming;  // by mailbox
  HA_CHECK(journal_.each(outcome.troubles, [&](std::vector<StagedItem> items) -> Status {
    for (StagedItem& item : items) {
      const Bytes unit(parent_of_key(item.header.key));
      coming[mailbox_of(unit)].insert(item.header.content);
      by_unit[unit].push_back(std::move(item));
    }
    return ok();
  }));
  journaled_.clear();
  std::vector<Bytes> order;  // those that get messages from another folder come last
  std::vector<Bytes> last;
  for (const auto& [unit, items] : by_unit) {
    journaled_.insert(unit);
    HA_TRY(const bool gets, stands_elsewhere(unit, items, {}));
    (gets ? last : order).push_back(unit);
  }
  order.insert(order.end(), last.begin(), last.end());
  std::set<Bytes> next(order.begin(), order.end());
  for (const Bytes& unit : order) {
    std::vector<StagedItem>& items = by_unit[unit];
    next.erase(unit);
    HA_TRY(const bool twice, stands_elsewhere(unit, items, next));
    if (twice && !recovering && !moving_.contains(unit)) {  // that folder was left alone
      HA_CHECK(wait_again(unit, std::move(items)));
      continue;
    }
    HA_CHECK(publish_unit(unit, std::move(items), coming[mailbox_of(unit)], outcome));
    if (!locked_.contains(unit)) {
      moving_.erase(unit);
    }
  }
  return ok();
}

// Whether a message of `items` is in another folder of the mailbox as well, but for those in `next`, and was
// not in this one.
Result<bool> Units::stands_elsewhere(const Bytes& unit, const std::vector<StagedItem>& items,
                                     const std::set<Bytes>& next) {
  HA_TRY(const Here here, look(unit));
  std::set<Digest> elsewhere;
  for (const auto& [key, entry] : here.elsewhere) {
    if (!entry.content.is_zero() && !next.contains(Bytes(parent_of_key(key)))) {
      elsewhere.insert(entry.content);
    }
  }
  for (const auto& [key, entry] : here.entries) {
    elsewhere.erase(entry.content);
  }
  return std::any_of(items.begin(), items.end(), [&](const StagedItem& item) {
    return message_of(item.header.key) && elsewhere.contains(item.header.content);
  });
}

Status Units::wait_again(const Bytes& unit, std::vector<StagedItem> items) {
  HA_TRY(IndexBatch batch, context_.index.begin());
  for (StagedItem& item : items) {
    HA_CHECK(batch.remove_journal(std::exchange(item.journal, 0)));
  }
  HA_CHECK(batch.commit());
  journaled_.erase(unit);
  for (StagedItem& item : items) {
    Bytes key = item.header.key;
    const auto [there, waits] = waiting_[unit].try_emplace(std::move(key), std::move(item));
    if (!waits) {
      HA_CHECK(context_.staging.discard(item.staged));  // a newer one waits
    }
  }
  return ok();
}

Status Units::publish_unit(const Bytes& unit, std::vector<StagedItem> items, const std::set<Digest>& coming,
                           BatchOutcome& outcome) {
  HA_TRY(const Here here, look(unit));
  UnitPass pass{nullptr, coming};
  for (const auto& [key, entry] : here.entries) {
    const bool stays = std::none_of(items.begin(), items.end(), [&, &name = key](const StagedItem& item) {
      return item.header.key == name;
    });
    if (stays) {
      pass.contents.insert(entry.content);
    }
  }
  for (const auto& [key, entry] : here.elsewhere) {
    pass.contents.insert(entry.content);
  }
  HA_CHECK(context_.stranded.count());  // not under the lock
  const auto folder = context_.root.open_beneath(unit);
  std::optional<UnitLock> lock;
  if (folder.ok()) {
    HA_TRY(const StagedName there, context_.staging.name_for(unit + "/"));
    auto taken = UnitLock::take(*there.area, context_.root, unit);
    if (!taken.ok()) {
      return note_locked(unit, taken.error());
    }
    lock.emplace(std::move(taken).value());
    HA_CHECK(note_unlocked(unit));
    HA_TRY(const bool known, is_as_known(unit, here, items));
    if (!known) {
      HA_CHECK(lock->release());
      changed_.insert(unit);
      return give_up(unit, items);
    }
    pass.lock = &*lock;
  }
  HA_CHECK(publisher_.publish(std::move(items), outcome, &pass));
  journaled_.erase(unit);
  return ok();
}

// Nothing stands in it that the index does not know, but for what was published before a kill.
Result<bool> Units::is_as_known(const Bytes& unit, const Here& here, const std::vector<StagedItem>& items) {
  HA_TRY(const sys::Directory folder, context_.root.open_beneath(unit));
  HA_TRY(const std::vector<Bytes> names, folder.names(kNamesMax));
  bool known = true;
  for (const Bytes& name : names) {
    const Bytes key = unit + "/" + name;
    const auto live = folder.stat(name);
    if (is_lock_name(name) || !live.ok() || live->type == sys::FileType::Directory) {
      continue;
    }
    const auto item = std::find_if(items.begin(), items.end(),
                                   [&](const StagedItem& each) { return each.header.key == key; });
    if (item != items.end() && item->staged.is_set() && item->local.inode == live->ino) {
      return true;  // begun before: it has to be ended
    }
    const auto entry = here.entries.find(key);
    const auto local =
        entry == here.entries.end() ? Result<LocalStat>(LocalStat{}) : decode_local(entry->second.local);
    known = known && entry != here.entries.end() && local.ok() && is_still(*live, *local);
  }
  return known;
}

Status Units::give_up(const Bytes& unit, const std::vector<StagedItem>& items) {
  HA_CHECK(discard_all(context_.staging, items));
  HA_TRY(IndexBatch batch, context_.index.begin());
  for (const StagedItem& item : items) {
    HA_CHECK(batch.remove_journal(item.journal));
  }
  journaled_.erase(unit);
  return batch.commit();
}

Status Units::note_locked(const Bytes& unit, const Error& error) {
  if (error.code() != Code::Unavailable) {
    return error;
  }
  locked_.insert(unit);
  HA_TRY(IndexBatch batch, context_.index.begin());
  const auto put = batch.put_failure(unit, error.what() + "; " + error.hint(), now_ns());
  HA_CHECK(put.ok() || put.error().code() == Code::Exhausted ? ok() : put);
  return batch.commit();
}

Status Units::note_unlocked(const Bytes& unit) {
  if (locked_.erase(unit) == 0) {
    return ok();
  }
  HA_TRY(IndexBatch batch, context_.index.begin());
  HA_CHECK(batch.clear_failure(unit));
  return batch.commit();
}

}  // namespace ha::replicator
