// Makes the sets of each service follow its holder, as the coordinator says it: the verb "roles".
//
// For every set of a service it compares the role that the book has with the one it is open in, and closes
// and opens it where they differ; sets of other services go on. A set that is to stand at a path where
// another one still stands waits until that one has left. What fails is tried again every second.
// Not here: who holds what (RoleBook), how a set is closed and opened (Pipeline).
// Thread safety: the main loop's thread. Source: docs/failover.md, "The replicator follows".
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/wire/control.h"
#include "common/wire/loop.h"
#include "replicator/pipeline.h"
#include "replicator/role_keeper.h"

namespace ha::schemas::control {
class Request;
class RoleReport;
class Status;
}  // namespace ha::schemas::control

namespace ha::replicator {

class RoleDesk {
 public:
  // All must outlive it. Without [failover] it does nothing.
  RoleDesk(wire::Loop& loop, Pipeline& pipeline, RoleKeeper& keeper, Logger& log);
  ~RoleDesk();
  RoleDesk(const RoleDesk&) = delete;
  RoleDesk& operator=(const RoleDesk&) = delete;

  // Begins to open the sets, in the roles that the book has.
  void start();
  // Takes the orders, and answers with one report for each service. What is wrong with an order is said in
  // the report of its service; the others count.
  void answer(wire::ControlServer& server, std::uint64_t client, const schemas::control::Request& asked);
  // What of the status the configuration does not know: holders, where sets stand, which are not open.
  void put_status(schemas::control::Status& to, const Now& now) const;

 private:
  struct Set {
    const SetConfig* about = nullptr;
    std::optional<SetConfig> open;  // in that role; none: it is closed
    std::optional<bool> live;       // where its tree stands; none: not known yet
    bool busy = false;
    std::optional<Error> problem;
    std::optional<SteadyTime> retry_at;  // none: when another set has turned
  };

  // None: nobody is known to hold its service, so it stays closed and nothing moves.
  [[nodiscard]] std::optional<SetConfig> wanted(const Set& set) const;
  Status take(const RoleOrder& order);
  void tell_all();
  void advance();
  void advance(Set& set);
  [[nodiscard]] std::optional<Error> in_the_way(const Set& set, const SetConfig& wanted) const;
  void on_opened(Set& set, const SetConfig& as, const Status& opened);
  [[nodiscard]] bool is_in_place(const Set& set) const;
  void put_report(const std::string& service, const SideReport& replica,
                  schemas::control::RoleReport& out) const;
  void reply(wire::ControlServer& server, std::uint64_t client, const SideReport& replica);

  wire::Loop& loop_;
  Pipeline& pipeline_;
  RoleKeeper& keeper_;
  Logger& log_;
  const Config& config_;
  std::vector<Set> sets_;                  // of services, in the order of the configuration
  std::map<std::string, Error> refused_;   // by service: what was wrong with its last order
  std::map<std::string, SetConfig> told_;  // by set: what the replica loop knows
  wire::Loop::Id timer_{};
};

}  // namespace ha::replicator
