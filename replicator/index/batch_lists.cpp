// A batch of changes: the side lists.
#include <algorithm>
#include <limits>
#include <utility>

#include "replicator/index/batch_run.h"
#include "replicator/index/index.h"
#include "replicator/index/schema_info.h"

namespace ha::replicator {
namespace {

constexpr std::uint64_t kNumberMax = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kSiteBytesMax = 255;
constexpr const char* kAgeChunks = "UPDATE OR REPLACE chunks SET version = 1 WHERE key = ? AND version = 0";
constexpr const char* kCurrentIs = "SELECT 1 FROM chunks WHERE key = ? AND version = 0 AND content = ?";
constexpr const char* kPutChunks =
    "INSERT OR REPLACE INTO chunks (key, version, content, list) VALUES (?, 0, ?, ?)";
constexpr const char* kDropChunksOf = "DELETE FROM chunks WHERE key = ?";

constexpr const char* kDropSignature = "DELETE FROM signatures WHERE chunk = ? RETURNING size";
constexpr const char* kPutSignature =
    "INSERT INTO signatures (chunk, used, size, signature) VALUES (?, ?, ?, ?)";
constexpr const char* kEvictSignature =
    "DELETE FROM signatures WHERE chunk = (SELECT chunk FROM signatures ORDER BY used LIMIT 1) RETURNING "
    "size";

constexpr const char* kSetPosition =
    "INSERT OR REPLACE INTO positions (side, site, index_id, epoch, sequence, sum) VALUES (?, CAST(? AS "
    "TEXT), ?, ?,"
    " ?, ?)";
constexpr const char* kForgetPeer = "DELETE FROM positions WHERE site = CAST(? AS TEXT)";

constexpr const char* kPutPartial =
    "INSERT OR REPLACE INTO partials (key, content, staged, ranges, bytes) VALUES (?, ?, ?, ?, ?)";
constexpr const char* kRemovePartial = "DELETE FROM partials WHERE key = ? AND content = ?";
constexpr const char* kPutStaging = "INSERT OR IGNORE INTO staging (path) VALUES (?)";
constexpr const char* kRemoveStaging = "DELETE FROM staging WHERE path = ?";
constexpr const char* kPutJournal = "INSERT INTO journal (key, staged, op) VALUES (?, ?, ?)";
constexpr const char* kRemoveJournal = "DELETE FROM journal WHERE number = ?";
constexpr const char* kClearJournal = "DELETE FROM journal";

constexpr const char* kFailAgain =
    "UPDATE failures SET reason = CAST(?2 AS TEXT), tries = tries + 1 WHERE key = ?1 RETURNING 1";
constexpr const char* kFailFirst =
    "INSERT INTO failures (key, reason, since_ns, tries) VALUES (?, CAST(? AS TEXT), ?, 1)";
constexpr const char* kClearFailures =
    "DELETE FROM failures WHERE substr(reason, 1, length(CAST(?1 AS TEXT))) <> CAST(?1 AS TEXT)";
constexpr const char* kClearFailure = "DELETE FROM failures WHERE key = ? RETURNING 1";

std::int64_t signed_of(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

Status check_key_length(BytesView key) {
  return key.size() <= kKeyBytesMax ? ok() : Status(Error(Code::Invalid, "a key is too long"));
}

}  // namespace

// --- chunks and signatures ---

Status IndexBatch::put_chunks(BytesView key, const Digest& content, BytesView encoded_list,
                              bool keep_previous) {
  HA_CHECK(check_key_length(key));
  if (encoded_list.size() > kChunkListBytesMax) {
    return Error(Code::Invalid, "the chunk list of " + shown(key) + " is beyond its limit");
  }
  HA_TRY(const std::optional<std::uint64_t> same, number(kCurrentIs, key, content));
  if (keep_previous && !same) {
    HA_CHECK(run(kAgeChunks, key));
  }
  return run(kPutChunks, key, content, encoded_list);
}

Status IndexBatch::drop_chunks(BytesView key) {
  return run(kDropChunksOf, key);
}

Status IndexBatch::put_signature(const Digest& chunk, BytesView signature) {
  if (signature.size() > kSignatureBytesMax) {
    return Error(Code::Invalid, "a signature of " + std::to_string(signature.size()) + " bytes is too long");
  }
  HA_TRY(const std::optional<std::uint64_t> old_bytes, number(kDropSignature, chunk));
  HA_CHECK(run(kPutSignature, chunk, signed_of(++index_->signature_clock_), signed_of(signature.size()),
               signature));
  index_->signature_bytes_ += signature.size() - old_bytes.value_or(0);
  return evict_signatures();
}

Status IndexBatch::evict_signatures() {
  while (index_->signature_bytes_ > index_->options_.signature_bytes_max) {
    HA_TRY(const std::optional<std::uint64_t> bytes, number(kEvictSignature));
    // None left: the number kept beside the table was wrong, and now is right.
    index_->signature_bytes_ =
        bytes ? index_->signature_bytes_ - std::min(*bytes, index_->signature_bytes_) : 0;
  }
  return ok();
}

// --- positions ---

Status IndexBatch::set_position(int side, std::string_view site, const Position& position) {
  if (site.empty() || site.size() > kSiteBytesMax) {
    return Error(Code::Invalid, "a site's name has 1 to 255 bytes");
  }
  if (position.epoch > kNumberMax || position.sequence > kNumberMax) {
    return Error(Code::Invalid, "the position of " + shown(site) + " is beyond its limit");
  }
  return run(kSetPosition, std::int64_t{side}, site, signed_of(position.index_id), signed_of(position.epoch),
             signed_of(position.sequence), position.sum);
}

Status IndexBatch::set_acknowledged(std::string_view peer, const Position& position) {
  return set_position(kSideAcknowledged, peer, position);
}

Status IndexBatch::set_applied(std::string_view origin, const Position& position) {
  return set_position(kSideApplied, origin, position);
}

Status IndexBatch::forget_peer(std::string_view peer) {
  return run(kForgetPeer, peer);
}

// --- transfers and publishing ---

Status IndexBatch::put_partial(const PartialTransfer& partial) {
  HA_CHECK(check_key_length(partial.key));
  if (partial.bytes > kNumberMax || partial.ranges.size() > kPartialRangesBytesMax) {
    return Error(Code::Invalid, "the partial transfer of " + shown(partial.key) + " is beyond its limit");
  }
  return run(kPutPartial, BytesView(partial.key), partial.content, BytesView(partial.staged),
             BytesView(partial.ranges), signed_of(partial.bytes));
}

Status IndexBatch::remove_partial(BytesView key, const Digest& content) {
  return run(kRemovePartial, key, content);
}

Status IndexBatch::put_staging_directory(BytesView path) {
  HA_CHECK(check_key_length(path));
  return run(kPutStaging, path);
}

Status IndexBatch::remove_staging_directory(BytesView path) {
  return run(kRemoveStaging, path);
}

Status IndexBatch::put_journal(BytesView key, BytesView staged, std::uint8_t op) {
  HA_CHECK(check_key_length(key));
  return run(kPutJournal, key, staged, std::int64_t{op});
}

Status IndexBatch::remove_journal(std::uint64_t number) {
  return run(kRemoveJournal, signed_of(number));
}

Status IndexBatch::clear_journal() {
  return run(kClearJournal);
}

// --- failures ---

Status IndexBatch::put_failure(BytesView key, std::string_view reason, std::int64_t now_ns) {
  HA_CHECK(check_key_length(key));
  const std::string_view cut = reason.substr(0, kFailureReasonBytesMax);
  HA_TRY(const std::optional<std::uint64_t> again, number(kFailAgain, key, cut));
  if (again) {
    return ok();
  }
  if (!index_->failures_) {
    HA_TRY(index_->failures_, index_->failure_count());
  }
  if (*index_->failures_ >= kFailuresMax) {
    return Error(Code::Exhausted, std::to_string(kFailuresMax) + " items have failed, no more are listed");
  }
  HA_CHECK(run(kFailFirst, key, cut, now_ns));
  ++*index_->failures_;
  return ok();
}

Status IndexBatch::clear_failures() {
  index_->failures_.reset();
  return run(kClearFailures, kReadFailurePrefix);
}

Status IndexBatch::clear_failure(BytesView key) {
  HA_TRY(const std::optional<std::uint64_t> was, number(kClearFailure, key));
  if (was && index_->failures_) {
    --*index_->failures_;
  }
  return ok();
}

}  // namespace ha::replicator
