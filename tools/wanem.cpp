// wanem: a wide-area path for tests, joining two network namespaces through two TUN devices.
//
// One thread, one ppoll: it sleeps until a packet comes, a packet is due, or somebody speaks on the control
// socket. What the path does to packets is wanem_link.h; good to about 300 Mbit/s and 50,000 packets a
// second. It is a test tool: for kernels without netem, and for switching a partition in a known millisecond.
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tools/wanem_link.h"
#include "tools/wanem_options.h"
#include "tools/wanem_setup.h"

namespace ha::wanem {
namespace {

constexpr int kExitUsage = 2;
constexpr int kExitUnreachable = 3;
constexpr int kExitInternal = 6;
constexpr int kBatchPackets = 64;  // read from one device before the other one has its turn
constexpr std::size_t kControlBytesMax = 4096;
constexpr int kAnswerSeconds = 5;

void print_error(const Error& error) {
  std::fprintf(stderr, "wanem: %s\n", error.what().c_str());
  if (!error.hint().empty()) {
    std::fprintf(stderr, "  try: %s\n", error.hint().c_str());
  }
}

Result<sockaddr_un> socket_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Error(Code::Invalid, "a socket's path has 1 to 107 bytes: " + path);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

std::vector<std::string> split_words(std::string_view line) {
  std::vector<std::string> words(1);
  for (const char c : line) {
    if (c != ' ' && c != '\t' && c != '\n') {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) {
    words.pop_back();
  }
  return words;
}

std::string direction_json(const Link& link) {
  const LinkCounters& c = link.counters();
  const LinkSettings& s = link.settings();
  std::array<char, 768> text{};
  std::snprintf(
      text.data(), text.size(),
      "{\"offered_packets\":%lu,\"offered_bytes\":%lu,\"delivered_packets\":%lu,\"delivered_bytes\":%lu,"
      "\"lost_packets\":%lu,\"overflowed_packets\":%lu,\"cut_packets\":%lu,\"queued_bytes\":%lu,"
      "\"flying_packets\":%zu,\"delay_ns\":%ld,\"jitter_ns\":%ld,\"loss\":%g,\"rate_bits_per_s\":%lu,"
      "\"queue_bytes\":%lu,\"stall\":%s,\"partition\":%s}",
      c.offered_packets, c.offered_bytes, c.delivered_packets, c.delivered_bytes, c.lost_packets,
      c.overflowed_packets, c.cut_packets, link.queued_bytes(), link.flying_packets(), s.delay.count(),
      s.jitter.count(), s.loss, s.rate_bits_per_s, s.queue_limit_bytes(), s.stall ? "true" : "false",
      s.partition ? "true" : "false");
  return text.data();
}

void print_totals(const char* direction, const LinkCounters& c) {
  std::printf("%s: %lu packets, %lu bytes, %lu dropped (%lu lost, %lu overflowed, %lu cut)\n", direction,
              c.delivered_packets, c.delivered_bytes, c.dropped_packets(), c.lost_packets,
              c.overflowed_packets, c.cut_packets);
}

// Both directions and their devices, driven by run().
class Path {
 public:
  Path(const Options& options, Tun a, Tun b, int control, int signals)
      : initial_(options.link),
        a_(std::move(a)),
        b_(std::move(b)),
        a_to_b_(options.link, options.seed),
        b_to_a_(options.link, options.seed + 1),
        control_(control),
        signals_(signals) {}

  // Until a signal comes.
  Status run();

  void print_totals() const {
    wanem::print_totals("a-b", a_to_b_.counters());
    wanem::print_totals("b-a", b_to_a_.counters());
    if (unwritable_packets_ != 0) {
      std::printf("%lu delivered packets were refused by the receiving device\n", unwritable_packets_);
    }
  }

 private:
  // True when the device may have more to read.
  bool read_batch(const Tun& from, Link& link);
  void deliver(Link& link, const Tun& to, SteadyTime now);
  void answer_control(SteadyTime now);
  std::string command(const std::string& line, SteadyTime now);
  Status set(const std::vector<std::string>& words, SteadyTime now);
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const;

  LinkSettings initial_;
  Tun a_;
  Tun b_;
  Link a_to_b_;
  Link b_to_a_;
  int control_;
  int signals_;
  std::uint64_t unwritable_packets_ = 0;
  std::array<std::byte, 65536> buffer_{};
};

Status Path::run() {
  std::array<pollfd, 4> waits = {pollfd{a_.descriptor(), POLLIN, 0}, pollfd{b_.descriptor(), POLLIN, 0},
                                 pollfd{signals_, POLLIN, 0}, pollfd{control_, POLLIN, 0}};
  bool more = false;
  while (true) {
    timespec timeout{};
    const auto wakeup = next_wakeup();
    if (wakeup && !more) {
      const auto left = std::max(Duration{0}, *wakeup - read_clocks().steady);
      timeout = {left / std::chrono::seconds(1), (left % std::chrono::seconds(1)).count()};
    }
    // A control socket of -1 is ignored by poll, which is what we want without --control.
    if (::ppoll(waits.data(), waits.size(), wakeup || more ? &timeout : nullptr, nullptr) < 0 &&
        errno != EINTR) {
      return errno_error("ppoll", errno);
    }
    if (waits[2].revents != 0) {
      return ok();
    }
    more = read_batch(a_, a_to_b_);
    more = read_batch(b_, b_to_a_) || more;
    const SteadyTime now = read_clocks().steady;
    deliver(a_to_b_, b_, now);
    deliver(b_to_a_, a_, now);
    if (waits[3].revents != 0) {
      answer_control(now);
    }
  }
}

bool Path::read_batch(const Tun& from, Link& link) {
  const SteadyTime now = read_clocks().steady;
  for (int i = 0; i < kBatchPackets; ++i) {
    const ssize_t bytes = ::read(from.descriptor(), buffer_.data(), buffer_.size());
    if (bytes <= 0) {
      return false;
    }
    link.offer({buffer_.data(), static_cast<std::size_t>(bytes)}, now);
  }
  return true;
}

void Path::deliver(Link& link, const Tun& to, SteadyTime now) {
  while (const auto packet = link.take(now)) {
    if (::write(to.descriptor(), packet->data(), packet->size()) < 0) {
      ++unwritable_packets_;
    }
  }
}

void Path::answer_control(SteadyTime now) {
  std::array<char, kControlBytesMax> text{};
  sockaddr_un sender{};
  socklen_t sender_bytes = sizeof sender;
  const ssize_t bytes =
      ::recvfrom(control_, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&sender), &sender_bytes);
  if (bytes < 0) {
    return;
  }
  const std::string answer = command(std::string(text.data(), static_cast<std::size_t>(bytes)), now) + "\n";
  // A client that did not bind, or has gone, gets no answer; the command was carried out all the same.
  static_cast<void>(::sendto(control_, answer.data(), answer.size(), MSG_DONTWAIT,
                             reinterpret_cast<const sockaddr*>(&sender), sender_bytes));
}

std::string Path::command(const std::string& line, SteadyTime now) {
  const std::vector<std::string> words = split_words(line);
  if (words.size() == 1 && words[0] == "stats") {
    return "{\"a-b\":" + direction_json(a_to_b_) + ",\"b-a\":" + direction_json(b_to_a_) +
           ",\"unwritable_packets\":" + std::to_string(unwritable_packets_) + "}";
  }
  if (words.size() == 1 && words[0] == "reset") {
    a_to_b_.change(initial_, now);
    b_to_a_.change(initial_, now);
    return "ok";
  }
  if (words.size() == 4 && words[0] == "set") {
    const Status status = set(words, now);
    return status.ok() ? "ok" : "error: " + status.error().what();
  }
  return "error: say set DIRECTION NAME VALUE, reset or stats";
}

Status Path::set(const std::vector<std::string>& words, SteadyTime now) {
  const bool both = words[1] == "both";
  if (!both && words[1] != "a-b" && words[1] != "b-a") {
    return Error(Code::Invalid, "a direction is a-b, b-a or both, not \"" + words[1] + "\"");
  }
  for (Link* link : {&a_to_b_, &b_to_a_}) {
    if (both || (link == &a_to_b_) == (words[1] == "a-b")) {
      LinkSettings settings = link->settings();
      HA_CHECK(apply_setting(settings, words[2], words[3]));
      link->change(std::move(settings), now);
    }
  }
  return ok();
}

std::optional<SteadyTime> Path::next_wakeup() const {
  const auto ab = a_to_b_.next_wakeup();
  const auto ba = b_to_a_.next_wakeup();
  if (ab && ba) {
    return std::min(*ab, *ba);
  }
  return ab ? ab : ba;
}

Result<int> listen_control(const std::string& path) {
  HA_TRY(const sockaddr_un address, socket_address(path));
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) {
    return errno_error("socket", errno);
  }
  ::unlink(path.c_str());  // of a wanem that was killed
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    const int error = errno;
    ::close(descriptor);
    return errno_error("cannot make control socket " + path, error);
  }
  return descriptor;
}

