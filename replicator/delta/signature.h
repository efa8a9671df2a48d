// Fine signatures of chunks: the librsync block sums that a delta inside a changed chunk is made from.
//
// They are kept per chunk, as the bare sums of its 512-byte blocks, and put together on demand for the old
// chunks of a Run. A chunk's sums start anew at its first byte, so the combined signature describes a
// *virtual basis*: the chunks one after another, each padded up to a multiple of 512 bytes (VirtualBasis in
// patch.h maps it back).
//
// Pure; thread safety: functions are free of state, a SignatureStore belongs to one thread or strand at a
// time. Source: librsync 2.3, RS_RK_MD4_SIG_MAGIC; docs/wire.md, "Deltas".
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <unordered_map>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::replicator {

inline constexpr std::size_t kSignatureBlockBytes = 512;
inline constexpr std::size_t kSignatureSumBytes = 4 + 8;  // per block: weak sum, strong sum
inline constexpr std::size_t kSignatureCacheBytes = 64 * 1024 * 1024;

// The block sums of one chunk. Invalid if it is empty or over kDataChunkBytesMax.
[[nodiscard]] Result<Bytes> chunk_signature(BytesView chunk);

[[nodiscard]] std::size_t signature_bytes(std::uint32_t chunk_length) noexcept;
// Whether a signature that a peer sent can be that of a chunk of this length.
[[nodiscard]] bool signature_matches_length(BytesView signature, std::uint32_t chunk_length) noexcept;

struct ChunkSignature {
  std::uint32_t chunk_length = 0;
  BytesView signature;  // borrowed
};
// One librsync signature of the virtual basis, for make_delta(). Corrupt if a signature does not match the
// length of its chunk.
[[nodiscard]] Result<Bytes> combine(std::span<const ChunkSignature> chunks);

// Where signatures are kept, by chunk digest; forgetting any of them costs a round trip, nothing else.
class SignatureStore {
 public:
  virtual ~SignatureStore() = default;
  [[nodiscard]] virtual std::optional<Bytes> get(const Digest& chunk) = 0;
  virtual void put(const Digest& chunk, BytesView signature) = 0;
};

// In memory; the least recently used are forgotten first.
class SignatureCache final : public SignatureStore {
 public:
  // `bytes_max`: of signatures and what it takes to find them.
  explicit SignatureCache(std::size_t bytes_max = kSignatureCacheBytes) : bytes_max_(bytes_max) {}

  [[nodiscard]] std::optional<Bytes> get(const Digest& chunk) override;
  void put(const Digest& chunk, BytesView signature) override;
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  struct Item {
    Digest chunk;
    Bytes signature;
  };
  struct Hash {
    // Digests are keyed and uniform already.
    std::size_t operator()(const Digest& digest) const noexcept { return digest.low; }
  };
  static std::size_t cost(BytesView signature) noexcept;

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::list<Item> items_;  // most recently used first
  std::unordered_map<Digest, std::list<Item>::iterator, Hash> by_chunk_;
};

}  // namespace ha::replicator
