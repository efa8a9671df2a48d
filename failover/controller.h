// The coordinator of a site as a whole: the only part of it that does I/O and sees every stage.
//
// Everything that happens comes in on one loop, the pure core (model/coordinator.h) says what follows, and it
// is carried out here: questions to the arbiter, jobs and handlers on workers, the kernel guard at once. What
// hangs there delays no decision. Not here: the command lines' socket (control_service.h). Thread safety: the
// loop's thread. Source: docs/failover.md, "The flow".
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/sys/process.h"
#include "common/wire/loop.h"
#include "common/wire/socket.h"
#include "failover/action/guard.h"
#include "failover/action/handlers.h"
#include "failover/action/pbx_line.h"
#include "failover/action/replicator_link.h"
#include "failover/arbiter_desk.h"
#include "failover/config.h"
#include "failover/model/budget.h"
#include "failover/model/coordinator.h"
#include "failover/model/health.h"
#include "failover/model/jump.h"
#include "failover/owner_probe.h"
#include "failover/peer_link.h"
#include "failover/sensors/runner.h"
#include "failover/site_jobs.h"
#include "failover/state_book.h"

namespace ha::failover {

class Controller {
 public:
  // What is passed by reference outlives it. Errors: a port that is taken, a guard that cannot be and must,
  // a state directory that is another's.
  [[nodiscard]] static Result<std::unique_ptr<Controller>> open(const FailoverConfig& config,
                                                                wire::KeyPair keys, wire::Loop& loop,
                                                                Logger& log);
  // After a reload, before the loop turns.
  void go_on_with(const Coordinator::Continued& before) { core_.go_on_with(before); }
  // What is served goes on: the next coordinator takes it over, or the guard closes it.
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // ------------------------------------------------------------- for status
  [[nodiscard]] const FailoverConfig& config() const noexcept { return config_; }
  [[nodiscard]] const Coordinator& core() const noexcept { return core_; }
  [[nodiscard]] const Health& health() const noexcept { return health_; }
  [[nodiscard]] const StateFacts& state() const noexcept { return book_.facts(); }
  [[nodiscard]] const std::map<std::string, PeerFacts>& peers() const noexcept { return link_->facts(); }
  [[nodiscard]] const Findings& findings() const noexcept { return findings_; }
  // Empty: callers are led as the record says. Else what is behind.
  [[nodiscard]] std::string names_behind(const std::string& service) const;
  // Of a service that is held here: why its sets are not in place; empty: they are.
  [[nodiscard]] std::string sets_trouble(const std::string& service) const;
  [[nodiscard]] std::string replication_of(const std::string& service) const;  // in words
  [[nodiscard]] const std::string& replicator_trouble() const noexcept { return replicator_trouble_; }
  [[nodiscard]] const std::string& guard_trouble() const noexcept { return guard_trouble_; }
  [[nodiscard]] BudgetFacts budget_facts(const std::string& service) const;
  [[nodiscard]] std::vector<HandlerCounts> handlers() const { return handlers_->counts(); }

  // ------------------------------------------------------------- for operators; `by`: who asks
  Status switchover(const std::string& service, const std::string& target, std::optional<Duration> drain,
                    const std::string& by);
  Status takeover(const std::string& service, const std::string& by);
  Status pause(bool on, const std::string& by);
  Status maintenance(bool on, std::optional<Duration> drain, const std::string& by);
  Status mute(const std::string& sensor, std::optional<Duration> length);
  Status fenced(const std::string& site, const std::string& by);
  Status acknowledge(const std::string& by);
  void accept(const std::string& service, std::uint64_t beyond, std::function<void(const Status&)> done);

 private:
  Controller(const FailoverConfig& config, wire::Loop& loop, Logger& log, StateBook book, Health health,
             std::uint64_t boot);
  Status begin(wire::KeyPair keys);
  void begin_workers();
  void begin_timers();

