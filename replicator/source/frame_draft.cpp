#include "replicator/source/frame_draft.h"

#include <algorithm>
#include <utility>

namespace ha::replicator {
namespace {

// Far below what decode_frame() accepts.
constexpr std::size_t kPartsMax = 8192;
constexpr std::size_t kOpsMax = 8192;
constexpr std::size_t kPartBytes = 64;  // of digests, numbers and tags
constexpr std::size_t kOpBytes = 24;
constexpr std::size_t kFirstFrameBytes = 64 * 1024;
constexpr std::size_t kFramesOfASize = 4;
constexpr std::size_t kDoublingsMax = 16;

std::size_t ramp(std::size_t frames, std::size_t bytes_max) {
  return std::min(bytes_max, kFirstFrameBytes << std::min(frames / kFramesOfASize, kDoublingsMax));
}

std::size_t op_bytes(const Op& op) {
  if (const auto* literal = std::get_if<LiteralOp>(&op.kind)) {
    return kOpBytes + literal->chunks.size() * kChunkRecordBytes + literal->data.size();
  }
  if (const auto* patch = std::get_if<PatchOp>(&op.kind)) {
    return kOpBytes + patch->chunks.size() * kChunkRecordBytes + patch->delta.size();
  }
  return kOpBytes;
}

}  // namespace

bool FrameDraft::full() const noexcept {
  return !empty() &&
         (bytes_ >= ramp(frames_, bytes_max_) || frame_.parts.size() >= kPartsMax || ops_ >= kOpsMax);
}

void FrameDraft::begin(const Entry& item, const Digest& basis, bool with_header) {
  ItemPart part;
  part.key = item.key;
  part.content = item.content;
  part.basis = basis;
  bytes_ += kPartBytes + item.key.size();
  if (with_header) {
    part.header = item;
    part.header->local.clear();
    bytes_ += item.meta.size();
  }
  frame_.parts.push_back(std::move(part));
}

bool FrameDraft::is_open(BytesView key) const noexcept {
  return !frame_.parts.empty() && frame_.parts.back().key == key;
}

void FrameDraft::add(Op op) {
  bytes_ += op_bytes(op);
  ++ops_;
  frame_.parts.back().ops.push_back(std::move(op));
}

void FrameDraft::add_literal(std::uint64_t offset, const Chunk& chunk, BytesView data) {
  std::vector<Op>& ops = frame_.parts.back().ops;
  auto* before = ops.empty() ? nullptr : std::get_if<LiteralOp>(&ops.back().kind);
  if (before != nullptr && ops.back().offset + before->data.size() == offset) {
    before->chunks.push_back(chunk);
    before->data += data;
    bytes_ += kChunkRecordBytes + data.size();
    return;
  }
  add({offset, LiteralOp{{chunk}, Bytes(data)}});
}

void FrameDraft::drop(BytesView key) {
  if (is_open(key)) {
    frame_.parts.pop_back();  // bytes_ stays too large, which only ends the frame a little early
  }
}

Bytes FrameDraft::take() {
  Bytes body = encode_frame(frame_);
  frame_ = Frame{};
  bytes_ = 0;
  ops_ = 0;
  ++frames_;
  return body;
}

}  // namespace ha::replicator
