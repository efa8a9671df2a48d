#include "replicator/source/signature_maker.h"

#include <optional>
#include <utility>

#include "replicator/model/chunk.h"
#include "replicator/model/overlay.h"

namespace ha::replicator {
namespace {

struct Target {
  Bytes path;  // where its content is
  Digest content;
  ChunkList chunks;
};

// The chunks of the current version, or none if there is nothing to make signatures of.
Result<std::optional<Target>> target_of(Index& index, BytesView key) {
  HA_TRY(const std::optional<Entry> entry, index.get(key));
  if (!entry || entry->deleted || entry->rank != Rank::Content || entry->size <= kWholeFileBytesMax) {
    return std::optional<Target>();
  }
  HA_TRY(const std::optional<Bytes> list, index.find_chunks(key, entry->content));
  if (!list) {
    return std::optional<Target>();
  }
  HA_TRY(ChunkList chunks, decode_chunks(*list));
  return std::optional<Target>(Target{content_path(*entry), entry->content, std::move(chunks)});
}

Result<Bytes> signature_at(const sys::FileHandle& file, const sys::DigestKey& digest_key,
                           std::uint64_t offset, const Chunk& chunk) {
  HA_TRY(const Bytes data, file.read_at(offset, chunk.length));
  if (data.size() != chunk.length || sys::digest(digest_key, data) != chunk.digest) {
    return Error(Code::Conflict, in_quotes(file.path()) + " has changed since it was indexed");
  }
  return chunk_signature(data);
}

// Reads and signs what is missing until a limit says stop.
Status sign(const sys::FileHandle& file, Index& index, const sys::DigestKey& digest_key, const Target& target,
            std::uint64_t budget_bytes, const std::atomic<bool>& stop, SignaturesMade& made,
            IndexSignatures& fresh) {
  std::uint64_t next = 0;
  for (const Chunk& chunk : target.chunks) {
    const std::uint64_t offset = next;
    next += chunk.length;
    HA_TRY(const bool known, chunk.is_zeros() ? Result<bool>(true) : index.has_signature(chunk.digest));
    if (known || fresh.has(chunk.digest)) {
      continue;
    }
    if (made.bytes_read + chunk.length > budget_bytes || fresh.is_full() ||
        stop.load(std::memory_order_relaxed)) {
      return ok();
    }
    HA_TRY(const Bytes signature, signature_at(file, digest_key, offset, chunk));
    fresh.put(chunk.digest, signature);
    ++made.chunks;
    made.bytes_read += chunk.length;
  }
  made.complete = true;
  return ok();
}

}  // namespace

std::optional<Bytes> IndexSignatures::get(const Digest& chunk) {
  if (const auto known = fresh_.find(chunk); known != fresh_.end()) {
    return known->second;
  }
  auto found = index_->get_signature(chunk);
  return found.ok() ? *std::move(found) : std::nullopt;
}

void IndexSignatures::put(const Digest& chunk, BytesView signature) {
  if (fresh_bytes_ + signature.size() > kFreshSignatureBytesMax) {
    fresh_.clear();
    fresh_bytes_ = 0;
  }
  if (fresh_.emplace(chunk, signature).second) {
    fresh_bytes_ += signature.size();
  }
}

Status IndexSignatures::save(IndexBatch& batch) {
  for (const auto& [chunk, signature] : fresh_) {
    HA_CHECK(batch.put_signature(chunk, signature));
  }
  fresh_.clear();
  fresh_bytes_ = 0;
  return ok();
}

Result<SignaturesMade> make_signatures(const sys::Directory& root, Index& index,
                                       const sys::DigestKey& digest_key, BytesView key,
                                       std::uint64_t budget_bytes, const std::atomic<bool>& stop) {
  SignaturesMade made;
  HA_TRY(const std::optional<Target> target, target_of(index, key));
  if (!target) {
    made.complete = true;
    return made;
  }
  HA_TRY(const sys::FileHandle file, root.open_regular(target->path));
  IndexSignatures fresh(index);
  Status signed_all = sign(file, index, digest_key, *target, budget_bytes, stop, made, fresh);
  if (made.chunks > 0) {
    HA_TRY(IndexBatch batch, index.begin());
    HA_CHECK(fresh.save(batch));
    HA_CHECK(batch.commit());
  }
  HA_CHECK(std::move(signed_all));
  return made;
}

}  // namespace ha::replicator