  void turn();  // asks the core, and does what it says
  [[nodiscard]] std::string unwritten(SteadyTime now) const;
  void look(const Now& now);
  void look_at_clocks(const Now& now);
  void note_silence(SteadyTime now);
  void probe_owners(SteadyTime now);
  void beat(const Now& now);
  void tell_all(const Now& now);  // a heartbeat to every peer
  void carry_out(const std::string& service, const Step& step);
  void set_guard(const std::string& service, const GuardUntil& guard);
  void run_job(const std::string& service, const Run& run);
  void tell(const std::string& service, const Tell& tell);
  void note(const std::string& event, const std::vector<std::pair<std::string, std::string>>& fields);
  void note_health(const HealthChanges& changes);
  void tell_replicator();
  void fence_owners(SteadyTime now);
  void revive(const Now& now);

  void on_answer(const std::string& service, const Answer& answer);
  void on_job_end(const JobWish& wish, const JobEnd& end);
  void on_follow(const std::string& service, const std::vector<FollowAnswer>& found);
  void on_roles(const Result<std::vector<RoleSeen>>& seen);
  void begin_claims();  // that have waited for the replicator
  void on_calls(const Result<std::uint64_t>& calls);
  void remember();  // what has to survive a restart
  void notice_move(const std::string& service, const Turn& turn);
  [[nodiscard]] Status save(const std::function<void(StateFacts&)>& change);
  [[nodiscard]] bool survives_here(const std::string& service) const;
  // Runs on the loop, later, from any thread; not after this has gone.
  void later(std::function<void()> task);

  // What this site does for one service, beside its turn.
  struct Served;
  void send_ask(const std::string& service, Served& served);

  struct Served {
    Role role;
    bool follow_due = false;
    std::optional<SteadyTime> follow_at;
    std::string behind;                 // of its names
    std::optional<SteadyTime> claimed;  // when taking it began
    std::string owner;                  // as it was noticed last
    std::uint64_t epoch = 0;
    bool noticed = false;
    bool local = false;  // kept for local callers, without a lease
    std::optional<SteadyTime> revived;
    std::optional<RoleSeen> seen;
    bool has_sets = false;
    std::optional<Ask> asked;  // waits to be sent
    std::string fence_wanted;  // owner and version
    SteadyTime fence_wanted_at;
    std::string fence_tried;  // owner and version
  };

  const FailoverConfig& config_;
  wire::Loop& loop_;
  Logger& log_;
  StateBook book_;
  Health health_;
  Coordinator core_;
  Findings findings_;
  JumpWatch jumps_;
  std::map<std::string, Served> served_;
  std::set<std::string> silent_;  // sites, and arbiters, that fell silent and were said
  std::vector<wire::Loop::Id> registered_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  const SteadyTime begun_ = read_clocks().steady;
  SteadyTime beat_at_;
  SteadyTime look_at_;
  bool turning_ = false;
  std::uint64_t events_ = 0;
  std::vector<std::string> told_heard_;  // in the last heartbeat
  std::map<std::string, bool> told_probes_;
  std::string replicator_trouble_ = "it was not asked yet";
  bool roles_known_ = false;  // the replicator has answered, or does not run
  std::string guard_trouble_;

  // In the order in which they begin; they end the other way round.
  std::unique_ptr<wire::Context> context_;
  std::optional<Guard> guard_;
  std::unique_ptr<Handlers> handlers_;
  std::unique_ptr<PbxLine> pbx_line_;
  std::unique_ptr<ReplicatorLink> replicator_;
  std::unique_ptr<SiteJobs> jobs_;
  std::unique_ptr<ArbiterDesk> desk_;
  std::unique_ptr<OwnerProbe> probe_;
  std::unique_ptr<SensorRunner> sensors_;
  std::unique_ptr<PeerLink> link_;
  std::unique_ptr<Workers> fences_;
};

}  // namespace ha::failover
