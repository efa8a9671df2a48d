#include "replicator/delta/chunker.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

namespace ha::replicator {

namespace {

// Normalized chunking, level 2: four times harder to cut than the average asks for below it, four times
// easier above. A cut is where the topmost bits of the rolling sum are zero, as those depend on the most
// bytes.
constexpr int kBitsBelowAverage = 18;
constexpr int kBitsAboveAverage = 14;
constexpr std::uint64_t kLimitBelowAverage = 1ULL << (64 - kBitsBelowAverage);
constexpr std::uint64_t kLimitAboveAverage = 1ULL << (64 - kBitsAboveAverage);
constexpr std::size_t kWindowBytes = 64;  // a byte is shifted out of the sum after so many

// What waits for its cut is always less than this, see look_ahead().
constexpr std::size_t kCarryBytesMax = kChunkBytesMax + kZeroGridBytes;

// splitmix64. The seed is part of the wire format.
constexpr std::array<std::uint64_t, 256> make_gear() {
  std::array<std::uint64_t, 256> gear{};
  std::uint64_t state = 0x68617265706c6963;  // "hareplic"
  for (std::uint64_t& value : gear) {
    state += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    value = mixed ^ (mixed >> 31);
  }
  return gear;
}
constexpr std::array<std::uint64_t, 256> kGear = make_gear();

// A position's sum depends on the window before it and on nothing else, so the sums of several stretches can
// be computed side by side: one alone waits for itself at every byte, which halves the speed.
constexpr std::size_t kLanes = 4;
constexpr std::size_t kLaneBytes = 1024;

std::uint64_t roll(std::uint64_t sum, unsigned char byte) {
  return (sum << 1) + kGear[byte];
}

std::uint64_t window_sum(const unsigned char* data, std::size_t end) {
  std::uint64_t sum = 0;
  for (std::size_t i = end - kWindowBytes; i < end; ++i) {
    sum = roll(sum, data[i]);
  }
  return sum;
}

// The first length in (from, to] at which the sum is below `limit`, or 0. `from` is at least kWindowBytes.
std::size_t scan_one(const unsigned char* data, std::size_t from, std::size_t to, std::uint64_t limit) {
  std::uint64_t sum = window_sum(data, from);
  for (std::size_t i = from; i < to; ++i) {
    sum = roll(sum, data[i]);
    if (sum < limit) {
      return i + 1;
    }
  }
  return 0;
}

std::size_t scan(const unsigned char* data, std::size_t from, std::size_t to, std::uint64_t limit) {
  for (; to - from >= kLanes * kLaneBytes; from += kLanes * kLaneBytes) {
    const unsigned char* lane = data + from;
    std::uint64_t sum_0 = window_sum(data, from);
    std::uint64_t sum_1 = window_sum(data, from + kLaneBytes);
    std::uint64_t sum_2 = window_sum(data, from + 2 * kLaneBytes);
    std::uint64_t sum_3 = window_sum(data, from + 3 * kLaneBytes);
    for (std::size_t i = 0; i < kLaneBytes; ++i) {
      sum_0 = roll(sum_0, lane[i]);
      sum_1 = roll(sum_1, lane[i + kLaneBytes]);
      sum_2 = roll(sum_2, lane[i + 2 * kLaneBytes]);
      sum_3 = roll(sum_3, lane[i + 3 * kLaneBytes]);
      if (sum_0 < limit || sum_1 < limit || sum_2 < limit || sum_3 < limit) {
        // Rare; a later lane's cut may have an earlier lane's before it.
        return scan_one(data, from, from + kLanes * kLaneBytes, limit);
      }
    }
  }
  return scan_one(data, from, to, limit);
}

// The length of the chunk that begins a piece of data of `size` bytes (kChunkBytesMax of it at most).
std::size_t chunk_length(BytesView piece) {
  if (piece.size() <= kChunkBytesMin) {
    return piece.size();
  }
  const auto* data = reinterpret_cast<const unsigned char*>(piece.data());
  const std::size_t average = std::min(kChunkBytesAverage, piece.size());
  if (const std::size_t length = scan(data, kChunkBytesMin, average, kLimitBelowAverage); length != 0) {
    return length;
  }
  const std::size_t length = scan(data, average, piece.size(), kLimitAboveAverage);
  return length != 0 ? length : piece.size();
}

bool all_zero(BytesView bytes) {
  return bytes[0] == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

}  // namespace

Chunker::Chunker(const sys::DigestKey& key, std::uint64_t size_bytes, Sink sink)
    : key_(key), size_bytes_(size_bytes), sink_(std::move(sink)) {}

Status Chunker::feed(BytesView data) {
  HA_CHECK(expect(data.size()));
  fed_ += data.size();
  take(data);
  return ok();
}

Status Chunker::feed_zeros(std::uint64_t length) {
  static const Bytes block(kZeroGridBytes, '\0');
  HA_CHECK(expect(length));
  const bool large = size_bytes_ > kDataChunkBytesMax;
  while (length > 0) {
    // Nothing waits, so we stand on the grid: whole blocks need not exist as bytes.
    if (large && carry_.empty() && length >= kZeroGridBytes) {
      const std::uint64_t whole = length - length % kZeroGridBytes;
      fed_ += whole;
      zeros_ += whole;
      position_ += whole;
      data_end_ = position_;
      length -= whole;
      continue;
    }
    const std::uint64_t to_grid = kZeroGridBytes - fed_ % kZeroGridBytes;
    const std::size_t piece = std::min(length, to_grid);
    fed_ += piece;
    take(BytesView(block).substr(0, piece));
    length -= piece;
  }
  return ok();
}

Result<ChunkList> Chunker::finish() {
  if (fed_ != size_bytes_) {
    return Error(Code::Conflict, "the file became shorter than its " + std::to_string(size_bytes_) +
                                     " bytes while it was read");
  }
  emit_zeros();
  HA_ASSERT(position_ == size_bytes_ && carry_.empty());
  return std::move(chunks_);
}

Status Chunker::expect(std::uint64_t length) const {
  if (size_bytes_ > kChunkedFileBytesMax) {
    return Error(Code::Exhausted, "a file of " + std::to_string(size_bytes_) +
                                      " bytes is over the limit of " + std::to_string(kChunkedFileBytesMax));
  }
  if (length > size_bytes_ - fed_) {
    return Error(Code::Conflict, "the file became longer than its " + std::to_string(size_bytes_) +
                                     " bytes while it was read");
  }
  return ok();
}

void Chunker::take(BytesView data) {
  if (size_bytes_ <= kDataChunkBytesMax) {
    take_small(data);
    return;
  }
  if (!carry_.empty()) {
    const std::size_t carried = carry_.size();
    const std::size_t added = std::min(data.size(), kCarryBytesMax);
    carry_.append(data.substr(0, added));
    const std::size_t consumed = cut(carry_);
    if (consumed < carried) {
      HA_ASSERT(added == data.size());
      carry_.erase(0, consumed);
      return;
    }
    carry_.clear();
    data.remove_prefix(consumed - carried);
  }
  const std::size_t consumed = cut(data);
  carry_.assign(data.substr(consumed));
}

void Chunker::take_small(BytesView data) {
  if (carry_.empty() && data.size() == size_bytes_) {
    if (!data.empty()) {
      emit_data(data);
    }
    return;
  }
  carry_.append(data);
  if (carry_.size() == size_bytes_) {
    emit_data(carry_);
    carry_.clear();
  }
}

// Cuts off `window`, which begins at position_, what can be cut; returns how many bytes that is.
std::size_t Chunker::cut(BytesView window) {
  std::size_t consumed = 0;
  while (consumed < window.size()) {
    const BytesView rest = window.substr(consumed);
    const Follows follows = look_ahead(rest);
    if (follows == Follows::Unknown) {
      break;
    }
    const std::size_t data_bytes = data_end_ - position_;
    if (data_bytes == 0) {
      const std::uint64_t length = std::min<std::uint64_t>(kZeroGridBytes, size_bytes_ - position_);
      zeros_ += length;
      position_ += length;
      data_end_ = position_;
      consumed += length;
      continue;
    }
    const BytesView piece = rest.substr(0, std::min(data_bytes, kChunkBytesMax));
    emit_zeros();
    if (const auto same = same_as_before(piece)) {
      emit_data(piece.substr(0, same->length), *same);
      consumed += same->length;
    } else {
      const std::size_t length = chunk_length(piece);
      emit_data(piece.substr(0, length));
      consumed += length;
    }
  }
  return consumed;
}

// Where a piece is cut depends on its bytes from the last cut on, and on where it ends if that comes before.
// So the last chunk of a piece of before says nothing: more may follow now.
std::optional<Chunk> Chunker::same_as_before(BytesView piece) {
  while (before_next_ < before_.size() && before_at_ < position_) {
    before_at_ += before_[before_next_++].length;
  }
  if (before_at_ != position_ || before_next_ + 1 >= before_.size() || before_[before_next_].is_zeros() ||
      before_[before_next_ + 1].is_zeros() || before_[before_next_].length > piece.size()) {
    return std::nullopt;
  }
  const Chunk& chunk = before_[before_next_];
  return sys::digest(key_, piece.substr(0, chunk.length)) == chunk.digest ? std::optional(chunk)
                                                                          : std::nullopt;
}

// Moves data_end_ on until the next cut is certain: over kChunkBytesMax of data, or up to where it ends.
// Unknown means that less than kChunkBytesMax and a part of a block is there.
Chunker::Follows Chunker::look_ahead(BytesView window) {
  while (data_end_ < position_ + kChunkBytesMax) {
    if (data_end_ == size_bytes_) {
      return Follows::End;
    }
    const std::uint64_t block_end = std::min<std::uint64_t>(data_end_ + kZeroGridBytes, size_bytes_);
    if (block_end - position_ > window.size()) {
      return Follows::Unknown;
    }
    const std::size_t at = data_end_ - position_;
    if (all_zero(window.substr(at, block_end - data_end_))) {
      return Follows::Zeros;
    }
    data_end_ = block_end;
  }
  return Follows::Data;
}

void Chunker::emit_data(BytesView data) {
  emit_data(data, {static_cast<std::uint32_t>(data.size()), sys::digest(key_, data)});
}

void Chunker::emit_data(BytesView data, const Chunk& chunk) {
  const std::uint64_t offset = position_;
  chunks_.push_back(chunk);
  position_ += data.size();
  if (sink_) {
    sink_(offset, chunk, data);
  }
}

void Chunker::emit_zeros() {
  while (zeros_ > 0) {
    const auto length = static_cast<std::uint32_t>(std::min<std::uint64_t>(zeros_, kZeroChunkBytesMax));
    const Chunk chunk{length, Digest{}};
    const std::uint64_t offset = position_ - zeros_;
    chunks_.push_back(chunk);
    zeros_ -= length;
    if (sink_) {
      sink_(offset, chunk, {});
    }
  }
}

Result<Digest> content_digest(const sys::DigestKey& key, const ChunkList& chunks, std::uint64_t size_bytes) {
  if (total_bytes(chunks) != size_bytes) {
    return Error(Code::Invalid, "a chunk list of " + std::to_string(total_bytes(chunks)) +
                                    " bytes for a file of " + std::to_string(size_bytes));
  }
  if (chunks.size() == 1 && !chunks.front().is_zeros()) {
    return chunks.front().digest;
  }
  return sys::digest(key, encode_chunks(chunks));
}

}  // namespace ha::replicator
