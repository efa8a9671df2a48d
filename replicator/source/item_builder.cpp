#include "replicator/source/item_builder.h"

#include <algorithm>
#include <utility>

#include "replicator/delta/patch.h"
#include "replicator/model/overlay.h"

namespace ha::replicator {
namespace {

// A delta has to save more than a tenth, or the run goes as it is.
bool is_worth_it(std::size_t delta_bytes, std::uint64_t run_bytes) {
  return delta_bytes * 10 <= run_bytes * 9;
}

Result<ItemBuilder::Outcome> dropped_for(const Error& error) {
  switch (error.code()) {
    case Code::NotFound:
      return ItemBuilder::Outcome(ItemBuilder::Dropped{SkipReason::Vanished, error.what()});
    case Code::Conflict:
      return ItemBuilder::Outcome(ItemBuilder::Dropped{SkipReason::Changed, error.what()});
    default:
      return ItemBuilder::Outcome(ItemBuilder::Dropped{SkipReason::Unreadable, error.what()});
  }
}

}  // namespace

ItemBuilder::ItemBuilder(const sys::Directory& root, const sys::DigestKey& key, SignatureStore& signatures,
                         BuildStats& stats, Job job)
    : root_(&root), key_(key), signatures_(&signatures), stats_(&stats), job_(std::move(job)) {
  make_plan();
}

void ItemBuilder::make_plan() {
  next_ = 0;
  asked_until_ = 0;
  plan_.clear();
  if (job_.basis.content == job_.entry.content) {
    stats_->matched_bytes += job_.entry.size;
  } else {
    plan_ = plan(job_.basis.chunks, job_.chunks);
  }
}

void ItemBuilder::open_part(FrameDraft& frame) {
  if (!frame.is_open(key())) {
    frame.begin(job_.entry, job_.basis.content, !header_sent_);
    header_sent_ = true;
  }
}

Result<ItemBuilder::Outcome> ItemBuilder::advance(FrameDraft& frame) {
  while (!frame.full()) {
    if (job_.basis.ask) {
      ++stats_->asks;
      return Outcome(SignatureRequest{key(), Digest{}, {}});
    }
    if (!literal_ && next_ >= asked_until_) {
      if (auto request = gather()) {
        ++stats_->asks;
        return Outcome(*std::move(request));
      }
    }
    open_part(frame);
    Status added = ok();
    if (literal_) {
      added = add_literals(frame);
    } else if (next_ == plan_.size()) {
      return Outcome(Done{});
    } else {
      added = std::visit([&](const auto& op) { return add(op, frame); }, plan_[next_++]);
    }
    if (!added.ok()) {
      return dropped_for(added.error());
    }
  }
  return Outcome(Full{});
}

bool ItemBuilder::is_resumed(std::uint64_t offset, std::uint64_t bytes) const {
  const auto after =
      std::upper_bound(job_.resume.begin(), job_.resume.end(), offset,
                       [](std::uint64_t at, const ByteRange& range) { return at < range.offset; });
  if (after == job_.resume.begin()) {
    return false;
  }
  const ByteRange& range = *std::prev(after);
  return offset + bytes <= range.offset + range.bytes;
}

// --- questions ---

// What the runs from here on lack, for as many of them as one answer can hold. None if nothing is missing;
// then asked_until_ tells up to where that is so.
std::optional<SignatureRequest> ItemBuilder::gather() {
  std::set<std::uint32_t> wanted;
  std::size_t answer_bytes = 0;
  std::uint64_t run_bytes = 0;
  requested_.clear();
  asked_until_ = next_;
  while (asked_until_ < plan_.size() && answer_bytes < kAskSignatureBytesMax) {
    if (const auto* run = std::get_if<Run>(&plan_[asked_until_])) {
      const std::size_t before = wanted.size();
      gather_run(*run, wanted, answer_bytes);
      run_bytes += wanted.size() > before ? run->bytes : 0;
    }
    ++asked_until_;
  }
  if (run_bytes <= kLiteralBytesMax) {
    requested_.clear();
    return std::nullopt;
  }
  return SignatureRequest{key(), job_.basis.content, {wanted.begin(), wanted.end()}};
}

void ItemBuilder::gather_run(const Run& run, std::set<std::uint32_t>& wanted, std::size_t& answer_bytes) {
  if (is_resumed(run.new_offset, run.bytes)) {
    return;
  }
  for (std::size_t i = run.old_first; i < run.old_first + run.old_count; ++i) {
    const Chunk& chunk = job_.basis.chunks[i];
    if (requested_.contains(chunk.digest) || find_signature(chunk.digest)) {
      continue;
    }
    requested_.emplace(chunk.digest, chunk.length);
    wanted.insert(static_cast<std::uint32_t>(i));
    answer_bytes += signature_bytes(chunk.length);
  }
}

Status ItemBuilder::answer(SignatureReply reply) {
  if (reply.key != key()) {
    return Error(Code::Corrupt, "an answer about \"" + escape(reply.key) + "\" to a question about \"" +
                                    escape(key()) + "\"");
  }
  const bool first = std::exchange(job_.basis.ask, false);
  if (reply.basis != job_.basis.content || first) {
    if (!header_sent_) {
      job_.basis = {reply.basis, std::move(reply.chunk_list), false};
      if (job_.basis.chunks.empty() && job_.basis.content != job_.entry.content) {
        job_.basis.content = {};
      }
      make_plan();
    }
    return ok();
  }
  answered_.clear();
  for (auto& [digest, signature] : reply.signatures) {
    const auto asked = requested_.find(digest);
    if (asked != requested_.end() && signature_matches_length(signature, asked->second)) {
      signatures_->put(digest, signature);
      answered_.emplace(digest, std::move(signature));
    }
  }
  return ok();
}

std::optional<Bytes> ItemBuilder::find_signature(const Digest& chunk) {
  if (const auto known = answered_.find(chunk); known != answered_.end()) {
    return known->second;
  }
  return signatures_->get(chunk);
}

// --- instructions ---

Status ItemBuilder::add(const Copy& copy, FrameDraft& frame) {
  if (is_resumed(copy.new_offset, copy.bytes)) {
    stats_->resumed_bytes += copy.bytes;
    return ok();
  }
  stats_->matched_bytes += copy.bytes;
  frame.add({copy.new_offset,
             CopyOp{static_cast<std::uint32_t>(copy.old_first), static_cast<std::uint32_t>(copy.count)}});
  return ok();
}

Status ItemBuilder::add(const Zeros& zeros, FrameDraft& frame) {
  if (is_resumed(zeros.new_offset, zeros.bytes)) {
    stats_->resumed_bytes += zeros.bytes;
    return ok();
  }
  stats_->matched_bytes += zeros.bytes;
  frame.add({zeros.new_offset, ZerosOp{zeros.bytes}});
  return ok();
}

Status ItemBuilder::add(const Run& run, FrameDraft& frame) {
  if (is_resumed(run.new_offset, run.bytes)) {
    stats_->resumed_bytes += run.bytes;
    return ok();
  }
  HA_TRY(const bool patched, add_patch(run, frame));
  if (!patched) {
    literal_ = Literal{run.new_first, run.new_first + run.new_count, run.new_offset};
  }
  return ok();
}

// False if the run had better go literally.
Result<bool> ItemBuilder::add_patch(const Run& run, FrameDraft& frame) {
  const std::optional<Bytes> signature = combined_signature(run);
  if (!signature) {
    return false;
  }
  PatchOp op;
  Bytes fresh;
  fresh.reserve(run.bytes);
  for (std::size_t i = run.new_first; i < run.new_first + run.new_count; ++i) {
    HA_TRY(const Bytes data, read_chunk(i, run.new_offset + fresh.size()));
    fresh += data;
    op.chunks.push_back(job_.chunks[i]);
  }
  auto delta = make_delta(*signature, fresh);
  if (!delta.ok() || !is_worth_it(delta->size(), run.bytes)) {
    return false;
  }
  stats_->patched_bytes += run.bytes;
  stats_->delta_bytes += delta->size();
  op.old_first = static_cast<std::uint32_t>(run.old_first);
  op.old_count = static_cast<std::uint32_t>(run.old_count);
  op.delta = std::move(delta).value();
  frame.add({run.new_offset, std::move(op)});
  return true;
}

// Of the run's old chunks; none if it has none, or if one of their signatures is not to be had.
std::optional<Bytes> ItemBuilder::combined_signature(const Run& run) {
  std::vector<Bytes> held;
  std::vector<ChunkSignature> parts;
  held.reserve(run.old_count);
  for (std::size_t i = run.old_first; i < run.old_first + run.old_count; ++i) {
    const Chunk& chunk = job_.basis.chunks[i];
    auto signature = find_signature(chunk.digest);
    if (!signature) {
      return std::nullopt;
    }
    held.push_back(*std::move(signature));
    parts.push_back({chunk.length, held.back()});
  }
  if (parts.empty()) {
    return std::nullopt;
  }
  auto combined = combine(parts);
  return combined.ok() ? std::optional<Bytes>(std::move(combined).value()) : std::nullopt;
}

Status ItemBuilder::add_literals(FrameDraft& frame) {
  while (literal_->next < literal_->end && !frame.full()) {
    const Chunk& chunk = job_.chunks[literal_->next];
    if (is_resumed(literal_->offset, chunk.length)) {
      stats_->resumed_bytes += chunk.length;
    } else {
      HA_TRY(const Bytes data, read_chunk(literal_->next, literal_->offset));
      stats_->literal_bytes += chunk.length;
      frame.add_literal(literal_->offset, chunk, data);
    }
    literal_->offset += chunk.length;
    ++literal_->next;
  }
  if (literal_->next == literal_->end) {
    literal_.reset();
  }
  return ok();
}

Result<Bytes> ItemBuilder::read_chunk(std::size_t number, std::uint64_t offset) {
  if (!file_.is_open()) {
    HA_TRY(file_, root_->open_regular(content_path(job_.entry)));
  }
  const Chunk& chunk = job_.chunks[number];
  HA_TRY(Bytes data, file_.read_at(offset, chunk.length));
  if (data.size() != chunk.length || sys::digest(key_, data) != chunk.digest) {
    return Error(Code::Conflict, in_quotes(key()) + " has changed since it was indexed");
  }
  return data;
}

}  // namespace ha::replicator
