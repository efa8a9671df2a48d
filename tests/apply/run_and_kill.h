// SIGKILL before a chosen system call. The process is traced, so that a seed replays on any machine.
#pragma once

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <cstdint>

namespace ha::replicator::test {

// Runs `work` in a process of its own and kills it before its `calls_max`th system call (entries and exits
// both count). How many there were; more than `calls_max` never.
struct Run {
  std::uint64_t calls = 0;
  bool killed = false;
  bool succeeded = false;
};

template <typename Work>
Run run_and_kill(std::uint64_t calls_max, Work work) {
  const pid_t child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    ::_exit(work() ? 0 : 1);
  }
  constexpr int kSystemCall = SIGTRAP | 0x80;
  Run run;
  int status = 0;
  BOOST_REQUIRE_EQUAL(::waitpid(child, &status, 0), child);
  BOOST_REQUIRE(WIFSTOPPED(status));
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
  while (true) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    BOOST_REQUIRE_EQUAL(::waitpid(child, &status, 0), child);
    if (!WIFSTOPPED(status)) {
      run.succeeded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
      return run;
    }
    if (WSTOPSIG(status) == kSystemCall && ++run.calls >= calls_max) {
      ::kill(child, SIGKILL);
      BOOST_REQUIRE_EQUAL(::waitpid(child, &status, 0), child);
      run.killed = true;
      return run;
    }
  }
}

}  // namespace ha::replicator::test
