// Whether the PBX is alive, and how it does: pbx.ctl_latency, pbx.booted, pbx.deadlock, pbx.events,
// pbx.taskprocessor, sip.profiles, astdb.write.
#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/units.h"
#include "failover/sensors/families.h"
#include "failover/sensors/pbx_sensor.h"
#include "failover/sensors/pbx_text.h"

namespace ha::failover {
namespace {

double seconds_of(Duration span) {
  return std::chrono::duration<double>(span).count();
}
Reading took(const SensorSpec& spec, Duration span, const std::string& what) {
  return graded(spec, seconds_of(span), "s", what + " " + show_age(span));
}

// ---------------------------------------------------------------- pbx.ctl_latency
class CtlLatency final : public PbxSensor {
 public:
  CtlLatency(const SensorSetup& setup, PbxAccess access)
      : PbxSensor(setup, std::move(access), Unreachable::Trips) {}

 private:
  Result<Reading> ask_asterisk(pbx::AmiClient& asterisk, const MeasureTurn& turn, bool /*is_new*/) override {
    HA_TRY(const Duration span, asterisk.ping(patience_of(turn)));
    return took(spec(), span, "Asterisk answers after");
  }
  Result<Reading> ask_freeswitch(pbx::EslClient& freeswitch, const MeasureTurn& turn,
                                 bool /*is_new*/) override {
    HA_TRY(const pbx::EslAnswer answer, freeswitch.api(pbx::kAskStatus, patience_of(turn)));
    HA_CHECK(answer.check());
    return took(spec(), answer.took, "FreeSWITCH answers after");
  }
};

// ---------------------------------------------------------------- pbx.booted
class Booted final : public PbxSensor {
 public:
  Booted(const SensorSetup& setup, PbxAccess access)
      : PbxSensor(setup, std::move(access), Unreachable::Trips), restart_for_(setup.span("restart_for")) {}

 private:
  Result<Reading> ask_asterisk(pbx::AmiClient& asterisk, const MeasureTurn& turn, bool is_new) override {
    if (is_new) {
      HA_CHECK(asterisk.wait_booted(patience_of(turn)));
    }
    HA_TRY(const pbx::CoreStatus status, asterisk.core_status(patience_of(turn)));
    if (!started_.empty() && started_ != status.started) {
      note_restart(turn);
    }
    started_ = status.started;
    return reading(turn, "it runs since " + started_ + " of its own time");
  }
  Result<Reading> ask_freeswitch(pbx::EslClient& freeswitch, const MeasureTurn& turn,
                                 bool /*is_new*/) override {
    // What it says of its age is not exact.
    constexpr Duration kSame = std::chrono::seconds(5);
    HA_TRY(const pbx::SwitchStatus status, freeswitch.status(patience_of(turn)));
    const SteadyTime began = turn.now.steady - status.up;
    if (began_ && began > *began_ + kSame) {
      note_restart(turn);
    }
    began_ = began;
    return status.is_ready ? reading(turn, "it runs for " + show_age(status.up))
                           : tripped("FreeSWITCH is not ready");
  }

  void note_restart(const MeasureTurn& turn) {
    restarted_at_ = turn.now.steady;
    ++restarts_;
  }
  [[nodiscard]] Reading reading(const MeasureTurn& turn, const std::string& since) const {
    if (restarted_at_ && turn.now.steady - *restarted_at_ < restart_for_) {
      return warned(pbx() + " was restarted " + show_age(turn.now.steady - *restarted_at_) + " ago, " +
                    std::to_string(restarts_) + " times since this program began");
    }
    return good(pbx() + " is ready, " + since);
  }

  Duration restart_for_;
  std::string started_;              // of Asterisk: as it says it
  std::optional<SteadyTime> began_;  // of FreeSWITCH
  std::optional<SteadyTime> restarted_at_;
  unsigned restarts_ = 0;
};

// ---------------------------------------------------------------- pbx.deadlock
// A list of channels takes the locks that calls take.
class Deadlock final : public PbxSensor {
 public:
  Deadlock(const SensorSetup& setup, PbxAccess access)
      : PbxSensor(setup, std::move(access), Unreachable::Trips) {}

 private:
  Result<Reading> ask_asterisk(pbx::AmiClient& asterisk, const MeasureTurn& turn, bool /*is_new*/) override {
    const SteadyTime begin = read_clocks().steady;
    HA_TRY(const pbx::ChannelCounts counts, asterisk.channels(patience_of(turn)));
    return listed(counts.channels, begin);
  }
  Result<Reading> ask_freeswitch(pbx::EslClient& freeswitch, const MeasureTurn& turn,
                                 bool /*is_new*/) override {
    const SteadyTime begin = read_clocks().steady;
    HA_TRY(const std::uint64_t channels, freeswitch.channels(patience_of(turn)));
    return listed(channels, begin);
  }
  [[nodiscard]] Reading listed(std::uint64_t channels, SteadyTime begin) const {
    return took(spec(), read_clocks().steady - begin,
                pbx() + " has listed " + std::to_string(channels) + " channels within");
  }
};

// ---------------------------------------------------------------- pbx.events
class Events final : public PbxSensor {
 public:
  Events(const SensorSetup& setup, PbxAccess access)
      : PbxSensor(setup, std::move(access), Unreachable::Trips) {}

