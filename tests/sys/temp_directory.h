// A directory of one test case, removed with it. Not for production code. One thread.
#pragma once

#include <stdlib.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>

#include "common/sys/file.h"

namespace ha::sys {

// value() of a Result that has to be good; the test stops with its text otherwise.
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

struct TempDirectory {
  explicit TempDirectory(std::string below = std::filesystem::temp_directory_path().string()) {
    path = std::move(below) + "/hareplicate-test-XXXXXX";
    BOOST_REQUIRE(::mkdtemp(path.data()) != nullptr);
    root = must(Directory::open_root(path));
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() {
    auto parent = Directory::open_root(std::filesystem::path(path).parent_path().string());
    if (parent.ok()) {
      static_cast<void>(parent->remove_tree(std::filesystem::path(path).filename().string()));
    }
  }

  void write(BytesView rel, BytesView content) const { must(replace_file(root, rel, content, 0644)); }
  [[nodiscard]] Bytes read(BytesView rel) const { return must(read_file(root, rel, 64 << 20)); }

  std::string path;
  Directory root;
};

}  // namespace ha::sys
