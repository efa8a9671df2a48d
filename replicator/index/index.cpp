#include "replicator/index/index.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/sys/digest.h"
#include "replicator/index/schema_info.h"

namespace ha::replicator {
namespace {

constexpr int kDamagedCopiesMax = 1000;
constexpr const char* kDamagedHint =
    "move it aside and start again: a new index is made and everything is compared";

constexpr const char* kCreateIdentity = "INSERT INTO identity (one, index_id, sum) VALUES (1, ?, ?)";
constexpr const char* kSignatureState = "SELECT signature_bytes, signature_clock FROM identity";
constexpr const char* kHighestSequence =
    "SELECT max(sequence) FROM entries INDEXED BY entries_by_sequence WHERE rank = ?";

bool is_there(const std::string& path) {
  std::error_code absent;
  return std::filesystem::exists(std::filesystem::symlink_status(path, absent));
}

Error os_error(const std::string& what, const std::error_code& error) {
  return errno_error(what, error.value());
}

}  // namespace

Result<std::uint64_t> random_index_id() {
  for (;;) {
    HA_TRY(const Bytes random, sys::random_bytes(sizeof(std::uint64_t)));
    if (const std::uint64_t id = get_u64(random, 0); id != 0) {
      return id;
    }
  }
}

// --- opening ---

Result<Index> Index::open(const std::string& path, const IndexOptions& options) {
  auto opened = open_file(path, options);
  if (opened.ok()) {
    return opened;
  }
  Error error = std::move(opened).error().in("index " + escape(path));
  return error.code() == Code::Corrupt ? std::move(error).hinted(kDamagedHint) : std::move(error);
}

Result<Index> Index::open_file(const std::string& path, const IndexOptions& options) {
  sys::DatabaseOptions database_options;
  database_options.mode = sys::OpenMode::Create;
  database_options.cache_kib = kIndexCacheKib;
  HA_TRY(sys::Database database, sys::Database::open(path, index_schema(), database_options));
  Index index(std::move(database), options);
  HA_CHECK(index.load());
  if (options.check) {
    HA_CHECK(index.verify());
  }
  return index;
}

Status Index::load() {
  auto identity = read_identity();
  if (!identity.ok() && identity.error().code() == Code::NotFound) {
    HA_CHECK(create_identity());
    identity = read_identity();
  }
  HA_TRY(identity_, std::move(identity));
  HA_TRY(sys::Query query, database_.query(kSignatureState));
  HA_TRY(const bool row, query->step());
  signature_bytes_ = row ? query->u64(0) : 0;
  signature_clock_ = row ? query->u64(1) : 0;
  return ok();
}

Status Index::create_identity() {
  HA_TRY(const std::uint64_t id, random_index_id());
  HA_TRY(sys::Transaction transaction, sys::Transaction::begin(database_, sys::Transaction::Kind::Write));
  HA_TRY(sys::Query query, database_.query(kCreateIdentity));
  HA_CHECK(query->bind_u64(id).bind(Digest{}).run());
  return transaction.commit();
}

Status Index::verify() {
  HA_CHECK(database_.check());
  HA_TRY(const RangeSum entries, sum_of({}));
  if (entries.count != identity_.count || entries.sum != identity_.sum) {
    return Error(Code::Corrupt,
                 "the sum stored is not that of the entries: " + std::to_string(identity_.count) +
                     " items are noted, " + std::to_string(entries.count) + " are there");
  }
  for (int rank = 0; rank <= static_cast<int>(Rank::Delete); ++rank) {
    HA_TRY(sys::Query query, database_.query(kHighestSequence));
    HA_TRY(const bool row, query->bind(rank).step());
    if (row && query->u64(0) > identity_.head) {
      return Error(Code::Corrupt, "an entry has a higher sequence than was ever given out");
    }
  }
  return ok();
}

// The file goes first: SQLite throws a WAL away that has no file, but would replay it into one that has.
Result<std::string> Index::reset_aside(const std::string& path) {
  namespace fs = std::filesystem;
  if (!is_there(path)) {
    return Error(Code::NotFound, "there is no index " + escape(path));
  }
  for (int number = 1; number <= kDamagedCopiesMax; ++number) {
    const std::string aside = path + ".damaged-" + std::to_string(number);
    if (is_there(aside) || is_there(aside + "-wal")) {
      continue;
    }
    std::error_code error;
    fs::rename(path, aside, error);
    if (error) {
      return os_error("cannot move " + escape(path) + " aside", error);
    }
    if (is_there(path + "-wal")) {
      fs::rename(path + "-wal", aside + "-wal", error);
    }
    if (!error) {
      fs::remove(path + "-shm", error);
    }
    if (error) {
      return os_error("cannot clear the place of " + escape(path), error);
    }
    return aside;
  }
  return Error(Code::Exhausted,
               std::to_string(kDamagedCopiesMax) + " damaged copies of " + escape(path) + " are kept",
               "remove the ones nobody needs: " + escape(path) + ".damaged-*");
}

// --- asking and writing ---

Result<std::uint64_t> Index::acknowledged_by_all(const std::vector<std::string>& peers) {
  std::uint64_t least = identity_.head;
  for (const std::string& peer : peers) {
    HA_TRY(const std::optional<Position> position, acknowledged(peer));
    const bool ours = position && same_lineage(*position, identity_.position());
    least = std::min(least, ours ? position->sequence : 0);
  }
  return least;
}

Result<IndexBatch> Index::begin() {
  if (in_batch_) {
    return Error(Code::Internal, "a batch of this index is open already");
  }
  HA_TRY(sys::Transaction transaction, sys::Transaction::begin(database_, sys::Transaction::Kind::Write));
  return IndexBatch(*this, std::move(transaction));
}

}  // namespace ha::replicator
