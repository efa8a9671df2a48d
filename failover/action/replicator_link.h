// Tells this site's replicator who holds what, and hears how far its copies are.
//
// All roles go over at once, at every change and every half second, each time with what is left of this
// site's own turns: when nobody tells it any more, the replicator sends nothing. A replicator that does not
// run, or is of another version, is an error that the sink gets; nothing else fails by it. Thread safety:
// set() and wait_in_place() from any thread; the sink is called on a thread of its own. Source:
// schemas/control.proto, RoleOrder; docs/failover.md, "Replicator".
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha::failover {

struct RoleWish {
  std::string service;
  std::string holder;       // empty: nobody
  std::uint64_t epoch = 0;  // 0: not known
  SteadyTime until;         // of our own turn
  bool send = false;        // of our own turn: our health allows it

  bool operator==(const RoleWish&) const = default;
};

struct RoleSeen {
  std::string service;
  std::string holder;
  std::uint64_t epoch = 0;
  bool in_place = false;  // its sets stand where the role wants them
  bool in_sync = false;   // of a replica
  std::optional<Duration> behind;
  std::string reason;
};

class ReplicatorLink {
 public:
  using Sink = std::function<void(const Result<std::vector<RoleSeen>>&)>;
  static constexpr Duration kEvery = std::chrono::milliseconds(500);

  // `socket`: of the replicator's control.
  ReplicatorLink(std::string socket, Sink sink);
  ~ReplicatorLink();
  ReplicatorLink(const ReplicatorLink&) = delete;
  ReplicatorLink& operator=(const ReplicatorLink&) = delete;

  void set(std::vector<RoleWish> wishes);
  // Until this site's sets of `service` stand in place for that epoch. TimedOut with what is in the way,
  // Cancelled when this goes; Unavailable at once if no replicator runs.
  [[nodiscard]] Status wait_in_place(const std::string& service, std::uint64_t epoch, SteadyTime until);

 private:
  void run();
  [[nodiscard]] Result<std::vector<RoleSeen>> exchange(const std::vector<RoleWish>& wishes) const;

  const std::string socket_;
  const Sink sink_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<RoleWish> wishes_;
  bool news_ = false;
  bool stopping_ = false;
  std::uint64_t rounds_ = 0;
  std::map<std::string, RoleSeen> seen_;
  std::optional<Error> trouble_;
  std::thread thread_;
};

}  // namespace ha::failover
