// A set in a temporary directory: its tree, its index, its SetStore.
#pragma once

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "replicator/set_store.h"
#include "tests/sys/temp_directory.h"

namespace ha::replicator {

struct SetFixture {
  sys::TempDirectory temp;
  std::filesystem::path root = std::filesystem::path(temp.path) / "tree";
  SetStoreOptions options;
  std::unique_ptr<SetStore> store;

  explicit SetFixture(bool is_origin) {
    std::filesystem::create_directory(root);
    options.set.name = "etc";
    options.set.path = options.set.live_path = root.string();
    options.set.walk = std::chrono::minutes(15);
    options.set.stranded_max = 100;
    options.is_origin = is_origin;
    options.index_path = (std::filesystem::path(temp.path) / "index.sqlite").string();
    restart();
  }

  void restart() {
    store.reset();
    std::string note;
    store = sys::must(SetStore::open(options, note));
  }

  [[nodiscard]] std::filesystem::path path(const std::string& key) const { return root / key; }
  void write(const std::string& key, const std::string& content) const {
    std::filesystem::create_directories(path(key).parent_path());
    std::ofstream(path(key), std::ios::binary) << content;
  }
  [[nodiscard]] std::uint64_t count() const { return sys::must(store->facts()).count; }
};

}  // namespace ha::replicator
