// What the delta tests are made from: a key, random contents from a printed seed, and edits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "common/base/bytes.h"
#include "common/base/random.h"
#include "common/sys/digest.h"
#include "replicator/delta/chunker.h"

namespace ha::replicator::samples {

inline constexpr std::size_t kMiB = 1024 * 1024;

inline const sys::DigestKey& key() {
  static const sys::DigestKey digest_key = sys::DigestKey::from_bytes(Bytes(32, 'k')).value();
  return digest_key;
}

// HA_TEST_SEED, or a new one that is printed.
inline std::uint64_t seed() {
  static const std::uint64_t chosen = [] {
    const char* given = std::getenv("HA_TEST_SEED");
    const std::uint64_t value = given != nullptr ? std::strtoull(given, nullptr, 10) : random_seed();
    std::cout << "HA_TEST_SEED=" << value << "\n";
    return value;
  }();
  return chosen;
}

inline Bytes random_bytes(Random& random, std::size_t count) {
  Bytes out;
  out.reserve(count + 8);
  while (out.size() < count) {
    put_u64(out, random.next());
  }
  out.resize(count);
  return out;
}

// Replaces, inserts or deletes up to `bytes_max` bytes somewhere.
inline void edit(Random& random, Bytes& content, std::size_t bytes_max) {
  const std::size_t at = random.below(content.size() + 1);
  const std::size_t count = 1 + random.below(bytes_max);
  const std::size_t there = std::min(count, content.size() - at);
  switch (random.below(3)) {
    case 0:
      content.replace(at, there, random_bytes(random, there));
      break;
    case 1:
      content.insert(at, random_bytes(random, count));
      break;
    default:
      content.erase(at, there);
      break;
  }
}

inline ChunkList chunks_of(BytesView content) {
  Chunker chunker(key(), content.size());
  if (!chunker.feed(content).ok()) {
    std::abort();
  }
  return chunker.finish().value();
}

}  // namespace ha::replicator::samples
