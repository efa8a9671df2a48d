#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "common/wire/control.h"
#include "common/wire/control_frame.h"

namespace ha::wire {
namespace {

constexpr timeval kConnectWithin{2, 0};

// Waits for the descriptor; TimedOut at the deadline.
Status wait_for(int fd, short events, SteadyTime deadline, const std::string& daemon) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - read_clocks().steady).count();
    pollfd waiting{fd, events, 0};
    const int count = ::poll(&waiting, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX)));
    if (count > 0) {
      return ok();
    }
    if (count < 0 && errno != EINTR) {
      return errno_error("cannot wait for the " + daemon, errno);
    }
    if (left <= 0) {
      return Error(Code::TimedOut, "the " + daemon + " did not answer in time");
    }
  }
}

Error gone(const std::string& daemon) {
  return Error(Code::Unavailable, "the " + daemon + " closed the connection", "journalctl -u " + daemon);
}

}  // namespace

ControlClient::ControlClient(int fd, std::string daemon) : fd_(fd), daemon_(std::move(daemon)) {}

ControlClient::ControlClient(ControlClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), daemon_(std::move(other.daemon_)) {}

ControlClient& ControlClient::operator=(ControlClient&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(daemon_, other.daemon_);
  return *this;
}

ControlClient::~ControlClient() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

Result<ControlClient> ControlClient::open(const std::string& path, const std::string& daemon) {
  HA_TRY(const sockaddr_un address, control_address(path));
  ControlClient client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), daemon);
  if (client.fd_ < 0) {
    return errno_error("cannot make a socket", errno);
  }
  // While many others are waiting to be let in, so do we, for some time.
  static_cast<void>(
      ::setsockopt(client.fd_, SOL_SOCKET, SO_SNDTIMEO, &kConnectWithin, sizeof kConnectWithin));
  if (::connect(client.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    if (::fcntl(client.fd_, F_SETFL, O_NONBLOCK) != 0) {
      return errno_error("cannot use a socket", errno);
    }
    return client;
  }
  switch (errno) {
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
      return Error(Code::Unavailable, "no " + daemon + " is running here (socket " + escape(path) + ")",
                   "start it: systemctl start " + daemon);
    case EACCES:
    case EPERM:
      return Error(Code::Denied, "may not ask the " + daemon + " (socket " + escape(path) + ")",
                   "the same command as root, with sudo in front; or join the group that owns the socket");
    case EAGAIN:
      return Error(Code::Unavailable, "the " + daemon + " has taken no connection for 2 s");
    default:
      return errno_error("cannot connect to the " + daemon + " (socket " + escape(path) + ")", errno);
  }
}

Status ControlClient::send(BytesView body, std::chrono::milliseconds limit) {
  if (body.size() > kControlBytesMax) {
    return Error(Code::Exhausted, "a request of " + std::to_string(body.size()) +
                                      " bytes is over the limit of " + std::to_string(kControlBytesMax));
  }
  const SteadyTime deadline = read_clocks().steady + limit;
  const Bytes frame = control_frame(ControlKind::Request, body);
  for (std::size_t done = 0; done < frame.size();) {
    const ssize_t bytes = ::send(fd_, frame.data() + done, frame.size() - done, MSG_NOSIGNAL);
    if (bytes >= 0) {
      done += static_cast<std::size_t>(bytes);
    } else if (errno == EAGAIN) {
      HA_CHECK(wait_for(fd_, POLLOUT, deadline, daemon_));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return ok();  // the answer that it left before it closed says why; next() reads it
    } else if (errno != EINTR) {
      return errno_error("cannot ask the " + daemon_, errno);
    }
  }
  return ok();
}

Status ControlClient::read_exactly(char* out, std::size_t bytes, SteadyTime deadline) {
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t count = ::recv(fd_, out + done, bytes - done, 0);
    if (count > 0) {
      done += static_cast<std::size_t>(count);
    } else if (count == 0 || errno == ECONNRESET) {
      return gone(daemon_);
    } else if (errno == EAGAIN) {
      HA_CHECK(wait_for(fd_, POLLIN, deadline, daemon_));
    } else if (errno != EINTR) {
      return errno_error("cannot read the answer of the " + daemon_, errno);
    }
  }
  return ok();
}

Result<std::optional<Bytes>> ControlClient::next(std::chrono::milliseconds limit) {
  const SteadyTime deadline = read_clocks().steady + limit;
  char head_bytes[kControlHeadBytes];
  HA_CHECK(read_exactly(head_bytes, sizeof head_bytes, deadline));
  HA_TRY(const ControlHead head, parse_control_head(BytesView(head_bytes, sizeof head_bytes)));
  Bytes body(head.body_bytes, '\0');
  HA_CHECK(read_exactly(body.data(), body.size(), deadline));
  switch (head.kind) {
    case ControlKind::Message:
      return std::optional<Bytes>(std::move(body));
    case ControlKind::End:
      return std::optional<Bytes>{};
    case ControlKind::Failure:
      return decode_failure(body);
    case ControlKind::Request:
      break;
  }
  return Error(Code::Corrupt, "the " + daemon_ + " asks instead of answering");
}

Result<Bytes> ControlClient::request(BytesView body, std::chrono::milliseconds limit) {
  const SteadyTime deadline = read_clocks().steady + limit;
  const auto left = [&] {
    return std::chrono::ceil<std::chrono::milliseconds>(deadline - read_clocks().steady);
  };
  HA_CHECK(send(body, limit));
  HA_TRY(auto answer, next(left()));
  if (!answer) {
    return Error(Code::Corrupt, "the " + daemon_ + " gave an empty answer");
  }
  HA_TRY(const auto end, next(left()));
  if (end) {
    return Error(Code::Corrupt, "the " + daemon_ + " gave more than one answer");
  }
  return std::move(*answer);
}

}  // namespace ha::wire
