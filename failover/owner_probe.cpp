#include "failover/owner_probe.h"

#include "failover/sensors/registry.h"

namespace ha::failover {
namespace {

bool is_dead(const std::string& endpoint, int cancel_fd) {
  const auto setup = sensor_setup("probe", "sip.options", {{"address", endpoint}});
  if (!setup.ok()) {
    return false;  // there is nothing to ask
  }
  auto sensor = make_sensor(*setup);
  if (!sensor.ok()) {
    return false;
  }
  const Now now = read_clocks();
  const Reading reading = (*sensor)->measure({now, now.steady + OwnerProbe::kPatience, cancel_fd});
  return reading.grade == Grade::Unknown || reading.grade == Grade::Trip;
}

}  // namespace

OwnerProbe::OwnerProbe(wire::Loop& loop, const std::vector<std::string>& services, OnEnd on_end)
    : loop_(loop), on_end_(std::move(on_end)), workers_(static_cast<unsigned>(services.size())) {
  for (const std::string& service : services) {
    lines_.emplace(service, std::make_unique<Line>(workers_));
  }
}

OwnerProbe::~OwnerProbe() {
  *alive_ = false;
  cancel_.now();
  workers_.stop();
}

void OwnerProbe::probe(const std::string& service, const std::string& owner, const std::string& endpoint) {
  Line& line = *lines_.at(service);
  if (line.busy) {
    return;
  }
  line.busy = true;
  line.strand.post([this, &line, service, owner, endpoint, alive = alive_] {
    const bool dead = is_dead(endpoint, cancel_.fd());
    loop_.post_or_wait([this, &line, service, owner, dead, alive] {
      if (*alive) {
        line.busy = false;
        on_end_(service, owner, dead);
      }
    });
  });
}

}  // namespace ha::failover
