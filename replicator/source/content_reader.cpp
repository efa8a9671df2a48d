#include "replicator/source/content_reader.h"

#include <algorithm>
#include <utility>

#include "replicator/delta/chunker.h"
#include "replicator/source/scanner.h"

namespace ha::replicator {
namespace {

constexpr std::uint64_t kBytesPerBlock = 512;

}  // namespace

Result<Content> ContentReader::read(const sys::FileHandle& file, const sys::Stat& stat,
                                    const OnBytes& on_bytes, ChunkList before) {
  Chunker chunker(key_, stat.size);
  chunker.remember(std::move(before));
  // Asking for holes costs more than reading a small file. Where all blocks are allocated there are none.
  const bool may_have_holes = stat.size > kZeroGridBytes && stat.blocks < stat.size / kBytesPerBlock;
  buffer_.resize(std::max(buffer_.size(),
                          static_cast<std::size_t>(std::min<std::uint64_t>(stat.size, kReadBufferBytes))));
  std::uint64_t at = 0;
  while (at < stat.size) {
    std::uint64_t data_end = stat.size;
    if (may_have_holes) {
      HA_TRY(const std::uint64_t found, file.seek_data(at));
      const std::uint64_t data = std::min(found, stat.size);
      HA_CHECK(chunker.feed_zeros(data - at));
      at = data;
      if (at == stat.size) {
        break;
      }
      HA_TRY(const std::uint64_t hole, file.seek_hole(at));
      data_end = std::clamp(hole, at, stat.size);
    }
    while (at < data_end) {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(data_end - at, kReadBufferBytes));
      HA_TRY(const std::size_t got, file.read_at(at, buffer_.data(), wanted));
      HA_CHECK(chunker.feed(BytesView(buffer_).substr(0, got)));
      at += got;
      if (!on_bytes(got)) {
        return Error(Code::Cancelled, "stopped while reading a file");
      }
      if (got < wanted) {
        return Error(Code::Conflict, in_quotes(file.path()) + " became shorter while it was read");
      }
    }
  }
  Content out;
  out.size = stat.size;
  HA_TRY(out.chunks, chunker.finish());
  HA_TRY(out.digest, content_digest(key_, out.chunks, out.size));
  return out;
}

Result<Content> ContentReader::read(BytesView content) const {
  Chunker chunker(key_, content.size());
  HA_CHECK(chunker.feed(content));
  Content out;
  out.size = content.size();
  HA_TRY(out.chunks, chunker.finish());
  HA_TRY(out.digest, content_digest(key_, out.chunks, out.size));
  return out;
}

}  // namespace ha::replicator
