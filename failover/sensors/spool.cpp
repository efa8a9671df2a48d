// Where a PBX writes: voicemail.spool, recording.growth.
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/units.h"
#include "failover/sensors/bounded_file.h"
#include "failover/sensors/families.h"
#include "failover/sensors/process_find.h"
#include "failover/sensors/write_probe.h"

namespace ha::failover {
namespace {

class VoicemailSpool final : public Sensor {
 public:
  explicit VoicemailSpool(const SensorSetup& setup)
      : spec_(setup.spec), path_(setup.text("path")), user_(setup.text("user")) {}

  Reading measure(const MeasureTurn& turn) override {
    const auto took = probe_write(path_, user_, turn);
    if (!took.ok()) {
      return tripped(took.error().what());
    }
    return graded(spec_, std::chrono::duration<double>(*took).count(), "s",
                  "writing a file to " + path_ + " took " + show_age(*took));
  }

 private:
  SensorSpec spec_;
  std::string path_;
  std::string user_;
};

// A file below the directory that the process has open for writing, as long as it is open.
class RecordingGrowth final : public Sensor {
 public:
  RecordingGrowth(const SensorSetup& setup, std::string path, ProcessFinder finder)
      : spec_(setup.spec), proc_(setup.proc), path_(std::move(path)), finder_(std::move(finder)) {}

  Reading measure(const MeasureTurn& turn) override {
    const auto found = finder_.find();
    if (!found.ok()) {  // whether it runs is another sensor's
      files_.clear();
      return found.error().code() == Code::NotFound ? good(found.error().what()) : unknown(found.error());
    }
    if (const Status looked = look(proc_ + "/" + std::to_string(found->pid), turn.now.steady); !looked.ok()) {
      return unknown(looked.error());
    }
    const auto worst = std::min_element(files_.begin(), files_.end(), [](const auto& one, const auto& other) {
      return one.second.grown < other.second.grown;
    });
    if (worst == files_.end()) {
      return graded(spec_, 0, "s", "nothing is being recorded below " + path_);
    }
    const Duration still = turn.now.steady - worst->second.grown;
    return graded(spec_, std::chrono::duration<double>(still).count(), "s",
                  in_quotes(worst->second.path) + " has not grown for " + show_age(still) + ", of " +
                      std::to_string(files_.size()) + " that are being written");
  }

 private:
  static constexpr std::size_t kFilesMax = 4096;  // recordings at once; others are not looked at
  using Inode = std::pair<std::uint64_t, std::uint64_t>;
  struct File {
    std::string path;
    std::int64_t size = 0;
    SteadyTime grown;
    bool is_open = true;
  };

  Status look(const std::string& process, SteadyTime now) {
    HA_TRY(const std::vector<std::string> descriptors, names_in(process + "/fd"));
    for (auto& [inode, file] : files_) {
      file.is_open = false;
    }
    for (const std::string& descriptor : descriptors) {
      note(process, descriptor, now);
    }
    std::erase_if(files_, [](const auto& each) { return !each.second.is_open; });
    return ok();
  }

  void note(const std::string& process, const std::string& descriptor, SteadyTime now) {
    const std::string link = process + "/fd/" + descriptor;
    std::array<char, PATH_MAX> target{};
    const ssize_t n = ::readlink(link.c_str(), target.data(), target.size());
    const std::string_view path(target.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    struct stat seen {};
    if (!path.starts_with(path_) || !is_written(process, descriptor) || ::stat(link.c_str(), &seen) != 0 ||
        !S_ISREG(seen.st_mode)) {
      return;
    }
    const Inode inode(seen.st_dev, seen.st_ino);
    const auto known = files_.find(inode);
    if (known == files_.end()) {
      if (files_.size() < kFilesMax) {
        files_.emplace(inode, File{std::string(path), seen.st_size, now});
      }
      return;
    }
    File& file = known->second;
    file.is_open = true;
    if (seen.st_size != file.size) {
      file.size = seen.st_size;
      file.grown = now;
    }
  }

  // "flags:\t0100001" of fdinfo, in octal.
  static bool is_written(const std::string& process, const std::string& descriptor) {
    const auto info = read_bounded(process + "/fdinfo/" + descriptor);
    const std::size_t at = info.ok() ? info->find("flags:") : std::string::npos;
    if (at == std::string::npos) {
      return false;
    }
    const auto words = words_of(std::string_view(*info).substr(at + 6, 40));
    const std::string_view flags = words.empty() ? "" : words[0].substr(0, words[0].find('\n'));
    return !flags.empty() && (flags.back() == '1' || flags.back() == '2');  // O_WRONLY, O_RDWR
  }

  SensorSpec spec_;
  std::string proc_;
  std::string path_;
  ProcessFinder finder_;
  std::map<Inode, File> files_;
};

}  // namespace

SensorMade make_voicemail_spool(const SensorSetup& setup) {
  return std::unique_ptr<Sensor>(std::make_unique<VoicemailSpool>(setup));
}

SensorMade make_recording_growth(const SensorSetup& setup) {
  HA_TRY(ProcessFinder finder, ProcessFinder::make(setup));
  std::string path = setup.text("path");
  path += path.ends_with('/') ? "" : "/";
  return std::unique_ptr<Sensor>(
      std::make_unique<RecordingGrowth>(setup, std::move(path), std::move(finder)));
}

}  // namespace ha::failover
