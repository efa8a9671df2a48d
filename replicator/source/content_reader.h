// Reads the content of one regular file into its chunk list, without reading holes.
//
// Memory: one buffer, whatever the size of the file. One object per thread; the buffer is reused.
#pragma once

#include <cstdint>
#include <functional>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/sys/digest.h"
#include "common/sys/file.h"
#include "replicator/model/chunk.h"

namespace ha::replicator {

struct Content {
  ChunkList chunks;
  Digest digest;
  std::uint64_t size = 0;
};

class ContentReader {
 public:
  // Called after each buffer with the bytes just read; false ends the reading with Cancelled.
  using OnBytes = std::function<bool(std::uint64_t bytes)>;

  explicit ContentReader(const sys::DigestKey& key) : key_(key) {}

  // `stat` is that of `file`. Conflict if the file turns out shorter; whether it grew or changed only a
  // second look at its times can tell, which is the caller's. `before`: the chunk list that it had; none only
  // makes it slower.
  [[nodiscard]] Result<Content> read(const sys::FileHandle& file, const sys::Stat& stat,
                                     const OnBytes& on_bytes, ChunkList before = {});

  // Of what is in memory.
  [[nodiscard]] Result<Content> read(BytesView content) const;

 private:
  sys::DigestKey key_;
  Bytes buffer_;
};

}  // namespace ha::replicator
