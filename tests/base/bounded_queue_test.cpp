#include "common/base/bounded_queue.h"

#include <atomic>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

namespace {

using Texts = ha::BoundedQueue<std::string>;
using Numbers = ha::BoundedQueue<int>;

std::size_t size_of(const std::string& text) {
  return text.size();
}

bool try_text(Texts& queue, std::string text) {
  return queue.try_push(text);
}

BOOST_AUTO_TEST_SUITE(base_bounded_queue)

BOOST_AUTO_TEST_CASE(items_come_out_in_order) {
  Numbers queue(3);
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(queue.push(i));
  }
  BOOST_TEST(queue.size() == 3U);
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(queue.pop().value() == i);
  }
  BOOST_TEST(!queue.try_pop().has_value());
}

BOOST_AUTO_TEST_CASE(a_full_queue_refuses_and_leaves_the_item_alone) {
  ha::BoundedQueue<std::unique_ptr<int>> queue(1);
  auto first = std::make_unique<int>(1);
  auto second = std::make_unique<int>(2);
  BOOST_TEST(queue.try_push(first));
  BOOST_TEST(!queue.try_push(second));
  BOOST_TEST(*second == 2);
}

BOOST_AUTO_TEST_CASE(bytes_are_counted_not_items) {
  Texts queue(10, size_of);
  BOOST_TEST(try_text(queue, "12345"));
  BOOST_TEST(try_text(queue, "1234"));
  BOOST_TEST(!try_text(queue, "12"));
  BOOST_TEST(try_text(queue, "1"));
  BOOST_TEST(queue.used() == 10U);
  BOOST_TEST(queue.pop().value() == "12345");
  BOOST_TEST(queue.used() == 5U);
}

BOOST_AUTO_TEST_CASE(an_item_over_the_limit_passes_through_an_empty_queue) {
  Texts queue(4, size_of);
  BOOST_TEST(try_text(queue, "123456789"));
  BOOST_TEST(!try_text(queue, ""));
  BOOST_TEST(queue.pop().value() == "123456789");
  BOOST_TEST(queue.used() == 0U);
}

BOOST_AUTO_TEST_CASE(a_closed_queue_takes_nothing_and_gives_what_it_has) {
  Numbers queue(4);
  BOOST_TEST(queue.push(1));
  queue.close();
  BOOST_TEST(queue.closed());
  BOOST_TEST(!queue.push(2));
  int three = 3;
  BOOST_TEST(!queue.try_push(three));
  BOOST_TEST(queue.pop().value() == 1);
  BOOST_TEST(!queue.pop().has_value());
}

BOOST_AUTO_TEST_CASE(closing_wakes_who_waits_for_items_and_for_room) {
  Numbers empty(1);
  Numbers full(1);
  BOOST_TEST(full.push(1));
  bool popped = true;
  bool pushed = true;
  std::thread popper([&] { popped = empty.pop().has_value(); });
  std::thread pusher([&] { pushed = full.push(2); });
  empty.close();
  full.close();
  popper.join();
  pusher.join();
  BOOST_TEST(!popped);
  BOOST_TEST(!pushed);
}

BOOST_AUTO_TEST_CASE(on_filled_is_called_when_the_queue_stops_being_empty) {
  int calls = 0;
  Numbers queue(4, [&] { ++calls; });
  BOOST_TEST(queue.push(1));
  BOOST_TEST(queue.push(2));
  BOOST_TEST(calls == 1);
  BOOST_TEST(queue.pop().has_value());
  BOOST_TEST(queue.pop().has_value());
  BOOST_TEST(queue.push(3));
  BOOST_TEST(calls == 2);
  queue.close();
  BOOST_TEST(calls == 3);
}

BOOST_AUTO_TEST_CASE(many_threads_lose_and_double_nothing) {
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  Numbers queue(7);
  std::atomic<long> sum = 0;
  std::atomic<int> count = 0;
  std::vector<std::thread> poppers;
  std::vector<std::thread> pushers;
  for (int t = 0; t < kThreads; ++t) {
    poppers.emplace_back([&] {
      while (const std::optional<int> item = queue.pop()) {
        sum += *item;
        ++count;
      }
    });
    pushers.emplace_back([&] {
      for (int i = 1; i <= kEach; ++i) {
        if (!queue.push(i)) {
          return;
        }
      }
    });
  }
  for (std::thread& pusher : pushers) {
    pusher.join();
  }
  queue.close();
  for (std::thread& popper : poppers) {
    popper.join();
  }
  BOOST_TEST(count == kThreads * kEach);
  BOOST_TEST(sum == static_cast<long>(kThreads) * kEach * (kEach + 1) / 2);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
