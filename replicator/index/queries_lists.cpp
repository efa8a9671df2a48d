// The side lists of an index, and what the file says of itself.
#include <algorithm>
#include <limits>
#include <utility>

#include "replicator/index/queries.h"
#include "replicator/index/schema_info.h"

namespace ha::replicator {
namespace {

constexpr const char* kIdentity =
    "SELECT index_id, epoch, sequence, items, sum, trimmed_to, digest_key, reconciled FROM identity";
constexpr const char* kLineage =
    "SELECT epoch, index_id, old_epoch, sequence, sum FROM lineage ORDER BY epoch DESC LIMIT ?";
constexpr const char* kTombstones =
    "SELECT count(*) FROM entries INDEXED BY entries_by_sequence WHERE rank = 3";
// The bounds are those of the indexes, which are not used otherwise.
constexpr const char* kStandsElsewhere =
    "SELECT 1 FROM entries INDEXED BY entries_by_content WHERE content = ? AND size >= 4096"
    " AND rank = 1 AND state IN (0, 2) AND sequence <= ? AND key <> ? LIMIT 1";
constexpr const char* kHasGone =
    "SELECT 1 FROM entries INDEXED BY entries_by_was WHERE was = ? AND was <> x'' AND sequence > ? LIMIT 1";
constexpr const char* kKeysOf =
    "SELECT key FROM entries INDEXED BY entries_by_content WHERE content = ? AND size >= 4096"
    " AND rank = 1 AND state <> 3 LIMIT ?";
constexpr const char* kFindChunks =
    "SELECT list FROM chunks WHERE key = ? AND content = ? ORDER BY version LIMIT 1";
constexpr const char* kCurrentChunks = "SELECT content, list FROM chunks WHERE key = ? AND version = 0";
constexpr const char* kKeptChunks = "SELECT content, list FROM chunks WHERE key = ? AND version = 1";
constexpr const char* kHasSignature = "SELECT 1 FROM signatures WHERE chunk = ?";
constexpr const char* kGetSignature = "SELECT signature FROM signatures WHERE chunk = ?";
constexpr const char* kPosition =
    "SELECT index_id, epoch, sequence, sum FROM positions WHERE side = ? AND site = ?";
constexpr const char* kPositions =
    "SELECT index_id, epoch, sequence, sum, site FROM positions WHERE side = ? ORDER BY site";
constexpr const char* kFindPartial =
    "SELECT key, content, staged, ranges, bytes FROM partials WHERE key = ? AND content = ?";
constexpr const char* kPartials =
    "SELECT key, content, staged, ranges, bytes FROM partials ORDER BY key LIMIT ?";
constexpr const char* kStaging = "SELECT path FROM staging ORDER BY path";
constexpr const char* kJournal =
    "SELECT number, key, staged, op FROM journal WHERE number > ? ORDER BY number LIMIT ?";
constexpr const char* kJournalSize = "SELECT count(*) FROM journal";
constexpr const char* kFailures =
    "SELECT key, reason, since_ns, tries FROM failures WHERE key >= ? ORDER BY key LIMIT ?";
constexpr const char* kFailure = "SELECT key, reason, since_ns, tries FROM failures WHERE key = ?";
constexpr const char* kFailureCount = "SELECT count(*) FROM failures";

std::int64_t limit_of(std::uint64_t value) {
  return static_cast<std::int64_t>(
      std::min(value, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())));
}

// All rows of a bound query, each made by `make`; the first row, or none.
template <typename T>
Result<std::vector<T>> all_rows(sys::Query& query, T (*make)(const sys::Statement&)) {
  std::vector<T> rows;
  for (;;) {
    HA_TRY(const bool row, query->step());
    if (!row) {
      return rows;
    }
    rows.push_back(make(*query));
  }
}

template <typename T>
Result<std::optional<T>> first_row(sys::Query& query, T (*make)(const sys::Statement&)) {
  HA_TRY(const bool row, query->step());
  return row ? std::optional<T>(make(*query)) : std::optional<T>();
}

Bytes first_bytes(const sys::Statement& row) {
  return Bytes(row.bytes(0));
}

Position make_position(const sys::Statement& row) {
  return {row.u64(0), row.u64(1), row.u64(2), row.digest(3)};
}

SitePosition make_site_position(const sys::Statement& row) {
  return {std::string(row.bytes(4)), make_position(row)};
}

EpochStart make_epoch_start(const sys::Statement& row) {
  return {row.u64(0), {row.u64(1), row.u64(2), row.u64(3), row.digest(4)}};
}

StoredChunks make_chunks(const sys::Statement& row) {
  return {row.digest(0), Bytes(row.bytes(1))};
}

PartialTransfer make_partial(const sys::Statement& row) {
  return {Bytes(row.bytes(0)), row.digest(1), Bytes(row.bytes(2)), Bytes(row.bytes(3)), row.u64(4)};
}

JournalRecord make_journal_record(const sys::Statement& row) {
  return {row.u64(0), Bytes(row.bytes(1)), Bytes(row.bytes(2)), static_cast<std::uint8_t>(row.integer(3))};
}

FailedItem make_failed_item(const sys::Statement& row) {
  return {Bytes(row.bytes(0)), std::string(row.bytes(1)), row.integer(2), row.u64(3)};
}

Identity make_identity(const sys::Statement& row) {
  return {row.u64(0),    row.u64(1), row.u64(2),          row.u64(3),
          row.digest(4), row.u64(5), Bytes(row.bytes(6)), row.u64(7)};
}

}  // namespace

