// Which sets are held by hand towards which replica, over restarts: the file "holds" in the state directory.
//
// One line each: set, peer, reason (escaped), separated by tabs. A line that does not parse is left out; a
// file that cannot be read is an error, because what somebody has stopped must not start by itself.
// Thread safety: one thread. Source: docs/guards.md.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "common/base/result.h"
#include "common/sys/file.h"

namespace ha::replicator {

class HoldBook {
 public:
  using Key = std::pair<std::string, std::string>;  // set, peer

  static Result<HoldBook> open(const std::string& state_dir);
  [[nodiscard]] const std::map<Key, std::string>& holds() const noexcept { return holds_; }
  // On the disk afterwards, or an error and nothing has changed.
  Status put(const Key& key, const std::string& reason);
  Status remove(const Key& key);

 private:
  explicit HoldBook(sys::Directory directory) : directory_(std::move(directory)) {}
  Status save(const std::map<Key, std::string>& holds);

  sys::Directory directory_;
  std::map<Key, std::string> holds_;
};

}  // namespace ha::replicator
