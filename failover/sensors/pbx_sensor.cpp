#include "failover/sensors/pbx_sensor.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/sys/secret.h"

namespace ha::failover {
Result<PbxAccess> pbx_access(const SensorSetup& setup) {
  const bool is_freeswitch = setup.text("pbx") == "freeswitch";
  const std::string address = setup.text("address");
  HA_TRY(pbx::PbxAddress at, pbx::PbxAddress::parse(address.empty() ? "127.0.0.1" : address,
                                                    is_freeswitch ? pbx::kEslPort : pbx::kAmiPort));
  return PbxAccess{std::move(at), is_freeswitch, setup.text("user"), setup.text("secret_file")};
}

Status PbxSensor::connect(const MeasureTurn& turn) {
  HA_TRY(const sys::Secret secret, sys::load_secret(access_.secret_file));
  if (access_.is_freeswitch) {
    HA_TRY(auto made, pbx::EslClient::open(access_.at, {.password = secret.first_line()}, patience_of(turn)));
    freeswitch_.emplace(std::move(made));
  } else {
    HA_TRY(auto made, pbx::AmiClient::open(access_.at, {.user = access_.user, .secret = secret.first_line()},
                                           patience_of(turn)));
    asterisk_.emplace(std::move(made));
  }
  return ok();
}

Reading PbxSensor::reading_of(const Error& error, bool connected) const {
  if (unreachable_ == Unreachable::Trips) {
    return failed(error);
  }
  return connected && error.code() != Code::Unavailable ? unknown(error) : good("not known: " + error.what());
}

Reading PbxSensor::measure(const MeasureTurn& turn) {
  const bool is_new = !asterisk_ && !freeswitch_;
  if (is_new) {
    if (const Status connected = connect(turn); !connected.ok()) {
      return reading_of(connected.error(), false);
    }
  }
  Result<Reading> reading =
      asterisk_ ? ask_asterisk(*asterisk_, turn, is_new) : ask_freeswitch(*freeswitch_, turn, is_new);
  if (reading.ok()) {
    return std::move(reading).value();
  }
  // What has not come in time may never come: the next turn begins with a connection of its own.
  const Code code = reading.error().code();
  const bool is_over = asterisk_ ? asterisk_->is_over() : freeswitch_->is_over();
  if (is_over || code == Code::TimedOut || code == Code::Unavailable || code == Code::Corrupt ||
      code == Code::Exhausted || code == Code::Cancelled) {
    asterisk_.reset();
    freeswitch_.reset();
  }
  return reading_of(reading.error(), true);
}

Result<Reading> PbxSensor::ask_asterisk(pbx::AmiClient&, const MeasureTurn&, bool) {
  return Error(Code::Unsupported, "Asterisk is not asked for it");
}
Result<Reading> PbxSensor::ask_freeswitch(pbx::EslClient&, const MeasureTurn&, bool) {
  return Error(Code::Unsupported, "FreeSWITCH is not asked for it");
}

}  // namespace ha::failover
