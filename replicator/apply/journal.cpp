#include "replicator/apply/journal.h"

#include <algorithm>
#include <map>
#include <utility>

namespace ha::replicator {
namespace {

constexpr std::size_t kRecordsAtOnce = 512;
constexpr char kGoKey[] = ".";  // no item's key

}  // namespace

Status Journal::put(const std::vector<StagedItem>& items) {
  const auto write = [&]() -> Status {
    HA_CHECK(publisher_.sync_contents(items));
    HA_TRY(IndexBatch batch, context_.index.begin());
    for (const StagedItem& item : items) {
      HA_CHECK(batch.put_journal(item.header.key, encode_staged(item), static_cast<std::uint8_t>(kind_)));
    }
    return batch.commit();
  }();
  if (!write.ok()) {
    HA_CHECK(discard_all(context_.staging, items));
  }
  return write;
}

Status Journal::put_go() {
  HA_TRY(IndexBatch batch, context_.index.begin());
  HA_CHECK(batch.put_journal(kGoKey, {}, static_cast<std::uint8_t>(Kind::Go)));
  return batch.commit();
}

Result<bool> Journal::has_go() {
  for (std::uint64_t after = 0;;) {
    HA_TRY(const std::vector<JournalRecord> records, context_.index.journal(after, kRecordsAtOnce));
    if (records.empty()) {
      return false;
    }
    if (std::any_of(records.begin(), records.end(), [](const JournalRecord& record) {
          return record.op == static_cast<std::uint8_t>(Kind::Go);
        })) {
      return true;
    }
    after = records.back().number;
  }
}

Status Journal::each(std::vector<Trouble>& lost, const Visit& visit) {
  for (std::uint64_t after = 0;;) {
    HA_TRY(const std::vector<JournalRecord> records, context_.index.journal(after, kRecordsAtOnce));
    if (records.empty()) {
      return ok();
    }
    after = records.back().number;
    HA_TRY(std::vector<StagedItem> items, items_of(records, lost));
    HA_CHECK(visit(std::move(items)));
  }
}

// Publishing sorts by rank, which would put an older deletion behind a newer item.
Result<std::vector<StagedItem>> Journal::items_of(const std::vector<JournalRecord>& records,
                                                  std::vector<Trouble>& lost) {
  std::map<Bytes, StagedItem> by_key;
  std::vector<std::uint64_t> ended;
  for (const JournalRecord& record : records) {
    if (record.op != static_cast<std::uint8_t>(kind_)) {
      continue;
    }
    auto item = decode_staged(context_.staging, record.key, record.staged);
    if (!item.ok()) {
      lost.push_back({record.key, item.error().what(), false, {}});
      ended.push_back(record.number);
      continue;
    }
    item->journal = record.number;
    if (const auto older = by_key.find(record.key); older != by_key.end()) {
      HA_CHECK(context_.staging.discard(older->second.staged));
      ended.push_back(older->second.journal);
    }
    by_key[record.key] = std::move(item).value();
  }
  if (!ended.empty()) {
    HA_TRY(IndexBatch batch, context_.index.begin());
    for (const std::uint64_t number : ended) {
      HA_CHECK(batch.remove_journal(number));
    }
    HA_CHECK(batch.commit());
  }
  std::vector<StagedItem> items;
  items.reserve(by_key.size());
  for (auto& [key, item] : by_key) {
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace ha::replicator