Result<Identity> IndexQueries::read_identity() {
  HA_TRY(sys::Query query, database_.query(kIdentity));
  HA_TRY(std::optional<Identity> identity, first_row(query, make_identity));
  if (!identity) {
    return Error(Code::NotFound, "the index has no identity yet");
  }
  return std::move(*identity);
}

Result<std::uint64_t> IndexQueries::count_of(const char* sql) {
  HA_TRY(sys::Query query, database_.query(sql));
  HA_TRY(const bool row, query->step());
  return row ? query->u64(0) : std::uint64_t{0};
}

Result<std::uint64_t> IndexQueries::tombstones() {
  return count_of(kTombstones);
}

Result<Lineage> IndexQueries::lineage() {
  HA_TRY(sys::Query query, database_.query(kLineage));
  query->bind(std::int64_t{kLineageMax});
  return all_rows(query, make_epoch_start);
}

// --- moved content ---

Result<bool> IndexQueries::is_elsewhere(const Entry& entry, std::optional<std::uint64_t> after) {
  if (entry.deleted || entry.rank != Rank::Content || entry.content.is_zero() ||
      entry.size < kMovedBytesMin) {
    return false;
  }
  {
    HA_TRY(sys::Query stands, database_.query(kStandsElsewhere));
    stands->bind(entry.content);
    stands->bind(after ? limit_of(*after) : std::numeric_limits<std::int64_t>::max()).bind(entry.key);
    HA_TRY(const bool found, stands->step());
    if (found) {
      return true;
    }
  }
  HA_TRY(sys::Query gone, database_.query(kHasGone));
  return gone->bind(entry.content).bind(limit_of(after.value_or(0))).step();
}

Result<std::vector<Bytes>> IndexQueries::keys_of(const Digest& content, std::size_t limit) {
  HA_TRY(sys::Query query, database_.query(kKeysOf));
  query->bind(content).bind(limit_of(limit));
  return all_rows(query, first_bytes);
}

// --- chunks and signatures ---

Result<std::optional<Bytes>> IndexQueries::find_chunks(BytesView key, const Digest& content) {
  HA_TRY(sys::Query query, database_.query(kFindChunks));
  query->bind(key).bind(content);
  return first_row(query, first_bytes);
}

Result<std::optional<StoredChunks>> IndexQueries::current_chunks(BytesView key) {
  HA_TRY(sys::Query query, database_.query(kCurrentChunks));
  query->bind(key);
  return first_row(query, make_chunks);
}

