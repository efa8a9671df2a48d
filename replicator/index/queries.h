// The reading half of an index: entries in key order, what came after a sequence, sums over ranges of keys,
// and the side lists (chunks, signatures, positions, partial transfers, journal, failures).
//
// Not made by itself: an Index (index.h) is one that can also write; an IndexReader is one on its own
// connection, for another thread. Code that only asks takes `IndexQueries&` and works with both.
//
// No query keeps a statement open between calls: cursors and lists read page by page, so writing between two
// calls is allowed, and each page sees what is there then.
//
// Thread safety: one object, one thread at a time. Errors: those of common/sys/sqlite.h.
// Source: docs/index.md, schemas/index.sql.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/sys/sqlite.h"
#include "replicator/model/entry.h"
#include "replicator/model/lineage.h"
#include "replicator/model/position.h"

namespace ha::replicator {

inline constexpr std::size_t kIndexPageBytesMax = 1024 * 1024;  // meta and local of one page of entries
inline constexpr std::size_t kIndexPageEntriesMax = 512;

// Keys from lo (included) to hi (not included), in byte order. An empty hi is the end of all keys.
struct KeyRange {
  Bytes lo;
  Bytes hi;

  bool operator==(const KeyRange&) const = default;
};

// Items counted in the sum: tombstones, kept and failed ones are not.
struct RangeSum {
  KeyRange range;
  std::uint64_t count = 0;
  Digest sum;

  bool operator==(const RangeSum&) const = default;
};

struct KeyHash {
  Bytes key;
  Digest hash;
  Digest content;
};

// Entries with after < sequence <= up_to of one rank; those kept here never travel and are left out.
struct PassQuery {
  std::uint64_t after = 0;
  std::uint64_t up_to = 0;
  Rank rank = Rank::Content;
  std::optional<Bytes> after_key;  // the last key of the page before; none: from the start
  std::size_t limit = kIndexPageEntriesMax;
};

struct Pending {
  std::uint64_t items = 0;
  std::uint64_t bytes = 0;  // of whole content: an upper bound of what will travel
};

struct SitePosition {
  std::string site;
  Position position;
};

struct StoredChunks {
  Digest content;
  Bytes list;  // encode_chunks() of model/chunk.h
};

struct PartialTransfer {
  Bytes key;
  Digest content;  // of the version that was being received
  Bytes staged;    // the name in the staging directory
  Bytes ranges;    // what has been written, in apply's own form
  std::uint64_t bytes = 0;
};

struct JournalRecord {
  std::uint64_t number = 0;  // order of putting, from 1; given by the index
  Bytes key;
  Bytes staged;
  std::uint8_t op = 0;  // apply's own
};

struct FailedItem {
  Bytes key;
  std::string reason;
  std::int64_t since_ns = 0;  // wall time of the first failure, for people
  std::uint64_t tries = 0;
};

// What a file says of itself.
struct Identity {
  std::uint64_t index_id = 0;
  std::uint64_t epoch = 0;
  std::uint64_t head = 0;   // the last sequence given out
  std::uint64_t count = 0;  // items in the sum
  Digest sum;
  std::uint64_t trimmed_to = 0;  // an older acknowledgement cannot continue incrementally
  Bytes digest_key;              // 32 bytes, or empty until it is set
  std::uint64_t reconciled = 0;  // the last epoch whose holder has had all that is here

  bool operator==(const Identity&) const = default;
  [[nodiscard]] Position position() const noexcept { return {index_id, epoch, head, sum}; }
};

// What a cursor reads of each entry; Brief leaves meta and local empty.
enum class Detail { Full, Brief };

struct CursorOptions {
  Detail detail = Detail::Full;
  bool tombstones = false;
};

class IndexQueries;

// Walks entries in key order, as merge-joins need it. Borrows the index, which must outlive it and not be
// moved. An entry put behind the cursor is not seen; one put well ahead of it is (a page may be read
// already).
class Cursor {
 public:
  // The next entry, or none at the end of the range (and again if called again).
  Result<std::optional<Entry>> next();
  // Goes forward to the first key >= `key`; never back.
  void skip_to(BytesView key);

 private:
  friend class IndexQueries;
  Cursor(IndexQueries& index, KeyRange range, CursorOptions options)
      : index_(&index), from_(std::move(range.lo)), hi_(std::move(range.hi)), options_(options) {}

  IndexQueries* index_;
  Bytes from_;  // where the next page starts
  Bytes hi_;
  CursorOptions options_;
  std::vector<Entry> page_;
  std::size_t at_ = 0;
  bool last_page_ = false;
};

class IndexQueries {
 public:
  // --- entries ---
  Result<std::optional<Entry>> get(BytesView key);
  [[nodiscard]] Cursor cursor(KeyRange range = {}, CursorOptions options = {});
  // Calls `visit` in key order until it returns false or an error. It may write to the index.
  Status for_each(const KeyRange& range, CursorOptions options,
                  const std::function<Result<bool>(Entry&)>& visit);

