// Transfer: what each instruction does.
#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "replicator/apply/transfer.h"
#include "replicator/delta/patch.h"

namespace ha::replicator {
namespace {

constexpr std::uint64_t kCopyGroupBytes = 1024 * 1024;
constexpr std::uint64_t kPatchBytesMax = 4 * 1024 * 1024;  // of the old run, and of the new one
constexpr std::uint64_t kWritebackBytesMin = 256 * 1024;
constexpr std::uint64_t kShareBytesMin = 64 * 1024;
constexpr std::size_t kBlockBytes = 4096;
constexpr std::uint64_t kPrecopyBytesMin = 4 * 1024 * 1024;

Error corrupt(const char* what) {
  return Error(Code::Corrupt, what);
}

bool is_zero(BytesView bytes) {
  static constexpr std::array<char, kBlockBytes> kZeros{};
  return bytes == BytesView(kZeros.data(), bytes.size());
}

}  // namespace

Status Transfer::run_op(const Op& op) {
  return std::visit(
      [&](const auto& kind) {
        using Kind = std::decay_t<decltype(kind)>;
        if constexpr (std::is_same_v<Kind, CopyOp>) {
          return copy(op.offset, kind);
        } else if constexpr (std::is_same_v<Kind, LiteralOp>) {
          return literal(op.offset, kind);
        } else if constexpr (std::is_same_v<Kind, PatchOp>) {
          return patch(op.offset, kind);
        } else {
          return zeros(op.offset, kind);
        }
      },
      op.kind);
}

Status Transfer::check_old_run(std::uint32_t first, std::uint32_t count) const {
  const std::size_t there = live_->chunks.size();
  return count > 0 && first <= there && count <= there - first
             ? ok()
             : Status(corrupt("an instruction names chunks that its basis does not have"));
}

Status Transfer::copy(std::uint64_t offset, const CopyOp& op) {
  HA_CHECK(open_basis());
  if (trouble_) {
    return ok();
  }
  HA_CHECK(check_old_run(op.old_first, op.old_count));
  const std::size_t first = op.old_first;
  const std::size_t last = first + op.old_count;
  const std::uint64_t begin = live_offsets_[first];
  HA_TRY(const bool there, assembly_.has(offset, live_offsets_[last] - begin, size_max()));
  if (there) {
    return ok();
  }
  const ChunkList& chunks = live_->chunks;
  for (std::size_t i = first; i < last && !trouble_;) {
    const std::size_t end = group_end(i, last);
    const std::uint64_t to = offset + live_offsets_[i] - begin;
    if (to == live_offsets_[i] && live_offsets_[end] <= precopied_) {
      // It is there.
    } else if (chunks[i].is_zeros()) {
      HA_CHECK(clear(to, chunks[i].length));
    } else {
      HA_CHECK(copy_group(i, end, to));
    }
    i = end;
  }
  if (trouble_) {
    return ok();
  }
  return assembly_.add(offset, ChunkList(chunks.begin() + static_cast<std::ptrdiff_t>(first),
                                         chunks.begin() + static_cast<std::ptrdiff_t>(last)));
}

// One past the chunks that are copied together with chunk `first`: a zero chunk is alone.
std::size_t Transfer::group_end(std::size_t first, std::size_t last) const {
  const ChunkList& chunks = live_->chunks;
  std::size_t end = first + 1;
  while (!chunks[first].is_zeros() && end < last && !chunks[end].is_zeros() &&
         live_offsets_[end + 1] - live_offsets_[first] <= kCopyGroupBytes) {
    ++end;
  }
  return end;
}

// Old chunks first … last - 1, all of them data.
Status Transfer::copy_group(std::size_t first, std::size_t last, std::uint64_t to) {
  const std::uint64_t from = live_offsets_[first];
  const std::uint64_t length = live_offsets_[last] - from;
  const bool share = shares_blocks_ && from % kBlockBytes == to % kBlockBytes && length >= kShareBytesMin;
  if (share) {
    HA_CHECK(share_blocks(from, to, length));
  }
  // What counts is what the new file has, not what the old one had a moment ago.
  const std::size_t bytes = length;
  HA_TRY(const Bytes data, share ? staged_file_.read_at(to, bytes) : live_->file.read_at(from, bytes));
  const auto begin = live_->chunks.begin();
  const ChunkList chunks(begin + static_cast<std::ptrdiff_t>(first),
                         begin + static_cast<std::ptrdiff_t>(last));
  std::uint64_t at = 0;
  for (const Chunk& chunk : chunks) {
    if (at + chunk.length > data.size() ||
        sys::digest(context_.key, BytesView(data).substr(at, chunk.length)) != chunk.digest) {
      return redo("what is here is not what it was known to be", Trust::Read);
    }
    at += chunk.length;
  }
  return share ? ok() : write_data(to, data);
}

Status Transfer::share_blocks(std::uint64_t from, std::uint64_t to, std::uint64_t length) {
  const std::uint64_t begin = (from + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  const std::uint64_t end = (from + length) / kBlockBytes * kBlockBytes;
  const auto copy_edge = [&](std::uint64_t edge, std::uint64_t edge_end) -> Status {
    HA_TRY(const Bytes bytes, live_->file.read_at(edge, edge_end - edge));
    return staged_file_.write_at(edge - from + to, bytes);
  };
  HA_CHECK(copy_edge(from, begin));
  HA_CHECK(staged_file_.copy_range(live_->file, begin, begin - from + to, end - begin));
  return copy_edge(end, from + length);
}

Status Transfer::literal(std::uint64_t offset, const LiteralOp& op) {
  return write_checked(offset, op.chunks, op.data, "data that was received");
}

Status Transfer::patch(std::uint64_t offset, const PatchOp& op) {
  HA_CHECK(open_basis());
  if (trouble_) {
    return ok();
  }
  HA_CHECK(check_old_run(op.old_first, op.old_count));
  const std::uint64_t new_bytes = total_bytes(op.chunks);
  if (new_bytes > kPatchBytesMax ||
      live_offsets_[op.old_first + op.old_count] - live_offsets_[op.old_first] > kPatchBytesMax) {
    return corrupt("a patch is larger than a run may be");
  }
  HA_TRY(const Bytes old_run, read_old_run(op.old_first, op.old_count));
  if (trouble_) {
    return ok();
  }
  std::vector<std::uint32_t> lengths;
  for (std::size_t i = 0; i < op.old_count; ++i) {
    lengths.push_back(live_->chunks[op.old_first + i].length);
  }
  const VirtualBasis basis(lengths);
  const auto reader = [&](std::uint64_t position, std::size_t length) -> Result<BytesView> {
    HA_TRY(const VirtualBasis::Place place, basis.locate(position));
    const std::uint64_t at =
        live_offsets_[op.old_first + place.chunk] - live_offsets_[op.old_first] + place.offset;
    return BytesView(old_run).substr(at, std::min<std::size_t>(length, place.available));
  };
  const auto made = apply_delta(op.delta, reader, new_bytes);
  if (!made.ok() || made->size() != new_bytes) {
    return redo(made.ok() ? "a patch gave the wrong length" : made.error().what());
  }
  return write_checked(offset, op.chunks, *made, "a patch");
}

Status Transfer::zeros(std::uint64_t offset, const ZerosOp& op) {
  HA_TRY(const bool there, assembly_.has(offset, op.bytes, size_max()));
  if (there) {
    return ok();
  }
  HA_CHECK(clear(offset, op.bytes));
  zero_bytes_ += op.bytes;
  return assembly_.add(offset, zero_chunks(op.bytes));
}

// But for the precopy nothing is ever written where nothing is covered.
Status Transfer::clear(std::uint64_t offset, std::uint64_t bytes) {
  return offset < written_through_
             ? staged_file_.punch_hole(offset, std::min(bytes, written_through_ - offset))
             : ok();
}

// ---------------------------------------------------------------- before the first part

Result<bool> Transfer::precopy(std::uint64_t bytes) {
  if (!live_) {
    HA_TRY(live_, open_live(context_.root, context_.index, context_.key, key_));
    precopied_content_ = basis_ = live_->content;
    live_offsets_ = chunk_offsets(live_->chunks);
  }
  const std::size_t count = live_->chunks.size();
  if (live_offsets_.back() < kPrecopyBytesMin || next_precopied_ == count) {
    HA_CHECK(settle(ok()));
    return false;
  }
  const auto copy_some = [&]() -> Status {
    HA_CHECK(open_staged());
    HA_CHECK(open_basis());
    for (const std::uint64_t until = precopied_ + bytes;
         !trouble_ && next_precopied_ < count && precopied_ < until;) {
      const std::size_t end = group_end(next_precopied_, count);
      if (!live_->chunks[next_precopied_].is_zeros()) {
        HA_CHECK(copy_group(next_precopied_, end, precopied_));
      }
      next_precopied_ = end;
      written_through_ = precopied_ = live_offsets_[end];
    }
    return ok();
  };
  HA_CHECK(settle(copy_some()));
  return !trouble_ && next_precopied_ < count;
}

Result<Bytes> Transfer::read_old_run(std::size_t first, std::size_t count) {
  const std::uint64_t begin = live_offsets_[first];
  HA_TRY(Bytes data, live_->file.read_at(begin, live_offsets_[first + count] - begin));
  for (std::size_t i = first; i < first + count; ++i) {
    const Chunk& chunk = live_->chunks[i];
    const std::uint64_t at = live_offsets_[i] - begin;
    if (at + chunk.length > data.size() ||
        (!chunk.is_zeros() &&
         sys::digest(context_.key, BytesView(data).substr(at, chunk.length)) != chunk.digest)) {
      HA_CHECK(redo("what is here is not what it was known to be", Trust::Read));
      break;
    }
  }
  return data;
}

Status Transfer::write_checked(std::uint64_t offset, const ChunkList& chunks, BytesView data,
                               const char* what) {
  HA_TRY(const bool there, assembly_.has(offset, data.size(), size_max()));
  if (there) {
    return ok();
  }
  std::size_t at = 0;
  for (const Chunk& chunk : chunks) {
    if (chunk.is_zeros() || sys::digest(context_.key, data.substr(at, chunk.length)) != chunk.digest) {
      return redo(std::string(what) + " does not match its digest");
    }
    at += chunk.length;
  }
  HA_CHECK(write_data(offset, data));
  return assembly_.add(offset, chunks);
}

// Leaves out blocks of zeros, so that holes smaller than a chunk stay holes.
Status Transfer::write_data(std::uint64_t offset, BytesView data) {
  std::size_t at = 0;
  std::size_t run_begin = 0;
  const auto flush = [&](std::size_t end) {
    return end > run_begin
               ? staged_file_.write_at(offset + run_begin, data.substr(run_begin, end - run_begin))
               : ok();
  };
  while (at < data.size()) {
    const std::size_t to_block_end = kBlockBytes - (offset + at) % kBlockBytes;
    const std::size_t length = std::min(to_block_end, data.size() - at);
    if (length == kBlockBytes && is_zero(data.substr(at, length))) {
      HA_CHECK(flush(at));
      HA_CHECK(clear(offset + at, length));
      run_begin = at + length;
    }
    at += length;
  }
  HA_CHECK(flush(data.size()));
  if (data.size() >= kWritebackBytesMin && context_.sync != SyncMode::None) {
    staged_file_.start_writeback(offset, data.size());
  }
  return ok();
}

}  // namespace ha::replicator