Result<std::optional<StoredChunks>> IndexQueries::kept_chunks(BytesView key) {
  HA_TRY(sys::Query query, database_.query(kKeptChunks));
  query->bind(key);
  return first_row(query, make_chunks);
}

Result<bool> IndexQueries::has_signature(const Digest& chunk) {
  HA_TRY(sys::Query query, database_.query(kHasSignature));
  return query->bind(chunk).step();
}

Result<std::optional<Bytes>> IndexQueries::get_signature(const Digest& chunk) {
  HA_TRY(sys::Query query, database_.query(kGetSignature));
  query->bind(chunk);
  return first_row(query, first_bytes);
}

// --- positions ---

Result<std::optional<Position>> IndexQueries::position_of(int side, std::string_view site) {
  HA_TRY(sys::Query query, database_.query(kPosition));
  query->bind(side).bind_text(site);
  return first_row(query, make_position);
}

Result<std::vector<SitePosition>> IndexQueries::positions(int side) {
  HA_TRY(sys::Query query, database_.query(kPositions));
  query->bind(side);
  return all_rows(query, make_site_position);
}

Result<std::optional<Position>> IndexQueries::acknowledged(std::string_view peer) {
  return position_of(kSideAcknowledged, peer);
}

Result<std::optional<Position>> IndexQueries::applied(std::string_view origin) {
  return position_of(kSideApplied, origin);
}

Result<std::vector<SitePosition>> IndexQueries::all_acknowledged() {
  return positions(kSideAcknowledged);
}

Result<std::vector<SitePosition>> IndexQueries::all_applied() {
  return positions(kSideApplied);
}

// --- transfers, publishing, failures ---

Result<std::optional<PartialTransfer>> IndexQueries::find_partial(BytesView key, const Digest& content) {
  HA_TRY(sys::Query query, database_.query(kFindPartial));
  query->bind(key).bind(content);
  return first_row(query, make_partial);
}

Result<std::vector<PartialTransfer>> IndexQueries::partials(std::size_t limit) {
  HA_TRY(sys::Query query, database_.query(kPartials));
  query->bind(limit_of(limit));
  return all_rows(query, make_partial);
}

Result<std::vector<Bytes>> IndexQueries::staging_directories() {
  HA_TRY(sys::Query query, database_.query(kStaging));
  return all_rows(query, first_bytes);
}

Result<std::vector<JournalRecord>> IndexQueries::journal(std::uint64_t after, std::size_t limit) {
  HA_TRY(sys::Query query, database_.query(kJournal));
  query->bind(limit_of(after)).bind(limit_of(limit));
  return all_rows(query, make_journal_record);
}

Result<std::uint64_t> IndexQueries::journal_size() {
  return count_of(kJournalSize);
}

Result<std::vector<FailedItem>> IndexQueries::failures(const std::optional<Bytes>& after_key,
                                                       std::size_t limit) {
  // Nothing fits between a key and the key with a zero byte behind it.
  const Bytes from = after_key ? *after_key + '\0' : Bytes();
  HA_TRY(sys::Query query, database_.query(kFailures));
  query->bind(from).bind(limit_of(limit));
  return all_rows(query, make_failed_item);
}

Result<std::optional<FailedItem>> IndexQueries::failure(BytesView key) {
  HA_TRY(sys::Query query, database_.query(kFailure));
  query->bind(key);
  return first_row(query, make_failed_item);
}

Result<std::uint64_t> IndexQueries::failure_count() {
  return count_of(kFailureCount);
}

// --- IndexReader ---

Result<IndexReader> IndexReader::open(const std::string& path) {
  sys::DatabaseOptions options;
  options.mode = sys::OpenMode::ReadOnly;
  options.cache_kib = kIndexCacheKib;
  auto database = sys::Database::open(path, index_schema(), options);
  if (!database.ok()) {
    return std::move(database).error().in("index " + escape(path));
  }
  return IndexReader(std::move(database).value());
}

Result<Identity> IndexReader::identity() {
  return read_identity();
}

}  // namespace ha::replicator
