// Fine signatures kept in the index: looked up for deltas, and made ahead of need.
//
// Nothing depends on them but speed: a signature that is missing costs a question to the replica.
// Thread safety: one thread at a time, that of the index given. Source: docs/wire.md, "Deltas".
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/sys/digest.h"
#include "common/sys/file.h"
#include "replicator/delta/signature.h"
#include "replicator/index/index.h"

namespace ha::replicator {

inline constexpr std::uint64_t kWholeFileBytesMax = 64 * 1024;  // up to this files travel whole
inline constexpr std::size_t kFreshSignatureBytesMax = 8 * 1024 * 1024;

// The index' signatures as a SignatureStore. What is put is kept in memory, where save() takes it from;
// beyond kFreshSignatureBytesMax it starts afresh. An index that cannot be read counts as one that has no
// signatures.
class IndexSignatures final : public SignatureStore {
 public:
  // `index` must outlive it.
  explicit IndexSignatures(IndexQueries& index) : index_(&index) {}

  [[nodiscard]] std::optional<Bytes> get(const Digest& chunk) override;
  void put(const Digest& chunk, BytesView signature) override;
  // Whether it was put and not saved yet.
  [[nodiscard]] bool has(const Digest& chunk) const { return fresh_.contains(chunk); }
  // Room may be missing for the signature of a large chunk.
  [[nodiscard]] bool is_full() const noexcept {
    return fresh_bytes_ + kSignatureBytesMax > kFreshSignatureBytesMax;
  }
  // Writes what is new and forgets it here.
  Status save(IndexBatch& batch);

 private:
  IndexQueries* index_;
  std::map<Digest, Bytes> fresh_;
  std::size_t fresh_bytes_ = 0;
};

struct SignaturesMade {
  std::uint64_t chunks = 0;
  std::uint64_t bytes_read = 0;
  bool complete = false;  // every chunk of the current version has its signature now
};

// Makes missing signatures of the current version of `key` and stores them in `index`: reads at most
// `budget_bytes` of the file, and makes about kFreshSignatureBytesMax in one call; call again until complete.
// Nothing to do (complete) for a small, deleted or irregular item. Conflict if the file is not what the index
// says; NotFound, Denied, Io as reading gives them. What was made before an error is stored all the same.
[[nodiscard]] Result<SignaturesMade> make_signatures(const sys::Directory& root, Index& index,
                                                     const sys::DigestKey& digest_key, BytesView key,
                                                     std::uint64_t budget_bytes,
                                                     const std::atomic<bool>& stop);

}  // namespace ha::replicator
