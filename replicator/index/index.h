// The index of one set: what this site has, persistently. One SQLite file per set.
//
// It knows keys, hashes, sequences and sums. It knows neither files nor peers' protocols: `meta`, `local` and
// the blobs of the side lists are opaque. It is not the truth (the disk is): when the file is lost or
// damaged, a new one is made, under a new index id, and everything is reconciled.
//
// All writing goes through an IndexBatch, which is one transaction; reading (queries.h) sees the open batch.
//
// Thread safety: an Index and its batch belong to one thread at a time; other threads open an IndexReader.
// Errors: those of common/sys/sqlite.h; Invalid for a key, meta or number over its limit, with nothing
// changed. Source: docs/index.md, schemas/index.sql.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/sys/sqlite.h"
#include "replicator/index/queries.h"
#include "replicator/model/entry.h"
#include "replicator/model/position.h"

namespace ha::replicator {

inline constexpr std::size_t kLocalBytesMax = 64 * 1024;
inline constexpr std::size_t kChunkListBytesMax = 512 * 1024 * 1024;
inline constexpr std::size_t kSignatureBytesMax = 256 * 1024;
inline constexpr std::size_t kPartialRangesBytesMax = 4 * 1024 * 1024;
inline constexpr std::size_t kFailureReasonBytesMax = 1024;  // longer reasons are cut
inline constexpr std::size_t kFailuresMax = 100'000;
// Reasons in the list of failures that begin with this are the scanner's: it puts and clears them.
inline constexpr std::string_view kReadFailurePrefix = "cannot be read: ";

// Under this name, which no site can have, a replica's index keeps the position at which it was last found
// equal to its origin: of that turn it has had all up to there.
inline constexpr std::string_view kLastEqual = "...";

enum class Numbering {
  Next,  // a change: gets the next sequence and so travels
  Keep,  // bookkeeping: keeps the sequence the entry has (0 if it is new), so nobody is told
};

struct IndexOptions {
  std::uint64_t signature_bytes_max = 64ULL * 1024 * 1024;  // fine signatures kept; the least used go first
  bool check = true;  // read the whole file when opening it and compare the sum with the entries
};

class IndexBatch;

class Index : public IndexQueries {
 public:
  // `path` or ":memory:". Makes a new index, with a random id, if there is no file. Corrupt if the file is
  // damaged: reset_aside() then makes room for a new one. Unsupported if it was made by another version,
  // Refused if it is not an index.
  static Result<Index> open(const std::string& path, const IndexOptions& options = {});

  // Renames a damaged index to "<path>.damaged-N" (the first free N), and gives that name. NotFound if there
  // is none. No connection to it may be open.
  static Result<std::string> reset_aside(const std::string& path);

  // What open batches have changed already counts.
  [[nodiscard]] const Identity& identity() const noexcept { return identity_; }
  [[nodiscard]] std::uint64_t index_id() const noexcept { return identity_.index_id; }
  [[nodiscard]] std::uint64_t epoch() const noexcept { return identity_.epoch; }
  [[nodiscard]] std::uint64_t head() const noexcept { return identity_.head; }
  [[nodiscard]] std::uint64_t count() const noexcept { return identity_.count; }
  [[nodiscard]] const Digest& sum() const noexcept { return identity_.sum; }
  [[nodiscard]] const Bytes& digest_key() const noexcept { return identity_.digest_key; }
  [[nodiscard]] std::uint64_t trimmed_to() const noexcept { return identity_.trimmed_to; }
  [[nodiscard]] Position position() const noexcept { return identity_.position(); }

  // From now on: whether changes that come without a source are this site's own, as its holder. Not stored.
  void set_own_changes(bool own) noexcept { own_changes_ = own; }
  [[nodiscard]] bool own_changes() const noexcept { return own_changes_; }
  [[nodiscard]] std::uint64_t reconciled() const noexcept { return identity_.reconciled; }

  // The least sequence of this index that all of `peers` have acknowledged; 0 if one of them has none, or one
  // of another index id or epoch: what it had then, another holder may have put back. The head if there are
  // no peers.
  Result<std::uint64_t> acknowledged_by_all(const std::vector<std::string>& peers);

  // The index must not be moved while the batch lives, and has one batch at a time (Internal).
  Result<IndexBatch> begin();

 private:
  friend class IndexBatch;
  Index(sys::Database database, const IndexOptions& options)
      : IndexQueries(std::move(database)), options_(options) {}
  static Result<Index> open_file(const std::string& path, const IndexOptions& options);
  Status create_identity();
  Status load();
  Status verify();

