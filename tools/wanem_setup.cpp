#include "tools/wanem_setup.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ha::wanem {

namespace {

constexpr const char* kTunDevice = "/dev/net/tun";
// The device's own queue must never be the one that drops: losses are to be ours, and counted.
constexpr const char* kDeviceQueuePackets = "20000";

std::string namespace_path(const std::string& name) {
  return "/run/netns/" + name;
}

Status run_ip(std::vector<std::string> words) {
  words.insert(words.begin(), "ip");
  std::string command;
  std::vector<char*> arguments;
  for (std::string& word : words) {
    command += (command.empty() ? "" : " ") + word;
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (const int error = ::posix_spawnp(&child, "ip", nullptr, nullptr, arguments.data(), environ);
      error != 0) {
    return errno_error("cannot run ip (package iproute2)", error);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return errno_error("waitpid", errno);
    }
  }
  if (status != 0) {
    return Error(Code::Io, "failed: " + command);
  }
  return ok();
}

// Opens /dev/net/tun and makes a device where this thread is.
Result<int> open_tun(std::array<char, IFNAMSIZ>& name) {
  const int descriptor = ::open(kTunDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) {
    return errno_error(std::string("cannot open ") + kTunDevice, errno).hinted("modprobe tun");
  }
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::memcpy(request.ifr_name, "wan%d", sizeof "wan%d");
  if (::ioctl(descriptor, TUNSETIFF, &request) < 0) {
    const int error = errno;
    ::close(descriptor);
    return errno_error("cannot make a TUN device", error);
  }
  std::memcpy(name.data(), request.ifr_name, name.size());
  return descriptor;
}

Result<int> open_tun_inside(const std::string& network_namespace, std::array<char, IFNAMSIZ>& name) {
  const int home = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0) {
    return errno_error("cannot open this thread's network namespace", errno);
  }
  const std::string path = namespace_path(network_namespace);
  const int inside = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (inside < 0) {
    const int error = errno;
    ::close(home);
    return errno_error("cannot open " + path, error);
  }
  Result<int> made = Error(Code::Io, "");
  if (::setns(inside, CLONE_NEWNET) < 0) {
    made = errno_error("cannot enter network namespace " + network_namespace, errno);
  } else {
    made = open_tun(name);
    HA_ASSERT(::setns(home, CLONE_NEWNET) == 0);  // we were there a moment ago and hold it open
  }
  ::close(inside);
  ::close(home);
  return made;
}

}  // namespace

Result<Namespace> Namespace::open(const std::string& name, bool make) {
  if (name.find('/') != std::string::npos) {
    return Error(Code::Invalid, "a network namespace's name has no slash: " + name);
  }
  const bool there = ::access(namespace_path(name).c_str(), F_OK) == 0;
  if (make && there) {
    return Error(Code::Exists, "network namespace " + name + " exists already", "ip netns del " + name);
  }
  if (!make && !there) {
    return Error(Code::NotFound, "there is no network namespace " + name,
                 "ip netns add " + name + ", or --make");
  }
  if (make) {
    HA_CHECK(run_ip({"netns", "add", name}));
    Namespace made(name, true);
    HA_CHECK(run_ip({"-n", name, "link", "set", "lo", "up"}));
    return made;
  }
  return Namespace(name, false);
}

Namespace::Namespace(Namespace&& other) noexcept
    : name_(std::move(other.name_)), made_(std::exchange(other.made_, false)) {}

Namespace::~Namespace() {
  if (made_) {
    static_cast<void>(run_ip({"netns", "del", name_}));  // ip has said on stderr what went wrong
  }
}

Tun::Tun(Tun&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Tun::~Tun() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

Result<Tun> attach(const End& end, const End& peer, const Options& options) {
  std::array<char, IFNAMSIZ> name{};
  HA_TRY(const int descriptor, open_tun_inside(end.network_namespace, name));
  Tun tun(descriptor);
  const std::string device = name.data();
  const std::string& where = end.network_namespace;
  const bool six = end.address.find(':') != std::string::npos;
  const std::string whole = six ? "/128" : "/32";
  // Without addrgenmode none the kernel sends router solicitations, which would disturb the counts.
  HA_CHECK(run_ip({"-n", where, "link", "set", device, "mtu", std::to_string(options.mtu_bytes), "txqueuelen",
                   kDeviceQueuePackets, "addrgenmode", "none"}));
  std::vector<std::string> address = {
      "-n", where, "address", "add", end.address, "peer", peer.address + whole, "dev", device};
  if (six) {
    address.emplace_back("nodad");
  }
  HA_CHECK(run_ip(std::move(address)));
  HA_CHECK(run_ip({"-n", where, "link", "set", device, "up"}));
  if (!options.congestion.empty()) {
    // The sysctl cannot be written in a namespace everywhere; the route's own congestion control can.
    std::vector<std::string> route = {"-n",  where, "route", six ? "replace" : "change", peer.address + whole,
                                      "dev", device};
    if (!six) {
      route.insert(route.end(), {"proto", "kernel", "scope", "link", "src", end.address});
    }
    route.insert(route.end(), {"congctl", options.congestion});
    HA_CHECK(run_ip(std::move(route)));
  }
  return tun;
}

Status check_rights() {
  if (::geteuid() != 0) {
    return Error(Code::Denied, "wanem needs root: it enters network namespaces and makes TUN devices",
                 "sudo");
  }
  if (::access(kTunDevice, R_OK | W_OK) != 0) {
    return errno_error(std::string("cannot use ") + kTunDevice, errno).hinted("modprobe tun");
  }
  return ok();
}

}  // namespace ha::wanem
