// File systems and the disks beneath them: disk.space, disk.inodes, disk.readonly, disk.latency.
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "common/base/units.h"
#include "common/sys/file.h"
#include "failover/sensors/bounded_file.h"
#include "failover/sensors/families.h"
#include "failover/sensors/proc_text.h"
#include "failover/sensors/write_probe.h"

namespace ha::failover {
namespace {

Result<struct statvfs> look_at(const std::string& path) {
  struct statvfs out {};
  if (::statvfs(path.c_str(), &out) != 0) {
    return sys::path_error("cannot look at", path, errno);
  }
  return out;
}

// A directory that is not there is what a failed mount looks like.
Reading cannot_look(const Error& error) {
  return error.code() == Code::NotFound || error.code() == Code::Io ? tripped(error.what()) : unknown(error);
}

class DiskSpace final : public Sensor {
 public:
  explicit DiskSpace(const SensorSetup& setup) : spec_(setup.spec), path_(setup.text("path")) {}

  // Of what others than root may have, as df counts.
  Reading measure(const MeasureTurn&) override {
    const auto seen = look_at(path_);
    if (!seen.ok()) {
      return cannot_look(seen.error());
    }
    const std::uint64_t used = seen->f_blocks - seen->f_bfree;
    const std::uint64_t all = used + seen->f_bavail;
    const double share =
        all == 0 ? 0 : 100.0 * static_cast<double>(seen->f_bavail) / static_cast<double>(all);
    return graded(spec_, share, "%",
                  show_size(seen->f_bavail * seen->f_frsize) + ", " + show_number(share) + " % of " + path_ +
                      " are free");
  }

 private:
  SensorSpec spec_;
  std::string path_;
};

class DiskInodes final : public Sensor {
 public:
  explicit DiskInodes(const SensorSetup& setup) : spec_(setup.spec), path_(setup.text("path")) {}

  Reading measure(const MeasureTurn&) override {
    const auto seen = look_at(path_);
    if (!seen.ok()) {
      return cannot_look(seen.error());
    }
    if (seen->f_files == 0) {  // btrfs makes them as it goes
      return graded(spec_, 100, "%", path_ + " has no fixed number of inodes");
    }
    const double share = 100.0 * static_cast<double>(seen->f_favail) / static_cast<double>(seen->f_files);
    return graded(
        spec_, share, "%",
        show_count(seen->f_favail) + " inodes, " + show_number(share) + " % of " + path_ + ", are free");
  }

 private:
  SensorSpec spec_;
  std::string path_;
};

class DiskReadonly final : public Sensor {
 public:
  explicit DiskReadonly(const SensorSetup& setup) : path_(setup.text("path")), write_(setup.flag("write")) {}

  Reading measure(const MeasureTurn& turn) override {
    const auto seen = look_at(path_);
    if (!seen.ok()) {
      return cannot_look(seen.error());
    }
    if ((seen->f_flag & ST_RDONLY) != 0) {
      return tripped(path_ + " is mounted read-only");
    }
    if (write_) {
      if (const auto took = probe_write(path_, "", turn); !took.ok()) {
        return tripped(took.error().what());
      }
    }
    return good(path_ + " can be written to");
  }

 private:
  std::string path_;
  bool write_;
};

class DiskLatency final : public Sensor {
 public:
  explicit DiskLatency(const SensorSetup& setup)
      : spec_(setup.spec),
        table_(setup.proc + "/diskstats"),
        path_(setup.text("path")),
        device_(setup.text("device")) {}

  Reading measure(const MeasureTurn& turn) override {
    const auto now = times();
    if (!now.ok()) {
      return unknown(now.error());
    }
    const DiskTimes before = std::exchange(last_, *now).value_or(*now);
    const std::uint64_t done = now->done - before.done;
    if (done == 0 && now->waiting > 0) {  // nothing that hangs is in the times of what is done
      hangs_since_ = hangs_since_.value_or(turn.now.steady);
      const Duration hung = turn.now.steady - *hangs_since_;
      return graded(spec_, std::chrono::duration<double>(hung).count(), "s",
                    who() + " has done none of " + show_count(now->waiting) + " for " + show_age(hung));
    }
    hangs_since_.reset();
    const bool idle = done == 0 || now->done < before.done || now->spent_ms < before.spent_ms;
    const double mean =
        idle ? 0 : static_cast<double>(now->spent_ms - before.spent_ms) / static_cast<double>(done) / 1000;
    return graded(spec_, mean, "s",
                  idle ? who() + " had nothing to do"
                       : who() + " took " + show_number(mean * 1000) + " ms for one, of " + show_count(done));
  }

 private:
  [[nodiscard]] const std::string& who() const noexcept { return device_.empty() ? path_ : device_; }

  Result<DiskTimes> times() const {
    HA_TRY(const std::string text, read_bounded(table_, kKernelTableMax));
    std::optional<DiskTimes> found;
    if (device_.empty()) {
      struct stat seen {};
      if (::stat(path_.c_str(), &seen) != 0) {
        return sys::path_error("cannot look at", path_, errno);
      }
      found = disk_times(text, major(seen.st_dev), minor(seen.st_dev));
    } else {
      found = disk_times(text, device_);
    }
    return found ? Result<DiskTimes>(*found)
                 : Error(Code::NotFound, who() + " is on no disk of " + table_, "set device");
  }

  SensorSpec spec_;
  std::string table_;
  std::string path_;
  std::string device_;
  std::optional<DiskTimes> last_;
  std::optional<SteadyTime> hangs_since_;
};

}  // namespace

SensorMade make_disk_space(const SensorSetup& setup) {
  return std::unique_ptr<Sensor>(std::make_unique<DiskSpace>(setup));
}

SensorMade make_disk_inodes(const SensorSetup& setup) {
  return std::unique_ptr<Sensor>(std::make_unique<DiskInodes>(setup));
}

SensorMade make_disk_readonly(const SensorSetup& setup) {
  return std::unique_ptr<Sensor>(std::make_unique<DiskReadonly>(setup));
}

SensorMade make_disk_latency(const SensorSetup& setup) {
  if (setup.has("path") == setup.has("device")) {
    return Error(Code::Invalid, "disk.latency needs path or device, one of them");
  }
  return std::unique_ptr<Sensor>(std::make_unique<DiskLatency>(setup));
}

}  // namespace ha::failover