  IndexOptions options_;
  Identity identity_;
  std::uint64_t signature_bytes_ = 0;
  std::uint64_t signature_clock_ = 0;
  std::optional<std::uint64_t> failures_;  // rows in the table, once somebody asked
  bool in_batch_ = false;
  bool own_changes_ = false;
  bool claimed_ = true;  // there may be entries that this site put as its own while it was a replica
};

// The right to write, and one transaction. Without commit() nothing of it has happened. After any error of
// the database commit() refuses as well (Internal), so that nothing is committed by halves.
class IndexBatch {
 public:
  // --- identity ---
  // Refused if lower than the epoch stored.
  Status set_epoch(std::uint64_t epoch);
  // What is known already stays. Invalid if it does not come after what was before.
  Status add_lineage(const EpochStart& start);
  // The holder of this epoch has had all that is here.
  void set_reconciled(std::uint64_t epoch);
  // What this site found as a replica in this epoch and put as its own, the holder has now: it is of the
  // holder's turn `source`, up to `version`.
  Status hand_over(const Source& source, std::uint64_t version);
  // 32 bytes. Another key than the one stored makes every hash void: items, chunks, signatures and what peers
  // have of us are dropped and the index gets a new id. Tombstones have no hash and stay: what was deleted
  // here is still known. What we have applied of others stays: it tells an origin that it went back in time.
  // The first key of an index just sets it.
  Status set_digest_key(BytesView key);
  // A new index id with the same entries: no stored position continues from it, so every peer is compared.
  Status renew_id();

  // --- entries ---
  // Stores `entry` under its key, whatever was there, and gives its sequence (entry.sequence is ignored). A
  // tombstone (entry.deleted) is stored as erase() does it.
  Result<std::uint64_t> put(const Entry& entry, Numbering numbering = Numbering::Next);
  // Puts a tombstone, which has the content's digest still, and drops the key's chunks. A key that is not
  // there or is deleted already: nothing changes; gives the sequence of the tombstone, 0 if there is none.
  Result<std::uint64_t> erase(BytesView key, const Source& source = {}, std::uint64_t version = 0);
  // Removes the entry and its chunks with no tombstone: for what was never the origin's (a kept item let go).
  Status forget(BytesView key);
  // This site and the holder of the turn `source` are equal as of its change `version`: what had no source is
  // the holder's. attribute_unseen: so are items beyond the start of its epoch; reads all entries. Deletions
  // are not: the holder may undo them yet.
  Status attribute(const Source& source, std::uint64_t version);
  Status attribute_unseen(const Source& source, std::uint64_t version, const Lineage& lineage);
  // What the file system says now of an unchanged item. NotFound without an entry, or with a tombstone.
  Status update_local(BytesView key, BytesView local);
  // Drops tombstones with sequence <= acknowledged (by all configured peers), then the oldest until at most
  // tombstones_max are left. Gives how many went.
  Result<std::uint64_t> trim_tombstones(std::uint64_t acknowledged, std::uint64_t tombstones_max);

  // --- chunks and signatures ---
  // The chunk list of the content an entry has now. The list it replaces is kept as the previous one if
  // keep_previous (all peers had acknowledged it); if not it goes and the previous one stays.
  Status put_chunks(BytesView key, const Digest& content, BytesView encoded_list, bool keep_previous);
  Status drop_chunks(BytesView key);
  // Puts the signature of a chunk; over options.signature_bytes_max the oldest ones go.
  Status put_signature(const Digest& chunk, BytesView signature);

  // --- positions ---
  Status set_acknowledged(std::string_view peer, const Position& position);
  Status set_applied(std::string_view origin, const Position& position);
  Status forget_peer(std::string_view peer);  // both positions

  // --- transfers and publishing ---
  Status put_partial(const PartialTransfer& partial);
  Status remove_partial(BytesView key, const Digest& content);
  Status put_staging_directory(BytesView path);
  Status remove_staging_directory(BytesView path);
  Status put_journal(BytesView key, BytesView staged, std::uint8_t op);
  Status remove_journal(std::uint64_t number);
  Status clear_journal();

  // --- failures ---
  // The first failure of a key sets since_ns; later ones count tries and replace the reason. Exhausted when
  // kFailuresMax keys have failed already; the batch remains good.
  Status put_failure(BytesView key, std::string_view reason, std::int64_t now_ns);
  Status clear_failure(BytesView key);
  // Nothing has to be applied any more, from anybody; what cannot be read stays listed.
  Status clear_failures();

  Status commit();

  ~IndexBatch();
  IndexBatch(IndexBatch&& other) noexcept;
  IndexBatch& operator=(IndexBatch&&) = delete;

 private:
  friend class Index;
  IndexBatch(Index& index, sys::Transaction transaction);

  // The part of a stored entry that its replacement has to know.
  struct Old {
    std::uint64_t sequence = 0;
    bool tombstone = false;
    bool counted = false;
    Digest hash;
    Digest content;
    std::uint64_t size = 0;
    Bytes was;
  };
  Result<std::int64_t> number_of(const Source& source);
  Result<std::optional<Old>> find_old(BytesView key);
  Status store(const Entry& entry, std::uint64_t sequence, const std::optional<Old>& old);
  static Bytes was_of(const Entry& entry, const std::optional<Old>& old);
  Status drop_tombstones_to(std::uint64_t sequence, std::uint64_t& dropped);
  Status set_position(int side, std::string_view site, const Position& position);
  Status evict_signatures();
  Status save_identity();
  void let_go() noexcept;

  // Prepares, binds all of `values` and runs. An error spoils the batch.
  template <typename... Values>
  Status run(const char* sql, const Values&... values);
  template <typename... Values>
  Result<std::optional<std::uint64_t>> number(const char* sql, const Values&... values);

  Index* index_;  // null when moved from or over
  sys::Transaction transaction_;
  Identity saved_;
  std::uint64_t saved_signature_bytes_;
  std::uint64_t saved_signature_clock_;
  bool spoiled_ = false;
};

}  // namespace ha::replicator
