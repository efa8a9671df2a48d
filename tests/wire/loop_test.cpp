#include "common/wire/loop.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

namespace ha::wire {
namespace {

using std::chrono::milliseconds;

}  // namespace

BOOST_AUTO_TEST_SUITE(wire_loop)

BOOST_AUTO_TEST_CASE(tasks_of_other_threads_run_on_the_loop_in_their_order) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 500;
  const auto loop = Loop::open(16).value();
  std::vector<std::vector<int>> ran(kThreads);  // touched by the loop's thread only
  bool run_ok = false;                          // Boost.Test itself is not for two threads
  std::thread runner([&] { run_ok = loop->run().ok(); });
  std::vector<std::thread> posters;
  std::atomic<int> taken{0};
  for (std::size_t t = 0; t < kThreads; ++t) {
    posters.emplace_back([&, t] {
      for (int i = 0; i < kTasks; ++i) {
        taken += loop->post_or_wait([&ran, t, i] { ran[t].push_back(i); }) ? 1 : 0;
      }
    });
  }
  for (std::thread& poster : posters) {
    poster.join();
  }
  loop->stop();
  runner.join();
  BOOST_TEST(run_ok);
  BOOST_TEST(taken == kThreads * kTasks);
  for (const auto& one : ran) {
    BOOST_REQUIRE(one.size() == static_cast<std::size_t>(kTasks));
    BOOST_TEST(std::is_sorted(one.begin(), one.end()));
  }
  BOOST_TEST(loop->turns() > 0U);
}

BOOST_AUTO_TEST_CASE(a_full_queue_refuses_and_a_turn_makes_room) {
  const auto loop = Loop::open(2).value();
  int ran = 0;
  BOOST_TEST(loop->post([&] { ++ran; }));
  BOOST_TEST(loop->post([&] { ++ran; }));
  BOOST_TEST(!loop->post([&] { ++ran; }));
  BOOST_TEST(loop->turn(milliseconds(0)).ok());
  BOOST_TEST(ran == 2);
  BOOST_TEST(loop->post([&] { ++ran; }));
}

BOOST_AUTO_TEST_CASE(closing_wakes_those_who_wait_for_room) {
  const auto loop = Loop::open(1).value();
  BOOST_REQUIRE(loop->post([] {}));
  bool taken = true;
  std::thread waiting([&] { taken = loop->post_or_wait([] {}); });
  loop->close();
  waiting.join();
  BOOST_TEST(!taken);
  BOOST_TEST(!loop->post([] {}));
}

BOOST_AUTO_TEST_CASE(tasks_posted_before_stop_are_run) {
  const auto loop = Loop::open().value();
  int ran = 0;
  BOOST_REQUIRE(loop->post([&] { ++ran; }));
  loop->stop();
  BOOST_TEST(loop->run().ok());
  BOOST_TEST(ran == 1);
  BOOST_TEST(!loop->post([] {}));
}

BOOST_AUTO_TEST_CASE(a_descriptor_calls_its_handler_until_it_is_removed) {
  const auto loop = Loop::open().value();
  int ends[2];
  BOOST_REQUIRE(::pipe(ends) == 0);
  int calls = 0;
  Loop::Id id = 0;
  id = loop->add_fd(ends[0], true, false, [&](const Now& now) {
    BOOST_TEST((now.steady == loop->now().steady));
    if (++calls == 3) {
      loop->remove(id);  // its own
    }
  });
  BOOST_TEST(loop->turn(milliseconds(0)).ok());
  BOOST_TEST(calls == 0);
  BOOST_REQUIRE(::write(ends[1], "x", 1) == 1);
  for (int i = 0; i < 5; ++i) {
    BOOST_TEST(loop->turn(milliseconds(0)).ok());  // level-triggered: nobody reads the byte
  }
  BOOST_TEST(calls == 3);
  ::close(ends[0]);
  ::close(ends[1]);
}

BOOST_AUTO_TEST_CASE(a_hang_up_is_an_event_even_when_nothing_is_wanted) {
  const auto loop = Loop::open().value();
  int ends[2];
  BOOST_REQUIRE(::pipe(ends) == 0);
  int calls = 0;
  loop->add_fd(ends[0], false, false, [&](const Now&) { ++calls; });
  ::close(ends[1]);
  BOOST_TEST(loop->turn(milliseconds(1000)).ok());
  BOOST_TEST(calls == 1);
  ::close(ends[0]);
}

BOOST_AUTO_TEST_CASE(a_timer_is_called_when_its_time_has_come_and_not_before) {
  const auto loop = Loop::open().value();
  const SteadyTime begin = read_clocks().steady;
  std::optional<SteadyTime> due = begin + milliseconds(30);
  SteadyTime called{};
  loop->add_timer([&] { return due; },
                  [&](const Now& now) {
                    called = now.steady;
                    due.reset();
                  });
  int turns = 0;
  while (due && turns < 1000) {
    BOOST_TEST(loop->turn(milliseconds(1000)).ok());
    ++turns;
  }
  BOOST_TEST((called >= begin + milliseconds(30)));
  BOOST_TEST(turns <= 2);  // it slept instead of turning
}

BOOST_AUTO_TEST_CASE(a_handler_may_register_and_remove_others) {
  const auto loop = Loop::open().value();
  int first = 0;
  int second = 0;
  const auto always = [&] { return std::optional<SteadyTime>(SteadyTime{}); };
  const Loop::Id victim_of_later = loop->add_timer(always, [&](const Now&) { ++first; });
  Loop::Id victim = 0;
  const Loop::Id killer = loop->add_timer(always, [&](const Now&) {
    loop->remove(victim);
    loop->remove(victim_of_later);
    for (int i = 0; i < 100; ++i) {  // makes the list move
      loop->add_timer([] { return std::nullopt; }, {});
    }
  });
  victim = loop->add_timer(always, [&](const Now&) { ++second; });
  BOOST_TEST(loop->turn(milliseconds(0)).ok());
  BOOST_TEST(loop->turn(milliseconds(0)).ok());
  loop->remove(killer);
  BOOST_TEST(loop->turn(milliseconds(0)).ok());
  BOOST_TEST(first == 1);
  BOOST_TEST(second == 0);  // removed in the turn in which it was due
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::wire
