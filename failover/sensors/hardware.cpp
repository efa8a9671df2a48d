// The machine itself: hw.health. Disks' own reports (SMART) are for a plugin, check_ide_smart.
#include <optional>
#include <utility>

#include "failover/sensors/bounded_file.h"
#include "failover/sensors/families.h"

namespace ha::failover {
namespace {

// What is not there (no EDAC driver, no mirrors) has no errors.
class HwHealth final : public Sensor {
 public:
  explicit HwHealth(const SensorSetup& setup) : spec_(setup.spec), sys_(setup.sys) {}

  Reading measure(const MeasureTurn&) override {
    Counts now;
    now.uncorrected = sum(sys_ + "/devices/system/edac/mc", "mc", "/ue_count");
    now.corrected = sum(sys_ + "/devices/system/edac/mc", "mc", "/ce_count");
    now.throttled = sum(sys_ + "/devices/system/cpu", "cpu", "/thermal_throttle/package_throttle_count");
    now.degraded = sum(sys_ + "/block", "md", "/md/degraded");
    const Counts before = std::exchange(last_, now).value_or(now);
    Reading reading = graded(spec_, static_cast<double>(now.uncorrected), "",
                             std::to_string(now.uncorrected) + " memory errors were not corrected");
    if (reading.grade != Grade::Ok) {
      return reading;
    }
    const std::string what = now.degraded > 0                   ? "a mirror of disks has lost one"
                             : now.corrected > before.corrected ? "memory errors were corrected"
                             : now.throttled > before.throttled ? "processors were slowed down for heat"
                                                                : "";
    return what.empty() ? reading : warned(what);
  }

 private:
  struct Counts {
    std::uint64_t uncorrected = 0;
    std::uint64_t corrected = 0;
    std::uint64_t throttled = 0;
    std::uint64_t degraded = 0;
  };

  // Of `folder`/<begin>*/`file`, those that can be read.
  static std::uint64_t sum(const std::string& folder, std::string_view begin, const std::string& file) {
    std::uint64_t out = 0;
    const auto names = names_in(folder);
    if (names.ok()) {
      for (const std::string& name : *names) {
        const auto count =
            name.starts_with(begin) ? read_number(folder + "/" + name + file) : Result<std::uint64_t>(0);
        out += count.ok() ? *count : 0;
      }
    }
    return out;
  }

  SensorSpec spec_;
  std::string sys_;
  std::optional<Counts> last_;
};

}  // namespace

SensorMade make_hw_health(const SensorSetup& setup) {
  return std::unique_ptr<Sensor>(std::make_unique<HwHealth>(setup));
}

}  // namespace ha::failover
