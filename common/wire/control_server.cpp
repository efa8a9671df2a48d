#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "common/wire/control.h"
#include "common/wire/control_frame.h"

namespace ha::wire {
namespace {

constexpr int kBacklog = 16;
constexpr std::size_t kReadBytes = std::size_t{64} << 10;

struct Client {
  int fd = -1;
  ucred who{};
  Bytes in;                            // the request as far as it has come
  Bytes out;                           // answers that the socket has not taken
  std::size_t out_begin = 0;           // of them, already taken
  std::optional<SteadyTime> deadline;  // for the rest of a request that has begun
  bool busy = false;                   // its request is being answered; nothing is read meanwhile
  bool closing = false;                // goes when `out` is written
  bool gone = false;

  [[nodiscard]] std::size_t queued() const { return out.size() - out_begin; }
};

// Is there a daemon behind this path?
bool somebody_answers(const sockaddr_un& address) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool answered =
      fd >= 0 &&
      (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN);
  if (fd >= 0) {
    ::close(fd);
  }
  return answered;
}

// For a client whose bytes are not read just now: has it gone away?
bool hung_up(int fd) {
  pollfd asked{fd, 0, 0};
  return ::poll(&asked, 1, 0) > 0 && (asked.revents & (POLLHUP | POLLERR)) != 0;
}

// The beginning of a request that was not read yet.
bool has_input(int fd) {
  char byte = 0;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

}  // namespace

struct ControlServer::Impl {
  std::string path;
  Handler handler;
  int listener = -1;
  std::map<std::uint64_t, Client> clients;
  std::uint64_t next_client = 1;

  Impl(std::string path_in, Handler handler_in, int listener_in)
      : path(std::move(path_in)), handler(std::move(handler_in)), listener(listener_in) {}
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::map<std::uint64_t, Client>::iterator oldest_idle();
  void accept_all();
  void write_out(Client& client);
  void read_in(std::uint64_t id, Client& client, const Now& now);
  void take_requests(std::uint64_t id, Client& client, const Now& now);
  void queue(Client& client, ControlKind kind, BytesView body);
  void finish(Client& client, const Error& error);
  void sweep();
};

ControlServer::Impl::~Impl() {
  for (const auto& [id, client] : clients) {
    ::close(client.fd);
  }
  ::close(listener);
  ::unlink(path.c_str());
}

// Who asks for nothing and has read everything.
std::map<std::uint64_t, Client>::iterator ControlServer::Impl::oldest_idle() {
  return std::find_if(clients.begin(), clients.end(), [](const auto& entry) {
    const Client& client = entry.second;
    return !client.busy && !client.closing && client.in.empty() && client.queued() == 0 &&
           !has_input(client.fd);
  });
}

// When it is full the oldest idle one goes: it must not lock others out.
void ControlServer::Impl::accept_all() {
  for (auto idle = oldest_idle(); clients.size() < kControlClientsMax || idle != clients.end();
       idle = oldest_idle()) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      return;
    }
    if (clients.size() >= kControlClientsMax) {
      ::close(idle->second.fd);
      clients.erase(idle);
    }
    Client client;
    client.fd = fd;
    socklen_t bytes = sizeof client.who;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &client.who, &bytes) != 0) {
      ::close(fd);
      continue;
    }
    clients.emplace(next_client++, std::move(client));
  }
}

void ControlServer::Impl::write_out(Client& client) {
  while (client.queued() > 0 && !client.gone) {
    const ssize_t bytes =
        ::send(client.fd, client.out.data() + client.out_begin, client.queued(), MSG_NOSIGNAL);
    if (bytes >= 0) {
      client.out_begin += static_cast<std::size_t>(bytes);
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      client.gone = true;
    }
  }
  client.out.clear();
  client.out_begin = 0;
  client.gone = client.gone || client.closing;
}

void ControlServer::Impl::queue(Client& client, ControlKind kind, BytesView body) {
  if (client.out_begin > client.out.size() / 2) {
    client.out.erase(0, client.out_begin);
    client.out_begin = 0;
  }
  client.out += control_frame(kind, body);
  write_out(client);
}

void ControlServer::Impl::finish(Client& client, const Error& error) {
  client.closing = true;
  client.in.clear();
  client.deadline.reset();
  queue(client, ControlKind::Failure, encode_failure(error));
}

void ControlServer::Impl::read_in(std::uint64_t id, Client& client, const Now& now) {
  // One piece a turn, so that a long request does not hold the others up.
  char piece[kReadBytes];
  const ssize_t bytes = ::recv(client.fd, piece, sizeof piece, 0);
  if (bytes == 0 || (bytes < 0 && errno != EAGAIN && errno != EINTR)) {
    client.gone = true;
  } else if (bytes > 0) {
    client.in.append(piece, static_cast<std::size_t>(bytes));
    take_requests(id, client, now);
  }
}

