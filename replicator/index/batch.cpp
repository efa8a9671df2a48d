// A batch of changes: identity, entries and what follows from them.
#include <algorithm>
#include <limits>
#include <utility>

#include "common/sys/digest.h"
#include "replicator/index/batch_run.h"
#include "replicator/index/index.h"
#include "replicator/index/schema_info.h"

namespace ha::replicator {
namespace {

constexpr std::uint64_t kNumberMax = std::numeric_limits<std::int64_t>::max();

constexpr const char* kOld =
    "SELECT sequence, rank, state, hash, content, size, was FROM entries WHERE key = ?";
constexpr const char* kInsert =
    "INSERT INTO entries (key, sequence, rank, state, hash, content, size, source, version, was, meta, local)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr const char* kUpdate =
    "UPDATE entries SET sequence = ?2, rank = ?3, state = ?4, hash = ?5, content = ?6, size = ?7, source = "
    "?8,"
    " version = ?9, was = ?10, meta = ?11, local = ?12 WHERE key = ?1";
constexpr const char* kNewestOfSources =
    "SELECT source, max(version), index_id, epoch FROM entries JOIN sources ON number = source"
    " WHERE rank < 3 GROUP BY source";
constexpr const char* kAttributeUnseen =
    "UPDATE entries SET source = ?, version = ? WHERE rank < 3 AND source = ? AND version > ?";
constexpr const char* kForget = "DELETE FROM entries WHERE key = ?";
constexpr const char* kUpdateLocal = "UPDATE entries SET local = ?2 WHERE key = ?1 AND rank < 3 RETURNING 1";
constexpr const char* kLastTombstone =
    "SELECT max(sequence) FROM entries INDEXED BY entries_by_sequence WHERE rank = 3 AND sequence <= ?";
constexpr const char* kNthTombstone =
    "SELECT sequence FROM entries INDEXED BY entries_by_sequence WHERE rank = 3"
    " ORDER BY sequence DESC LIMIT 1 OFFSET ?";
constexpr const char* kDropTombstones =
    "DELETE FROM entries INDEXED BY entries_by_sequence WHERE rank = 3 AND sequence <= ?";
constexpr const char* kSaveIdentity =
    "UPDATE identity SET index_id = ?, epoch = ?, sequence = ?, items = ?, sum = ?, trimmed_to = ?,"
    " digest_key = ?, reconciled = ?, signature_bytes = ?, signature_clock = ?";
constexpr const char* kFindSource = "SELECT number FROM sources WHERE index_id = ? AND epoch = ?";
constexpr const char* kAddSource = "INSERT INTO sources (index_id, epoch) VALUES (?, ?) RETURNING number";
constexpr const char* kHandOver = "UPDATE entries SET source = ?, version = ? WHERE source = ?";
constexpr const char* kAddLineage =
    "INSERT OR IGNORE INTO lineage (epoch, index_id, old_epoch, sequence, sum) VALUES (?, ?, ?, ?, ?)";
constexpr const char* kTrimLineage =
    "DELETE FROM lineage WHERE epoch <= (SELECT epoch FROM lineage ORDER BY epoch DESC LIMIT 1 OFFSET ?)";
constexpr const char* kDropItems = "DELETE FROM entries WHERE rank < 3";
constexpr const char* kAttribute =
    "UPDATE entries INDEXED BY entries_of_nobody SET source = ?, version = ? WHERE source = 0";
constexpr const char* kDropChunks = "DELETE FROM chunks";
constexpr const char* kDropSignatures = "DELETE FROM signatures";
constexpr const char* kDropPositions = "DELETE FROM positions";
constexpr const char* kDropPositionsOf = "DELETE FROM positions WHERE side = ?";
constexpr const char* kDropPartials = "DELETE FROM partials";

std::int64_t signed_of(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

bool in_sum(Rank rank, EntryState state) {
  return rank != Rank::Delete && is_counted(state);
}

Status check_entry(const Entry& entry) {
  if (entry.key.size() > kKeyBytesMax) {
    return Error(Code::Invalid, "a key of " + std::to_string(entry.key.size()) + " bytes is too long");
  }
  if (entry.meta.size() > kMetaBytesMax || entry.local.size() > kLocalBytesMax || entry.size > kNumberMax) {
    return Error(Code::Invalid, "the metadata or size of " + shown(entry.key) + " is beyond its limit");
  }
  if (!entry.deleted && entry.rank == Rank::Delete) {
    return Error(Code::Invalid, "rank Delete is for tombstones, but " + shown(entry.key) + " is not deleted");
  }
  return ok();
}

}  // namespace

// --- the transaction ---

IndexBatch::IndexBatch(Index& index, sys::Transaction transaction)
    : index_(&index),
      transaction_(std::move(transaction)),
      saved_(index.identity_),
      saved_signature_bytes_(index.signature_bytes_),
      saved_signature_clock_(index.signature_clock_) {
  index_->in_batch_ = true;
}

IndexBatch::IndexBatch(IndexBatch&& other) noexcept
    : index_(std::exchange(other.index_, nullptr)),
      transaction_(std::move(other.transaction_)),
      saved_(std::move(other.saved_)),
      saved_signature_bytes_(other.saved_signature_bytes_),
      saved_signature_clock_(other.saved_signature_clock_),
      spoiled_(other.spoiled_) {}

IndexBatch::~IndexBatch() {
  let_go();
}

void IndexBatch::let_go() noexcept {
  if (index_ == nullptr) {
    return;
  }
  index_->identity_ = std::move(saved_);
  index_->signature_bytes_ = saved_signature_bytes_;
  index_->signature_clock_ = saved_signature_clock_;
  index_->failures_.reset();
  index_->sources_.clear();  // one may have been added
  index_->in_batch_ = false;
  index_ = nullptr;
}

Status IndexBatch::commit() {
  HA_ASSERT(index_ != nullptr);
  Status saved =
      spoiled_ ? Status(Error(Code::Internal, "an earlier write of this batch failed")) : save_identity();
  if (saved.ok()) {
    saved = transaction_.commit();
  }
  if (!saved.ok()) {
    transaction_.roll_back();
    let_go();
    return saved;
  }
  index_->in_batch_ = false;
  index_ = nullptr;
  return ok();
}

Status IndexBatch::save_identity() {
  const Identity& now = index_->identity_;
  if (now == saved_ && index_->signature_bytes_ == saved_signature_bytes_ &&
      index_->signature_clock_ == saved_signature_clock_) {
    return ok();
  }
  return run(kSaveIdentity, signed_of(now.index_id), signed_of(now.epoch), signed_of(now.head),
             signed_of(now.count), now.sum, signed_of(now.trimmed_to), BytesView(now.digest_key),
             signed_of(now.reconciled), signed_of(index_->signature_bytes_),
             signed_of(index_->signature_clock_));
}

// --- identity ---

Status IndexBatch::set_epoch(std::uint64_t epoch) {
  Identity& now = index_->identity_;
  if (epoch < now.epoch) {
    return Error(Code::Refused, "epoch " + std::to_string(epoch) + " is over, this site has seen epoch " +
                                    std::to_string(now.epoch));
  }
  if (epoch > kNumberMax) {
    return Error(Code::Invalid, "epoch " + std::to_string(epoch) + " is beyond its limit");
  }
  if (epoch == now.epoch) {
    return ok();
  }
  now.epoch = epoch;
  return ok();
}

Status IndexBatch::add_lineage(const EpochStart& start) {
  if (start.epoch > kNumberMax || start.before.epoch >= start.epoch || start.before.sequence > kNumberMax) {
    return Error(Code::Invalid, "the start of epoch " + std::to_string(start.epoch) + " is out of range");
  }
  HA_CHECK(run(kAddLineage, signed_of(start.epoch), signed_of(start.before.index_id),
               signed_of(start.before.epoch), signed_of(start.before.sequence), start.before.sum));
  return run(kTrimLineage, std::int64_t{kLineageMax});
}

void IndexBatch::set_reconciled(std::uint64_t epoch) {
  index_->identity_.reconciled = std::max(index_->identity_.reconciled, epoch);
}

Status IndexBatch::hand_over(const Source& source, std::uint64_t version) {
  if (!std::exchange(index_->claimed_, false)) {
    return ok();
  }
  HA_TRY(const std::optional<std::uint64_t> own,
         number(kFindSource, signed_of(index_->identity_.index_id), signed_of(index_->identity_.epoch)));
  if (!own) {
    return ok();
  }
  HA_TRY(const std::int64_t theirs, number_of(source));
  return run(kHandOver, theirs, signed_of(version), signed_of(*own));
}

Result<std::int64_t> IndexBatch::number_of(const Source& source) {
  if (source == Source{}) {
    return std::int64_t{0};
  }
  for (const auto& [known, value] : index_->sources_) {
    if (value == source) {
      return known;
    }
  }
  const auto id = signed_of(source.index_id);
  HA_TRY(std::optional<std::uint64_t> found, number(kFindSource, id, signed_of(source.epoch)));
  if (!found) {
    HA_TRY(found, number(kAddSource, id, signed_of(source.epoch)));
  }
  const auto given = static_cast<std::int64_t>(found.value_or(0));
  index_->sources_[given] = source;
  return given;
}

Status IndexBatch::set_digest_key(BytesView key) {
  Identity& now = index_->identity_;
  if (key.size() != sys::kDigestKeyBytes) {
    return Error(Code::Invalid, "a digest key has " + std::to_string(sys::kDigestKeyBytes) + " bytes, not " +
                                    std::to_string(key.size()));
  }
  if (key == BytesView(now.digest_key)) {
    return ok();
  }
  if (!now.digest_key.empty()) {
    HA_TRY(const std::uint64_t id, random_index_id());
    for (const char* sql : {kDropItems, kDropChunks, kDropSignatures, kDropPartials}) {
      HA_CHECK(run(sql));
    }
    HA_CHECK(run(kDropPositionsOf, std::int64_t{kSideAcknowledged}));
    now.index_id = id;
    now.count = 0;
    now.sum = {};
    now.trimmed_to = now.head;
    index_->signature_bytes_ = 0;
  }
  now.digest_key = key;
  return ok();
}

Status IndexBatch::renew_id() {
  HA_TRY(const std::uint64_t id, random_index_id());
  HA_CHECK(run(kDropPositions));
  index_->identity_.index_id = id;
  return ok();
}

// --- entries ---

Result<std::optional<IndexBatch::Old>> IndexBatch::find_old(BytesView key) {
  HA_TRY(sys::Query query, index_->database_.query(kOld));
  auto found = query->bind(key).step();
  spoiled_ = spoiled_ || !found.ok();
  HA_TRY(const bool row, std::move(found));
  if (!row) {
    return std::optional<Old>();
  }
  const auto rank = static_cast<Rank>(query->integer(1));
  const auto state = static_cast<EntryState>(query->integer(2));
  return std::optional<Old>({query->u64(0), rank == Rank::Delete, in_sum(rank, state), query->digest(3),
                             query->digest(4), query->u64(5), Bytes(query->bytes(6))});
}

// What stood there before the content that stands there now, or before it was deleted.
Bytes IndexBatch::was_of(const Entry& entry, const std::optional<Old>& old) {
  if (!old) {
    return {};
  }
  if (old->tombstone || (!entry.deleted && entry.content == old->content)) {
    return old->was;
  }
  return old->size >= kMovedBytesMin && !old->content.is_zero() ? digest_bytes(old->content) : Bytes();
}

Status IndexBatch::store(const Entry& entry, std::uint64_t sequence, const std::optional<Old>& old) {
  const Source own{index_->identity_.index_id, index_->identity_.epoch};
  const bool nobodys = entry.source == Source{};
  index_->claimed_ = index_->claimed_ || (!index_->own_changes_ && entry.source == own);
  const Source source = nobodys && index_->own_changes_ ? own : entry.source;
  const std::uint64_t version = nobodys ? (index_->own_changes_ ? sequence : 0) : entry.version;
  HA_TRY(const std::int64_t source_number, number_of(source));
  const Bytes was = was_of(entry, old);
  HA_CHECK(run(old ? kUpdate : kInsert, BytesView(entry.key), signed_of(sequence),
               static_cast<std::int64_t>(entry.rank), static_cast<std::int64_t>(entry.state), entry.hash,
               entry.content, signed_of(entry.size), source_number, signed_of(version), BytesView(was),
               BytesView(entry.meta), BytesView(entry.local)));
  if (old && old->counted) {
    index_->identity_.sum -= old->hash;
    --index_->identity_.count;
  }
  if (in_sum(entry.rank, entry.state)) {
    index_->identity_.sum += entry.hash;
    ++index_->identity_.count;
  }
  return ok();
}

Result<std::uint64_t> IndexBatch::put(const Entry& entry, Numbering numbering) {
  HA_CHECK(check_entry(entry));
  if (entry.deleted) {
    return erase(entry.key, entry.source, entry.version);
  }
  HA_TRY(const std::optional<Old> old, find_old(entry.key));
  const std::uint64_t sequence =
      numbering == Numbering::Next ? ++index_->identity_.head : (old ? old->sequence : 0);
  HA_CHECK(store(entry, sequence, old));
  return sequence;
}

Result<std::uint64_t> IndexBatch::erase(BytesView key, const Source& source, std::uint64_t version) {
  HA_TRY(const std::optional<Old> old, find_old(key));
  if (!old || old->tombstone) {
    return old ? old->sequence : std::uint64_t{0};
  }
  Entry tombstone;
  tombstone.key = key;
  tombstone.deleted = true;
  tombstone.rank = Rank::Delete;
  tombstone.content = old->content;
  tombstone.source = source;
  tombstone.version = version;
  const std::uint64_t sequence = ++index_->identity_.head;
  HA_CHECK(store(tombstone, sequence, old));
  HA_CHECK(drop_chunks(key));
  return sequence;
}

Status IndexBatch::forget(BytesView key) {
  HA_TRY(const std::optional<Old> old, find_old(key));
  if (!old) {
    return ok();
  }
  HA_CHECK(run(kForget, key));
  if (old->counted) {
    index_->identity_.sum -= old->hash;
    --index_->identity_.count;
  }
  return drop_chunks(key);
}

Status IndexBatch::attribute(const Source& source, std::uint64_t version) {
  if (source == Source{}) {
    return ok();
  }
  HA_TRY(const std::int64_t source_number, number_of(source));
  return run(kAttribute, source_number, signed_of(version));
}

Status IndexBatch::attribute_unseen(const Source& source, std::uint64_t version, const Lineage& lineage) {
  std::vector<std::pair<std::int64_t, std::optional<std::uint64_t>>> unseen;
  {
    HA_TRY(sys::Query query, index_->database_.query(kNewestOfSources));
    for (;;) {
      HA_TRY(const bool row, query->step());
      if (!row) {
        break;
      }
      const auto seen = seen_of({query->u64(2), query->u64(3)}, lineage, source.epoch);
      if (!seen || query->u64(1) > *seen) {
        unseen.emplace_back(query->integer(0), seen);
      }
    }
  }
  HA_TRY(const std::int64_t source_number, number_of(source));
  for (const auto& [number, seen] : unseen) {
    HA_CHECK(run(kAttributeUnseen, source_number, signed_of(version), number,
                 seen ? signed_of(*seen) : std::int64_t{-1}));
  }
  return ok();
}

Status IndexBatch::update_local(BytesView key, BytesView local) {
  if (local.size() > kLocalBytesMax) {
    return Error(Code::Invalid, "what is known of " + shown(key) + " locally is beyond its limit");
  }
  HA_TRY(const std::optional<std::uint64_t> done, number(kUpdateLocal, key, local));
  return done ? ok() : Status(Error(Code::NotFound, "there is no entry " + shown(key)));
}

// --- tombstones ---

Result<std::uint64_t> IndexBatch::trim_tombstones(std::uint64_t acknowledged, std::uint64_t tombstones_max) {
  std::uint64_t dropped = 0;
  HA_CHECK(drop_tombstones_to(std::min(acknowledged, kNumberMax), dropped));
  // The newest one that is one too many; all older ones go with it.
  HA_TRY(const std::optional<std::uint64_t> excess,
         number(kNthTombstone, signed_of(std::min(tombstones_max, kNumberMax))));
  if (excess) {
    HA_CHECK(drop_tombstones_to(*excess, dropped));
  }
  return dropped;
}

Status IndexBatch::drop_tombstones_to(std::uint64_t sequence, std::uint64_t& dropped) {
  HA_TRY(const std::optional<std::uint64_t> last, number(kLastTombstone, signed_of(sequence)));
  if (!last) {
    return ok();
  }
  HA_CHECK(run(kDropTombstones, signed_of(sequence)));
  dropped += static_cast<std::uint64_t>(index_->database_.changed_rows());
  index_->identity_.trimmed_to = std::max(index_->identity_.trimmed_to, *last);
  return ok();
}

}  // namespace ha::replicator
