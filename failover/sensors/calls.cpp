// What the PBX does for callers: call.limit, reg.count_drop, reg.reachable, trunk.qualify,
// trunk.registration.
#include <algorithm>
#include <deque>
#include <utility>

#include "common/base/units.h"
#include "failover/sensors/families.h"
#include "failover/sensors/pbx_sensor.h"
#include "failover/sensors/pbx_text.h"

namespace ha::failover {
namespace {

double percent_of(std::uint64_t part, std::uint64_t all) {
  return 100.0 * static_cast<double>(part) / static_cast<double>(all);
}
std::string of(std::uint64_t part, std::uint64_t all, const std::string& what) {
  return std::to_string(part) + " of " + std::to_string(all) + " " + what;
}

// ---------------------------------------------------------------- call.limit
class CallLimit final : public PbxSensor {
 public:
  CallLimit(const SensorSetup& setup, PbxAccess access)
      : PbxSensor(setup, std::move(access), Unreachable::IsGood),
        limit_(static_cast<std::uint64_t>(setup.integer("limit"))) {}

 private:
  Result<Reading> ask_asterisk(pbx::AmiClient& asterisk, const MeasureTurn& turn, bool is_new) override {
    HA_TRY(const pbx::CoreStatus status, asterisk.core_status(patience_of(turn)));
    if (is_new && limit_ == 0) {
      HA_TRY(const pbx::AmiAnswer settings, asterisk.perform({"CoreSettings"}, patience_of(turn)));
      HA_TRY(known_, read_max_calls(settings));
    }
    return reading(status.calls, limit_ != 0 ? limit_ : known_, "calls");
  }
  Result<Reading> ask_freeswitch(pbx::EslClient& freeswitch, const MeasureTurn& turn,
                                 bool /*is_new*/) override {
    HA_TRY(const pbx::SwitchStatus status, freeswitch.status(patience_of(turn)));
    const std::uint64_t limit = limit_ != 0 ? limit_ : status.sessions_max;
    const std::uint64_t rate = status.per_second_max.value_or(0);
    if (rate > 0 && limit > 0 && percent_of(status.per_second, rate) > percent_of(status.sessions, limit)) {
      return reading(status.per_second, rate, "new sessions a second");
    }
    return reading(status.sessions, limit, "sessions");
  }
  [[nodiscard]] Reading reading(std::uint64_t now, std::uint64_t limit, const std::string& what) const {
    return limit == 0 ? graded(spec(), 0, "%", std::to_string(now) + " " + what + ", there is no limit")
                      : graded(spec(), percent_of(now, limit), "%", of(now, limit, what));
  }

  std::uint64_t limit_;
  std::uint64_t known_ = 0;  // what Asterisk has said
};

// ---------------------------------------------------------------- reg.count_drop
class CountDrop final : public PbxSensor {
 public:
  CountDrop(const SensorSetup& setup, PbxAccess access)
      : PbxSensor(setup, std::move(access), Unreachable::IsGood),
        window_(setup.span("window")),
        least_(static_cast<std::uint64_t>(setup.integer("least"))) {}

 private:
  Result<Reading> ask_asterisk(pbx::AmiClient& asterisk, const MeasureTurn& turn, bool /*is_new*/) override {
    HA_TRY(const auto contacts, asterisk.contacts(patience_of(turn)));
    return reading(contacts.size(), turn);
  }
  Result<Reading> ask_freeswitch(pbx::EslClient& freeswitch, const MeasureTurn& turn,
                                 bool /*is_new*/) override {
    HA_TRY(const std::uint64_t count, freeswitch.registrations(patience_of(turn)));
    return reading(count, turn);
  }

  [[nodiscard]] Reading reading(std::uint64_t count, const MeasureTurn& turn) {
    constexpr std::size_t kPeaksMax = 4096;
    // Only what may yet be the most of its time is kept.
    while (!peaks_.empty() && (peaks_.back().count <= count || peaks_.size() >= kPeaksMax)) {
      peaks_.pop_back();
    }
    peaks_.push_back({turn.now.steady, count});
    while (turn.now.steady - peaks_.front().at > window_) {
      peaks_.pop_front();
    }
    const std::uint64_t most = peaks_.front().count;
    const std::string what = std::to_string(count) + " registrations";
    return most < least_
               ? graded(spec(), 100, "%", what)
               : graded(spec(), percent_of(count, most), "%",
                        what + ", of at most " + std::to_string(most) + " in " + write_duration(window_));
  }

  struct Peak {
    SteadyTime at;
    std::uint64_t count;
  };
  Duration window_;
  std::uint64_t least_;
  std::deque<Peak> peaks_;  // ever fewer
};

// ---------------------------------------------------------------- reg.reachable
class Reachable final : public PbxSensor {
 public:
  Reachable(const SensorSetup& setup, PbxAccess access)
      : PbxSensor(setup, std::move(access), Unreachable::IsGood),
        least_(static_cast<std::uint64_t>(setup.integer("least"))) {}

 private:
  Result<Reading> ask_asterisk(pbx::AmiClient& asterisk, const MeasureTurn& turn, bool /*is_new*/) override {
    HA_TRY(const auto contacts, asterisk.contacts(patience_of(turn)));
    const pbx::ContactCounts counts = pbx::count_contacts(contacts);
    const std::uint64_t qualified = counts.reachable + counts.unreachable;
    const std::string what = of(counts.reachable, qualified, "contacts that are asked answer");
    return qualified < least_ ? graded(spec(), 100, "%", what)
                              : graded(spec(), percent_of(counts.reachable, qualified), "%", what);
  }