void ControlServer::Impl::take_requests(std::uint64_t id, Client& client, const Now& now) {
  while (!client.busy && !client.closing && !client.gone) {
    client.deadline = client.in.empty() ? std::nullopt
                      : client.deadline ? client.deadline
                                        : std::optional(now.steady + kControlRequestTimeout);
    if (client.in.size() < kControlHeadBytes) {
      return;
    }
    const auto head = parse_control_head(BytesView(client.in).substr(0, kControlHeadBytes));
    if (!head.ok() || head->kind != ControlKind::Request) {
      finish(client, head.ok() ? Error(Code::Corrupt, "only requests are taken here") : head.error());
      return;
    }
    const std::size_t frame_bytes = kControlHeadBytes + head->body_bytes;
    if (client.in.size() < frame_bytes) {
      return;
    }
    ControlRequest request{id, client.who.uid, client.in.substr(kControlHeadBytes, head->body_bytes)};
    client.in.erase(0, frame_bytes);
    client.deadline.reset();
    client.busy = true;
    handler(std::move(request));
  }
}

void ControlServer::Impl::sweep() {
  std::erase_if(clients, [](const auto& entry) {
    if (entry.second.gone) {
      ::close(entry.second.fd);
    }
    return entry.second.gone;
  });
}

ControlServer::ControlServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ControlServer::~ControlServer() = default;

Result<std::unique_ptr<ControlServer>> ControlServer::open(const std::string& path, mode_t mode,
                                                           Handler handler) {
  HA_TRY(const sockaddr_un address, control_address(path));
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode)) {
      return Error(Code::Exists, escape(path) + " exists and is not a socket", "move it away");
    }
    if (somebody_answers(address)) {
      return Error(Code::Exists, "another daemon answers at " + escape(path));
    }
    ::unlink(path.c_str());  // left behind by one that was killed
  }
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) {
    return errno_error("cannot make a socket", errno);
  }
  // The mode of the descriptor is that of the path at bind: nobody gets in before chmod has said who may.
  const bool bound = ::fchmod(listener, 0600) == 0 &&
                     ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  if (!bound || ::chmod(path.c_str(), mode) != 0 || ::listen(listener, kBacklog) != 0) {
    Error error = errno_error("cannot listen on " + escape(path), errno);
    ::close(listener);
    if (bound) {
      ::unlink(path.c_str());
    }
    return error;
  }
  return std::unique_ptr<ControlServer>(
      new ControlServer(std::make_unique<Impl>(path, std::move(handler), listener)));
}

bool ControlServer::reply(std::uint64_t client, BytesView body) {
  const auto found = impl_->clients.find(client);
  if (found == impl_->clients.end() || !found->second.busy || found->second.closing || found->second.gone) {
    return false;
  }
  if (body.size() > kControlBytesMax || found->second.queued() + body.size() > kControlQueueBytesMax) {
    found->second.gone = true;
    return false;
  }
  impl_->queue(found->second, ControlKind::Message, body);
  return !found->second.gone;
}

void ControlServer::end(std::uint64_t client) {
  const auto found = impl_->clients.find(client);
  if (found != impl_->clients.end() && found->second.busy) {
    found->second.busy = false;
    impl_->queue(found->second, ControlKind::End, {});
  }
}

void ControlServer::fail(std::uint64_t client, const Error& error) {
  const auto found = impl_->clients.find(client);
  if (found != impl_->clients.end() && found->second.busy) {
    found->second.busy = false;
    impl_->queue(found->second, ControlKind::Failure, encode_failure(error));
  }
}

void ControlServer::add_poll_items(std::vector<PollItem>& items) {
  if (impl_->clients.size() < kControlClientsMax || impl_->oldest_idle() != impl_->clients.end()) {
    items.push_back({nullptr, impl_->listener, true, false, false});
  }
  for (const auto& [id, client] : impl_->clients) {
    items.push_back({nullptr, client.fd, !client.busy && !client.closing, client.queued() > 0, false});
  }
}

std::optional<SteadyTime> ControlServer::next_wakeup() const {
  std::optional<SteadyTime> first;
  for (const auto& [id, client] : impl_->clients) {
    const bool request_waits = !client.busy && !client.in.empty() && !client.deadline;
    if (client.gone || request_waits) {
      return SteadyTime{};  // at once: to be swept, or to be asked
    }
    if (client.deadline && (!first || *client.deadline < *first)) {
      first = client.deadline;
    }
  }
  return first;
}

void ControlServer::on_turn(const Now& now) {
  impl_->accept_all();
  for (auto& [id, client] : impl_->clients) {
    impl_->write_out(client);
    impl_->take_requests(id, client, now);  // one may wait since the answer before it was ended
    if (client.busy || client.closing) {
      client.gone = client.gone || hung_up(client.fd);
    } else if (!client.gone) {
      impl_->read_in(id, client, now);
    }
    if (client.deadline && now.steady >= *client.deadline && !client.gone) {
      impl_->finish(client, Error(Code::TimedOut, "the request did not arrive in time"));
    }
  }
  impl_->sweep();
}

}  // namespace ha::wire
