#include "replicator/index/queries.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace ha::replicator {
namespace {

// Up to this many entries of a pass are sorted anew for each page; more are found by walking all keys.
constexpr std::size_t kSortedPassMax = 4096;

// A unary plus keeps a term from choosing the index: the order of keys is what these queries live from.
constexpr const char* kGet =
    "SELECT key, sequence, rank, state, hash, content, size, source, version, meta, local FROM entries WHERE "
    "key = ?";
constexpr const char* kPageFull =
    "SELECT key, sequence, rank, state, hash, content, size, source, version, meta, local FROM entries"
    " WHERE key >= ? AND +rank <= ? ORDER BY key LIMIT ?";
constexpr const char* kPageBrief =
    "SELECT key, sequence, rank, state, hash, content, size, source, version FROM entries"
    " WHERE key >= ? AND +rank <= ? ORDER BY key LIMIT ?";
constexpr const char* kPassByKey =
    "SELECT key, sequence, rank, state, hash, content, size, source, version, meta, local FROM entries"
    " WHERE key >= ? AND +rank = ? AND +sequence > ? AND +sequence <= ? AND +state <> 1 ORDER BY key LIMIT ?";
constexpr const char* kPassBySequence =
    "SELECT key FROM entries INDEXED BY entries_by_sequence"
    " WHERE rank = ? AND sequence > ? AND sequence <= ? AND state <> 1 AND key >= ? ORDER BY key LIMIT ?";
constexpr const char* kPassSize =
    "SELECT count(*) FROM (SELECT 1 FROM entries INDEXED BY entries_by_sequence"
    " WHERE rank = ? AND sequence > ? AND sequence <= ? LIMIT ?)";
constexpr const char* kPending =
    "SELECT count(*), CAST(total(size) AS INTEGER) FROM entries INDEXED BY entries_by_sequence"
    " WHERE rank = ? AND sequence > ? AND sequence <= ? AND state <> 1";
constexpr const char* kSource = "SELECT index_id, epoch FROM sources WHERE number = ?";
constexpr const char* kCountAll =
    "SELECT count(*) FROM entries INDEXED BY entries_by_sequence WHERE rank < 3 AND state IN (0, 2)";
constexpr const char* kScan =
    "SELECT key, hash, content FROM entries"
    " WHERE key >= ? AND +rank < 3 AND +state IN (0, 2) ORDER BY key";

// The key that comes right after `key`: nothing fits between the two.
Bytes successor(BytesView key) {
  Bytes next(key);
  next.push_back('\0');
  return next;
}

// Numbers from outside may be anything; sequences are below 2^63.
std::int64_t clamp(std::uint64_t value) {
  return static_cast<std::int64_t>(
      std::min(value, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())));
}

bool beyond(BytesView key, BytesView hi) {
  return !hi.empty() && key >= hi;
}

}  // namespace

Result<Entry> IndexQueries::read_entry(const sys::Statement& row, Detail detail) {
  const std::int64_t rank = row.integer(2);
  const std::int64_t state = row.integer(3);
  if (rank < 0 || rank > static_cast<int>(Rank::Delete) || state < 0 ||
      state > static_cast<int>(EntryState::Failed)) {
    return Error(Code::Corrupt,
                 "an entry has rank " + std::to_string(rank) + ", state " + std::to_string(state));
  }
  Entry entry;
  entry.key = row.bytes(0);
  entry.sequence = row.u64(1);
  entry.rank = static_cast<Rank>(rank);
  entry.state = static_cast<EntryState>(state);
  entry.deleted = entry.rank == Rank::Delete;
  entry.hash = row.digest(4);
  entry.content = row.digest(5);
  entry.size = row.u64(6);
  HA_TRY(entry.source, source_of(row.integer(7)));
  entry.version = row.u64(8);
  if (detail == Detail::Full) {
    entry.meta = row.bytes(9);
    entry.local = row.bytes(10);
  }
  return entry;
}

// There are few of them, one for each turn of a holder, and an entry's never changes.
Result<Source> IndexQueries::source_of(std::int64_t number) {
  if (number == 0) {
    return Source{};
  }
  if (const auto known = sources_.find(number); known != sources_.end()) {
    return known->second;
  }
  HA_TRY(sys::Query query, database_.query(kSource));
  HA_TRY(const bool row, query->bind(number).step());
  if (!row) {
    return Error(Code::Corrupt, "an entry has the unknown source " + std::to_string(number));
  }
  return sources_[number] = {query->u64(0), query->u64(1)};
}

// --- Cursor ---

