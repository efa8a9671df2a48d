#include "replicator/apply/assembly.h"

#include <algorithm>
#include <iterator>

#include "replicator/delta/chunker.h"

namespace ha::replicator {
namespace {

constexpr std::size_t kPieceHeadBytes = 8 + 4;

}  // namespace

Result<bool> Assembly::has(std::uint64_t offset, std::uint64_t bytes, std::uint64_t size_max) const {
  if (bytes == 0 || offset > size_max || bytes > size_max - offset) {
    return Error(Code::Corrupt, "an instruction writes beyond the end of its item");
  }
  const auto after = pieces_.upper_bound(offset);
  if (after != pieces_.begin()) {
    const auto& [begin, piece] = *std::prev(after);
    const std::uint64_t end = begin + piece.bytes;
    if (offset + bytes <= end) {
      return true;
    }
    if (offset < end) {
      return Error(Code::Corrupt, "instructions overlap");
    }
  }
  if (after != pieces_.end() && after->first < offset + bytes) {
    return Error(Code::Corrupt, "instructions overlap");
  }
  return false;
}

Status Assembly::add(std::uint64_t offset, const ChunkList& chunks) {
  const std::uint64_t bytes = total_bytes(chunks);
  const auto after = pieces_.upper_bound(offset);
  if (after != pieces_.begin()) {
    auto& [begin, before] = *std::prev(after);
    if (begin + before.bytes == offset) {
      before.chunks.insert(before.chunks.end(), chunks.begin(), chunks.end());
      before.bytes += bytes;
      covered_bytes_ += bytes;
      return ok();
    }
  }
  if (pieces_.size() >= kPiecesMax) {
    return Error(Code::Exhausted, "the item came in more than " + std::to_string(kPiecesMax) + " pieces");
  }
  pieces_.emplace_hint(after, offset, Piece{bytes, chunks});
  covered_bytes_ += bytes;
  return ok();
}

std::uint64_t Assembly::end() const noexcept {
  return pieces_.empty() ? 0 : pieces_.rbegin()->first + pieces_.rbegin()->second.bytes;
}

ChunkList Assembly::chunks() const {
  ChunkList out;
  std::uint64_t zeros = 0;
  const auto flush = [&] {
    const ChunkList run = zero_chunks(zeros);
    out.insert(out.end(), run.begin(), run.end());
    zeros = 0;
  };
  for (const auto& [offset, piece] : pieces_) {
    for (const Chunk& chunk : piece.chunks) {
      if (chunk.is_zeros()) {
        zeros += chunk.length;
      } else {
        flush();
        out.push_back(chunk);
      }
    }
  }
  flush();
  return out;
}

std::vector<ByteRange> Assembly::ranges() const {
  std::vector<ByteRange> out;
  for (const auto& [offset, piece] : pieces_) {
    if (!out.empty() && out.back().offset + out.back().bytes == offset) {
      out.back().bytes += piece.bytes;
    } else {
      out.push_back({offset, piece.bytes});
    }
  }
  return out;
}

Bytes Assembly::encode() const {
  Bytes out;
  for (const auto& [offset, piece] : pieces_) {
    put_u64(out, offset);
    put_u32(out, static_cast<std::uint32_t>(piece.chunks.size()));
    out += encode_chunks(piece.chunks);
  }
  return out;
}

Result<Assembly> Assembly::decode(BytesView bytes) {
  Assembly out;
  while (!bytes.empty()) {
    if (bytes.size() < kPieceHeadBytes) {
      return Error(Code::Corrupt, "kept transfer: cut short");
    }
    const std::uint64_t offset = get_u64(bytes, 0);
    const std::size_t records = std::size_t{get_u32(bytes, 8)} * kChunkRecordBytes;
    bytes.remove_prefix(kPieceHeadBytes);
    if (records > bytes.size()) {
      return Error(Code::Corrupt, "kept transfer: cut short");
    }
    HA_TRY(const ChunkList chunks, decode_chunks(bytes.substr(0, records)));
    bytes.remove_prefix(records);
    HA_TRY(const bool there, out.has(offset, total_bytes(chunks), 1ULL << 62));
    if (there) {
      return Error(Code::Corrupt, "kept transfer: a piece twice");
    }
    HA_CHECK(out.add(offset, chunks));
  }
  return out;
}

ChunkList zero_chunks(std::uint64_t bytes) {
  ChunkList out;
  while (bytes > 0) {
    const std::uint64_t length = std::min<std::uint64_t>(bytes, kZeroChunkBytesMax);
    out.push_back({static_cast<std::uint32_t>(length), Digest{}});
    bytes -= length;
  }
  return out;
}

}  // namespace ha::replicator
