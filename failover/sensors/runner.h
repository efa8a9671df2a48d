// Measures sensors, each at its interval on a thread of its own, and hands over what they read.
//
// A sensor that hangs holds nobody up but itself: its next turn does not begin before this one has ended, and
// Health counts what does not come. At most kSensorsMax threads. Thread safety: one thread, but for the sink,
// which is called on theirs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/file.h"
#include "failover/model/health.h"
#include "failover/sensors/sensor.h"

namespace ha::failover {

struct SensorResult {
  std::string name;
  Reading reading;
  SteadyTime begun;
};

struct SensorToRun {
  SensorSpec spec;
  std::unique_ptr<Sensor> sensor;
};

class SensorRunner {
 public:
  // Called by any of the threads, several at once; it must not block (Loop::post, BoundedQueue::try_push).
  using Sink = std::function<void(SensorResult)>;

  // All are measured once at once. Exhausted above kSensorsMax.
  [[nodiscard]] static Result<std::unique_ptr<SensorRunner>> start(std::vector<SensorToRun> sensors,
                                                                   Sink sink);
  // stop() with kStopGrace.
  ~SensorRunner();
  SensorRunner(const SensorRunner&) = delete;
  SensorRunner& operator=(const SensorRunner&) = delete;

  static constexpr Duration kStopGrace = std::chrono::seconds(2);
  // Cancels what is being measured and waits for it. What does not end is left behind, with its thread and
  // its sensor, and named; the sink is not called any more.
  std::vector<std::string> stop(Duration grace);

  struct Hung {
    std::string name;
    Duration since;  // its turn began
  };
  // Those whose turn has lasted longer than its timeout.
  [[nodiscard]] std::vector<Hung> hung(SteadyTime now) const;

 private:
  struct Slot;
  SensorRunner() = default;
  static void run(Slot& slot);

  std::vector<std::shared_ptr<Slot>> slots_;
  sys::FileHandle stop_;  // an eventfd, readable when all shall end
};

}  // namespace ha::failover
