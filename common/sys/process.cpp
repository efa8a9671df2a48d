#include "common/sys/process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
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

constexpr std::size_t kAccountBytesMax = 64 * 1024;
constexpr std::size_t kGroupsMax = 1024;

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

// Who a command runs as.
struct Account {
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;
};

Result<Account> find_account(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> names(kAccountBytesMax);
  if (const int error_number = ::getpwnam_r(name.c_str(), &entry, names.data(), names.size(), &found);
      found == nullptr) {
    return error_number != 0 ? errno_error("cannot look up user " + in_quotes(name), error_number)
                             : Error(Code::NotFound, "there is no user " + in_quotes(name));
  }
  Account out{entry.pw_uid, entry.pw_gid, std::vector<gid_t>(kGroupsMax)};
  int count = static_cast<int>(kGroupsMax);
  if (::getgrouplist(name.c_str(), out.group, out.groups.data(), &count) < 0) {
    return Error(Code::Exhausted,
                 "user " + in_quotes(name) + " is in more than " + std::to_string(kGroupsMax) + " groups");
  }
  out.groups.resize(static_cast<std::size_t>(count));
  return out;
}

// What a child needs between fork() and exec(), where nothing may be allocated.
enum class ChildStep : int { Account, Directory, Program };
struct Child {
  char* const* arguments;
  char* const* variables;
  const char* directory;   // null: where we are
  const Account* account;  // null: who we are
  std::optional<mode_t> umask;
  int input_fd;
  int output_fd;
  int report_fd;
};
struct ChildTrouble {
  ChildStep step = ChildStep::Program;
  int error_number = 0;
};

ChildTrouble prepare(const Child& child) noexcept {
  ::setpgid(0, 0);
  for (int signal = 1; signal < NSIG; ++signal) {
    ::signal(signal, SIG_DFL);  // NOLINT(bugprone-signal-handler): none is set
  }
  ::dup2(child.input_fd, STDIN_FILENO);
  ::dup2(child.output_fd, STDOUT_FILENO);
  ::dup2(child.output_fd, STDERR_FILENO);
  ::dup2(child.report_fd, STDERR_FILENO + 1);
  ::fcntl(STDERR_FILENO + 1, F_SETFD, FD_CLOEXEC);
  ::closefrom(STDERR_FILENO + 2);
  if (child.umask) {
    ::umask(*child.umask);
  }
  if (const Account* account = child.account; account != nullptr && account->user != ::geteuid()) {
    if (::setgroups(account->groups.size(), account->groups.data()) != 0 ||
        ::setresgid(account->group, account->group, account->group) != 0 ||
        ::setresuid(account->user, account->user, account->user) != 0) {
      return {ChildStep::Account, errno};
    }
  }
  if (child.directory != nullptr && ::chdir(child.directory) != 0) {
    return {ChildStep::Directory, errno};
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvpe(child.arguments[0], child.arguments, child.variables);
  return {ChildStep::Program, errno};
}

[[noreturn]] void become(const Child& child) noexcept {
  const ChildTrouble trouble = prepare(child);
  static_cast<void>(!::write(STDERR_FILENO + 1, &trouble, sizeof trouble));
  ::_exit(127);
}

// The command's own variables, then those of ours that it does not replace.
std::vector<char*> variables_of(const Command& command) {
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
  return variables;
}

// In memory, so that a command that does not read it holds nobody up.
Result<FileHandle> input_of(const Command& command) {
  FileHandle input(command.input.empty() ? ::open("/dev/null", O_RDONLY | O_CLOEXEC)
                                         : ::memfd_create("input", MFD_CLOEXEC),
                   "input");
  if (!input.is_open()) {
    return errno_error("cannot make the input of a command", errno);
  }
  HA_CHECK(input.write_at(0, command.input));
  return input;
}

// Starts it with its output on `output_fd`; the process id. posix_spawn(3) knows neither users nor umasks.
Result<pid_t> spawn(const Command& command, int output_fd) {
  std::optional<Account> account;
  if (!command.user.empty()) {
    HA_TRY(Account found, find_account(command.user));
    account = std::move(found);
  }
  HA_TRY(const FileHandle input, input_of(command));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return errno_error("cannot make a pipe", errno);
  }
  const FileHandle report(ends[0], "pipe");
  FileHandle report_child(ends[1], "pipe");
  const std::vector<char*> arguments = pointers_to(command.argv);
  const std::vector<char*> variables = variables_of(command);
  const Child child{arguments.data(),
                    variables.data(),
                    command.directory.empty() ? nullptr : command.directory.c_str(),
                    account ? &*account : nullptr,
                    command.umask,
                    input.fd(),
                    output_fd,
                    report_child.fd()};
  sigset_t all;
  sigset_t old;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &old);
  const pid_t pid = ::fork();
  if (pid == 0) {
    become(child);
  }
  const int fork_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  if (pid < 0) {
    return errno_error("cannot start a process", fork_error);
  }
  static_cast<void>(report_child.close());
  ChildTrouble trouble;
  ssize_t n = 0;
  while ((n = ::read(report.fd(), &trouble, sizeof trouble)) < 0 && errno == EINTR) {
  }
  if (n != static_cast<ssize_t>(sizeof trouble)) {
    return pid;  // the pipe was closed by exec
  }
  static_cast<void>(::waitpid(pid, nullptr, 0));
  switch (trouble.step) {
    case ChildStep::Account:
      return errno_error("cannot run as user " + in_quotes(command.user), trouble.error_number);
    case ChildStep::Directory:
      return path_error("cannot change into", command.directory, trouble.error_number);
    case ChildStep::Program:
      break;
  }
  return path_error("cannot run", command.argv[0], trouble.error_number);
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