Result<std::optional<Entry>> Cursor::next() {
  if (at_ == page_.size() && !last_page_) {
    HA_TRY(IndexQueries::Page page, index_->read_page(from_, hi_, options_));
    page_ = std::move(page.entries);
    last_page_ = page.last;
    at_ = 0;
    if (!page_.empty()) {
      from_ = successor(page_.back().key);
    }
  }
  if (at_ == page_.size()) {
    return std::optional<Entry>();
  }
  return std::optional<Entry>(std::move(page_[at_++]));
}

void Cursor::skip_to(BytesView key) {
  while (at_ < page_.size() && BytesView(page_[at_].key) < key) {
    ++at_;
  }
  if (at_ == page_.size() && key > BytesView(from_)) {
    from_ = key;
  }
}

// --- entries ---

Result<std::optional<Entry>> IndexQueries::get(BytesView key) {
  HA_TRY(sys::Query query, database_.query(kGet));
  HA_TRY(const bool found, query->bind(key).step());
  if (!found) {
    return std::optional<Entry>();
  }
  HA_TRY(Entry entry, read_entry(*query, Detail::Full));
  return std::optional<Entry>(std::move(entry));
}

Cursor IndexQueries::cursor(KeyRange range, CursorOptions options) {
  return Cursor(*this, std::move(range), options);
}

Status IndexQueries::for_each(const KeyRange& range, CursorOptions options,
                              const std::function<Result<bool>(Entry&)>& visit) {
  Cursor entries = cursor(range, options);
  for (;;) {
    HA_TRY(std::optional<Entry> entry, entries.next());
    if (!entry) {
      return ok();
    }
    HA_TRY(const bool more, visit(*entry));
    if (!more) {
      return ok();
    }
  }
}

Result<IndexQueries::Page> IndexQueries::read_page(const Bytes& from, const Bytes& hi,
                                                   CursorOptions options) {
  HA_TRY(sys::Query query, database_.query(options.detail == Detail::Full ? kPageFull : kPageBrief));
  const Rank highest = options.tombstones ? Rank::Delete : Rank::Link;
  query->bind(from).bind(static_cast<int>(highest)).bind(std::int64_t{kIndexPageEntriesMax});
  Page page;
  std::size_t bytes = 0;
  while (bytes < kIndexPageBytesMax) {
    HA_TRY(const bool row, query->step());
    if (!row || beyond(query->bytes(0), hi)) {
      // Without a row the page may just be full; then the next one tells.
      page.last = row || page.entries.size() < kIndexPageEntriesMax;
      return page;
    }
    HA_TRY(Entry entry, read_entry(*query, options.detail));
    bytes += entry.meta.size() + entry.local.size();
    page.entries.push_back(std::move(entry));
  }
  return page;
}

// --- passes ---

// Few entries: their keys are found by sequence and sorted, again for every page. Many: all keys are walked,
// once for the whole pass. Either way a pass costs no more than one walk over the index.
Result<std::vector<Entry>> IndexQueries::entries_after(const PassQuery& query) {
  if (query.limit == 0) {
    return Error(Code::Invalid, "a page of no entries was asked for");
  }
  HA_TRY(sys::Query size, database_.query(kPassSize));
  size->bind(static_cast<int>(query.rank)).bind(clamp(query.after)).bind(clamp(query.up_to));
  HA_TRY(const bool row, size->bind(std::int64_t{kSortedPassMax} + 1).step());
  const bool many = row && size->u64(0) > kSortedPassMax;
  const Bytes from = query.after_key ? successor(*query.after_key) : Bytes();
  return many ? pass_by_key(query, from) : pass_by_sequence(query, from);
}

Result<std::vector<Entry>> IndexQueries::pass_by_sequence(const PassQuery& query, const Bytes& from) {
  std::vector<Bytes> keys;
  {
    HA_TRY(sys::Query list, database_.query(kPassBySequence));
    list->bind(static_cast<int>(query.rank)).bind(clamp(query.after)).bind(clamp(query.up_to));
    list->bind(from).bind(clamp(query.limit));
    for (;;) {
      HA_TRY(const bool row, list->step());
      if (!row) {
        break;
      }
      keys.emplace_back(list->bytes(0));
    }
  }
  std::vector<Entry> entries;
  std::size_t bytes = 0;
  for (const Bytes& key : keys) {
    HA_TRY(std::optional<Entry> entry, get(key));
    // Another connection may have changed it since the list was made; then it belongs to the next pass.
    if (entry && entry->sequence <= query.up_to) {
      bytes += entry->meta.size() + entry->local.size();
      entries.push_back(std::move(*entry));
    }
    if (bytes >= kIndexPageBytesMax) {
      break;
    }
  }
  if (entries.empty() && !keys.empty()) {
    // All of them were; an empty page would mean the end.
    return pass_by_sequence(query, successor(keys.back()));
  }
  return entries;
}

