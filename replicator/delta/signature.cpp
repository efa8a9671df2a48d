#include "replicator/delta/signature.h"

#include <string>

namespace ha::replicator {

namespace {

constexpr std::uint32_t kMagicRkMd4 = 0x72730146;  // RS_RK_MD4_SIG_MAGIC
constexpr std::uint32_t kStrongSumBytes = kSignatureSumBytes - 4;
// A list node, a map node and a bucket, roughly.
constexpr std::size_t kItemOverheadBytes = 160;

void put_u32_be(Bytes& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift));
  }
}

}  // namespace

std::size_t signature_bytes(std::uint32_t chunk_length) noexcept {
  const std::size_t blocks = (std::size_t{chunk_length} + kSignatureBlockBytes - 1) / kSignatureBlockBytes;
  return blocks * kSignatureSumBytes;
}

bool signature_matches_length(BytesView signature, std::uint32_t chunk_length) noexcept {
  return chunk_length > 0 && signature.size() == signature_bytes(chunk_length);
}

Result<Bytes> combine(std::span<const ChunkSignature> chunks) {
  Bytes out;
  put_u32_be(out, kMagicRkMd4);
  put_u32_be(out, kSignatureBlockBytes);
  put_u32_be(out, kStrongSumBytes);
  for (const ChunkSignature& chunk : chunks) {
    if (!signature_matches_length(chunk.signature, chunk.chunk_length)) {
      return Error(Code::Corrupt, "a signature of " + std::to_string(chunk.signature.size()) +
                                      " bytes for a chunk of " + std::to_string(chunk.chunk_length));
    }
    out.append(chunk.signature);
  }
  return out;
}

std::size_t SignatureCache::cost(BytesView signature) noexcept {
  return signature.size() + kItemOverheadBytes;
}

std::optional<Bytes> SignatureCache::get(const Digest& chunk) {
  const auto found = by_chunk_.find(chunk);
  if (found == by_chunk_.end()) {
    return std::nullopt;
  }
  items_.splice(items_.begin(), items_, found->second);
  return found->second->signature;
}

void SignatureCache::put(const Digest& chunk, BytesView signature) {
  if (cost(signature) > bytes_max_) {
    return;
  }
  if (const auto found = by_chunk_.find(chunk); found != by_chunk_.end()) {
    bytes_ -= cost(found->second->signature);
    items_.erase(found->second);
    by_chunk_.erase(found);
  }
  items_.push_front({chunk, Bytes(signature)});
  by_chunk_.emplace(chunk, items_.begin());
  bytes_ += cost(signature);
  while (bytes_ > bytes_max_) {
    const Item& oldest = items_.back();
    bytes_ -= cost(oldest.signature);
    by_chunk_.erase(oldest.chunk);
    items_.pop_back();
  }
}

}  // namespace ha::replicator