 private:
  Result<Reading> ask_freeswitch(pbx::EslClient& freeswitch, const MeasureTurn& turn,
                                 bool /*is_new*/) override {
    HA_TRY(const Duration span, freeswitch.prove_events(patience_of(turn)));
    return took(spec(), span, "an event of ours has come back after");
  }
};

// ---------------------------------------------------------------- pbx.taskprocessor
class TaskProcessor final : public PbxSensor {
 public:
  TaskProcessor(const SensorSetup& setup, PbxAccess access)
      : PbxSensor(setup, std::move(access), Unreachable::IsGood) {}

 private:
  Result<Reading> ask_asterisk(pbx::AmiClient& asterisk, const MeasureTurn& turn, bool /*is_new*/) override {
    HA_TRY(const auto lines, asterisk.command("core show taskprocessors", patience_of(turn)));
    HA_TRY(const TaskQueue queue, fullest_queue(lines));
    return graded(spec(), queue.percent(), "%",
                  std::to_string(queue.waiting) + " tasks wait for " + queue.name + ", its high water is " +
                      std::to_string(queue.high_water));
  }
};

// ---------------------------------------------------------------- sip.profiles
class Profiles final : public PbxSensor {
 public:
  Profiles(const SensorSetup& setup, PbxAccess access)
      : PbxSensor(setup, std::move(access), Unreachable::IsGood), wanted_(setup.list("profiles")) {}

 private:
  Result<Reading> ask_freeswitch(pbx::EslClient& freeswitch, const MeasureTurn& turn,
                                 bool /*is_new*/) override {
    HA_TRY(const pbx::EslAnswer answer, freeswitch.api("sofia status", patience_of(turn)));
    HA_CHECK(answer.check());
    HA_TRY(const auto profiles, read_profiles(answer.text));
    if (profiles.empty()) {
      return tripped("no SIP profile runs");
    }
    for (const std::string& name : wanted_) {
      const bool is_there = std::any_of(profiles.begin(), profiles.end(),
                                        [&](const SipProfile& each) { return each.name == name; });
      if (!is_there) {
        return tripped("the SIP profile " + escape(name) + " does not run");
      }
    }
    for (const SipProfile& each : profiles) {
      if (!each.is_running()) {
        return tripped("the SIP profile " + escape(each.name) + " is " + escape(each.state));
      }
    }
    return good(std::to_string(profiles.size()) + " SIP profiles run");
  }

  std::vector<std::string> wanted_;
};

// ---------------------------------------------------------------- astdb.write
class AstDbWrite final : public PbxSensor {
 public:
  AstDbWrite(const SensorSetup& setup, PbxAccess access)
      : PbxSensor(setup, std::move(access), Unreachable::IsGood) {}

 private:
  Result<Reading> ask_asterisk(pbx::AmiClient& asterisk, const MeasureTurn& turn, bool /*is_new*/) override {
    const std::string value = std::to_string(++count_);
    const auto span = asterisk.probe_db("hareplicate", "probe", value, patience_of(turn));
    if (!span.ok() && span.error().code() == Code::Conflict) {
      return tripped(span.error().what());
    }
    HA_TRY(const Duration wrote, span);
    return took(spec(), wrote, "a row of AstDB was written, and kept, after");
  }

  std::uint64_t count_ = 0;
};

}  // namespace

SensorMade make_pbx_ctl_latency(const SensorSetup& setup) {
  return make_pbx_sensor<CtlLatency>(setup);
}
SensorMade make_pbx_booted(const SensorSetup& setup) {
  return make_pbx_sensor<Booted>(setup);
}
SensorMade make_pbx_deadlock(const SensorSetup& setup) {
  return make_pbx_sensor<Deadlock>(setup);
}
SensorMade make_pbx_events(const SensorSetup& setup) {
  return make_sensor_of<Events>(setup, "freeswitch");
}
SensorMade make_pbx_taskprocessor(const SensorSetup& setup) {
  return make_sensor_of<TaskProcessor>(setup, "asterisk");
}
SensorMade make_sip_profiles(const SensorSetup& setup) {
  return make_sensor_of<Profiles>(setup, "freeswitch");
}
SensorMade make_astdb_write(const SensorSetup& setup) {
  return make_sensor_of<AstDbWrite>(setup, "asterisk");
}

}  // namespace ha::failover
