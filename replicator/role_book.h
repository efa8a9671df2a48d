// Who holds each service, as the coordinator has said it, and for how long this site may send. With
// [failover] in cluster.toml; docs/failover.md, "The replicator follows".
//
// The book keeps the last known holder, so that after a restart a replica goes on receiving from it; what it
// does not keep is the right to send: that takes an order of this run, and ends with the order's validity.
// An epoch that is lower than the highest one said is refused, so is a second holder of one epoch.
// Not here: the file (role_desk.h), and what a change of holder does to sets. Pure. Thread safety: none.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha::replicator {

struct RoleOrder {
  std::string service;
  std::string holder;       // empty: nobody
  std::uint64_t epoch = 0;  // 0: not known, then nothing is said but that nobody knows
  Duration valid{};         // of this site's own turn, from the receipt
  bool send = false;        // likewise: this site is well enough
};

// Until when this site may send what it holds. No right of this run: it was never said.
struct SendRight {
  std::optional<SteadyTime> said;  // when this site was last said to be the holder
  SteadyTime until{};
  bool well = false;    // else it is not to send although it holds
  bool nobody = false;  // holds it, was said since

  [[nodiscard]] bool may_send(SteadyTime now) const noexcept {
    return said && !nobody && well && now < until;
  }
  // Why not, as a sentence.
  [[nodiscard]] std::string silence(const std::string& service, SteadyTime now) const;
};

struct Role {
  std::string holder;       // the last known one; empty: none
  std::uint64_t epoch = 0;  // of its turn
  std::uint64_t highest = 0;
  bool nobody = false;  // was said last

  friend bool operator==(const Role&, const Role&) = default;
};

inline constexpr Duration kRoleValidMax = std::chrono::minutes(10);  // the longest lease
inline constexpr std::size_t kRoleBookBytesMax = 1 << 20;
inline constexpr std::size_t kRolesMax = 1024;

class RoleBook {
 public:
  explicit RoleBook(std::string site) : site_(std::move(site)) {}
  [[nodiscard]] const std::string& site() const noexcept { return site_; }
  // Corrupt.
  static Result<RoleBook> decode(std::string site, BytesView bytes);
  [[nodiscard]] Bytes encode() const;

  // What stands here is of that epoch: a lower one is refused.
  void raise(const std::string& service, std::uint64_t epoch);
  // Refused when it cannot be true after what was said before: nothing has changed then.
  Status take(const RoleOrder& order, SteadyTime now);
  [[nodiscard]] Role role(const std::string& service) const;
  [[nodiscard]] SendRight right(const std::string& service) const;

 private:
  std::string site_;
  std::map<std::string, Role> roles_;
  std::map<std::string, SendRight> rights_;
};

}  // namespace ha::replicator
