#include "replicator/model/chunk.h"

namespace ha::replicator {

Bytes encode_chunks(const ChunkList& chunks) {
  Bytes out;
  out.reserve(chunks.size() * kChunkRecordBytes);
  for (const Chunk& chunk : chunks) {
    put_u32(out, chunk.length);
    put_digest(out, chunk.digest);
  }
  return out;
}

Result<ChunkList> decode_chunks(BytesView bytes) {
  if (bytes.size() % kChunkRecordBytes != 0) {
    return Error(Code::Corrupt, "chunk list has a partial record");
  }
  ChunkList chunks;
  chunks.reserve(bytes.size() / kChunkRecordBytes);
  std::uint64_t total = 0;
  for (std::size_t at = 0; at < bytes.size(); at += kChunkRecordBytes) {
    const Chunk chunk{get_u32(bytes, at), get_digest(bytes, at + 4)};
    const std::uint32_t limit = chunk.is_zeros() ? kChunkLengthMax : kDataChunkBytesMax;
    if (chunk.length == 0 || chunk.length > limit) {
      return Error(Code::Corrupt, "chunk list has a chunk of " + std::to_string(chunk.length) + " bytes");
    }
    total += chunk.length;
    if (total > 1ULL << 62) {
      return Error(Code::Corrupt, "chunk list is longer than any file");
    }
    chunks.push_back(chunk);
  }
  return chunks;
}

std::uint64_t total_bytes(const ChunkList& chunks) noexcept {
  std::uint64_t total = 0;
  for (const Chunk& chunk : chunks) {
    total += chunk.length;
  }
  return total;
}

}  // namespace ha::replicator
