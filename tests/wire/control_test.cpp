#include "common/wire/control.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "common/wire/control_frame.h"
#include "common/wire/loop.h"

namespace ha::wire {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLimit{20000};

// A server in its own thread. What a request says decides what happens.
struct Fixture {
  std::string folder;
  std::string path;
  std::unique_ptr<Loop> loop = Loop::open().value();
  std::unique_ptr<ControlServer> server;
  std::atomic<std::uint64_t> last_client{0};
  std::atomic<std::uint32_t> last_uid{0};
  bool ran = false;  // read after the join; Boost.Test itself is not for two threads
  std::thread thread;

  Fixture() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ha-control-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
    path = folder + "/control.sock";
    server = ControlServer::open(path, 0660, [this](ControlRequest request) { answer(request); }).value();
    loop->add(*server, {});
    thread = std::thread([this] { ran = loop->run().ok(); });
  }
  ~Fixture() {
    stop();
    std::filesystem::remove_all(folder);
  }

  void stop() {
    loop->stop();
    if (thread.joinable()) {
      thread.join();
      BOOST_TEST(ran);
    }
    server.reset();
  }

  void answer(const ControlRequest& request) {
    last_uid = request.uid;
    last_client = request.client;
    if (request.body == "fail") {
      server->fail(request.client, Error(Code::Refused, "a rule said no", "release it"));
    } else if (request.body == "three") {
      for (const char* word : {"one", "two", "three"}) {
        static_cast<void>(server->reply(request.client, word));  // false when the test has seen enough
      }
      server->end(request.client);
    } else if (request.body == "flood") {
      while (server->reply(request.client, Bytes(std::size_t{1} << 20, 'x'))) {
      }
    } else if (request.body != "later") {
      static_cast<void>(server->reply(request.client, "echo " + request.body));
      server->end(request.client);
    }
  }

  ControlClient connect() { return ControlClient::open(path, "replicator").value(); }

  // Runs something on the server's thread and waits for it.
  void on_loop(const std::function<void()>& task) {
    std::atomic<bool> done{false};
    BOOST_REQUIRE(loop->post([&] {
      task();
      done = true;
      done.notify_one();
    }));
    done.wait(false);
  }
};

