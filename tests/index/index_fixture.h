// What the index's tests share: a directory of their own, entries to put, values out of results.
//
// Not for production code. Thread safety: none needed.
#pragma once

#include <stdlib.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "replicator/index/index.h"

namespace ha::replicator {

template <typename T>
T must(Result<T> result) {
  if (!result.ok()) {
    BOOST_FAIL(result.error().what());
  }
  return std::move(result).value();
}

template <typename T>
Code code_of(const Result<T>& result) {
  BOOST_REQUIRE(!result.ok());
  return result.error().code();
}

struct Folder {
  Folder() : path((std::filesystem::temp_directory_path() / "hareplicate-test-XXXXXX").string()) {
    BOOST_REQUIRE(::mkdtemp(path.data()) != nullptr);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  [[nodiscard]] std::string file(const std::string& name = "set.index") const { return path + "/" + name; }

  std::string path;
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
