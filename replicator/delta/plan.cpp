#include "replicator/delta/plan.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <tuple>

namespace ha::replicator {

namespace {

// Chunks first … end - 1 of a list.
struct Range {
  std::size_t first = 0;
  std::size_t end = 0;
  [[nodiscard]] bool empty() const noexcept { return first >= end; }
};

// offsets[i] is where chunk i begins; the last one is the length of the file.
std::vector<std::uint64_t> offsets_of(const ChunkList& chunks) {
  std::vector<std::uint64_t> offsets(chunks.size() + 1, 0);
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    offsets[i + 1] = offsets[i] + chunks[i].length;
  }
  return offsets;
}

// The pieces of data in a range, which runs of zeros separate.
std::vector<Range> data_pieces(const ChunkList& chunks, Range range) {
  std::vector<Range> pieces;
  for (std::size_t i = range.first; i < range.end; ++i) {
    if (chunks[i].is_zeros()) {
      continue;
    }
    if (!pieces.empty() && pieces.back().end == i) {
      pieces.back().end = i + 1;
    } else {
      pieces.push_back({i, i + 1});
    }
  }
  return pieces;
}

// Finds a chunk among the old ones.
class OldChunks {
 public:
  explicit OldChunks(const ChunkList& chunks) : chunks_(chunks) {
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      if (!chunks[i].is_zeros()) {
        sorted_.push_back(i);
      }
    }
    std::sort(sorted_.begin(), sorted_.end(),
              [this](std::size_t a, std::size_t b) { return sort_key(a) < sort_key(b); });
  }

  // Of several equal ones the first that is not before `wanted`, so that a run of copies stays one.
  [[nodiscard]] std::optional<std::size_t> find(const Chunk& chunk, std::size_t wanted) const {
    const auto first = lower_bound(chunk, 0);
    if (first == sorted_.end() || chunks_[*first] != chunk) {
      return std::nullopt;
    }
    const auto next = lower_bound(chunk, wanted);
    return next != sorted_.end() && chunks_[*next] == chunk ? *next : *first;
  }

 private:
  using SortKey = std::tuple<Digest, std::uint32_t, std::size_t>;
  [[nodiscard]] SortKey sort_key(std::size_t i) const { return {chunks_[i].digest, chunks_[i].length, i}; }
  [[nodiscard]] std::vector<std::size_t>::const_iterator lower_bound(const Chunk& chunk,
                                                                     std::size_t from) const {
    return std::lower_bound(sorted_.begin(), sorted_.end(), SortKey{chunk.digest, chunk.length, from},
                            [this](std::size_t i, const SortKey& wanted) { return sort_key(i) < wanted; });
  }

  const ChunkList& chunks_;
  std::vector<std::size_t> sorted_;
};

class Planner {
 public:
  Planner(const ChunkList& old_chunks, const ChunkList& new_chunks)
      : old_(old_chunks),
        new_(new_chunks),
        old_offsets_(offsets_of(old_chunks)),
        new_offsets_(offsets_of(new_chunks)) {}

  std::vector<PlanOp> run() && {
    const OldChunks index(old_);
    std::size_t old_next = 0;   // after the last match
    std::size_t gap_first = 0;  // new chunks from here on are not in ops_ yet
    for (std::size_t i = 0; i < new_.size(); ++i) {
      if (new_[i].is_zeros()) {
        continue;
      }
      if (const auto match = index.find(new_[i], old_next)) {
        fill_gap({gap_first, i}, {old_next, *match});
        add_copy(i, *match);
        old_next = *match + 1;
        gap_first = i + 1;
      }
    }
    fill_gap({gap_first, new_.size()}, {old_next, old_.size()});
    return std::move(ops_);
  }

 private:
  void add_copy(std::size_t new_index, std::size_t old_index) {
    const std::uint32_t length = new_[new_index].length;
    if (!ops_.empty()) {
      auto* last = std::get_if<Copy>(&ops_.back());
      if (last != nullptr && last->old_first + last->count == old_index) {
        ++last->count;
        last->bytes += length;
        return;
      }
    }
    ops_.emplace_back(Copy{new_offsets_[new_index], old_index, 1, length});
  }

