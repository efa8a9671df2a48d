// An HTTP server of loopback with an answer for each request, on a port that the system chose.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/sys/file.h"

namespace ha::failover {

inline const std::string kHang = "hang";    // says nothing until the client has gone
inline const std::string kClose = "close";  // ends the connection without an answer

inline std::string http_reply(int status, const std::string& body, const std::string& headers = "") {
  return "HTTP/1.1 " + std::to_string(status) + " x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + headers + "\r\n" + body;
}

class HttpServer {
 public:
  // `answers`: raw, to one request after the other; those beyond them get kClose.
  explicit HttpServer(std::vector<std::string> answers)
      : answers_(std::move(answers)),
        listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "server"),
        ended_(::eventfd(0, EFD_CLOEXEC), "end") {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    BOOST_REQUIRE(::bind(listening_.fd(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    socklen_t size = sizeof at;
    BOOST_REQUIRE(::getsockname(listening_.fd(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
    port = ntohs(at.sin_port);
    BOOST_REQUIRE(::listen(listening_.fd(), 8) == 0);
    serving_ = std::thread([this] { serve(); });
  }
  ~HttpServer() { end(); }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // What was asked, whole. The server is ended by it.
  std::vector<std::string> requests() {
    end();
    return requests_;
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port); }

  std::uint16_t port = 0;

 private:
  void end() {
    if (serving_.joinable()) {
      const std::uint64_t one = 1;
      BOOST_TEST(::write(ended_.fd(), &one, sizeof one) == static_cast<ssize_t>(sizeof one));
      serving_.join();
    }
  }
  // False: the server is to end.
  bool wait(int fd) const {
    std::array<pollfd, 2> polled{{{fd, POLLIN, 0}, {ended_.fd(), POLLIN, 0}}};
    while (::poll(polled.data(), polled.size(), -1) < 0) {
    }
    return polled[1].revents == 0;
  }
  void serve() {
    while (wait(listening_.fd())) {
      const sys::FileHandle caller(::accept(listening_.fd(), nullptr, nullptr), "caller");
      while (answer_one(caller.fd())) {
      }
    }
  }
  bool answer_one(int fd) {
    std::string request;
    std::size_t wanted = std::string::npos;
    while (request.size() < wanted) {
      std::array<char, 4096> part{};
      const ssize_t got = wait(fd) ? ::recv(fd, part.data(), part.size(), 0) : 0;
      if (got <= 0) {
        return false;
      }
      request.append(part.data(), static_cast<std::size_t>(got));
      const std::size_t head = request.find("\r\n\r\n");
      const std::size_t length = request.find("Content-Length: ");
      if (head != std::string::npos && length != std::string::npos) {
        wanted = head + 4 + std::stoul(request.substr(length + 16));
      }
    }
    requests_.push_back(request);
    const std::size_t number = requests_.size() - 1;
    const std::string& answer = number < answers_.size() ? answers_[number] : kClose;
    if (answer == kHang) {
      std::array<char, 1> none{};
      return wait(fd) && ::recv(fd, none.data(), none.size(), 0) > 0;
    }
    if (answer == kClose) {
      return false;
    }
    ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    return true;
  }

  std::vector<std::string> answers_;
  sys::FileHandle listening_;
  sys::FileHandle ended_;
  std::vector<std::string> requests_;
  std::thread serving_;
};

}  // namespace ha::failover
