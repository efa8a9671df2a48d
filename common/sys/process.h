// What a daemon asks of the system about processes: run a command, wait for signals, tell systemd, be the
// only one on a state directory, have enough descriptors.
//
// No shell anywhere: a command is a list of arguments. Not here: key files (secret.h), threads, loops.
// Thread safety: run_command() and notify_*() from any thread; a SignalWatcher is made before any other
// thread starts, so that all inherit its mask, and is read by one.
// Source: fork(2), execvpe(3), pidfd_open(2), signalfd(2), sd_notify(3) (libsystemd 252), flock(2).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/file.h"

namespace ha::sys {

inline constexpr Duration kTerminateGrace = std::chrono::seconds(2);

struct Command {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH if it has no '/'
  Duration limit = std::chrono::seconds(30);
  std::size_t output_bytes_max = 64 * 1024;  // of both streams; the rest is read and dropped
  bool keep_end = false;                     // of the output, rather than its beginning
  std::vector<std::string> environment{};    // "NAME=value", before and instead of ours
  std::string directory{};                   // where it runs; empty: where we do
  int cancel_fd = -1;                        // readable: end it now, as at the limit
  Bytes input{};                             // its standard input; empty: /dev/null
  std::string user{};                        // who it runs as, with all groups; empty: we
  std::optional<mode_t> umask{};             // none: ours
};

struct CommandResult {
  int exit_status = -1;  // -1 if a signal ended it
  int signal = 0;
  bool timed_out = false;
  bool cancelled = false;
  bool output_cut = false;
  Bytes output;  // standard output and error, as they came

  [[nodiscard]] bool succeeded() const noexcept { return exit_status == 0 && !timed_out && !cancelled; }
};

// Waits for it, in its own process group, with default signals and no descriptors of ours. At the limit the
// group gets SIGTERM and kTerminateGrace later SIGKILL. Errors are about starting it (NotFound, Denied: the
// program, the directory, the user); how it ended is in the result.
[[nodiscard]] Result<CommandResult> run_command(const Command& command);

// Where 0, 1 or 2 are closed they lead to /dev/null, or else the next file that is opened would be the
// output. To be called before anything is opened.
void open_standard_descriptors() noexcept;

class SignalWatcher {
 public:
  // Blocks `signals` in this thread (and those it starts later), for good.
  [[nodiscard]] static Result<SignalWatcher> open(const std::vector<int>& signals);
  [[nodiscard]] int fd() const noexcept { return handle_.fd(); }  // readable when next() has one
  // Does not wait.
  [[nodiscard]] Result<std::optional<int>> next();

 private:
  explicit SignalWatcher(FileHandle handle) noexcept : handle_(std::move(handle)) {}
  FileHandle handle_;
};

// To systemd; without it nothing happens.
void notify_ready() noexcept;
void notify_reloading(SteadyTime now) noexcept;  // then notify_ready()
void notify_stopping() noexcept;
void notify_watchdog() noexcept;
// How often systemd wants notify_watchdog() at least; nullopt if it does not watch.
[[nodiscard]] std::optional<Duration> watchdog_interval() noexcept;

// Held while this lives, by this process only; the file stays.
class LockFile {
 public:
  // Refused, naming the other's process id, if it is held.
  [[nodiscard]] static Result<LockFile> acquire(const Directory& directory, BytesView name);

 private:
  explicit LockFile(FileHandle handle) noexcept : handle_(std::move(handle)) {}
  FileHandle handle_;
};

// As gethostname(2) has it, up to the first dot; empty if it has none.
[[nodiscard]] std::string short_host_name();

// Raises the soft limit of open descriptors to `wanted` or the hard limit, whichever is lower. The new one.
[[nodiscard]] Result<std::uint64_t> raise_descriptor_limit(std::uint64_t wanted);

}  // namespace ha::sys
