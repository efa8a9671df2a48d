// Servers of a few answers on loopback, on ports that the system chose, for one test case.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <functional>
#include <string>
#include <thread>

#include "common/base/bytes.h"
#include "common/sys/file.h"

namespace ha::failover {

// A socket of 127.0.0.1.
struct LoopbackSocket {
  explicit LoopbackSocket(int type) : file(::socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket") {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    BOOST_REQUIRE(::bind(file.fd(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    socklen_t size = sizeof at;
    BOOST_REQUIRE(::getsockname(file.fd(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
    BOOST_REQUIRE((type == SOCK_DGRAM || ::listen(file.fd(), 8) == 0));
    address = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
  }
  sys::FileHandle file;
  std::string address;
};

// Answers each datagram with all that `answer` makes of it, until it goes out of scope.
class UdpServer {
 public:
  using Answer = std::function<std::vector<Bytes>(const Bytes&)>;
  explicit UdpServer(Answer answer)
      : socket_(SOCK_DGRAM), thread_([this, answer = std::move(answer)] { serve(answer); }) {}
  ~UdpServer() {
    ::shutdown(socket_.file.fd(), SHUT_RDWR);  // wakes recvfrom
    thread_.join();
  }
  [[nodiscard]] const std::string& address() const { return socket_.address; }

 private:
  void serve(const Answer& answer) const {
    while (true) {
      Bytes got(4096, '\0');
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      const ssize_t n =
          ::recvfrom(socket_.file.fd(), got.data(), got.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (n <= 0) {
        return;
      }
      got.resize(static_cast<std::size_t>(n));
      for (const Bytes& each : answer(got)) {
        ::sendto(socket_.file.fd(), each.data(), each.size(), 0, reinterpret_cast<const sockaddr*>(&from),
                 size);
      }
    }
  }

  LoopbackSocket socket_;
  std::thread thread_;
};

// Sends each caller what `answer` makes of what it has sent up to `end`, then closes.
class TcpServer {
 public:
  using Answer = std::function<std::vector<Bytes>(const Bytes&)>;
  TcpServer(Bytes end, Answer answer)
      : socket_(SOCK_STREAM),
        thread_([this, end = std::move(end), answer = std::move(answer)] { serve(end, answer); }) {}
  ~TcpServer() {
    ::shutdown(socket_.file.fd(), SHUT_RDWR);
    thread_.join();
  }
  [[nodiscard]] const std::string& address() const { return socket_.address; }

 private:
  void serve(const Bytes& end, const Answer& answer) const {
    while (true) {
      const sys::FileHandle caller(::accept(socket_.file.fd(), nullptr, nullptr), "caller");
      if (!caller.is_open()) {
        return;
      }
      Bytes got;
      while (got.find(end) == got.npos) {
        char part[4096];
        const ssize_t n = ::recv(caller.fd(), part, sizeof part, 0);
        if (n <= 0) {
          break;
        }
        got.append(part, static_cast<std::size_t>(n));
      }
      for (const Bytes& each : answer(got)) {
        ::send(caller.fd(), each.data(), each.size(), MSG_NOSIGNAL);
      }
    }
  }

  LoopbackSocket socket_;
  std::thread thread_;
};

}  // namespace ha::failover
