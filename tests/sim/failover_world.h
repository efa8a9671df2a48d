// A whole cluster of coordinators in virtual time: sites with clocks of their own, PBXs, kernel guards, a
// network that loses and delays, one arbiter, and somebody who breaks all of it.
//
// Deterministic: a seed says everything. Thread safety: none. Source: docs/failover.md; invariants:
// check_serving() and on_applied().
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "failover/model/coordinator.h"
#include "tests/sim/failover_arbiter.h"

namespace ha::sim {

// Rules that are broken on purpose: each must be found out.
struct FailoverFlaws {
  bool short_wait = false;       // challengers count a shorter lease than holders
  bool no_guard = false;         // no kernel guard: the PBX serves until it is stopped
  bool no_resume_check = false;  // nobody tells that a machine stood still
  bool from_reply = false;       // a lease counts from its answer
  bool no_seq = false;           // a swap compares the epoch only
  bool one_short = false;        // a promise that nobody has given counts
  bool promise_void = false;     // who has promised does not keep it
  bool forced_unbound = false;   // nor who was told by an operator to take it
  bool forced_dropped = false;   // an operator's word is enough for a site that the owner has dropped
  bool epoch_again = false;      // what was seen before a person accepted less is forgotten
};

// A plot of several faults that nemesis plays more often than others.
enum class Plot {
  None,
  Siege,  // the holder loses the arbiter, a site does not hear it, and its operator takes over
  Exile,  // a site is not heard until it is dropped; the holder loses the arbiter; the site's operator takes
          // over
  Rollback,  // the arbiter goes back
  Stall,     // the holder's coordinator is stopped for longer than its lease
};

struct FailoverPlan {
  unsigned sites = 3;
  unsigned services = 1;
  bool fast = false;  // of every other service
  double drift_ppm = 500;
  double lose = 0.01;
  double late = 0.02;     // a message to the arbiter that takes up to a minute
  unsigned paths = 2;     // between two sites
  unsigned capacity = 1;  // of each site, at least
  bool fallback = false;  // always, after two leases
  Plot plot = Plot::None;
  Duration lease = std::chrono::seconds(10);
  Duration calm = std::chrono::seconds(25);  // before the first fault
  Duration trouble = std::chrono::minutes(5);
  Duration peace = std::chrono::minutes(4);    // in which all has to heal; zero: nothing has to
  Duration between = std::chrono::seconds(4);  // one fault after the other, on average; zero: none
  Duration bursts{};  // now and then half of all is lost for up to two seconds; zero: never
  bool operators = true;
  bool health = true;
  FailoverFlaws flaws;
};

struct FailoverOutcome {
  std::string violation;
  Duration healed_in{};
  std::uint64_t claims = 0;
  std::uint64_t moves = 0;     // epochs
  std::uint64_t overlaps = 0;  // of fast services, seen
  std::uint64_t faults = 0;
  std::uint64_t promised = 0;  // extensions by promises
  std::uint64_t messages = 0;
  std::uint64_t forced = 0;  // takeovers, by operators
  std::uint64_t fenced = 0;
  std::uint64_t rolled_back = 0;
  Duration longest_gap{};  // nobody served although a site could have
};

class FailoverWorld {
 public:
  FailoverWorld(const FailoverPlan& plan, std::uint64_t seed);
  ~FailoverWorld();
  // Trouble, then peace; what was found.
  FailoverOutcome run();

 private:
  struct Site;
  struct Serving {
    bool pbx = false;                       // it runs, and is meant to serve
    std::optional<SteadyTime> guard_until;  // on the site's clock
    std::uint64_t epoch = 0;
  };

  struct Event {
    SteadyTime when;
    std::uint64_t number;
    std::size_t place;  // in works_
    bool operator>(const Event& other) const {
      return when != other.when ? when > other.when : number > other.number;
    }
  };

  // A heartbeat on its way. There are so many that each one's own memory would be what a simulation does.
  struct Flight {
    Site* to;
    const Site* from;
    unsigned path;
    std::shared_ptr<const failover::Heartbeat> what;
    SteadyTime sent;
  };

