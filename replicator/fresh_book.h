// As of when this site had everything of each set, over restarts: the file "fresh" in the state directory.
//
// A standby that starts after its origin has died still knows how far behind it is. One line each: set, a
// blank, nanoseconds since 1970. Written in place and not synced, as it is worth no wait: what cannot be
// read, or lies in the future, is not known. Moments of the wall clock in the file, of the steady clock here.
// Thread safety: one thread. Source: docs/operations.md, "States of a set".
#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/file.h"

namespace ha::replicator {

class FreshBook {
 public:
  // Knows nothing, and keeps nothing.
  FreshBook() = default;
  static Result<FreshBook> open(const std::string& state_dir, const Now& now);

  [[nodiscard]] std::optional<SteadyTime> of(const std::string& set) const;
  void note(const std::string& set, SteadyTime fresh) { fresh_[set] = fresh; }
  void forget(const std::string& set) { fresh_.erase(set); }
  Status save(const Now& now) const;

 private:
  sys::Directory directory_;
  std::map<std::string, SteadyTime> fresh_;
};

}  // namespace ha::replicator
