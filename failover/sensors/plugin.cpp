// Any executable: plugin. Those of Nagios and its heirs run as they are.
#include <algorithm>
#include <utility>

#include "common/sys/process.h"
#include "failover/sensors/families.h"
#include "failover/sensors/plugin_output.h"

namespace ha::failover {
namespace {

constexpr std::size_t kOutputBytesMax = 8 * 1024;  // the rest is not looked at

class Plugin final : public Sensor {
 public:
  explicit Plugin(const SensorSetup& setup)
      : spec_(setup.spec), command_(setup.list("command")), user_(setup.text("user")) {}

  Reading measure(const MeasureTurn& turn) override {
    sys::Command command{command_};
    // So that what ignores SIGTERM has ended by SIGKILL before the turn is over.
    command.limit = std::max<Duration>(turn.until - turn.now.steady - sys::kTerminateGrace,
                                       (turn.until - turn.now.steady) / 2);
    command.output_bytes_max = kOutputBytesMax;
    command.environment = {"HA_SENSOR=" + spec_.name};
    command.directory = "/";
    command.user = user_;
    command.umask = 077;
    command.cancel_fd = turn.cancel_fd;
    const auto ran = sys::run_command(command);
    if (!ran.ok()) {
      return unknown(ran.error());
    }
    if (ran->timed_out) {
      return tripped(command_[0] + " did not end in time");
    }
    if (ran->signal != 0) {  // also when it was cancelled
      return unknown(command_[0] + " was ended by signal " + std::to_string(ran->signal));
    }
    return reading_of(*ran);
  }

 private:
  [[nodiscard]] Reading reading_of(const sys::CommandResult& ran) const {
    const PluginOutput said = parse_plugin_output(ran.output);
    Reading out{0, "", grade_of_exit(ran.exit_status), said.text};
    if (out.text.empty()) {
      out.text = command_[0] + " ended with " + std::to_string(ran.exit_status) + " and said nothing";
    }
    if (said.score) {  // it can only make it worse
      out.value = *said.score;
      const Grade by_score = grade_of(spec_.levels, *said.score);
      out.grade = out.grade == Grade::Ok || (out.grade == Grade::Warn && by_score == Grade::Trip) ? by_score
                                                                                                  : out.grade;
    } else if (said.first) {
      out.value = said.first->value;
      out.unit = said.first->unit;
    }
    return out;
  }

  SensorSpec spec_;
  std::vector<std::string> command_;
  std::string user_;
};

}  // namespace

SensorMade make_plugin(const SensorSetup& setup) {
  const std::vector<std::string> command = setup.list("command");
  if (command.empty() || !command[0].starts_with('/')) {
    return Error(Code::Invalid, "command begins with the path of an executable");
  }
  return std::unique_ptr<Sensor>(std::make_unique<Plugin>(setup));
}

}  // namespace ha::failover