  void at(SteadyTime when, std::function<void()> work);
  void in(Duration wait, std::function<void()> work) { at(now_ + wait, std::move(work)); }
  // On the site's own processor: later if it is stopped, never if it has died since.
  void on(Site& site, std::function<void()> work);
  [[nodiscard]] SteadyTime local(const Site& site) const;
  [[nodiscard]] SteadyTime global(const Site& site, SteadyTime local) const;
  [[nodiscard]] Duration trip(double late);
  [[nodiscard]] bool lost() { return random_.chance(bursts_ ? 0.5 : plan_.lose); }
  [[nodiscard]] bool linked(const Site& from, const Site& to) const;

  void start(Site& site);
  void turn(Site& site);
  void wake(Site& site);
  void beat(Site& site);
  void deliver(std::size_t place);
  void heard(Site& to, const Flight& flight);
  void carry_out(Site& site, const std::string& service, const failover::Step& step);
  void ask(Site& site, const std::string& service, const failover::Ask& ask);
  void go_on(Site& site, const std::string& service, std::shared_ptr<ArbiterCall> call);
  void answered(Site& site, const std::string& service, failover::Answer answer);
  void run_job(Site& site, const std::string& service, const failover::Run& run);
  void tell(Site& site, const std::string& service, const failover::Tell& tell);

  void nemesis();
  void burst();
  void fault();
  void cut(Site& from, Site& to, bool both, Duration length);
  void cut_arbiter(Site& site, Duration length);
  void operate(Site& site, Site& other);
  void take_over(Site& site, const std::string& service);
  void confirm_fence(Site& site);
  void play(Plot plot);
  void siege(Site& holder, Site& site, const std::string& service);
  void exile(Site& holder, Site& site, const std::string& service);
  void roll_back(unsigned tries);
  [[nodiscard]] bool have_all_seen() const;
  void accept(Site& site);
  [[nodiscard]] bool can_be_stopped(const Site& site) const;
  void power_off(Site& site);
  void kill(Site& site);
  void stop(Site& site, Duration length, bool frozen);
  void resume(Site& site);
  void give_grace(Site& site, Duration length);
  void can_tell(Site& site, const Flight& flight);
  void heal();

  void on_applied(const std::string& service, const std::optional<Stored>& before, const Stored& now);
  [[nodiscard]] bool serves(const Site& site, const std::string& service) const;
  [[nodiscard]] bool is_misled(const Site& site, const std::string& service) const;
  void check_serving(const std::string& service);
  void check_healed();
  void check_preferred(const std::string& service, const std::string& holder);
  [[nodiscard]] bool is_well(const Site& site) const;
  [[nodiscard]] bool is_able(const Site& site, const std::string& service,
                             const std::set<std::string>& unserved) const;
  void watch();
  [[nodiscard]] unsigned capacity() const;
  [[nodiscard]] std::string first_of(const std::string& service) const;
  void violate(const std::string& what);
  [[nodiscard]] static bool is_traced();
  void trace(const std::string& what) const;

  FailoverPlan plan_;
  Random random_;
  SteadyTime now_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::deque<std::function<void()>> works_;
  std::vector<std::size_t> free_;
  std::deque<Flight> flights_;
  std::vector<std::size_t> landed_;  // free places in it
  std::uint64_t number_ = 0;
  std::vector<std::string> services_;
  std::vector<std::unique_ptr<Site>> sites_;
  ArbiterStore arbiter_;
  bool arbiter_up_ = true;
  std::uint64_t arbiter_life_ = 0;  // what was on its way to an earlier one is lost
  std::set<std::string>
      rolled_;  // services whose epoch has gone back, until a person has accepted everywhere
  std::map<std::string, std::uint64_t> epochs_;  // the highest of each service
  std::map<std::string, std::map<std::uint64_t, std::string>> owners_;
  std::map<std::string, SteadyTime> served_;   // by service: the last moment
  std::map<std::string, SteadyTime> changed_;  // by service: the last swap
  std::set<std::string> fast_;
  FailoverOutcome out_;
  bool peace_ = false;
  bool bursts_ = false;
};

}  // namespace ha::sim
