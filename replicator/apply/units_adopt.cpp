// Units: messages that only a peer has. docs/units.md, "Two sites with a new message".
#include <algorithm>
#include <utility>

#include "replicator/apply/unit_lock.h"
#include "replicator/apply/units.h"
#include "replicator/model/item_hash.h"

namespace ha::replicator {
namespace {

constexpr std::size_t kNamesMax = 1'000'000;

using Contents = std::map<Bytes, Digest>;    // by extension
using Messages = std::map<Bytes, Contents>;  // by stem

}  // namespace

std::vector<StagedItem> Units::take_messages(std::vector<StagedItem>& items) const {
  std::vector<StagedItem> others;
  std::vector<StagedItem> messages;
  for (StagedItem& item : items) {
    const bool message = !item.header.deleted && item.header.rank == Rank::Content &&
                         is_in_unit(is_unit_, item.header.key) && message_of(item.header.key);
    (message ? messages : others).push_back(std::move(item));
  }
  items = std::move(others);
  return messages;
}

Status Units::adopt(std::vector<StagedItem> messages, BatchOutcome& outcome) {
  std::map<Bytes, std::vector<StagedItem>> by_unit;
  for (StagedItem& item : messages) {
    by_unit[Bytes(parent_of_key(item.header.key))].push_back(std::move(item));
  }
  for (auto& [unit, items] : by_unit) {
    std::vector<Bytes> keys;
    for (const StagedItem& item : items) {
      keys.push_back(item.header.key);
    }
    const auto adopted = adopt_in(unit, std::move(items), outcome);
    if (!adopted.ok()) {
      const Code code = adopted.error().code();
      if (code != Code::Unavailable && code != Code::NotFound && code != Code::Exhausted) {
        return adopted;
      }
      for (Bytes& key : keys) {
        outcome.troubles.push_back({std::move(key), adopted.error().what(), false, {}});
      }
    }
  }
  return ok();
}

Result<std::set<unsigned>> Units::numbers_in(const Bytes& unit) {
  HA_TRY(const sys::Directory folder, context_.root.open_beneath(unit));
  HA_TRY(const std::vector<Bytes> names, folder.names(kNamesMax));
  std::set<unsigned> numbers;
  for (const Bytes& name : names) {
    if (const auto message = message_of(name)) {
      numbers.insert(message->number);
    }
  }
  return numbers;
}

// Gives each message its number, the own one if that is free, and takes it out of `items`. Those whose
// content is here stay; on an error all do.
Result<std::vector<StagedItem>> Units::number(const Bytes& unit, std::vector<StagedItem>& items) {
  HA_TRY(const Here here, look(unit));
  HA_TRY(std::set<unsigned> numbers, numbers_in(unit));
  Messages known;
  for (const auto& [key, entry] : here.entries) {
    if (const auto name = message_of(key)) {
      known[Bytes(name->stem)].emplace(name->extension, entry.content);
      numbers.insert(name->number);
    }
  }
  for (const auto& [key, entry] : here.elsewhere) {
    const auto name = message_of(key);
    known[Bytes(name->stem)].emplace(name->extension, entry.content);
  }
  std::map<Bytes, std::vector<StagedItem*>> messages;
  for (StagedItem& item : items) {
    messages[Bytes(message_of(item.header.key)->stem)].push_back(&item);
  }
  std::vector<std::pair<StagedItem*, Bytes>> renamed;
  for (auto& [stem, parts] : messages) {
    Contents contents;
    for (const StagedItem* part : parts) {
      contents.emplace(message_of(part->header.key)->extension, part->header.content);
    }
    if (std::any_of(known.begin(), known.end(), [&](const auto& each) { return each.second == contents; })) {
      continue;
    }
    unsigned number = message_of(parts.front()->header.key)->number;
    number = numbers.contains(number) ? *numbers.rbegin() + 1 : number;
    if (number >= kMessagesMax) {
      return Error(Code::Exhausted, in_quotes(unit) + " has no number left for a message");
    }
    numbers.insert(number);
    known.emplace(message_stem(unit, number), contents);
    for (StagedItem* part : parts) {
      renamed.emplace_back(part, message_stem(unit, number) + Bytes(message_of(part->header.key)->extension));
    }
  }
  std::vector<StagedItem> ready;
  for (auto& [part, key] : renamed) {
    part->header.key = std::move(key);
    part->header.hash = item_hash(context_.key, part->header);
    ready.push_back(std::exchange(*part, {}));
  }
  return ready;
}

// Numbered and journaled before the lock is taken, because both wait for the disk.
Status Units::adopt_in(const Bytes& unit, std::vector<StagedItem> items, BatchOutcome& outcome) {
  auto ready = number(unit, items);
  HA_CHECK(discard_all(context_.staging, items));
  HA_CHECK(ready.ok() ? ok() : Status(ready.error()));
  if (ready->empty()) {
    return ok();
  }
  std::set<Bytes> keys;
  for (const StagedItem& item : *ready) {
    keys.insert(item.header.key);
  }
  HA_CHECK(journal(*ready));
  std::vector<StagedItem> journaled;
  HA_CHECK(journal_.each(outcome.troubles, [&](std::vector<StagedItem> page) -> Status {
    for (StagedItem& item : page) {
      if (keys.contains(item.header.key)) {
        journaled.push_back(std::move(item));
      }
    }
    return ok();
  }));
  HA_TRY(const StagedName there, context_.staging.name_for(unit + "/"));
  auto lock = UnitLock::take(*there.area, context_.root, unit);
  if (!lock.ok()) {
    HA_CHECK(give_up(unit, journaled));
    return lock.error();
  }
  HA_TRY(const std::set<unsigned> taken, numbers_in(unit));
  if (std::any_of(keys.begin(), keys.end(),
                  [&](const Bytes& key) { return taken.contains(message_of(key)->number); })) {
    HA_CHECK(lock->release());
    HA_CHECK(give_up(unit, journaled));
    return Error(Code::Unavailable, in_quotes(unit) + " has got a message meanwhile; it is tried again");
  }
  UnitPass pass;
  pass.lock = &*lock;
  HA_CHECK(publisher_.publish(std::move(journaled), outcome, &pass));
  journaled_.erase(unit);
  return renew_digest(unit);
}

// The next look at it would do the same; until then no replica could tell when it has the unit whole.
Status Units::renew_digest(const Bytes& unit) {
  HA_TRY(std::optional<Entry> directory, context_.index.get(unit));
  if (!directory || directory->deleted || directory->rank != Rank::Container) {
    return ok();
  }
  HA_TRY(const Here here, look(unit));
  HA_TRY(FileMeta meta, decode_meta(directory->meta));
  Digest sum;
  for (const auto& [key, entry] : here.entries) {
    const bool counts = is_counted(entry.state);
    sum += counts ? entry.hash : Digest{};
  }
  if (meta.unit == sum) {
    return ok();
  }
  meta.unit = sum;
  directory->meta = encode_meta(std::move(meta));
  directory->hash = item_hash(context_.key, *directory);
  directory->source = {};
  HA_TRY(IndexBatch batch, context_.index.begin());
  HA_TRY([[maybe_unused]] const std::uint64_t sequence, batch.put(*directory));
  return batch.commit();
}

}  // namespace ha::replicator
