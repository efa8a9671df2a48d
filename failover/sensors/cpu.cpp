// Processors: cpu.load, cpu.steal; and who waits for what: cpu.pressure, mem.pressure, disk.pressure.
#include <optional>
#include <utility>

#include "failover/sensors/bounded_file.h"
#include "failover/sensors/families.h"
#include "failover/sensors/proc_text.h"

namespace ha::failover {
namespace {

class CpuLoad final : public Sensor {
 public:
  explicit CpuLoad(const SensorSetup& setup) : spec_(setup.spec), proc_(setup.proc) {}

  Reading measure(const MeasureTurn&) override {
    const auto load_text = read_bounded(proc_ + "/loadavg");
    const auto stat_text = read_bounded(proc_ + "/stat", kKernelTableMax);
    const auto load = load_text.ok() ? load_average(*load_text) : std::nullopt;
    const unsigned count = stat_text.ok() ? cpu_count(*stat_text) : 0;
    if (!load || count == 0) {
      return unknown("the load cannot be read from " + proc_);
    }
    return graded(spec_, *load / count, "",
                  "load " + show_number(*load) + " on " + std::to_string(count) + " processors");
  }

 private:
  SensorSpec spec_;
  std::string proc_;
};

class CpuSteal final : public Sensor {
 public:
  explicit CpuSteal(const SensorSetup& setup) : spec_(setup.spec), proc_(setup.proc) {}

  Reading measure(const MeasureTurn&) override {
    const auto text = read_bounded(proc_ + "/stat", kKernelTableMax);
    const auto now = text.ok() ? cpu_times(*text) : std::nullopt;
    if (!now) {
      return unknown(proc_ + "/stat cannot be read");
    }
    const CpuTimes before = std::exchange(last_, now).value_or(*now);
    const std::uint64_t total = now->total - before.total;
    const double share =
        total == 0 || now->total < before.total || now->steal < before.steal
            ? 0
            : 100.0 * static_cast<double>(now->steal - before.steal) / static_cast<double>(total);
    return graded(spec_, share, "%", "the hypervisor took " + show_number(share) + " % for others");
  }

 private:
  SensorSpec spec_;
  std::string proc_;
  std::optional<CpuTimes> last_;
};

class PressureSensor final : public Sensor {
 public:
  PressureSensor(const SensorSetup& setup, std::string resource, bool all)
      : spec_(setup.spec),
        path_(setup.proc + "/pressure/" + resource),
        resource_(std::move(resource)),
        all_(all) {}

  Reading measure(const MeasureTurn&) override {
    const auto text = read_bounded(path_);
    if (!text.ok()) {  // there is no such file, or it cannot be read
      return unknown("the kernel does not measure pressure; start it with psi=1");
    }
    const auto pressure = pressure_of(*text);
    const auto share = !pressure ? std::nullopt : all_ ? pressure->full : std::optional(pressure->some);
    if (!share) {
      return unknown(path_ + " does not say it");
    }
    return graded(spec_, *share, "%",
                  std::string(all_ ? "everything" : "something") + " waited for " + resource_ + " " +
                      show_number(*share) + " % of the time");
  }

 private:
  SensorSpec spec_;
  std::string path_;
  std::string resource_;
  bool all_;
};

}  // namespace

SensorMade make_cpu_load(const SensorSetup& setup) {
  return std::unique_ptr<Sensor>(std::make_unique<CpuLoad>(setup));
}

SensorMade make_cpu_steal(const SensorSetup& setup) {
  return std::unique_ptr<Sensor>(std::make_unique<CpuSteal>(setup));
}

SensorMade make_pressure(const SensorSetup& setup) {
  const bool cpu = setup.kind == "cpu.pressure";
  const char* const resource = cpu ? "cpu" : setup.kind == "mem.pressure" ? "memory" : "io";
  return std::unique_ptr<Sensor>(std::make_unique<PressureSensor>(setup, resource, !cpu));
}

}  // namespace ha::failover
