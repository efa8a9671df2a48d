#include "common/sys/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>
#include <string_view>

extern char** environ;

namespace ha::sys {
namespace {

using std::chrono::milliseconds;

int wait_ms(SteadyTime until) {
  const auto left = std::chrono::duration_cast<milliseconds>(until - read_clocks().steady) + milliseconds(1);
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT_MAX));
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) {
    out.push_back(const_cast<char*>(text.c_str()));  // NOLINT: what the C interface wants
  }
  out.push_back(nullptr);
  return out;
}

// Starts it with its output on `output_fd`; the process id.
Result<pid_t> spawn(const Command& command, int output_fd) {
  std::vector<char*> arguments = pointers_to(command.argv);
  std::vector<char*> variables = pointers_to(command.environment);
  variables.pop_back();
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view name(*each, std::strcspn(*each, "=") + 1);
    if (std::none_of(command.environment.begin(), command.environment.end(),
                     [&](const std::string& own) { return own.starts_with(name); })) {
      variables.push_back(*each);
    }
  }
  variables.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output_fd, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output_fd, STDERR_FILENO);
  if (!command.directory.empty()) {
    ::posix_spawn_file_actions_addchdir_np(&actions, command.directory.c_str());
  }
  ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  pid_t pid = 0;
  const int error_number =
      ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), variables.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error_number != 0) {
    return path_error("cannot run", command.argv[0], error_number);
  }
  return pid;
}

// Takes what is in the pipe now. Whether it is still open.
bool drain(int fd, const Command& command, CommandResult& out) {
  const std::size_t bytes_max = command.output_bytes_max;
  char buffer[16384];
  while (true) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n <= 0) {
      return n < 0 && (errno == EAGAIN || errno == EINTR);
    }
    const auto length = static_cast<std::size_t>(n);
    if (command.keep_end) {
      out.output.append(buffer, length);
      const std::size_t beyond = out.output.size() - std::min(out.output.size(), bytes_max);
      out.output.erase(0, beyond);
      out.output_cut = out.output_cut || beyond > 0;
      continue;
    }
    const std::size_t kept = std::min(length, bytes_max - out.output.size());
    out.output.append(buffer, kept);
    out.output_cut = out.output_cut || kept < length;
  }
}

// Until the process has ended; what its own children still hold of the pipe is not waited for.
void supervise(pid_t pid, int pidfd, int output_fd, const Command& command, CommandResult& out) {
  SteadyTime next_step = read_clocks().steady + command.limit;
  int step_signal = SIGTERM;
  pollfd waits[3] = {{pidfd, POLLIN, 0}, {output_fd, POLLIN, 0}, {command.cancel_fd, POLLIN, 0}};
  while (true) {
    const int ready = ::poll(waits, 3, wait_ms(next_step));
    if (ready > 0 && waits[1].revents != 0 && !drain(output_fd, command, out)) {
      waits[1].fd = -1;  // closed: poll ignores it from now on
    }
    if (ready > 0 && (waits[0].revents & POLLIN) != 0) {
      break;
    }
    if (ready > 0 && waits[2].revents != 0) {
      waits[2].fd = -1;
      out.cancelled = true;
      next_step = std::min(next_step, read_clocks().steady);
    }
    if (read_clocks().steady >= next_step) {
      out.timed_out = !out.cancelled;
      ::kill(-pid, step_signal);
      step_signal = SIGKILL;
      next_step = read_clocks().steady + kTerminateGrace;
    }
  }
  if (waits[1].fd >= 0) {
    static_cast<void>(drain(output_fd, command, out));
  }
}

}  // namespace

Result<CommandResult> run_command(const Command& command) {
  if (command.argv.empty() || command.argv[0].empty()) {
    return Error(Code::Invalid, "an empty command");
  }
  for (const std::string& argument : command.argv) {
    if (argument.find('\0') != std::string::npos) {
      return Error(Code::Invalid, "NUL in the arguments of \"" + escape(command.argv[0]) + "\"");
    }
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return errno_error("cannot make a pipe", errno);
  }
  const FileHandle output(ends[0], "pipe");
  FileHandle child_end(ends[1], "pipe");
  ::fcntl(output.fd(), F_SETFL, O_NONBLOCK);
  HA_TRY(const pid_t pid, spawn(command, child_end.fd()));
  static_cast<void>(child_end.close());
  CommandResult out;
  const FileHandle pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)),
                         "pidfd");  // ours to wait for, so the id cannot be reused
  if (!pidfd.is_open()) {
    const int error_number = errno;
    ::kill(-pid, SIGKILL);
    static_cast<void>(::waitpid(pid, nullptr, 0));
    return errno_error("cannot watch the command \"" + escape(command.argv[0]) + "\"", error_number);
  }
  supervise(pid, pidfd.fd(), output.fd(), command, out);
  if (out.timed_out || out.cancelled) {
    ::kill(-pid, SIGKILL);  // what of the group ignored SIGTERM; before the id is free for others
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  out.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  out.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return out;
}

void open_standard_descriptors() noexcept {
  int opened = 0;
  do {                                     // the lowest that is free comes first
    opened = ::open("/dev/null", O_RDWR);  // NOLINT(android-cloexec-open): children inherit it
  } while (opened >= 0 && opened <= STDERR_FILENO);
  if (opened > STDERR_FILENO) {
    ::close(opened);
  }
}

Result<SignalWatcher> SignalWatcher::open(const std::vector<int>& signals) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : signals) {
    if (::sigaddset(&set, signal) != 0) {
      return Error(Code::Invalid, "no signal has the number " + std::to_string(signal));
    }
  }
  if (const int error_number = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error_number != 0) {
    return errno_error("cannot block signals", error_number);
  }
  const int fd = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) {
    return errno_error("cannot watch signals", errno);
  }
  return SignalWatcher(FileHandle(fd, "signalfd"));
}

Result<std::optional<int>> SignalWatcher::next() {
  signalfd_siginfo info{};
  const ssize_t n = ::read(fd(), &info, sizeof info);
  if (n == static_cast<ssize_t>(sizeof info)) {
    return std::optional<int>(static_cast<int>(info.ssi_signo));
  }
  if (n < 0 && errno != EAGAIN && errno != EINTR) {
    return errno_error("cannot read signals", errno);
  }
  return std::optional<int>();
}

Result<LockFile> LockFile::acquire(const Directory& directory, BytesView name) {
  HA_TRY(FileHandle file, directory.open_file(name, O_RDWR | O_CREAT, 0600));
  if (::flock(file.fd(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return path_error("cannot lock", file.path(), errno);
    }
    HA_TRY(const Bytes holder, file.read_at(0, 20));
    return Error(Code::Refused,
                 in_quotes(directory.path()) + " is in use by process " +
                     (holder.empty() ? "(starting)" : escape(holder.substr(0, holder.find('\n')))),
                 "stop the other daemon, or give this one its own state directory");
  }
  HA_CHECK(file.truncate(0));
  HA_CHECK(file.write_at(0, std::to_string(::getpid()) + "\n"));
  return LockFile(std::move(file));
}

std::string short_host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) {
    return {};
  }
  const std::string full = name.data();
  return full.substr(0, full.find('.'));
}

Result<std::uint64_t> raise_descriptor_limit(std::uint64_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return errno_error("cannot read the limit of open files", errno);
  }
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
      return errno_error("cannot raise the limit of open files", errno);
    }
  }
  return std::uint64_t{limit.rlim_cur};
}

}  // namespace ha::sys
