// Looks at files below a root as if it were "/": for --root, a mounted system, a container's file system.
//
// Reads only, opens regular files only, and resolves every symbolic link inside the root (openat2 with
// RESOLVE_IN_ROOT), so that an absolute link there does not lead out of it. Every path is absolute, as the
// system below the root sees it. Bounded: by bytes for a file, by entries and time for a tree.
// Thread safety: one thread. Errors: NotFound, Denied, Conflict (not what it should be), Exhausted, Io.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/file.h"

namespace ha::init {

inline constexpr std::size_t kFileBytesMax = 1 << 20;
inline constexpr std::size_t kListingMax = 10'000;
inline constexpr std::uint64_t kTreeItemsMax = 2'000'000;
inline constexpr std::chrono::seconds kTreeTimeMax{5};
inline constexpr std::size_t kTreeDepthMax = 64;
inline constexpr std::size_t kTreeDatabasesMax = 16;

struct TreeSize {
  std::uint64_t items = 0;
  std::uint64_t bytes = 0;             // of regular files
  bool counted = true;                 // else a limit ended the walk, or a part could not be read
  std::vector<std::string> databases;  // SQLite files, relative
  bool databases_cut = false;
  std::uint64_t links_out = 0;  // symbolic links that lead nowhere or out of the tree
  std::string link_out;         // the first of them by name, relative
};

class Below {
 public:
  [[nodiscard]] static Result<Below> open(const std::string& root);

  // The path without symbolic links, still as seen below the root.
  [[nodiscard]] Result<std::string> real(const std::string& path) const;
  [[nodiscard]] bool is_directory(const std::string& path) const;
  [[nodiscard]] bool is_file(const std::string& path) const;
  [[nodiscard]] Result<std::string> read(const std::string& path) const;
  // Regular files below a directory whose names end so, at most `depth` directories down and kListingMax of
  // them, sorted, as paths. Symbolic links are not followed. Those unreadable are left out.
  [[nodiscard]] std::vector<std::string> files(const std::string& folder, const std::string& ending,
                                               std::size_t depth) const;
  // Walks a tree without following symbolic links.
  [[nodiscard]] Result<TreeSize> measure(const std::string& folder) const;

 private:
  Below(sys::FileHandle root, std::string prefix) : root_(std::move(root)), prefix_(std::move(prefix)) {}
  [[nodiscard]] Result<sys::FileHandle> pin(const std::string& path) const;
  void note_link(const std::string& root, const std::string& rel, TreeSize& out) const;
  sys::FileHandle root_;  // O_PATH
  std::string prefix_;    // of every real path; empty for "/"
};

}  // namespace ha::init