  // New chunks without a match, and the old chunks between the matches on both sides.
  void fill_gap(Range fresh, Range old) {
    if (fresh.empty()) {
      return;
    }
    const std::vector<Range> new_pieces = data_pieces(new_, fresh);
    const std::vector<Range> old_pieces = data_pieces(old_, old);
    std::size_t at = fresh.first;
    for (std::size_t i = 0; i < new_pieces.size(); ++i) {
      add_zeros({at, new_pieces[i].first});
      Range basis;
      if (new_pieces.size() == old_pieces.size()) {
        basis = old_pieces[i];
      } else if (!old_pieces.empty()) {
        basis = nearest(old_pieces, new_offsets_[new_pieces[i].first]);
      }
      add_runs(new_pieces[i], basis);
      at = new_pieces[i].end;
    }
    add_zeros({at, fresh.end});
  }

  // Holes mean that the file is written in place, so what was at this offset is the best guess.
  [[nodiscard]] Range nearest(const std::vector<Range>& old_pieces, std::uint64_t offset) const {
    const auto after = std::upper_bound(
        old_pieces.begin(), old_pieces.end(), offset,
        [this](std::uint64_t at, const Range& piece) { return at < old_offsets_[piece.first]; });
    return after == old_pieces.begin() ? *after : *(after - 1);
  }

  void add_zeros(Range zeros) {
    if (!zeros.empty()) {
      const std::uint64_t begin = new_offsets_[zeros.first];
      ops_.emplace_back(Zeros{begin, new_offsets_[zeros.end] - begin});
    }
  }

  void add_runs(Range piece, Range basis) {
    const std::uint64_t piece_begin = new_offsets_[piece.first];
    const std::uint64_t piece_bytes = new_offsets_[piece.end] - piece_begin;
    for (std::size_t first = piece.first; first < piece.end;) {
      const std::uint64_t begin = new_offsets_[first];
      std::size_t end = first + 1;
      while (end < piece.end && new_offsets_[end + 1] - begin <= kRunNewBytesMax) {
        ++end;
      }
      const std::uint64_t bytes = new_offsets_[end] - begin;
      const Range window = old_window(basis, begin - piece_begin, bytes, piece_bytes);
      ops_.emplace_back(Run{begin, bytes, first, end - first, window.first, window.end - window.first});
      first = end;
    }
  }

  // The part of `basis` that new bytes `at` … `at + bytes` of a piece are compared with: all of it if it is
  // small, else a window that moves from its begin to its end as the run does in the piece.
  [[nodiscard]] Range old_window(Range basis, std::uint64_t at, std::uint64_t bytes,
                                 std::uint64_t piece_bytes) const {
    if (basis.empty()) {
      return {};
    }
    const std::uint64_t basis_begin = old_offsets_[basis.first];
    const std::uint64_t basis_bytes = old_offsets_[basis.end] - basis_begin;
    if (basis_bytes <= kRunOldBytesMax) {
      return basis;
    }
    double progress = 0;
    if (piece_bytes > bytes) {
      progress = static_cast<double>(at) / static_cast<double>(piece_bytes - bytes);
    }
    const auto skip =
        static_cast<std::uint64_t>(progress * static_cast<double>(basis_bytes - kRunOldBytesMax));
    // The first chunk that begins at or after the window, so that its end is within reach at the end.
    const auto from = old_offsets_.begin() + static_cast<std::ptrdiff_t>(basis.first);
    const auto to = old_offsets_.begin() + static_cast<std::ptrdiff_t>(basis.end);
    Range window;
    window.first =
        static_cast<std::size_t>(std::lower_bound(from, to, basis_begin + skip) - old_offsets_.begin());
    window.end = window.first;
    while (window.end < basis.end &&
           old_offsets_[window.end + 1] - old_offsets_[window.first] <= kRunOldBytesMax) {
      ++window.end;
    }
    return window;
  }

  const ChunkList& old_;
  const ChunkList& new_;
  std::vector<std::uint64_t> old_offsets_;
  std::vector<std::uint64_t> new_offsets_;
  std::vector<PlanOp> ops_;
};

}  // namespace

std::vector<PlanOp> plan(const ChunkList& old_chunks, const ChunkList& new_chunks) {
  return Planner(old_chunks, new_chunks).run();
}

}  // namespace ha::replicator
