// A server of one connection after the other on loopback, on a port that the system chose: it says what the
// test wants, so that clients are seen with whatever a PBX may do.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/pbx/connection.h"
#include "tests/pbx/transcript.h"

namespace ha::pbx {

inline Patience patience(Duration limit = std::chrono::seconds(60), int cancel_fd = -1) {
  return {read_clocks().steady + limit, cancel_fd};
}

// The server's end of a connection.
class Caller {
 public:
  explicit Caller(int fd) : file_(fd, "caller") {}
  void say(BytesView bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(file_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return;
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Up to and with `end`; what has come until the caller went.
  Bytes hear(std::string_view end) {
    for (;;) {
      if (const std::size_t at = heard_.find(end); at != Bytes::npos) {
        Bytes out = heard_.substr(0, at + end.size());
        heard_.erase(0, at + end.size());
        return out;
      }
      Bytes more(65'536, '\0');
      const ssize_t got = ::recv(file_.fd(), more.data(), more.size(), 0);
      if (got <= 0) {
        return std::exchange(heard_, {});
      }
      heard_.append(more, 0, static_cast<std::size_t>(got));
    }
  }
  // It ends with a reset, as when a process is killed with bytes unread.
  void reset() const {
    const linger now{1, 0};
    ::setsockopt(file_.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

 private:
  sys::FileHandle file_;
  Bytes heard_;
};

class FakeServer {
 public:
  using Serve = std::function<void(Caller&)>;

  // Each element serves one connection, which ends with it; nobody: they are not even accepted.
  explicit FakeServer(std::vector<Serve> serve = {})
      : file_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "") {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    BOOST_REQUIRE(::bind(file_.fd(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    BOOST_REQUIRE(::getsockname(file_.fd(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
    BOOST_REQUIRE(::listen(file_.fd(), 4) == 0);
    address = {"127.0.0.1", ntohs(at.sin_port)};
    thread_ = std::thread([this, serving = std::move(serve)] {
      for (const Serve& each : serving) {
        const int fd = ::accept(file_.fd(), nullptr, nullptr);
        if (fd < 0) {
          return;
        }
        Caller caller(fd);
        each(caller);
      }
    });
  }
  ~FakeServer() {
    ::shutdown(file_.fd(), SHUT_RDWR);  // wakes accept()
    thread_.join();
  }
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  PbxAddress address;

 private:
  sys::FileHandle file_;
  std::thread thread_;
};

// Where nobody listens.
inline PbxAddress closed_port() {
  return FakeServer().address;
}

}  // namespace ha::pbx
