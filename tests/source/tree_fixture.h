// A tree in a temporary directory, an index in memory beside it, and short names for what the cases do.
#pragma once

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>

#include "common/base/bytes.h"
#include "common/base/random.h"
#include "common/sys/digest.h"
#include "common/sys/file.h"
#include "replicator/index/index.h"
#include "replicator/model/file_meta.h"
#include "replicator/source/scanner.h"

namespace ha::replicator {

template <typename T>
T must(Result<T> result) {
  BOOST_REQUIRE_MESSAGE(result.ok(), (result.ok() ? std::string() : result.error().what()));
  return std::move(result).value();
}

// Long after every file of the tests, so that none of them is young.
inline Now distant_clock() {
  return {SteadyTime{}, WallTime{std::chrono::seconds(4'000'000'000)}};
}

struct TreeFixture {
  std::filesystem::path place = [] {
    std::string name = (std::filesystem::temp_directory_path() / "ha-source-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    return std::filesystem::path(name);
  }();
  sys::Directory root = must(sys::Directory::open_root(place.string()));
  sys::DigestKey key = must(sys::DigestKey::from_bytes(Bytes(32, 'k')));
  Index index = must(Index::open(":memory:"));
  ScanOptions options{{}, {}, {}, {}, distant_clock};
  std::atomic<bool> stop = false;

  TreeFixture() = default;
  TreeFixture(const TreeFixture&) = delete;
  TreeFixture& operator=(const TreeFixture&) = delete;
  ~TreeFixture() { std::filesystem::remove_all(place); }

  [[nodiscard]] std::filesystem::path path(const Bytes& name) const { return place / name; }
  void write(const Bytes& name, const Bytes& content) const {
    std::filesystem::create_directories(path(name).parent_path());
    std::ofstream out(path(name), std::ios::binary | std::ios::trunc);
    out << content;
    BOOST_REQUIRE(out.good());
  }
  [[nodiscard]] Bytes read(const Bytes& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(in), {});
  }

  ScanResult scan() { return must(FileScanner(root, index, key, options).scan_all(stop)); }
  ScanResult scan_in(std::vector<Bytes> directories) {
    return must(FileScanner(root, index, key, options).scan_directories(std::move(directories), stop));
  }

  // The live entry, or none.
  std::optional<Entry> entry(const Bytes& name) {
    auto found = must(index.get(name));
    return found && !found->deleted ? found : std::nullopt;
  }
  FileMeta meta(const Bytes& name) {
    const auto found = entry(name);
    BOOST_REQUIRE_MESSAGE(found, name);
    return must(decode_meta(found->meta));
  }
  std::vector<Bytes> keys() {
    std::vector<Bytes> out;
    Cursor cursor = index.cursor();
    while (auto found = must(cursor.next())) {
      out.push_back(found->key);
    }
    return out;
  }
};

inline Bytes random_bytes_of(Random& random, std::size_t size) {
  Bytes out(size, '\0');
  for (char& byte : out) {
    byte = static_cast<char>(random.below(256));
  }
  return out;
}

}  // namespace ha::replicator
