// Finds the process that a sensor is about: by its name, by a file with its id, or by both.
//
// Thread safety: one thread. Source: proc(5).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/result.h"
#include "failover/sensors/proc_text.h"
#include "failover/sensors/sensor.h"

namespace ha::failover {

struct FoundProcess {
  pid_t pid = 0;
  ProcessStat stat;

  // It has ended, and only its entry is left.
  [[nodiscard]] bool is_dead() const noexcept {
    return std::string_view("ZXx").find(stat.state) != std::string_view::npos;
  }
};

class ProcessFinder {
 public:
  // From the options `process` and `pidfile`. Invalid if it has neither.
  [[nodiscard]] static Result<ProcessFinder> make(const SensorSetup& setup);
  // `name`: may be empty if there is a `pidfile`, and the other way round. Invalid if both are.
  [[nodiscard]] static Result<ProcessFinder> make(std::string proc, std::string name, std::string pidfile);

  // The one it was, if that lives; of several with the name a living one, the first that began. NotFound,
  // with a sentence: it does not run. Other errors: it cannot be told.
  [[nodiscard]] Result<FoundProcess> find();
  // It, and all that it has started and these have, as long as their parents live; the nearest first.
  [[nodiscard]] Result<std::vector<FoundProcess>> find_family();
  // For people: the name, or the file's.
  [[nodiscard]] const std::string& name() const noexcept { return name_.empty() ? pidfile_ : name_; }

 private:
  ProcessFinder(std::string proc, std::string name, std::string pidfile)
      : proc_(std::move(proc)), name_(std::move(name)), pidfile_(std::move(pidfile)) {}
  [[nodiscard]] Result<FoundProcess> look_at(pid_t pid) const;
  [[nodiscard]] Result<FoundProcess> by_pidfile() const;
  [[nodiscard]] Result<FoundProcess> by_name() const;
  [[nodiscard]] Result<std::vector<FoundProcess>> look_at_all() const;

  std::string proc_;
  std::string name_;
  std::string pidfile_;
  pid_t last_ = 0;
};

}  // namespace ha::failover
