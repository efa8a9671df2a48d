// A frame of file data: instructions for building new contents out of what the replica has, and the entries
// they belong to. Frames of one item may be applied in any order and more than once.
//
// Source of the format: schemas/replication.proto (Frame), docs/wire.md. Thread safety: values.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "replicator/model/chunk.h"
#include "replicator/model/entry.h"

namespace ha::replicator {

struct CopyOp {
  std::uint32_t old_first = 0;  // chunk numbers in the basis
  std::uint32_t old_count = 0;
};
struct LiteralOp {
  ChunkList chunks;
  Bytes data;  // exactly the bytes of `chunks`
};
struct PatchOp {
  ChunkList chunks;
  std::uint32_t old_first = 0;
  std::uint32_t old_count = 0;
  Bytes delta;  // librsync, against the old run with each chunk padded to 512 bytes
};
struct ZerosOp {
  std::uint64_t bytes = 0;
};
struct Op {
  std::uint64_t offset = 0;  // in the new content
  std::variant<CopyOp, LiteralOp, PatchOp, ZerosOp> kind;
};

struct ItemPart {
  Bytes key;
  Digest content;               // of the whole new content; zero where there is none
  std::optional<Entry> header;  // in the first frame of an item; key, content and rank filled in, no local
  Digest basis;                 // of the content that copies and patches refer to; zero = none
  std::vector<Op> ops;
};

struct Frame {
  std::vector<ItemPart> parts;
};

// decode bounds everything: Corrupt on keys, counts, ranks or lengths that are out of range. It does not
// check keys for "..": apply does, where the path is used.
[[nodiscard]] Bytes encode_frame(const Frame& frame);
[[nodiscard]] Result<Frame> decode_frame(BytesView bytes);

// Questions about the replica's basis, and its answers (bodies of Ask and Answer).
struct SignatureRequest {
  Bytes key;
  Digest basis;
  std::vector<std::uint32_t> chunks;  // numbers in the basis' chunk list
};
struct SignatureReply {
  Bytes key;
  Digest basis;          // of what the replica holds now; if it is not the one asked for, chunk_list tells it
  ChunkList chunk_list;  // empty unless the basis differs
  std::vector<std::pair<Digest, Bytes>> signatures;  // by chunk digest
};
[[nodiscard]] Bytes encode_request(const SignatureRequest& request);
[[nodiscard]] Result<SignatureRequest> decode_request(BytesView bytes);
[[nodiscard]] Bytes encode_reply(const SignatureReply& reply);
[[nodiscard]] Result<SignatureReply> decode_reply(BytesView bytes);

// What a replica holds of an item whose basis was not the expected one (ItemTrouble::basis): with it the
// origin can build the item again. A replica that holds nothing sends the zero digest and no chunks.
struct BasisReport {
  Digest content;
  ChunkList chunks;
};
[[nodiscard]] Bytes encode_basis(const BasisReport& basis);
[[nodiscard]] Result<BasisReport> decode_basis(BytesView bytes);

// Which bytes of a large item the replica has verified and kept (Partial::resume): sorted, disjoint ranges.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};
[[nodiscard]] Bytes encode_ranges(const std::vector<ByteRange>& ranges);
[[nodiscard]] Result<std::vector<ByteRange>> decode_ranges(BytesView bytes);

}  // namespace ha::replicator