int raw_connect(const std::string& path) {
  const sockaddr_un address = control_address(path).value();
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  BOOST_REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

Bytes read_all(int fd) {
  Bytes out;
  char piece[4096];
  for (ssize_t bytes = 0; (bytes = ::recv(fd, piece, sizeof piece, 0)) > 0;) {
    out.append(piece, static_cast<std::size_t>(bytes));
  }
  return out;
}

// What the server says to bytes that are no request, before it closes.
Error error_for(const std::string& path, const Bytes& bytes) {
  const int fd = raw_connect(path);
  BOOST_REQUIRE(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  const Bytes answer = read_all(fd);
  ::close(fd);
  BOOST_REQUIRE(answer.size() > kControlHeadBytes);
  BOOST_TEST((parse_control_head(answer).value().kind == ControlKind::Failure));
  return decode_failure(BytesView(answer).substr(kControlHeadBytes));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(wire_control)

BOOST_AUTO_TEST_CASE(a_request_is_answered_and_the_kernel_says_by_whom_it_was_asked) {
  Fixture f;
  ControlClient client = f.connect();
  BOOST_TEST(client.request("hello", kLimit).value() == "echo hello");
  BOOST_TEST(client.request("", kLimit).value() == "echo ");
  BOOST_TEST(f.last_uid == ::getuid());
}

BOOST_AUTO_TEST_CASE(the_largest_request_is_answered) {
  Fixture f;
  ControlClient client = f.connect();
  const Bytes body(kControlBytesMax - 5, 'x');
  BOOST_TEST((client.request(body, kLimit).value() == "echo " + body));
}

BOOST_AUTO_TEST_CASE(an_answer_may_be_several_messages) {
  Fixture f;
  ControlClient client = f.connect();
  BOOST_TEST(client.send("three", kLimit).ok());
  BOOST_TEST(client.next(kLimit).value().value() == "one");
  BOOST_TEST(client.next(kLimit).value().value() == "two");
  BOOST_TEST(client.next(kLimit).value().value() == "three");
  BOOST_TEST(!client.next(kLimit).value().has_value());
  BOOST_TEST((client.request("three", kLimit).error().code() == Code::Corrupt));  // not exactly one
}

BOOST_AUTO_TEST_CASE(a_failure_arrives_as_the_error_it_was) {
  Fixture f;
  ControlClient client = f.connect();
  const auto out = client.request("fail", kLimit);
  BOOST_TEST((out.error().code() == Code::Refused));
  BOOST_TEST(out.error().what() == "a rule said no");
  BOOST_TEST(out.error().hint() == "release it");
  BOOST_TEST(client.request("hello", kLimit).value() == "echo hello");
}

BOOST_AUTO_TEST_CASE(an_answer_may_come_later_and_requests_wait_for_it) {
  Fixture f;
  ControlClient client = f.connect();
  BOOST_TEST(client.send("later", kLimit).ok());
  BOOST_TEST(client.send("hello", kLimit).ok());
  BOOST_TEST((client.next(milliseconds(20)).error().code() == Code::TimedOut));
  bool taken = false;
  bool taken_by_nobody = true;
  f.on_loop([&] {
    taken = f.server->reply(f.last_client, "now");
    f.server->end(f.last_client);
    taken_by_nobody = f.server->reply(f.last_client + 1000, "to nobody");
  });
  BOOST_TEST(taken);
  BOOST_TEST(!taken_by_nobody);
  BOOST_TEST(client.next(kLimit).value().value() == "now");
  BOOST_TEST(!client.next(kLimit).value().has_value());
  BOOST_TEST(client.next(kLimit).value().value() == "echo hello");
}

BOOST_AUTO_TEST_CASE(two_clients_do_not_wait_for_each_other) {
  Fixture f;
  ControlClient first = f.connect();
  ControlClient second = f.connect();
  BOOST_TEST(first.send("later", kLimit).ok());
  BOOST_TEST(second.request("hello", kLimit).value() == "echo hello");
}

BOOST_AUTO_TEST_CASE(clients_that_ask_for_nothing_lock_nobody_out) {
  Fixture f;
  ControlClient asks = f.connect();
  BOOST_TEST(asks.send("later", kLimit).ok());
  std::vector<int> idle;
  for (std::size_t i = 0; i < kControlClientsMax + 3; ++i) {
    idle.push_back(raw_connect(f.path));
  }
  BOOST_TEST(f.connect().request("hello", kLimit).value() == "echo hello");
  BOOST_TEST(read_all(idle.front()).empty());  // the oldest was hung up
  const timeval brief{0, 1000};
  BOOST_REQUIRE(::setsockopt(idle.back(), SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof brief) == 0);
  char byte = 0;
  BOOST_TEST(::recv(idle.back(), &byte, 1, 0) == -1);  // the newest was not
  std::for_each(idle.begin(), idle.end(), ::close);
  const std::uint64_t waits = 1;
  f.on_loop([&] {
    static_cast<void>(f.server->reply(waits, "now"));
    f.server->end(waits);
  });
  BOOST_TEST(asks.next(kLimit).value().value() == "now");  // nor who is being answered
}

BOOST_AUTO_TEST_CASE(a_client_that_goes_away_while_it_is_answered_is_noticed) {
  Fixture f;
  {
    ControlClient client = f.connect();
    BOOST_TEST(client.send("later", kLimit).ok());
    BOOST_TEST((client.next(milliseconds(20)).error().code() == Code::TimedOut));
  }
  const std::uint64_t gone = f.last_client;
  bool taken = true;
  for (int i = 0; i < 10000 && taken; ++i) {
    f.on_loop([&] { taken = f.server->reply(gone, "anybody there?"); });
  }
  BOOST_TEST(!taken);
  BOOST_TEST(f.connect().request("hello", kLimit).value() == "echo hello");
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_read_is_dropped_at_the_limit) {
  Fixture f;
  ControlClient client = f.connect();
  BOOST_TEST(client.send("flood", kLimit).ok());
  // The flood ends on the server's thread only when it was refused.
  BOOST_TEST(f.connect().request("hello", kLimit).value() == "echo hello");
}

BOOST_AUTO_TEST_CASE(what_is_no_request_is_refused_with_a_sentence) {
  Fixture f;
  Bytes oversized;
  put_u32(oversized, static_cast<std::uint32_t>(kControlBytesMax + 2));
  oversized += static_cast<char>(ControlKind::Request);
  BOOST_TEST((error_for(f.path, oversized).code() == Code::Exhausted));
  BOOST_TEST((error_for(f.path, control_frame(ControlKind::Message, "x")).code() == Code::Corrupt));
  BOOST_TEST((error_for(f.path, "GET / HTTP/1.1").code() == Code::Corrupt));
  BOOST_TEST((error_for(f.path, Bytes(5, '\0')).code() == Code::Corrupt));
  BOOST_TEST(f.connect().request("hello", kLimit).value() == "echo hello");
}

BOOST_AUTO_TEST_CASE(an_oversized_request_is_refused_before_it_is_sent) {
  Fixture f;
  BOOST_TEST((f.connect().send(Bytes(kControlBytesMax + 1, 'x'), kLimit).error().code() == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(no_daemon_is_an_error_that_says_what_to_do) {
  const auto out = ControlClient::open("/nonexistent/replicator.sock", "replicator");
  BOOST_TEST((out.error().code() == Code::Unavailable));
  BOOST_TEST(out.error().what() == "no replicator is running here (socket /nonexistent/replicator.sock)");
  BOOST_TEST(out.error().hint() == "start it: systemctl start replicator");
  BOOST_TEST((ControlClient::open(std::string(108, 'x'), "replicator").error().code() == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(a_daemon_that_ends_while_it_is_asked_is_unavailable) {
  Fixture f;
  ControlClient client = f.connect();
  BOOST_TEST(client.request("hello", kLimit).ok());
  f.stop();
  BOOST_TEST((client.request("hello", kLimit).error().code() == Code::Unavailable));
  BOOST_TEST(!std::filesystem::exists(f.path));
}

BOOST_AUTO_TEST_CASE(the_path_has_the_mode_that_was_asked_for) {
  Fixture f;
  struct stat found {};
  BOOST_REQUIRE(::stat(f.path.c_str(), &found) == 0);
  BOOST_TEST((found.st_mode & 0777) == 0660U);
}

BOOST_AUTO_TEST_CASE(a_path_is_taken_over_only_from_the_dead) {
  Fixture f;
  const auto handler = [](const ControlRequest&) {};
  BOOST_TEST((ControlServer::open(f.path, 0660, handler).error().code() == Code::Exists));
  BOOST_TEST(f.connect().request("hello", kLimit).ok());

  const std::string dead = f.folder + "/dead.sock";
  const sockaddr_un address = control_address(dead).value();
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  BOOST_REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  ::close(fd);
  BOOST_TEST((ControlClient::open(dead, "replicator").error().code() == Code::Unavailable));
  BOOST_TEST(ControlServer::open(dead, 0660, handler).ok());

  const std::string file = f.folder + "/file";
  std::ofstream(file) << "not a socket";
  BOOST_TEST((ControlServer::open(file, 0660, handler).error().code() == Code::Exists));
  BOOST_TEST(std::filesystem::exists(file));
  BOOST_TEST((ControlServer::open("/nonexistent/a.sock", 0660, handler).error().code() == Code::NotFound));
}

BOOST_AUTO_TEST_CASE(an_error_survives_its_bytes_and_every_truncation_is_an_error_too) {
  const Error error(Code::NoSpace, "disk full", "make room");
  const Bytes bytes = encode_failure(error);
  const Error back = decode_failure(bytes);
  BOOST_TEST((back.code() == Code::NoSpace));
  BOOST_TEST(back.what() == "disk full");
  BOOST_TEST(back.hint() == "make room");
  for (std::size_t length = 0; length < bytes.size() - error.hint().size(); ++length) {
    BOOST_TEST((decode_failure(BytesView(bytes).substr(0, length)).code() == Code::Corrupt));
  }
  BOOST_TEST((decode_failure(encode_failure(Error(Code::HeldByHand, "x"))).code() == Code::HeldByHand));
  Bytes unknown = bytes;
  unknown[0] = '\x7f';
  BOOST_TEST((decode_failure(unknown).code() == Code::Internal));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::wire
