#include "tools/hareplicate/doctor.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/fanotify.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "common/base/bytes.h"
#include "common/base/units.h"
#include "common/sys/file.h"
#include "tools/hareplicate/key_file.h"

namespace ha::tool {
namespace {

constexpr std::uint64_t kDescriptorsWanted = 16384;
constexpr std::uint64_t kWatchesWanted = 100'000;
constexpr std::uint64_t kFreeBytesWanted = 100'000'000;

std::string read_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Check check_rights() {
  if (::geteuid() == 0) {
    return {Health::Good, "rights", "root", ""};
  }
  return {Health::Warning, "rights",
          "not root: owners, modes and extended attributes of others cannot be kept",
          "run the replicator and this check as root (or with the unit's capabilities)"};
}

Check check_openat2() {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how);
  if (fd >= 0) {
    ::close(static_cast<int>(fd));
    return {Health::Good, "kernel: openat2", "yes", ""};
  }
  return {Health::Bad, "kernel: openat2", std::strerror(errno),
          "Linux 5.6 or later is needed, and a container must allow openat2"};
}

Check check_fanotify() {
  const int fd = ::fanotify_init(FAN_CLOEXEC | FAN_REPORT_DFID_NAME, O_RDONLY);
  if (fd >= 0) {
    ::close(fd);
    return {Health::Good, "kernel: fanotify", "yes", ""};
  }
  const std::string why = std::strerror(errno);
  std::uint64_t watches = 0;
  std::istringstream(read_line("/proc/sys/fs/inotify/max_user_watches")) >> watches;
  if (watches >= kWatchesWanted) {
    return {Health::Good, "kernel: fanotify",
            "no (" + why + "); inotify is used, with up to " + show_count(watches) + " directories", ""};
  }
  return {Health::Warning, "kernel: fanotify",
          "no (" + why + "), and inotify knows only " + show_count(watches) + " directories",
          "sysctl -w fs.inotify.max_user_watches=524288      and the same in /etc/sysctl.d"};
}

Check check_congestion() {
  const std::string known = " " + read_line("/proc/sys/net/ipv4/tcp_available_congestion_control") + " ";
  if (known.find(" bbr ") != std::string::npos) {
    return {Health::Good, "tcp: bbr", "available", ""};
  }
  return {Health::Warning, "tcp: bbr", "not loaded: long lossy links will be slow",
          "modprobe tcp_bbr; echo tcp_bbr > /etc/modules-load.d/bbr.conf"};
}

Check check_clock() {
  timex state{};
  const int result = ::adjtimex(&state);
  if (result >= 0 && result != TIME_ERROR && (state.status & STA_UNSYNC) == 0) {
    return {Health::Good, "clock", "synchronized", ""};
  }
  return {Health::Warning, "clock", "not synchronized: times in logs and history will mislead",
          "timedatectl set-ntp true      (or install chrony)"};
}

Check check_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max >= kDescriptorsWanted) {
    return {Health::Good, "limit: open files", show_count(limit.rlim_max), ""};
  }
  return {Health::Warning, "limit: open files", "only " + show_count(limit.rlim_max),
          "LimitNOFILE=16384 in the unit, or ulimit -Hn 16384"};
}

// File systems on which renames, locks or sync mean something else.
std::string odd_file_system(long type) {
  switch (type) {
    case 0x6969:
      return "NFS";
    case 0x517B:
    case 0xFE534D42:
    case 0xFF534D42:
      return "SMB";
    case 0x4d44:
      return "FAT";
    case 0x01021994:
      return "tmpfs";
    case 0x65735546:
      return "FUSE";
    default:
      return {};
  }
}

Check check_directory(const std::string& what, const std::string& path, bool state) {
  struct statfs facts {};
  const auto root = sys::Directory::open_root(path);
  if (!root.ok() || ::statfs(path.c_str(), &facts) != 0) {
    return {Health::Bad, what, root.ok() ? path + ": " + std::strerror(errno) : root.error().what(),
            "mkdir -p " + path + "      or mount what belongs there"};
  }
  if (::access(path.c_str(), W_OK) != 0) {
    return {Health::Bad, what, path + " cannot be written", "run as root, or chown it"};
  }
  const std::uint64_t free = facts.f_bavail * static_cast<std::uint64_t>(facts.f_bsize);
  const std::string odd = odd_file_system(facts.f_type);
  if (!odd.empty() && (state || odd != "tmpfs")) {
    return {Health::Warning, what,
            path + " is on " + odd +
                (odd == "tmpfs" ? ": everything is compared anew after a restart of the host"
                                : ": what is written there may be lost in a crash"),
            "put it on a local file system"};
  }
  if (free < kFreeBytesWanted) {
    return {Health::Warning, what, path + ": only " + show_size(free) + " free", "make room"};
  }
  return {Health::Good, what, path + ", " + show_size(free) + " free", ""};
}

}  // namespace

std::vector<Check> check_host() {
  return {check_rights(),     check_openat2(), check_fanotify(),
          check_congestion(), check_clock(),   check_descriptors()};
}

std::vector<Check> check_site(const replicator::Config& config) {
  std::vector<Check> checks;
  const std::string file = config.secret_key_file().string();
  const auto key = public_key_of(file);
  if (!key.ok()) {
    checks.push_back({Health::Bad, "key", key.error().what(), key.error().hint()});
  } else if (!config.self().has_key(key->z85())) {
    checks.push_back({Health::Bad, "key", "cluster.toml has another key for " + config.self().name,
                      "hareplicate keys show"});
  } else {
    checks.push_back({Health::Good, "key", file, ""});
  }
  checks.push_back(check_directory("state directory", config.state_dir().string(), true));
  for (const replicator::SetConfig& set : config.sets()) {
    checks.push_back(check_directory("set " + set.name, set.live_path, false));
  }
  return checks;
}

}  // namespace ha::tool
