#include "common/pbx/connection.h"

#include <sys/eventfd.h>

#include <atomic>

#include "tests/pbx/fake_server.h"

using namespace ha;
using namespace ha::pbx;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// All that comes until it ends.
Bytes receive_all(Connection& connection) {
  Bytes out;
  for (Bytes nothing;;) {
    const Connection::Turn turn = must(connection.turn(nothing, patience()));
    out += turn.received;
    if (turn.has_ended) {
      return out;
    }
    BOOST_REQUIRE(!turn.timed_out);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pbx_connection)

BOOST_AUTO_TEST_CASE(what_is_said_at_one_end_is_heard_at_the_other) {
  FakeServer server({[](Caller& caller) { caller.say(caller.hear("\n") + "and back"); }});
  Connection connection = must(Connection::open(server.address, patience()));
  Bytes output = "there\n";
  const Connection::Turn turn = must(connection.turn(output, patience()));
  BOOST_TEST(output == "");
  BOOST_TEST(turn.received + receive_all(connection) == "there\nand back");
}

BOOST_AUTO_TEST_CASE(a_port_that_is_closed_is_known_at_once) {
  const auto begin = read_clocks().steady;
  const auto connection = Connection::open(closed_port(), patience());
  BOOST_TEST((code_of(connection) == Code::Unavailable));
  BOOST_TEST(connection.error().hint() == "nobody listens there: is the PBX up, and its interface enabled?");
  BOOST_TEST((read_clocks().steady - begin < seconds(30)));  // of 60
}

BOOST_AUTO_TEST_CASE(silence_is_known_when_the_time_is_up) {
  FakeServer server;
  Connection connection = must(Connection::open(server.address, patience()));
  Bytes nothing;
  BOOST_TEST(must(connection.turn(nothing, patience(seconds(0)))).timed_out);
  BOOST_TEST(must(connection.turn(nothing, patience(seconds(-5)))).timed_out);
  const auto begin = read_clocks().steady;
  BOOST_TEST(must(connection.turn(nothing, patience(milliseconds(20)))).timed_out);
  BOOST_TEST((read_clocks().steady - begin >= milliseconds(20)));
}

BOOST_AUTO_TEST_CASE(who_gives_up_waits_no_longer) {
  const sys::FileHandle cancel(::eventfd(1, EFD_CLOEXEC), "cancel");
  FakeServer server;
  Connection connection = must(Connection::open(server.address, patience()));
  Bytes nothing;
  BOOST_TEST((code_of(connection.turn(nothing, patience(seconds(60), cancel.fd()))) == Code::Cancelled));
}

BOOST_AUTO_TEST_CASE(what_was_said_before_the_end_is_heard) {
  FakeServer server({[](Caller& caller) { caller.say(Bytes(200'000, 'x')); }});
  Connection connection = must(Connection::open(server.address, patience()));
  BOOST_TEST(receive_all(connection).size() == 200'000U);
}

BOOST_AUTO_TEST_CASE(a_reset_is_an_end) {
  FakeServer server({[](Caller& caller) {
    caller.hear("now");
    caller.reset();
  }});
  Connection connection = must(Connection::open(server.address, patience()));
  Bytes last = "now";
  must(connection.turn(last, patience()));
  BOOST_TEST(receive_all(connection) == "");
  Bytes output = "into the void";
  BOOST_TEST(must(connection.turn(output, patience())).has_ended);
  BOOST_TEST(output == "");
}

BOOST_AUTO_TEST_CASE(a_server_that_talks_before_it_listens_does_not_stop_us) {
  // Each side has more to say than the kernel holds for it.
  constexpr std::size_t kMuch = 20'000'000;
  std::atomic<std::size_t> heard = 0;
  FakeServer server({[&](Caller& caller) {
    caller.say(Bytes(kMuch, 'x'));
    heard = caller.hear("end").size();
  }});
  Connection connection = must(Connection::open(server.address, patience()));
  Bytes output = Bytes(kMuch, 'y') + "end";
  std::size_t received = 0;
  for (;;) {
    const Connection::Turn turn = must(connection.turn(output, patience()));
    received += turn.received.size();
    BOOST_REQUIRE(!turn.timed_out);
    if (turn.has_ended) {
      break;
    }
  }
  BOOST_TEST(received == kMuch);
  BOOST_TEST(heard == kMuch + 3);
}

BOOST_AUTO_TEST_SUITE_END()
