#include "failover/sensors/write_probe.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/base/bytes.h"
#include "common/base/random.h"
#include "common/sys/file.h"
#include "common/sys/process.h"

namespace ha::failover {
namespace {

// With a name, as that is what users of the directory do; a random one, as others may write there too.
std::string probe_path(const std::string& directory) {
  return directory + "/.hareplicate-probe-" + std::to_string(random_seed());
}

Status write_ourselves(const std::string& path) {
  sys::FileHandle file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600),
                       path);
  if (!file.is_open()) {
    return sys::path_error("cannot create", path, errno);
  }
  Status written = file.write_at(0, "probe\n");
  if (written.ok()) {
    written = file.sync();
  }
  if (::unlink(path.c_str()) != 0 && written.ok()) {
    written = sys::path_error("cannot remove", path, errno);
  }
  return written;
}

Status write_as(const std::string& user, const std::string& path, const MeasureTurn& turn) {
  sys::Command command{
      {"dd", "if=/dev/zero", "of=" + path, "bs=16", "count=1", "conv=fsync,excl", "status=none"}};
  command.limit = turn.until - read_clocks().steady;
  command.output_bytes_max = 200;
  command.environment = {"LC_ALL=C"};
  command.user = user;
  command.umask = 077;
  command.cancel_fd = turn.cancel_fd;
  HA_TRY(const sys::CommandResult result, sys::run_command(command));
  const bool removed = ::unlink(path.c_str()) == 0;
  if (result.timed_out || result.cancelled) {
    return Error(Code::TimedOut, "writing to " + path + " did not end in time");
  }
  if (result.succeeded() && removed) {
    return ok();
  }
  const std::string said = escape(result.output.substr(0, result.output.find('\n')));
  return Error(Code::Io, user + " cannot write: " + (said.empty() ? "dd failed" : said));
}

}  // namespace

Result<Duration> probe_write(const std::string& directory, const std::string& user, const MeasureTurn& turn) {
  const std::string path = probe_path(directory);
  const SteadyTime begin = read_clocks().steady;
  HA_CHECK(user.empty() ? write_ourselves(path) : write_as(user, path, turn));
  return read_clocks().steady - begin;
}

}  // namespace ha::failover
