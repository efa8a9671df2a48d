#include "replicator/apply/live_content.h"

#include <algorithm>

#include "replicator/apply/file_facts.h"
#include "replicator/delta/chunker.h"
#include "replicator/model/overlay.h"

namespace ha::replicator {
namespace {

constexpr std::size_t kReadBytes = 1024 * 1024;
constexpr int kHashTriesMax = 3;

Error changed(const sys::FileHandle& file) {
  return Error(Code::Conflict, in_quotes(file.path()) + " changes while it is read");
}

// What the index says of the content, if that can be all there is to know.
Result<bool> know_from_index(Index& index, const Entry& entry, LiveContent& live) {
  if (entry.size == 0 || entry.content.is_zero()) {
    return false;
  }
  HA_TRY(const std::optional<StoredChunks> stored, index.current_chunks(entry.key));
  if (stored && stored->content == entry.content) {
    HA_TRY(live.chunks, decode_chunks(stored->list));
  } else if (entry.size <= kDataChunkBytesMax) {
    live.chunks = {Chunk{static_cast<std::uint32_t>(entry.size), entry.content}};
  } else {
    return false;
  }
  live.content = entry.content;
  return total_bytes(live.chunks) == live.local.size;
}

Status find_by_reading(const sys::DigestKey& key, LiveContent& live) {
  for (int i = 0; i < kHashTriesMax; ++i) {
    auto chunks = hash_file(key, live.file, live.local.size);
    if (!chunks.ok() && chunks.error().code() != Code::Conflict) {
      return std::move(chunks).error();
    }
    HA_TRY(const sys::Stat after, live.file.stat());
    if (chunks.ok() && local_stat(after) == live.local) {
      live.chunks = std::move(chunks).value();
      HA_TRY(live.content, content_digest(key, live.chunks, live.local.size));
      return ok();
    }
    live.local = local_stat(after);
  }
  return changed(live.file);
}

// The pristine copy of an item; not open when there is none to be had.
Result<LiveContent> open_pristine(const sys::Directory& root, const sys::DigestKey& key, BytesView item_key) {
  LiveContent copy;
  const Bytes path = pristine_path(item_key);
  const auto file = sys::read_file(root, path, kPristineFileBytesMax);
  const auto decoded = file.ok() ? decode_pristine(*file) : Result<Pristine>(file.error());
  auto opened = root.open_regular(path);
  if (!decoded.ok() || !opened.ok()) {
    return copy;
  }
  copy.file = std::move(opened).value();
  HA_TRY(const sys::Stat stat, copy.file.stat());
  copy.local = local_stat(stat);
  copy.local.size = decoded->content.size();
  copy.links = 1;
  copy.pristine = true;
  HA_TRY(copy.chunks, hash_file(key, copy.file, copy.local.size));
  HA_TRY(copy.content, content_digest(key, copy.chunks, copy.local.size));
  return copy;
}

}  // namespace

Result<LiveContent> open_live(const sys::Directory& root, Index& index, const sys::DigestKey& key,
                              BytesView item_key, Trust trust) {
  HA_TRY(const std::optional<Entry> entry, index.get(item_key));
  if (entry && !entry->deleted && entry->state == EntryState::Overlaid) {
    HA_TRY(LiveContent copy, open_pristine(root, key, item_key));
    if (copy.pristine) {
      return copy;
    }
  }
  LiveContent live;
  auto file = root.open_regular(item_key);
  if (!file.ok()) {
    if (file.error().code() == Code::NotFound || file.error().code() == Code::Conflict) {
      return live;
    }
    return std::move(file).error();
  }
  live.file = std::move(file).value();
  HA_TRY(const sys::Stat stat, live.file.stat());
  live.local = local_stat(stat);
  live.links = stat.nlink;
  if (entry && !entry->deleted && !entry->local.empty()) {
    HA_TRY(const LocalStat recorded, decode_local(entry->local));
    live.indexed = recorded.inode == live.local.inode;
    if (trust == Trust::Index && recorded == live.local) {
      HA_TRY(const bool known, know_from_index(index, *entry, live));
      if (known) {
        return live;
      }
    }
  }
  HA_CHECK(find_by_reading(key, live));
  return live;
}

Status reopen_live(const sys::Directory& root, BytesView item_key, LiveContent& live) {
  HA_TRY(sys::FileHandle file, root.open_regular(live.pristine ? pristine_path(item_key) : Bytes(item_key)));
  HA_TRY(const sys::Stat stat, file.stat());
  LocalStat now = local_stat(stat);
  now.size = live.pristine ? live.local.size : now.size;
  if (now != live.local) {
    return Error(Code::Conflict, in_quotes(file.path()) + " has changed meanwhile");
  }
  live.file = std::move(file);
  return ok();
}

Result<ChunkList> hash_file(const sys::DigestKey& key, const sys::FileHandle& file, std::uint64_t size) {
  Chunker chunker(key, size);
  Bytes buffer(std::min<std::uint64_t>(size, kReadBytes), '\0');
  std::uint64_t at = 0;
  while (at < size) {
    HA_TRY(const std::uint64_t data, file.seek_data(at));
    if (data > at) {
      const std::uint64_t end = std::min(data, size);
      HA_CHECK(chunker.feed_zeros(end - at));
      at = end;
      continue;
    }
    HA_TRY(const std::uint64_t hole, file.seek_hole(at));
    const std::uint64_t end = std::min(std::max(hole, at + 1), size);
    while (at < end) {
      const std::size_t wanted = std::min<std::uint64_t>(end - at, buffer.size());
      HA_TRY(const std::size_t got, file.read_at(at, buffer.data(), wanted));
      if (got == 0) {
        return changed(file);
      }
      HA_CHECK(chunker.feed(BytesView(buffer).substr(0, got)));
      at += got;
    }
  }
  return chunker.finish();
}

std::vector<std::uint64_t> chunk_offsets(const ChunkList& chunks) {
  std::vector<std::uint64_t> out;
  out.reserve(chunks.size() + 1);
  std::uint64_t at = 0;
  for (const Chunk& chunk : chunks) {
    out.push_back(at);
    at += chunk.length;
  }
  out.push_back(at);
  return out;
}

bool is_trivial(const ChunkList& chunks) noexcept {
  return chunks.empty() || (chunks.size() == 1 && !chunks[0].is_zeros());
}

}  // namespace ha::replicator
