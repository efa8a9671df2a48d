#include "failover/sensors/runner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <thread>
#include <utility>

namespace ha::failover {
namespace {

constexpr Duration kTurnsApart = std::chrono::milliseconds(10);  // also when a sensor's descriptor wakes it
constexpr std::chrono::milliseconds kStopLook{1};

// Where a thread is. Only stop() makes it Left, and only from Measuring.
enum class Phase { Waiting, Measuring, HandingOver, Left, Ended };

}  // namespace

struct SensorRunner::Slot {
  Slot(SensorToRun of, Sink to, sys::FileHandle stopped)
      : what(std::move(of)), sink(std::move(to)), stop(std::move(stopped)) {}

  SensorToRun what;
  Sink sink;
  sys::FileHandle stop;
  std::thread thread;
  std::atomic<Phase> phase{Phase::Waiting};
  std::atomic<SteadyTime> begun{SteadyTime{}};  // of the turn that is being measured

  // Whether the sensor shall be measured again: at `next`, or when it says so.
  [[nodiscard]] bool wait_until(SteadyTime next, SteadyTime earliest) const {
    while (true) {
      const SteadyTime now = read_clocks().steady;
      const bool settled = now >= earliest;
      const SteadyTime until = settled ? next : std::min(next, earliest);
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
      std::array<pollfd, 2> polled{
          {{stop.fd(), POLLIN, 0}, {settled ? what.sensor->wake_fd() : -1, POLLIN, 0}}};
      const int ready =
          ::poll(polled.data(), polled.size(), static_cast<int>(std::clamp(left, 0L, 3'600'000L)));
      if (ready > 0 && polled[0].revents != 0) {
        return false;
      }
      if (now >= next || (ready > 0 && polled[1].revents != 0)) {
        return true;
      }
    }
  }
};

Result<std::unique_ptr<SensorRunner>> SensorRunner::start(std::vector<SensorToRun> sensors, Sink sink) {
  if (sensors.size() > kSensorsMax) {
    return Error(Code::Exhausted, "more than " + std::to_string(kSensorsMax) + " sensors");
  }
  std::unique_ptr<SensorRunner> made(new SensorRunner);
  made->stop_ = sys::FileHandle(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  if (!made->stop_.is_open()) {
    return errno_error("cannot make an eventfd", errno);
  }
  for (SensorToRun& each : sensors) {
    // Each has a descriptor of its own, as it may be left behind.
    sys::FileHandle stop(::fcntl(made->stop_.fd(), F_DUPFD_CLOEXEC, 0), "eventfd");
    if (!stop.is_open()) {
      return errno_error("cannot make an eventfd", errno);
    }
    made->slots_.push_back(std::make_shared<Slot>(std::move(each), sink, std::move(stop)));
  }
  for (const auto& slot : made->slots_) {
    slot->thread = std::thread([slot] { run(*slot); });  // one that is left behind has itself
  }
  return made;
}

void SensorRunner::run(Slot& slot) {
  const SensorSpec& spec = slot.what.spec;
  while (true) {
    const Now now = read_clocks();
    slot.begun = now.steady;
    slot.phase = Phase::Measuring;
    Reading reading = slot.what.sensor->measure({now, now.steady + spec.timeout, slot.stop.fd()});
    Phase measured = Phase::Measuring;
    if (!slot.phase.compare_exchange_strong(measured, Phase::HandingOver)) {
      return;  // left behind: nothing of it is anybody's any more
    }
    slot.sink({spec.name, std::move(reading), now.steady});
    slot.phase = Phase::Waiting;
    if (!slot.wait_until(now.steady + spec.every, read_clocks().steady + kTurnsApart)) {
      break;
    }
  }
  slot.phase = Phase::Ended;
}

SensorRunner::~SensorRunner() {
  static_cast<void>(stop(kStopGrace));
}

std::vector<std::string> SensorRunner::stop(Duration grace) {
  std::vector<std::string> left;
  if (slots_.empty()) {
    return left;
  }
  const std::uint64_t one = 1;
  static_cast<void>(!::write(stop_.fd(), &one, sizeof one));
  const SteadyTime until = read_clocks().steady + grace;
  for (auto& slot : slots_) {
    while (slot->phase != Phase::Ended) {
      Phase measuring = Phase::Measuring;
      if (read_clocks().steady >= until && slot->phase.compare_exchange_strong(measuring, Phase::Left)) {
        break;
      }
      std::this_thread::sleep_for(kStopLook);
    }
    if (slot->phase == Phase::Ended) {
      slot->thread.join();
    } else {
      left.push_back(slot->what.spec.name);
      slot->thread.detach();
    }
  }
  slots_.clear();
  return left;
}

std::vector<SensorRunner::Hung> SensorRunner::hung(SteadyTime now) const {
  std::vector<Hung> out;
  for (const auto& slot : slots_) {
    const Duration since = now - slot->begun.load();
    if (slot->phase == Phase::Measuring && since > slot->what.spec.timeout) {
      out.push_back({slot->what.spec.name, since});
    }
  }
  return out;
}

}  // namespace ha::failover
