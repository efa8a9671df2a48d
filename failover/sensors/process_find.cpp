#include "failover/sensors/process_find.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "failover/sensors/bounded_file.h"

namespace ha::failover {
namespace {

constexpr std::size_t kCommandBytesMax = 15;  // the kernel cuts it there
constexpr std::uint64_t kPidMax = 0x7fff'ffff;

}  // namespace

Result<ProcessFinder> ProcessFinder::make(const SensorSetup& setup) {
  auto made = make(setup.proc, setup.text("process"), setup.text("pidfile"));
  return made.ok() ? std::move(made) : Error(Code::Invalid, setup.kind + " needs process or pidfile");
}

Result<ProcessFinder> ProcessFinder::make(std::string proc, std::string name, std::string pidfile) {
  if (name.empty() && pidfile.empty()) {
    return Error(Code::Invalid, "a process is found by process or pidfile");
  }
  name.resize(std::min(name.size(), kCommandBytesMax));
  return ProcessFinder(std::move(proc), std::move(name), std::move(pidfile));
}

Result<FoundProcess> ProcessFinder::find() {
  if (pidfile_.empty() && last_ != 0) {  // so that not every process is looked at every time
    if (auto again = look_at(last_); again.ok() && !again->is_dead()) {
      return again;
    }
  }
  auto found = pidfile_.empty() ? by_name() : by_pidfile();
  last_ = found.ok() ? found->pid : 0;
  return found;
}

// NotFound if it is gone, or is another program.
Result<FoundProcess> ProcessFinder::look_at(pid_t pid) const {
  const auto text = read_bounded(proc_ + "/" + std::to_string(pid) + "/stat");
  if (!text.ok()) {
    const bool gone = text.error().code() == Code::NotFound || text.error().code() == Code::Io;  // ESRCH
    return gone ? Error(Code::NotFound, name() + " does not run") : text.error();
  }
  auto stat = process_stat(*text);
  if (!stat) {
    return Error(Code::Corrupt, "/proc/" + std::to_string(pid) + "/stat cannot be read");
  }
  if (!name_.empty() && stat->command != name_) {
    return Error(Code::NotFound,
                 name_ + " does not run: process " + std::to_string(pid) + " is " + in_quotes(stat->command));
  }
  return FoundProcess{pid, std::move(*stat)};
}

Result<FoundProcess> ProcessFinder::by_pidfile() const {
  const auto pid = read_number(pidfile_);
  if (!pid.ok()) {
    return pid.error().code() == Code::NotFound
               ? Error(Code::NotFound, name() + " does not run: there is no " + pidfile_)
               : pid.error();
  }
  if (*pid == 0 || *pid > kPidMax) {
    return Error(Code::Corrupt, pidfile_ + " has no process id");
  }
  return look_at(static_cast<pid_t>(*pid));
}

Result<std::vector<FoundProcess>> ProcessFinder::find_family() {
  HA_TRY(const FoundProcess first, find());
  HA_TRY(const std::vector<FoundProcess> all, look_at_all());
  std::vector<FoundProcess> out{first};
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (const FoundProcess& each : all) {
      if (each.stat.parent == out[i].pid && each.pid != first.pid) {
        out.push_back(each);
      }
    }
  }
  return out;
}

Result<FoundProcess> ProcessFinder::by_name() const {
  HA_TRY(std::vector<FoundProcess> all, look_at_all());
  std::erase_if(all, [&](const FoundProcess& each) { return each.stat.command != name_; });
  const auto order = [](const FoundProcess& process) {
    return std::pair(process.is_dead(), process.stat.start_ticks);
  };
  const auto first = std::min_element(
      all.begin(), all.end(),
      [&](const FoundProcess& one, const FoundProcess& other) { return order(one) < order(other); });
  return first == all.end() ? Error(Code::NotFound, name_ + " does not run") : Result<FoundProcess>(*first);
}

// All that can be read.
Result<std::vector<FoundProcess>> ProcessFinder::look_at_all() const {
  HA_TRY(const std::vector<std::string> names, names_in(proc_));
  std::vector<FoundProcess> out;
  for (const std::string& each : names) {
    const auto pid = whole_number(each);
    if (!pid || *pid == 0 || *pid > kPidMax) {
      continue;
    }
    const auto text = read_bounded(proc_ + "/" + each + "/stat");
    if (auto stat = text.ok() ? process_stat(*text) : std::nullopt) {
      out.push_back({static_cast<pid_t>(*pid), std::move(*stat)});
    }
  }
  return out;
}

}  // namespace ha::failover
