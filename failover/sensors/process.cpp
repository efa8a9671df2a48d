// What a process is doing, and how near it is to its limits: process, fd.use, thread.use.
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/units.h"
#include "common/sys/file.h"
#include "failover/sensors/bounded_file.h"
#include "failover/sensors/families.h"
#include "failover/sensors/proc_text.h"
#include "failover/sensors/process_find.h"

namespace ha::failover {
namespace {

constexpr std::string_view kStopped = "tT";  // by a signal, by a debugger

// ---------------------------------------------------------------- process
class Process final : public Sensor {
 public:
  explicit Process(const SensorSetup& setup, ProcessFinder finder)
      : finder_(std::move(finder)),
        is_real_(setup.proc == "/proc"),
        stuck_for_(setup.span("stuck_for")),
        restart_for_(setup.span("restart_for")) {}

  Reading measure(const MeasureTurn& turn) override {
    const auto found = finder_.find();
    if (!found.ok() || found->is_dead()) {
      pidfd_ = {};
      stuck_since_.reset();
      return !found.ok() && found.error().code() != Code::NotFound ? unknown(found.error())
             : found.ok() ? tripped(finder_.name() + " is dead, its parent has not noticed")
                          : tripped(found.error().what());
    }
    note_restart(*found, turn);
    watch(*found);
    const std::string who = finder_.name() + " (process " + std::to_string(found->pid) + ")";
    if (found->stat.state == 'D' || kStopped.find(found->stat.state) != kStopped.npos) {
      stuck_since_ = stuck_since_.value_or(turn.now.steady);
      const Duration stuck = turn.now.steady - *stuck_since_;
      if (stuck >= stuck_for_) {
        return tripped(who + (found->stat.state == 'D' ? " waits for a disk" : " is stopped") + " since " +
                       show_age(stuck));
      }
    } else {
      stuck_since_.reset();
    }
    if (restarted_at_ && turn.now.steady - *restarted_at_ < restart_for_) {
      return warned(who + " was restarted " + show_age(turn.now.steady - *restarted_at_) + " ago, " +
                    std::to_string(restarts_) + " times since this program began");
    }
    return good(who + " runs");
  }

  [[nodiscard]] int wake_fd() const noexcept override { return pidfd_.fd(); }

 private:
  void note_restart(const FoundProcess& found, const MeasureTurn& turn) {
    const std::pair identity(found.pid, found.stat.start_ticks);
    if (known_ && *known_ != identity) {
      restarted_at_ = turn.now.steady;
      ++restarts_;
      pidfd_ = {};
      stuck_since_.reset();
    }
    known_ = identity;
  }

  // A pidfd is readable when the process has ended: that wakes whoever measures.
  void watch(const FoundProcess& found) {
    if (is_real_ && !pidfd_.is_open()) {
      pidfd_ = sys::FileHandle(static_cast<int>(::syscall(SYS_pidfd_open, found.pid, 0)), "pidfd");
    }
  }

  ProcessFinder finder_;
  bool is_real_;
  Duration stuck_for_;
  Duration restart_for_;
  std::optional<std::pair<pid_t, std::uint64_t>> known_;
  std::optional<SteadyTime> stuck_since_;
  std::optional<SteadyTime> restarted_at_;
  unsigned restarts_ = 0;
  sys::FileHandle pidfd_;
};

// ---------------------------------------------------------------- fd.use, thread.use
struct Use {
  std::uint64_t used = 0;
  std::uint64_t limit = kUnlimited;
};

Reading use_reading(const SensorSpec& spec, const std::string& who, const Use& use, const char* of_what) {
  if (use.limit == kUnlimited || use.limit == 0) {
    return graded(spec, 0, "%",
                  who + " has " + std::to_string(use.used) + " " + of_what + ", without a limit");
  }
  const double share = 100.0 * static_cast<double>(use.used) / static_cast<double>(use.limit);
  return graded(
      spec, share, "%",
      who + " has " + std::to_string(use.used) + " of " + std::to_string(use.limit) + " " + of_what);
}

class ProcessUse : public Sensor {
 public:
  ProcessUse(const SensorSetup& setup, ProcessFinder finder)
      : spec_(setup.spec), proc_(setup.proc), sys_(setup.sys), finder_(std::move(finder)) {}

  Reading measure(const MeasureTurn&) override {
    const auto found = finder_.find();
    if (!found.ok()) {  // whether it runs is another sensor's
      return found.error().code() == Code::NotFound ? good(found.error().what()) : unknown(found.error());
    }
    const auto use = use_of(proc_ + "/" + std::to_string(found->pid));
    return use.ok() ? use_reading(spec_, finder_.name(), *use, what()) : unknown(use.error());
  }

 protected:
  [[nodiscard]] virtual Result<Use> use_of(const std::string& folder) const = 0;
  [[nodiscard]] virtual const char* what() const noexcept = 0;
  [[nodiscard]] const std::string& sys() const noexcept { return sys_; }

 private:
  SensorSpec spec_;
  std::string proc_;
  std::string sys_;
  ProcessFinder finder_;
};

Result<std::uint64_t> limit_of(const std::string& folder, std::string_view name) {
  HA_TRY(const std::string limits, read_bounded(folder + "/limits"));
  const auto limit = soft_limit(limits, name);
  return limit ? Result<std::uint64_t>(*limit)
               : Error(Code::Corrupt, folder + "/limits has no \"" + std::string(name) + "\"");
}

class FdUse final : public ProcessUse {
 public:
  using ProcessUse::ProcessUse;

 protected:
  Result<Use> use_of(const std::string& folder) const override {
    HA_TRY(const std::vector<std::string> names, names_in(folder + "/fd"));
    HA_TRY(const std::uint64_t limit, limit_of(folder, "Max open files"));
    return Use{names.size(), limit};
  }
  const char* what() const noexcept override { return "open files"; }
};

// The nearer of two limits: that of its user, and that of its control group.
class ThreadUse final : public ProcessUse {
 public:
  using ProcessUse::ProcessUse;

 protected:
  Result<Use> use_of(const std::string& folder) const override {
    HA_TRY(const std::string status, read_bounded(folder + "/status"));
    const auto threads = named_number(status, "Threads:");
    if (!threads) {
      return Error(Code::Corrupt, folder + "/status has no Threads");
    }
    HA_TRY(const std::uint64_t limit, limit_of(folder, "Max processes"));
    Use use{*threads, limit};
    const auto groups = read_bounded(folder + "/cgroup");
    const auto group = groups.ok() ? unified_cgroup(*groups) : std::nullopt;
    if (group) {
      const std::string place = sys() + "/fs/cgroup" + *group;
      const auto now = read_number(place + "/pids.current");
      const auto most = read_number(place + "/pids.max");  // "max" is no number
      if (now.ok() && most.ok() && *most > 0 &&
          (use.limit == kUnlimited || *now * use.limit > use.used * *most)) {
        use = Use{*now, *most};
      }
    }
    return use;
  }
  const char* what() const noexcept override { return "threads"; }
};

template <typename Kind>
SensorMade make_of(const SensorSetup& setup) {
  HA_TRY(ProcessFinder finder, ProcessFinder::make(setup));
  return std::unique_ptr<Sensor>(std::make_unique<Kind>(setup, std::move(finder)));
}

}  // namespace

SensorMade make_process(const SensorSetup& setup) {
  return make_of<Process>(setup);
}

SensorMade make_fd_use(const SensorSetup& setup) {
  return make_of<FdUse>(setup);
}

SensorMade make_thread_use(const SensorSetup& setup) {
  return make_of<ThreadUse>(setup);
}

}  // namespace ha::failover