  // One page in key order, at least one entry if there is any, then up to limit entries or about
  // kIndexPageBytesMax of metadata. An empty page is the end. An entry changed after `up_to` is not in this
  // pass: its new sequence brings it into the next, which starts at this `up_to`.
  Result<std::vector<Entry>> entries_after(const PassQuery& query);
  // Over all ranks, tombstones included. up_to 0: everything after.
  Result<Pending> pending(std::uint64_t after, std::uint64_t up_to = 0);

  // --- moved content: docs/index.md. Only of kMovedBytesMin or more ---
  // Whether a peer that has what was here at sequence `after` has the content of `entry` under another key:
  // it stands there since, or has gone from there later. Without `after` any time will do.
  Result<bool> is_elsewhere(const Entry& entry, std::optional<std::uint64_t> after);
  // Keys of items with this content; at most `limit`.
  Result<std::vector<Bytes>> keys_of(const Digest& content, std::size_t limit);

  // --- sums ---
  Result<RangeSum> sum_of(const KeyRange& range);
  Result<std::vector<RangeSum>> sums_of(const std::vector<KeyRange>& ranges);
  // `range` cut at this index's own quantiles into at most `parts` (>= 1) adjacent ranges of nearly equal
  // count. Always covers the whole range, so an empty one gives one part with count 0.
  Result<std::vector<RangeSum>> range_sums(const KeyRange& range, std::size_t parts);
  // The first `limit` items of the range that are in the sum.
  Result<std::vector<KeyHash>> hashes(const KeyRange& range, std::size_t limit);

  // --- side lists ---
  // The encoded chunk list of the version of `key` with this content: the current or the kept one.
  Result<std::optional<Bytes>> find_chunks(BytesView key, const Digest& content);
  Result<std::optional<StoredChunks>> current_chunks(BytesView key);
  // Of the version before it that all peers had acknowledged, if one is kept.
  Result<std::optional<StoredChunks>> kept_chunks(BytesView key);
  // The fine signature of a chunk, by the chunk's digest.
  Result<bool> has_signature(const Digest& chunk);
  Result<std::optional<Bytes>> get_signature(const Digest& chunk);

  // The position stored for a peer (what it acknowledged of this index) or an origin (what we applied of it).
  Result<std::optional<Position>> acknowledged(std::string_view peer);
  Result<std::optional<Position>> applied(std::string_view origin);
  Result<std::vector<SitePosition>> all_acknowledged();
  Result<std::vector<SitePosition>> all_applied();
  // Newest first; at most kLineageMax.
  Result<Lineage> lineage();
  Result<std::uint64_t> tombstones();

  Result<std::optional<PartialTransfer>> find_partial(BytesView key, const Digest& content);
  Result<std::vector<PartialTransfer>> partials(std::size_t limit);
  Result<std::vector<Bytes>> staging_directories();
  // In the order of putting, from the first number > after.
  Result<std::vector<JournalRecord>> journal(std::uint64_t after, std::size_t limit);
  Result<std::uint64_t> journal_size();
  // In key order, from the first key > after_key (none: from the start).
  Result<std::vector<FailedItem>> failures(const std::optional<Bytes>& after_key, std::size_t limit);
  Result<std::optional<FailedItem>> failure(BytesView key);
  Result<std::uint64_t> failure_count();

  // Everything asked while this lives is of one moment. For an IndexReader; keep it short, because the file
  // grows while it lives. Inside a batch of an Index there is no need for it (Internal).
  Result<sys::Transaction> snapshot();

 protected:
  explicit IndexQueries(sys::Database database) : database_(std::move(database)) {}
  ~IndexQueries() = default;
  IndexQueries(IndexQueries&&) = default;
  IndexQueries& operator=(IndexQueries&&) = default;

  sys::Database database_;

 private:
  friend class Cursor;
  friend class IndexBatch;
  struct Page {
    std::vector<Entry> entries;
    bool last = false;
  };
  Result<Entry> read_entry(const sys::Statement& row, Detail detail);
  Result<Source> source_of(std::int64_t number);
  Result<Page> read_page(const Bytes& from, const Bytes& hi, CursorOptions options);
  Result<std::vector<Entry>> pass_by_sequence(const PassQuery& query, const Bytes& from);
  Result<std::vector<Entry>> pass_by_key(const PassQuery& query, const Bytes& from);
  // Items in the sum, as rows of (key, hash, content).
  Status scan(const KeyRange& range, const std::function<bool(const sys::Statement& row)>& visit);
  Result<std::optional<Position>> position_of(int side, std::string_view site);
  Result<std::vector<SitePosition>> positions(int side);
  Result<std::uint64_t> count_in(const KeyRange& range);
  Result<std::uint64_t> count_of(const char* sql);
  std::map<std::int64_t, Source> sources_;  // that have been read

 protected:
  // NotFound if the file has none (its making was interrupted).
  Result<Identity> read_identity();
};

// A second connection to an index file, which sees what has been committed. The file must have been created
// by Index::open; NotFound otherwise.
class IndexReader : public IndexQueries {
 public:
  static Result<IndexReader> open(const std::string& path);

  Result<Identity> identity();

 private:
  using IndexQueries::IndexQueries;
};

}  // namespace ha::replicator
