// Status as the control socket tells it, from what the two sides report. Values in, a message out.
//
// Thread safety: plain functions; VerifiedBook belongs to one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/file.h"
#include "replicator/config.h"
#include "replicator/status.h"

namespace ha::schemas::control {
class Job;
class Status;
}  // namespace ha::schemas::control

namespace ha::replicator {

// When each set was last compared with each peer, and whether it was equal. Kept in the state directory.
class VerifiedBook {
 public:
  struct Entry {
    std::int64_t time_ns = 0;
    bool equal = false;
  };
  static Result<VerifiedBook> open(const std::string& state_dir);
  // What a job that has ended says of its parts. An error means that it is not kept over a restart.
  Status take(const schemas::control::Job& job);
  [[nodiscard]] const Entry* find(const std::string& set, const std::string& peer) const;

 private:
  explicit VerifiedBook(sys::Directory directory) : directory_(std::move(directory)) {}
  sys::Directory directory_;
  std::map<std::pair<std::string, std::string>, Entry> entries_;
};

// Links, sets, services and problems. The caller adds what it knows of itself (version, start).
void put_status(const Config& config, const SideReport& origin, const SideReport& replica,
                const VerifiedBook& verified, schemas::control::Status& to);

}  // namespace ha::replicator
