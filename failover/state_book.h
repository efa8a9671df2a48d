// What the coordinator remembers over restarts: the file "state" in state_dir/failover.
//
// Written whole, by rename, and synced before what it stands for is told. A file that cannot be read is an
// error: forgetting the highest epoch would let a regression pass. Thread safety: one thread. Format:
// schemas/failover_state.proto.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/file.h"

namespace ha::failover {

// A change of who holds a service.
struct Move {
  WallTime time{};
  std::string service;
  std::uint64_t epoch = 0;
  std::string from;  // empty: nobody
  std::string to;    // empty: nobody
  std::string why;
  Duration took{};  // zero: not known
};

struct StateFacts {
  std::map<std::string, std::uint64_t> highest;
  bool paused = false;
  std::string paused_by;
  bool maintenance = false;
  std::string maintenance_by;
  std::deque<Move> moves;  // the newest last
  std::map<std::string, WallTime> muted;
};

class StateBook {
 public:
  static constexpr std::size_t kMovesMax = 500;

  // The directory is made. Refused if another process has it.
  [[nodiscard]] static Result<StateBook> open(const std::string& state_dir);

  [[nodiscard]] const StateFacts& facts() const noexcept { return facts_; }
  // On the disk afterwards; on an error nothing has changed.
  Status put(StateFacts facts);

 private:
  explicit StateBook(sys::Directory directory) : directory_(std::move(directory)) {}
  sys::Directory directory_;
  StateFacts facts_;
};

}  // namespace ha::failover
