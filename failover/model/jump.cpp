#include "failover/model/jump.h"

#include "common/base/units.h"

namespace ha::failover {
namespace {

Duration hardware_leap(const ClockReadings& before, const ClockReadings& now) {
  return *now.hardware - *before.hardware - (now.now.steady - before.now.steady);
}

}  // namespace

std::string JumpWatch::on_readings(const ClockReadings& readings) {
  std::string why;
  if (last_ && readings.slept - last_->slept >= kSleptMin) {
    why = "this host was suspended for " + show_age(readings.slept - last_->slept);
  }
  if (readings.hardware && last_hardware_) {
    // Set by hand or from the wall clock, it leaps to that one; after a freeze it leaps away from it.
    const Duration leap = hardware_leap(*last_hardware_, readings);
    const Duration from_wall = std::chrono::abs(*readings.hardware - readings.now.wall) -
                               std::chrono::abs(*last_hardware_->hardware - last_hardware_->now.wall);
    if (why.empty() && leap >= kLeapMin && from_wall >= kLeapMin) {
      why = "this machine stood still for " + show_age(leap);
    }
  }
  last_ = readings;
  if (readings.hardware) {
    last_hardware_ = readings;
  }
  return why;
}

}  // namespace ha::failover
