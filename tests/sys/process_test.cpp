#include "common/sys/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstring>

#include "tests/sys/temp_directory.h"

namespace ha::sys {
namespace {

using std::chrono::milliseconds;

BOOST_AUTO_TEST_SUITE(sys_process)

BOOST_AUTO_TEST_CASE(a_command_gives_its_output_and_status) {
  const CommandResult result = must(run_command({{"sh", "-c", "echo out; echo err >&2; exit 3"}}));
  BOOST_TEST(result.exit_status == 3);
  BOOST_TEST(result.output == "out\nerr\n");
  BOOST_TEST(!result.succeeded());
  BOOST_TEST(must(run_command({{"true"}})).succeeded());
}

BOOST_AUTO_TEST_CASE(arguments_are_passed_as_they_are) {
  BOOST_TEST(must(run_command({{"printf", "%s|", "$HOME; `id` *", "", "a b"}})).output ==
             "$HOME; `id` *||a b|");
}

BOOST_AUTO_TEST_CASE(output_beyond_the_limit_is_dropped_and_the_command_ends) {
  const CommandResult result =
      must(run_command({{"head", "-c", "1000000", "/dev/zero"}, std::chrono::seconds(30), 1000}));
  BOOST_TEST(result.output.size() == 1000U);
  BOOST_TEST(result.output_cut);
  BOOST_TEST(result.succeeded());
}

BOOST_AUTO_TEST_CASE(a_command_past_its_limit_is_terminated) {
  const CommandResult result = must(run_command({{"sleep", "100"}, milliseconds(20)}));
  BOOST_TEST(result.timed_out);
  BOOST_TEST(result.signal == SIGTERM);
  BOOST_TEST(result.exit_status == -1);
}

BOOST_AUTO_TEST_CASE(a_command_that_ignores_sigterm_is_killed) {
  const CommandResult result =
      must(run_command({{"sh", "-c", "trap '' TERM; while :; do sleep 1; done"}, milliseconds(200)}));
  BOOST_TEST(result.timed_out);
  BOOST_TEST(result.signal == SIGKILL);
}

BOOST_AUTO_TEST_CASE(a_child_left_behind_that_holds_the_output_is_not_waited_for) {
  const SteadyTime begin = read_clocks().steady;
  const CommandResult result = must(run_command({{"sh", "-c", "sleep 5 & echo done"}}));
  BOOST_TEST(result.output == "done\n");
  BOOST_TEST((read_clocks().steady - begin < std::chrono::seconds(5)));
}

BOOST_AUTO_TEST_CASE(the_end_of_the_output_is_kept_when_it_is_asked_for) {
  Command command{{"sh", "-c", "seq 1 100000; echo last"}};
  command.output_bytes_max = 11;
  command.keep_end = true;
  const CommandResult result = must(run_command(command));
  BOOST_TEST(result.output == "00000\nlast\n");
  BOOST_TEST(result.output_cut);
}

BOOST_AUTO_TEST_CASE(a_command_has_the_variables_and_the_directory_that_it_is_given) {
  BOOST_REQUIRE(::setenv("HA_TEST_ONE", "ours", 1) == 0);
  BOOST_REQUIRE(::setenv("HA_TEST_TWO", "ours", 1) == 0);
  Command command{{"sh", "-c", "echo $HA_TEST_ONE $HA_TEST_TWO $HA_TEST; pwd"}};
  command.environment = {"HA_TEST_ONE=its own", "HA_TEST=x"};
  command.directory = "/";
  BOOST_TEST(must(run_command(command)).output == "its own ours x\n/\n");
}

BOOST_AUTO_TEST_CASE(a_command_reads_its_input_or_leaves_it) {
  Command command{{"cat"}};
  command.input = Bytes("one\0two\n", 8) + Bytes(300'000, 'x');  // more than a pipe holds
  command.output_bytes_max = 400'000;
  BOOST_TEST((must(run_command(command)).output == command.input));
  command.argv = {"true"};
  BOOST_TEST(must(run_command(command)).succeeded());
  BOOST_TEST(must(run_command({{"cat"}})).output == "");
}

BOOST_AUTO_TEST_CASE(a_command_has_the_umask_that_it_is_given) {
  Command command{{"sh", "-c", "umask"}};
  command.umask = 077;
  BOOST_TEST(must(run_command(command)).output == "0077\n");
  const mode_t ours = ::umask(022);
  command.umask.reset();
  BOOST_TEST(must(run_command(command)).output == "0022\n");
  ::umask(ours);
}

BOOST_AUTO_TEST_CASE(a_command_runs_as_another_user_with_that_ones_groups_only) {
  Command command{{"sh", "-c", "id -un; id -Gn"}};
  command.user = "no-such-user";
  BOOST_TEST((code_of(run_command(command)) == Code::NotFound));
  if (::geteuid() != 0) {
    command.user = "root";
    BOOST_TEST((code_of(run_command(command)) == Code::Denied));
    return;
  }
  command.user = "daemon";
  BOOST_TEST(must(run_command(command)).output == "daemon\ndaemon\n");
  command.argv = {"cat", "/etc/shadow"};
  BOOST_TEST(must(run_command(command)).exit_status == 1);
  command.argv = {"true"};
  const TempDirectory ours;
  command.directory = ours.path;
  const auto barred = run_command(command);
  BOOST_TEST((code_of(barred) == Code::Denied));
  BOOST_TEST(barred.error().what() == "cannot change into " + in_quotes(ours.path) + ": Permission denied");
  const pid_t child = ::fork();  // who is not root cannot become somebody else
  if (child == 0) {
    command.directory = "/";
    const bool denied = ::setresuid(1, 1, 1) == 0 && (command.user = "root", true) &&
                        code_of(run_command(command)) == Code::Denied;
    ::_exit(denied ? 0 : 1);
  }
  int status = -1;
  BOOST_TEST(::waitpid(child, &status, 0) == child);
  BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(a_command_that_is_cancelled_is_ended_and_did_not_succeed) {
  int ends[2];
  BOOST_REQUIRE(::pipe(ends) == 0);
  ::close(ends[1]);  // readable from now on
  Command command{{"sleep", "100"}};
  command.cancel_fd = ends[0];
  const CommandResult result = must(run_command(command));
  ::close(ends[0]);
  BOOST_TEST((result.cancelled && !result.timed_out && !result.succeeded()));
  BOOST_TEST(result.signal == SIGTERM);
}

BOOST_AUTO_TEST_CASE(a_command_that_cannot_start_is_an_error) {
  BOOST_TEST((code_of(run_command({{"/no/such/command"}})) == Code::NotFound));
  BOOST_TEST((code_of(run_command({{"/etc/passwd"}})) == Code::Denied));
  BOOST_TEST((code_of(run_command({{}})) == Code::Invalid));
  BOOST_TEST((code_of(run_command({{"echo", std::string("a\0b", 3)}})) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(no_descriptor_or_blocked_signal_of_ours_reaches_the_command) {
  const TempDirectory temp;
  const int leaked = ::dup(temp.root.fd());  // without O_CLOEXEC
  const CommandResult result = must(run_command({{"ls", "/proc/self/fd"}}));
  ::close(leaked);
  BOOST_TEST(result.output == "0\n1\n2\n3\n");  // 3 is what ls lists with
  const SignalWatcher watcher = must(SignalWatcher::open({SIGUSR1}));
  const CommandResult mask = must(run_command({{"grep", "SigBlk", "/proc/self/status"}}));
  BOOST_TEST(mask.output == "SigBlk:\t0000000000000000\n");
}

BOOST_AUTO_TEST_CASE(closed_standard_descriptors_lead_nowhere) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(STDIN_FILENO);
    ::close(STDERR_FILENO);
    open_standard_descriptors();
    const int next = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool led = ::write(STDERR_FILENO, "x", 1) == 1 && ::write(STDIN_FILENO, "x", 1) == 1;
    ::_exit(led && next > STDERR_FILENO ? 0 : 1);
  }
  int status = -1;
  BOOST_TEST(::waitpid(child, &status, 0) == child);
  BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(signals_are_read_from_a_descriptor) {
  SignalWatcher watcher = must(SignalWatcher::open({SIGUSR1, SIGUSR2}));
  BOOST_TEST(!must(watcher.next()).has_value());
  ::raise(SIGUSR2);
  pollfd wait{watcher.fd(), POLLIN, 0};
  BOOST_TEST(::poll(&wait, 1, 5000) == 1);
  BOOST_TEST((must(watcher.next()) == SIGUSR2));
  BOOST_TEST(!must(watcher.next()).has_value());
  BOOST_TEST((code_of(SignalWatcher::open({4711})) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(a_second_lock_names_the_holder) {
  const TempDirectory temp;
  {
    const LockFile first = must(LockFile::acquire(temp.root, "lock"));
    const auto second = LockFile::acquire(temp.root, "lock");
    BOOST_TEST((code_of(second) == Code::Refused));
    BOOST_TEST(second.error().what() ==
               "\"" + temp.path + "\" is in use by process " + std::to_string(::getpid()));
    BOOST_TEST(!second.error().hint().empty());
  }
  BOOST_TEST(LockFile::acquire(temp.root, "lock").ok());
  must(temp.root.make_symlink("link", "lock"));
  BOOST_TEST((code_of(LockFile::acquire(temp.root, "link")) == Code::Conflict));
}

BOOST_AUTO_TEST_CASE(the_descriptor_limit_goes_up_to_the_hard_limit) {
  rlimit old{};
  BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &old) == 0);
  const rlimit low{64, old.rlim_max};
  BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  BOOST_TEST(must(raise_descriptor_limit(100)) == 100U);
  BOOST_TEST(must(raise_descriptor_limit(10)) == 100U);
  BOOST_TEST(must(raise_descriptor_limit(UINT64_MAX)) == std::uint64_t{old.rlim_max});
  BOOST_TEST(::setrlimit(RLIMIT_NOFILE, &old) == 0);
}

BOOST_AUTO_TEST_CASE(systemd_is_told_through_its_socket) {
  const TempDirectory temp;
  const std::string path = temp.path + "/notify";
  const FileHandle socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  BOOST_REQUIRE(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  BOOST_REQUIRE(::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  ::setenv("WATCHDOG_USEC", "1500000", 1);
  const auto received = [&] {
    char text[256];
    const ssize_t n = ::recv(socket.fd(), text, sizeof text, 0);
    return n < 0 ? std::string("nothing") : std::string(text, static_cast<std::size_t>(n));
  };
  notify_ready();
  BOOST_TEST(received() == "READY=1");
  notify_reloading(SteadyTime(std::chrono::microseconds(42)));
  BOOST_TEST(received() == "RELOADING=1\nMONOTONIC_USEC=42");
  notify_watchdog();
  BOOST_TEST(received() == "WATCHDOG=1");
  notify_stopping();
  BOOST_TEST(received() == "STOPPING=1");
  BOOST_TEST((watchdog_interval() == milliseconds(1500)));
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("WATCHDOG_USEC");
  BOOST_TEST(!watchdog_interval().has_value());
  notify_ready();  // without systemd nothing happens
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::sys
