// The RoleBook and its file: "roles" in the state directory. Outlives a reload, so that the right to send
// does too.
//
// A file that cannot be read is told and left out: what an epoch is over for is in the index of every set,
// too. Thread safety: none.
#pragma once

#include <string>

#include "common/base/log.h"
#include "common/base/result.h"
#include "common/sys/file.h"
#include "replicator/role_book.h"

namespace ha::replicator {

class RoleKeeper {
 public:
  static Result<RoleKeeper> open(const std::string& state_dir, const std::string& site, Logger& log);

  [[nodiscard]] const RoleBook& book() const noexcept { return book_; }
  // As RoleBook::take(); on the disk before this returns, unless that fails: then the order counts all the
  // same, as a takeover must not wait for a full disk, and the next order tries again.
  Status take(const RoleOrder& order, SteadyTime now);
  void raise(const std::string& service, std::uint64_t epoch) { book_.raise(service, epoch); }

 private:
  RoleKeeper(sys::Directory directory, RoleBook book, Logger& log)
      : directory_(std::move(directory)), book_(std::move(book)), log_(&log) {}

  sys::Directory directory_;
  RoleBook book_;
  Bytes kept_;
  Logger* log_;
};

}  // namespace ha::replicator