Status run(const Options& options) {
  HA_CHECK(check_rights());
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  const int signals = ::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
  HA_TRY(const Namespace namespace_a, Namespace::open(options.a.network_namespace, options.make));
  HA_TRY(const Namespace namespace_b, Namespace::open(options.b.network_namespace, options.make));
  HA_TRY(Tun a, attach(options.a, options.b, options));
  HA_TRY(Tun b, attach(options.b, options.a, options));
  int control = -1;
  if (!options.control.empty()) {
    HA_TRY(control, listen_control(options.control));
  }
  // Both make the timing better under load, and it works without them.
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  const sched_param first{.sched_priority = 1};
  ::sched_setscheduler(0, SCHED_FIFO, &first);

  Path path(options, std::move(a), std::move(b), control, signals);
  std::puts("ready");
  std::fflush(stdout);
  const Status status = path.run();
  if (control >= 0) {
    ::close(control);
    ::unlink(options.control.c_str());
  }
  path.print_totals();
  return status;
}

// Sends the words to a running wanem and prints its answer.
Result<int> speak(const std::vector<std::string>& words) {
  if (words.size() < 2) {
    return Error(Code::Invalid, "say: wanem ctl SOCKET words...", "wanem --help");
  }
  HA_TRY(const sockaddr_un address, socket_address(words[0]));
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un own{};
  own.sun_family = AF_UNIX;
  const timeval patience{kAnswerSeconds, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string line;
  for (std::size_t i = 1; i < words.size(); ++i) {
    line += (i == 1 ? "" : " ") + words[i];
  }
  // Binding to no name makes the kernel choose one, which the answer comes back to.
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&own), sizeof own.sun_family) < 0 ||
      ::sendto(descriptor, line.data(), line.size(), 0, reinterpret_cast<const sockaddr*>(&address),
               sizeof address) < 0) {
    return errno_error("cannot reach wanem at " + words[0], errno);
  }
  std::array<char, kControlBytesMax> answer{};
  const ssize_t bytes = ::recv(descriptor, answer.data(), answer.size() - 1, 0);
  if (bytes < 0) {
    return errno_error("no answer from wanem at " + words[0], errno);
  }
  ::close(descriptor);
  std::fputs(answer.data(), stdout);
  return std::strncmp(answer.data(), "error", 5) == 0 ? 1 : 0;
}

int exit_code(const Error& error) {
  switch (error.code()) {
    case Code::Internal:
      return kExitInternal;
    case Code::Invalid:
      return kExitUsage;
    default:
      return kExitUnreachable;
  }
}

int main_of(std::span<char* const> arguments) {
  if (!arguments.empty() && std::string_view(arguments[0]) == "ctl") {
    const auto result = speak({arguments.begin() + 1, arguments.end()});
    if (!result.ok()) {
      print_error(result.error());
      return exit_code(result.error());
    }
    return *result;
  }
  const auto options = parse_options(arguments);
  if (!options.ok()) {
    print_error(options.error());
    return kExitUsage;
  }
  if (options->help) {
    std::fputs(std::string(usage()).c_str(), stdout);
    return 0;
  }
  const Status status = run(*options);
  if (!status.ok()) {
    print_error(status.error());
    return exit_code(status.error());
  }
  return 0;
}

}  // namespace
}  // namespace ha::wanem

int main(int argc, char** argv) {
  return ha::wanem::main_of({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)});
}