Result<std::vector<Entry>> IndexQueries::pass_by_key(const PassQuery& query, const Bytes& from) {
  HA_TRY(sys::Query list, database_.query(kPassByKey));
  list->bind(from).bind(static_cast<int>(query.rank)).bind(clamp(query.after)).bind(clamp(query.up_to));
  list->bind(clamp(query.limit));
  std::vector<Entry> entries;
  std::size_t bytes = 0;
  while (bytes < kIndexPageBytesMax) {
    HA_TRY(const bool row, list->step());
    if (!row) {
      break;
    }
    HA_TRY(Entry entry, read_entry(*list, Detail::Full));
    bytes += entry.meta.size() + entry.local.size();
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<Pending> IndexQueries::pending(std::uint64_t after, std::uint64_t up_to) {
  const std::int64_t last = up_to == 0 ? std::numeric_limits<std::int64_t>::max() : clamp(up_to);
  Pending pending;
  for (int rank = 0; rank <= static_cast<int>(Rank::Delete); ++rank) {
    HA_TRY(sys::Query query, database_.query(kPending));
    HA_TRY(const bool row, query->bind(rank).bind(clamp(after)).bind(last).step());
    if (row) {
      pending.items += query->u64(0);
      pending.bytes += query->u64(1);
    }
  }
  return pending;
}

// --- sums ---

Status IndexQueries::scan(const KeyRange& range,
                          const std::function<bool(const sys::Statement& row)>& visit) {
  HA_TRY(sys::Query query, database_.query(kScan));
  query->bind(range.lo);
  for (;;) {
    HA_TRY(const bool row, query->step());
    if (!row || beyond(query->bytes(0), range.hi) || !visit(*query)) {
      return ok();
    }
  }
}

Result<RangeSum> IndexQueries::sum_of(const KeyRange& range) {
  RangeSum total{range, 0, {}};
  HA_CHECK(scan(range, [&](const sys::Statement& row) {
    total.sum += row.digest(1);
    ++total.count;
    return true;
  }));
  return total;
}

Result<std::vector<RangeSum>> IndexQueries::sums_of(const std::vector<KeyRange>& ranges) {
  std::vector<RangeSum> sums;
  sums.reserve(ranges.size());
  for (const KeyRange& range : ranges) {
    HA_TRY(RangeSum sum, sum_of(range));
    sums.push_back(std::move(sum));
  }
  return sums;
}

// The index by sequence is much smaller than the table, and good for this when the order does not matter.
Result<std::uint64_t> IndexQueries::count_in(const KeyRange& range) {
  if (range == KeyRange{}) {
    return count_of(kCountAll);
  }
  HA_TRY(const RangeSum sum, sum_of(range));
  return sum.count;
}

Result<std::vector<RangeSum>> IndexQueries::range_sums(const KeyRange& range, std::size_t parts) {
  if (parts == 0) {
    return Error(Code::Invalid, "a range cannot be cut into no parts");
  }
  HA_TRY(const std::uint64_t count, count_in(range));
  const std::uint64_t step = std::max<std::uint64_t>(1, count / parts + (count % parts != 0 ? 1 : 0));
  std::vector<RangeSum> sums;
  sums.push_back({range, 0, {}});
  HA_CHECK(scan(range, [&](const sys::Statement& row) {
    // Another connection may have added items since they were counted: the last part takes them.
    if (sums.back().count == step && sums.size() < parts) {
      sums.back().range.hi = row.bytes(0);
      sums.push_back({{Bytes(row.bytes(0)), range.hi}, 0, {}});
    }
    sums.back().sum += row.digest(1);
    ++sums.back().count;
    return true;
  }));
  return sums;
}

Result<std::vector<KeyHash>> IndexQueries::hashes(const KeyRange& range, std::size_t limit) {
  std::vector<KeyHash> found;
  if (limit == 0) {
    return found;
  }
  HA_CHECK(scan(range, [&](const sys::Statement& row) {
    found.push_back({Bytes(row.bytes(0)), row.digest(1), row.digest(2)});
    return found.size() < limit;
  }));
  return found;
}

Result<sys::Transaction> IndexQueries::snapshot() {
  return sys::Transaction::begin(database_, sys::Transaction::Kind::Read);
}

}  // namespace ha::replicator