  std::uint64_t least_;
};

// ---------------------------------------------------------------- trunk.qualify, trunk.registration
// So many of all trunks are down, and the first of them.
class Trunks {
 public:
  void add(bool is_good, const std::string& name, const std::string& state) {
    ++all_;
    bad_ += is_good ? 0U : 1U;
    if (!is_good && first_.empty()) {
      first_ = escape(name) + " is " + escape(state);
    }
  }
  [[nodiscard]] Reading reading(const SensorSpec& spec, const std::string& good) const {
    if (all_ == 0) {
      return graded(spec, 0, "%", "there are none");
    }
    return graded(spec, percent_of(bad_, all_), "%",
                  of(all_ - bad_, all_, good) + (bad_ == 0 ? "" : "; " + first_));
  }

 private:
  std::uint64_t all_ = 0;
  std::uint64_t bad_ = 0;
  std::string first_;
};

class TrunkQualify final : public PbxSensor {
 public:
  TrunkQualify(const SensorSetup& setup, PbxAccess access)
      : PbxSensor(setup, std::move(access), Unreachable::IsGood), names_(setup.list("trunks")) {}

 private:
  Result<Reading> ask_asterisk(pbx::AmiClient& asterisk, const MeasureTurn& turn, bool /*is_new*/) override {
    Trunks trunks;
    for (const std::string& name : names_) {
      const auto contacts = asterisk.contacts_of(name, patience_of(turn));
      if (!contacts.ok() && contacts.error().code() == Code::NotFound) {
        trunks.add(false, name, "no endpoint");
        continue;
      }
      HA_TRY(const auto found, contacts);
      const bool is_reachable = std::any_of(found.begin(), found.end(), [](const pbx::PjsipContact& each) {
        return each.reach == pbx::Reach::Reachable || each.reach == pbx::Reach::NotQualified;
      });
      trunks.add(is_reachable, name, found.empty() ? "without a contact" : "unreachable");
    }
    return trunks.reading(spec(), "trunks are reachable");
  }
  Result<Reading> ask_freeswitch(pbx::EslClient& freeswitch, const MeasureTurn& turn,
                                 bool /*is_new*/) override {
    Trunks trunks;
    for (const std::string& name : names_) {
      const auto gateway = freeswitch.gateway(name, patience_of(turn));
      if (!gateway.ok() && gateway.error().code() == Code::NotFound) {
        trunks.add(false, name, "no gateway");
        continue;
      }
      HA_TRY(const pbx::Gateway found, gateway);
      trunks.add(found.is_up.value_or(true), name, "down");
    }
    return trunks.reading(spec(), "trunks are reachable");
  }

  std::vector<std::string> names_;
};

class TrunkRegistration final : public PbxSensor {
 public:
  TrunkRegistration(const SensorSetup& setup, PbxAccess access)
      : PbxSensor(setup, std::move(access), Unreachable::IsGood), names_(setup.list("trunks")) {}

 private:
  struct Registration {
    std::string name;
    std::string state;
    bool is_good;
  };
  Result<Reading> ask_asterisk(pbx::AmiClient& asterisk, const MeasureTurn& turn, bool /*is_new*/) override {
    HA_TRY(const auto found, asterisk.outbound_registrations(patience_of(turn)));
    std::vector<Registration> all;
    all.reserve(found.size());
    for (const pbx::OutboundRegistration& each : found) {
      all.push_back({each.name, each.status, each.is_registered});
    }
    return reading(all);
  }
  Result<Reading> ask_freeswitch(pbx::EslClient& freeswitch, const MeasureTurn& turn,
                                 bool /*is_new*/) override {
    HA_TRY(const auto found, freeswitch.gateways(patience_of(turn)));
    std::vector<Registration> all;
    for (const pbx::Gateway& each : found) {
      if (each.state != "NOREG") {  // it does not register
        all.push_back({each.name, each.state, each.is_registered});
      }
    }
    return reading(all);
  }
  [[nodiscard]] Reading reading(const std::vector<Registration>& all) const {
    Trunks trunks;
    for (const Registration& each : all) {
      if (names_.empty() || std::find(names_.begin(), names_.end(), each.name) != names_.end()) {
        trunks.add(each.is_good, each.name, each.state);
      }
    }
    for (const std::string& name : names_) {
      if (std::none_of(all.begin(), all.end(), [&](const Registration& each) { return each.name == name; })) {
        trunks.add(false, name, "not known to " + pbx());
      }
    }
    return trunks.reading(spec(), "trunks are registered");
  }

  std::vector<std::string> names_;
};

}  // namespace

SensorMade make_call_limit(const SensorSetup& setup) {
  return make_pbx_sensor<CallLimit>(setup);
}
SensorMade make_reg_count_drop(const SensorSetup& setup) {
  return make_pbx_sensor<CountDrop>(setup);
}
SensorMade make_reg_reachable(const SensorSetup& setup) {
  return make_sensor_of<Reachable>(setup, "asterisk");
}
SensorMade make_trunk_qualify(const SensorSetup& setup) {
  return make_pbx_sensor<TrunkQualify>(setup);
}
SensorMade make_trunk_registration(const SensorSetup& setup) {
  return make_pbx_sensor<TrunkRegistration>(setup);
}

}  // namespace ha::failover
