// Carries out what a service's turn asks of this site: prewarm, cool, promote, demote.
//
// A strand a service; each job ends within its limits, and its end comes back to the loop. The site has one
// PBX: it is stopped when the last service that needs it has gone. Hooks that block are asked before the
// step that they may veto; nobody can veto that a service is given up, so a veto is noted and passed over
// there. Thread safety: one loop's thread. Source: docs/failover.md, "States of a service at a site".
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/workers.h"
#include "common/sys/cancel.h"
#include "common/wire/loop.h"
#include "failover/action/handlers.h"
#include "failover/action/pbx_control.h"
#include "failover/action/replicator_link.h"
#include "failover/model/step.h"
#include "failover/model/times.h"

namespace ha::failover {

struct JobWish {
  std::string service;
  Job job = Job::Prewarm;
  std::uint64_t epoch = 0;
  std::string why;
  bool keep_pbx = false;  // of Demote: it goes on for local callers
  bool revive = false;    // of Promote: only the PBX, which has died
};

struct JobLimits {
  Duration start_within{};
  // Its sets stand where the PBX reads them, also at a standby: it can be started before, and in a pinch with
  // whatever is there.
  bool sets_are_live = true;
};

class SiteJobs {
 public:
  using OnEnd = std::function<void(const JobWish&, const JobEnd&, Duration took)>;
  // Something that a person should know, and that stopped nothing.
  using OnTrouble = std::function<void(const JobWish&, const std::string& what)>;

  // What is passed by reference outlives it; `on_end` is called on the loop. `replicator` may be null.
  SiteJobs(wire::Loop& loop, std::string site, const std::vector<std::string>& services, PbxConfig pbx,
           JobLimits limits, Handlers& handlers, ReplicatorLink* replicator, OnEnd on_end,
           OnTrouble on_trouble);
  // Breaks off what is under way; the PBX is left as it is.
  ~SiteJobs();
  SiteJobs(const SiteJobs&) = delete;
  SiteJobs& operator=(const SiteJobs&) = delete;

  void run(const JobWish& wish);
  // Median of the last starts and stops that were done.
  [[nodiscard]] std::optional<Duration> start_time() const;
  [[nodiscard]] std::optional<Duration> stop_time() const;

 private:
  [[nodiscard]] JobEnd carry_out(const JobWish& wish);
  [[nodiscard]] std::string promote(const JobWish& wish);
  [[nodiscard]] std::string wait_for_sets(const JobWish& wish);
  [[nodiscard]] std::string demote(const JobWish& wish);
  [[nodiscard]] std::string start(const JobWish& wish, bool warm);
  [[nodiscard]] std::string stop(const JobWish& wish);
  [[nodiscard]] std::optional<Veto> ask(const char* event, const JobWish& wish);
  [[nodiscard]] CommandInput input(const JobWish& wish) const;

  wire::Loop& loop_;
  const std::string site_;
  const JobLimits limits_;
  Handlers& handlers_;
  ReplicatorLink* const replicator_;
  const OnEnd on_end_;
  const OnTrouble on_trouble_;
  sys::Cancel cancel_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::mutex pbx_mutex_;  // one PBX: held over a start or stop; guards what follows
  PbxControl pbx_;
  std::set<std::string> users_;
  mutable std::mutex times_mutex_;  // guards the two lists
  Times starts_;
  Times stops_;
  std::map<std::string, std::unique_ptr<Strand>> strands_;
  Workers workers_;  // last: its threads end before what they use
};

}  // namespace ha::failover
