// Memory: mem.available, mem.oom_kill.
#include <deque>
#include <optional>
#include <utility>

#include "common/base/units.h"
#include "failover/sensors/bounded_file.h"
#include "failover/sensors/families.h"
#include "failover/sensors/proc_text.h"

namespace ha::failover {
namespace {

class MemAvailable final : public Sensor {
 public:
  explicit MemAvailable(const SensorSetup& setup) : spec_(setup.spec), path_(setup.proc + "/meminfo") {}

  Reading measure(const MeasureTurn&) override {
    const auto text = read_bounded(path_);
    const auto total = text.ok() ? named_number(*text, "MemTotal:") : std::nullopt;
    const auto available = text.ok() ? named_number(*text, "MemAvailable:") : std::nullopt;
    if (!total || !available || *total == 0 || *total > kUnlimited / 1024) {
      return unknown(path_ + " does not say it");
    }
    const double share = 100.0 * static_cast<double>(*available) / static_cast<double>(*total);
    return graded(spec_, share, "%",
                  show_size(*available * 1024) + " of " + show_size(*total * 1024) + " are available");
  }

 private:
  SensorSpec spec_;
  std::string path_;
};

// What was killed before this program began is not counted.
class MemOomKill final : public Sensor {
 public:
  explicit MemOomKill(const SensorSetup& setup)
      : spec_(setup.spec), path_(setup.proc + "/vmstat"), window_(setup.span("window")) {}

  Reading measure(const MeasureTurn& turn) override {
    const auto text = read_bounded(path_);
    const auto now = text.ok() ? named_number(*text, "oom_kill") : std::nullopt;
    if (!now) {
      return unknown(path_ + " does not say it");
    }
    const std::uint64_t before = std::exchange(last_, now).value_or(*now);
    if (*now > before) {
      kills_.push_back({turn.now.steady, *now - before});
    }
    while (!kills_.empty() && (turn.now.steady - kills_.front().at > window_ || kills_.size() > kKillsMax)) {
      kills_.pop_front();
    }
    std::uint64_t count = 0;
    for (const Kills& each : kills_) {
      count += each.count;
    }
    const std::string period = " in the last " + show_age(window_);
    return graded(spec_, static_cast<double>(count), "",
                  count == 0 ? "nothing was killed for want of memory" + period
                             : std::to_string(count) + " processes were killed for want of memory" + period);
  }

 private:
  static constexpr std::size_t kKillsMax = 1000;
  struct Kills {
    SteadyTime at;
    std::uint64_t count;
  };
  SensorSpec spec_;
  std::string path_;
  Duration window_;
  std::optional<std::uint64_t> last_;
  std::deque<Kills> kills_;
};

}  // namespace

SensorMade make_mem_available(const SensorSetup& setup) {
  return std::unique_ptr<Sensor>(std::make_unique<MemAvailable>(setup));
}

SensorMade make_mem_oom_kill(const SensorSetup& setup) {
  return std::unique_ptr<Sensor>(std::make_unique<MemOomKill>(setup));
}

}  // namespace ha::failover
