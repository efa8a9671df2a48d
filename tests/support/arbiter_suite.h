// What every arbiter promises, as cases over the one interface: run over the in-memory one by a unit test,
// and over real BIND and etcd by tests/e2e/arbiters_keep_one_promise.py.
//
// A case has a service of its own, so that none is in another's way. Thread safety: one thread, but for
// ArbiterBench::at_once().
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "failover/lease/arbiter.h"

namespace ha::failover {

inline constexpr int kSuiteSites = 9;  // "s0" to "s8": one holds it, eight want it
[[nodiscard]] std::string suite_site(int number);

// What becomes of the changes that s0 or s1 sends; its reads get through.
enum class SuiteMishap {
  LoseRequest,  // the next one
  LoseReply,    // of the next one
  HoldAll,      // until deliver()
};

// Where the arbiters of one kind are, and what can be done to them.
class ArbiterBench {
 public:
  virtual ~ArbiterBench() = default;

  // The same one each time, until restart_site(): as after a kill, only what is on the disk is known.
  [[nodiscard]] virtual Arbiter& at(std::string_view site) = 0;
  virtual void restart_site(std::string_view site) = 0;
  [[nodiscard]] virtual SteadyTime now() const = 0;

  virtual void mishap(std::string_view site, SuiteMishap what) = 0;
  // What was held back arrives at the server now.
  virtual void deliver(std::string_view site) = 0;

  virtual void stop_server() = 0;
  virtual void start_server() = 0;
  // When the site's next change has been applied and before it hears of it: as kill -9, and as kill -STOP.
  virtual void kill_server_after_change(std::string_view site) = 0;
  virtual void freeze_server_after_change(std::string_view site) = 0;
  virtual void thaw_server() = 0;
  // A backup of what the server has, and back to it.
  virtual void save_server() = 0;
  virtual void restore_server() = 0;

  // All of them, as much at the same time as can be.
  virtual void at_once(const std::vector<std::function<void()>>& jobs) = 0;
};

class SuiteReport {
 public:
  virtual ~SuiteReport() = default;
  virtual void check(bool good, const std::string& what) = 0;
};

struct SuiteCase {
  std::string name;
  std::string service;  // in the configuration of all sites, with all of them eligible
  std::function<void(ArbiterBench&, SuiteReport&, const std::string& service)> run;
};
// In this order; the last ones set the server back.
[[nodiscard]] std::vector<SuiteCase> arbiter_cases();
// `rounds` in each of which all sites but the holder claim the same version at once.
[[nodiscard]] SuiteCase arbiter_race(int rounds);

}  // namespace ha::failover
