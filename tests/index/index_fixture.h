// What the index's tests share: a directory of their own, entries to put, values out of results.
//
// Not for production code. Thread safety: none needed.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "replicator/index/index.h"
#include "tests/sys/temp_directory.h"

namespace ha::replicator {

using sys::code_of;
using sys::must;

struct Folder : sys::TempDirectory {
  [[nodiscard]] std::string file(const std::string& name = "set.index") const { return path + "/" + name; }
};

inline Entry make_entry(Bytes key, std::uint64_t hash) {
  Entry entry;
  entry.key = std::move(key);
  entry.hash = {~hash, hash * 0x9e3779b97f4a7c15ULL};
  entry.content = {hash, 1};
  entry.size = hash % 1000;
  entry.meta = "meta of " + entry.key;
  entry.local = "local of " + entry.key;
  return entry;
}

// One batch with these puts.
inline void put_all(Index& index, const std::vector<Entry>& entries) {
  IndexBatch batch = must(index.begin());
  for (const Entry& entry : entries) {
    must(batch.put(entry));
  }
  must(batch.commit());
}

inline Bytes numbered_key(std::size_t number) {
  std::string digits = std::to_string(number);
  return "k/" + std::string(6 - digits.size(), '0') + digits;
}

// `count` entries k/000000, k/000001, …
inline void put_numbered(Index& index, std::size_t count) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < count; ++i) {
    entries.push_back(make_entry(numbered_key(i), i + 1));
  }
  put_all(index, entries);
}

}  // namespace ha::replicator
