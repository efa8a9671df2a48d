// The configuration of a PBX: config.drift.
#include <optional>
#include <utility>

#include "failover/sensors/bounded_file.h"
#include "failover/sensors/families.h"
#include "failover/sensors/tree_digest.h"

namespace ha::failover {
namespace {

class ConfigDrift final : public Sensor {
 public:
  explicit ConfigDrift(const SensorSetup& setup)
      : path_(setup.text("path")), expected_(setup.text("expected")) {}

  Reading measure(const MeasureTurn& turn) override {
    const auto now = tree_digest(path_, turn.until);
    if (!now.ok()) {
      return unknown(now.error());
    }
    const std::string found = hex(*now);
    if (!expected_.empty()) {
      const auto text = read_bounded(expected_);
      if (!text.ok()) {
        return unknown(text.error());
      }
      const std::string wanted = text->substr(0, text->find_first_of(" \t\n"));
      return found == wanted ? good(path_ + " is as " + expected_ + " says")
                             : tripped(path_ + " has digest " + found + ", not that of " + expected_);
    }
    first_ = first_.value_or(found);
    return found == *first_ ? good(path_ + " has not changed")
                            : tripped(path_ + " has changed since this program began");
  }

 private:
  std::string path_;
  std::string expected_;
  std::optional<std::string> first_;
};

}  // namespace

SensorMade make_config_drift(const SensorSetup& setup) {
  return std::unique_ptr<Sensor>(std::make_unique<ConfigDrift>(setup));
}

}  // namespace ha::failover
