// Builds the frames of one batch: for every item what the replica needs to make it from what it has.
//
// next() gives frames until the last one. Between two frames it may need to know more of the replica's basis:
// then next() gives Need, and goes on after answer(). Frames are raw; packing them is the caller's. A large
// file is never in memory as a whole: each call reads about one frame's worth.
//
// Every byte read is checked against the digests in the index. An item whose file is not what the index says
// any more is dropped and listed by skipped(), even after some frames of it have left: the replica then holds
// an unfinished item, which it must let go (or keep as a partial one) when the batch has ended.
//
// Thread safety: one thread at a time, that of the index and the store given. Errors: what ends the batch
// (the index fails, an answer does not fit the question: Corrupt); a file that cannot be read is only
// skipped. Source: docs/wire.md, "Frames" and "Deltas".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/sys/digest.h"
#include "common/sys/file.h"
#include "replicator/delta/signature.h"
#include "replicator/index/queries.h"
#include "replicator/model/frame.h"

namespace ha::replicator {

inline constexpr std::size_t kFrameBytes = 256 * 1024;         // raw; one chunk or delta may go beyond
inline constexpr std::uint64_t kLiteralBytesMax = 128 * 1024;  // so little of an item is not worth a question
inline constexpr std::size_t kAskSignatureBytesMax = 4 * 1024 * 1024;  // expected in one answer

struct BuildItem {
  Bytes key;
  // encode_basis() of what the replica holds: the zero digest with no chunks is nothing; a digest without
  // chunks is a version whose chunk list the index may know. None: see BuildOptions::expected.
  std::optional<Bytes> basis;
  std::optional<Bytes> resume;  // encode_ranges() of what the replica has verified of this very content
  // The replica is thought to have this content under another key: while it is the item's, nothing of it is
  // sent.
  std::optional<Digest> moved = {};
};

struct BuildOptions {
  std::size_t frame_bytes_max = kFrameBytes;
  // The version of `key` that the replica should have, or none. Unset: never known.
  std::function<Result<std::optional<StoredChunks>>(BytesView key)> expected;
  // Ask the replica what it holds of files over kDataChunkBytesMax of which neither `basis` nor `expected`
  // says anything. Off for a first load.
  bool ask_unknown = false;
};

struct FrameReady {
  Bytes body;         // encode_frame()
  bool last = false;  // of the batch; an empty frame if all that was left has been dropped
};
struct Need {
  Bytes ask;  // encode_request(); answer() takes the reply
};
struct Finished {};  // the last frame has been given already
using BuildStep = std::variant<FrameReady, Need, Finished>;

enum class SkipReason : std::uint8_t {
  Changed,     // not what the index says: scan it again
  Vanished,    // likewise
  Unreadable,  // it stays so until something changes
};
struct SkippedItem {
  Bytes key;
  SkipReason reason = SkipReason::Changed;
  std::string what;
};

struct BuildStats {
  std::uint64_t items = 0;          // put into frames, skipped ones not counted
  std::uint64_t literal_bytes = 0;  // content sent as it is
  std::uint64_t matched_bytes = 0;  // content copied by the replica, zeros included
  std::uint64_t patched_bytes = 0;  // content made from deltas
  std::uint64_t delta_bytes = 0;    // the size of these deltas
  std::uint64_t resumed_bytes = 0;  // content left out because the replica has verified it
  std::uint64_t asks = 0;
};

class FrameBuilder {
 public:
  // `root`, `index` and `signatures` must outlive it.
  FrameBuilder(const sys::Directory& root, IndexQueries& index, const sys::DigestKey& key,
               SignatureStore& signatures, std::vector<BuildItem> items, BuildOptions options = {});
  ~FrameBuilder();
  FrameBuilder(FrameBuilder&&) noexcept;
  FrameBuilder& operator=(FrameBuilder&&) noexcept;

  // Internal if an answer is due.
  [[nodiscard]] Result<BuildStep> next();
  // encode_reply(). Corrupt if it does not parse or is about something else; the builder is of no use then.
  Status answer(BytesView reply);

  [[nodiscard]] const std::vector<SkippedItem>& skipped() const noexcept;
  [[nodiscard]] const BuildStats& stats() const noexcept;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace ha::replicator
