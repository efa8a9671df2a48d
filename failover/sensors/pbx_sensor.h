// What the sensors that ask the PBX share: a connection of each one's own that is kept, and what it means
// when there is none.
//
// Asterisk by its manager, FreeSWITCH by its event socket. The secret is read from its file for each login,
// its mode checked, and is never in a reading. Where the PBX cannot be asked, only those say so that are
// about that; the others are good, as one fault would count many times. Thread safety: as Sensor.
// Source: docs/pbx.md, docs/sensors.md.
#pragma once

#include <optional>
#include <string>

#include "common/pbx/ami_client.h"
#include "common/pbx/esl_client.h"
#include "failover/sensors/sensor.h"

namespace ha::failover {

struct PbxAccess {
  pbx::PbxAddress at;
  bool is_freeswitch = false;
  std::string user;  // of Asterisk
  std::string secret_file;
};
// From the options pbx, address, user and secret_file. Invalid, Refused: see PbxAddress.
[[nodiscard]] Result<PbxAccess> pbx_access(const SensorSetup& setup);

class PbxSensor : public Sensor {
 public:
  enum class Unreachable { Trips, IsGood };

  [[nodiscard]] Reading measure(const MeasureTurn& turn) final;

 protected:
  PbxSensor(const SensorSetup& setup, PbxAccess access, Unreachable unreachable)
      : spec_(setup.spec), access_(std::move(access)), unreachable_(unreachable) {}

  // One of them is called. `is_new`: nothing has been asked on this connection.
  [[nodiscard]] virtual Result<Reading> ask_asterisk(pbx::AmiClient& asterisk, const MeasureTurn& turn,
                                                     bool is_new);
  [[nodiscard]] virtual Result<Reading> ask_freeswitch(pbx::EslClient& freeswitch, const MeasureTurn& turn,
                                                       bool is_new);

  [[nodiscard]] const SensorSpec& spec() const noexcept { return spec_; }
  [[nodiscard]] std::string pbx() const { return access_.is_freeswitch ? "FreeSWITCH" : "Asterisk"; }

 private:
  [[nodiscard]] Status connect(const MeasureTurn& turn);
  [[nodiscard]] Reading reading_of(const Error& error, bool connected) const;

  SensorSpec spec_;
  PbxAccess access_;
  Unreachable unreachable_;
  std::optional<pbx::AmiClient> asterisk_;
  std::optional<pbx::EslClient> freeswitch_;
};

[[nodiscard]] inline pbx::Patience patience_of(const MeasureTurn& turn) {
  return {turn.until, turn.cancel_fd};
}

// Makes one that asks either PBX.
template <typename Made>
[[nodiscard]] SensorMade make_pbx_sensor(const SensorSetup& setup) {
  HA_TRY(PbxAccess access, pbx_access(setup));
  return std::unique_ptr<Sensor>(std::make_unique<Made>(setup, std::move(access)));
}
// One that is about `pbx` alone; Invalid for the other.
template <typename Made>
[[nodiscard]] SensorMade make_sensor_of(const SensorSetup& setup, std::string_view pbx) {
  if (setup.text("pbx") != pbx) {
    return Error(Code::Invalid,
                 setup.kind + " is of " + std::string(pbx) + " alone, not of " + setup.text("pbx"));
  }
  return make_pbx_sensor<Made>(setup);
}

}  // namespace ha::failover
