#include "replicator/session/pacer.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <deque>

#include "tests/session/session_fixture.h"

namespace ha::replicator {
namespace {

constexpr double kCapacity = 12'500'000;  // bytes per second: 100 Mbit/s
constexpr double kBase = 0.150;           // seconds
constexpr double kStep = 0.01;

// One bottleneck with a queue of one bandwidth-delay product. What it lets through, and how long the queue
// was, is known to the sender a round trip later.
class Path {
 public:
  explicit Path(double loss = 0) : loss_(loss) {}

  void run(Pacer& pacer, double seconds) {
    for (const double end = now_ + seconds; now_ < end; now_ += kStep) {
      const double sent = static_cast<double>(pacer.rate()) * kStep;
      const double through = std::min(queue_ + sent, kCapacity * kStep);
      queue_ = std::min(queue_ + sent - through, kCapacity * kBase);
      arrived_ += through * (1 - loss_);
      used_ += through;
      longest_ = std::max(longest_, delay());
      delays_ += delay() * kStep;
      known_.push_back({now_ + kBase, arrived_, kBase + delay()});
      while (known_.size() > 1 && known_[1].at <= now_) {
        known_.pop_front();
      }
      if (++steps_ % 10 == 0 && known_.front().at <= now_) {
        pacer.on_sample({duration(known_.front().rtt), duration(kBase),
                         static_cast<std::uint64_t>(known_.front().delivered), true},
                        at(now_));
      }
    }
  }
  void forget() {
    used_ = delays_ = longest_ = 0;
    since_ = now_;
  }
  [[nodiscard]] double utilization() const { return used_ / (kCapacity * (now_ - since_)); }
  [[nodiscard]] double mean_queue() const { return delays_ / (now_ - since_); }
  [[nodiscard]] double longest_queue() const { return longest_; }
  [[nodiscard]] double now() const { return now_; }
  [[nodiscard]] std::uint64_t delivered() const {
    return static_cast<std::uint64_t>(known_.front().delivered);
  }
  static Duration duration(double seconds) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  }

 private:
  struct Known {
    double at;
    double delivered;
    double rtt;
  };
  [[nodiscard]] double delay() const { return queue_ / kCapacity; }

  double loss_;
  double now_ = 1;
  double since_ = 1;
  double queue_ = 0;
  double arrived_ = 0;
  double used_ = 0;
  double delays_ = 0;
  double longest_ = 0;
  std::uint64_t steps_ = 0;
  std::deque<Known> known_;
};

}  // namespace
}  // namespace ha::replicator

BOOST_AUTO_TEST_SUITE(session_pacer)

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_CASE(a_long_path_is_used_and_its_queue_stays_short) {
  Pacer pacer(0);
  Path path;
  path.run(pacer, 15);
  path.forget();
  path.run(pacer, 120);
  BOOST_TEST_MESSAGE("used " << path.utilization() << ", queue mean " << path.mean_queue() << " s, longest "
                             << path.longest_queue() << " s");
  BOOST_TEST(path.utilization() >= 0.94);
  BOOST_TEST(path.mean_queue() < 0.04);
  BOOST_TEST(path.longest_queue() < 0.1);
}

BOOST_AUTO_TEST_CASE(random_loss_does_not_slow_it_down) {
  Pacer pacer(0);
  Path path(0.02);
  path.run(pacer, 15);
  path.forget();
  path.run(pacer, 120);
  BOOST_TEST_MESSAGE("used " << path.utilization() << ", queue mean " << path.mean_queue());
  BOOST_TEST(path.utilization() >= 0.94);
  BOOST_TEST(path.mean_queue() < 0.04);
}

BOOST_AUTO_TEST_CASE(a_phase_with_little_to_send_leaves_the_rate_alone) {
  Pacer pacer(0);
  Path path;
  path.run(pacer, 20);
  const std::uint64_t before = pacer.rate();
  for (int i = 0; i < 600; ++i) {
    pacer.on_sample({Path::duration(kBase), Path::duration(kBase), path.delivered(), false},
                    at(path.now() + i * 0.1));
  }
  BOOST_TEST(pacer.rate() == before);
}

BOOST_AUTO_TEST_CASE(the_operators_limit_holds_on_every_path) {
  Pacer pacer(1'000'000);
  Path path;
  path.run(pacer, 20);
  BOOST_TEST(pacer.rate() <= 1'000'000U);
  pacer.on_sample({Path::duration(0.001), Path::duration(0.001), 0, true}, at(path.now()));
  BOOST_TEST(pacer.rate() == 1'000'000U);
}

BOOST_AUTO_TEST_CASE(new_connections_count_from_nothing_without_harm) {
  Pacer pacer(0);
  Path path;
  path.run(pacer, 20);
  const std::uint64_t before = pacer.rate();
  pacer.on_sample({Path::duration(kBase), Path::duration(kBase), 5, true}, at(path.now() + 1));
  BOOST_TEST(pacer.rate() == before);
}

BOOST_AUTO_TEST_SUITE_END()
