// Virtual time, one stream of random numbers and the queue of what is to happen: all that a simulated run
// depends on, so that a seed is a run.
//
// Not the sites and not the network (site.h, network.h): they only put events in here. Thread safety: none.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"

namespace ha::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::uint64_t below(std::uint64_t limit) { return limit == 0 ? 0 : next() % limit; }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + below(high - low + 1); }
  bool chance(std::uint64_t permille) { return below(1000) < permille; }
  Duration duration(Duration low, Duration high);
  Bytes bytes(std::size_t count);

 private:
  std::uint64_t state_;
};

// Ends with its owner; what was planned for the owner does not happen then.
struct Life {};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] SteadyTime now() const noexcept { return now_; }
  [[nodiscard]] Now clocks() const { return {now_, WallTime(now_.time_since_epoch())}; }
  Random& random() noexcept { return random_; }

  void after(Duration delay, std::function<void()> what);
  void after(const std::shared_ptr<Life>& life, Duration delay, std::function<void()> what);
  // False: a rule was broken, see violation().
  bool run_for(Duration duration);

  // The first one counts.
  void violate(const std::string& what);
  [[nodiscard]] const std::string& violation() const noexcept { return violation_; }
  [[nodiscard]] std::uint64_t events() const noexcept { return done_; }

  // Until `difference` was empty `calm` times in a row: equal once must mean equal for good. More than 20
  // minutes are a violation, in which `describe` has the last word. How long it took.
  Duration settle(int calm, const std::function<std::string()>& difference,
                  const std::function<std::string()>& describe);

  // HA_SIM_TRACE=1 shows what happens.
  void trace(const std::string& what) const;

 private:
  struct Event {
    SteadyTime at;
    std::uint64_t number;
    std::function<void()> what;
    bool operator<(const Event& other) const {
      return at != other.at ? at > other.at : number > other.number;
    }
  };
  SteadyTime now_{std::chrono::hours(1)};
  Random random_;
  std::priority_queue<Event> events_;
  std::uint64_t planned_ = 0;
  std::uint64_t done_ = 0;
  std::string violation_;
};

// A strand of the worker pool: one piece of work after the other, each after a random delay.
class SimStrand {
 public:
  SimStrand(World& world, Duration delay_max) : world_(world), delay_max_(delay_max) {}
  void post(std::function<void()> work);
  [[nodiscard]] bool busy() const noexcept { return !work_.empty(); }

 private:
  void start();
  World& world_;
  Duration delay_max_;
  std::shared_ptr<Life> life_ = std::make_shared<Life>();
  std::queue<std::function<void()>> work_;
};

}  // namespace ha::sim
