#include "tests/sim/world.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace ha::sim {
namespace {

constexpr std::uint64_t kEventsMax = 20'000'000;  // more than any run needs: something spins

}  // namespace

// splitmix64: small, good enough, and the same everywhere.
std::uint64_t Random::next() {
  state_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

Duration Random::duration(Duration low, Duration high) {
  return low +
         Duration(static_cast<std::int64_t>(below(static_cast<std::uint64_t>((high - low).count()) + 1)));
}

Bytes Random::bytes(std::size_t count) {
  Bytes out;
  while (out.size() < count) {
    put_u64(out, next());
  }
  out.resize(count);
  return out;
}

void World::after(Duration delay, std::function<void()> what) {
  events_.push({now_ + delay, ++planned_, std::move(what)});
}

void World::after(const std::shared_ptr<Life>& life, Duration delay, std::function<void()> what) {
  after(delay, [alive = std::weak_ptr<Life>(life), what = std::move(what)] {
    if (alive.lock()) {
      what();
    }
  });
}

bool World::run_for(Duration duration) {
  const SteadyTime end = now_ + duration;
  while (violation_.empty() && !events_.empty() && events_.top().at <= end) {
    Event event = events_.top();
    events_.pop();
    now_ = event.at;
    event.what();
    if (++done_ > kEventsMax) {
      violate("the run has no end");
    }
  }
  now_ = end;
  return violation_.empty();
}

Duration World::settle(int calm, const std::function<std::string()>& difference,
                       const std::function<std::string()>& describe) {
  const SteadyTime begin = now_;
  std::string left = "not started";
  for (int quiet = 0; violation_.empty() && quiet < calm; quiet = left.empty() ? quiet + 1 : 0) {
    if (now_ - begin > std::chrono::minutes(20)) {
      violate("not equal after healing: " + left + describe());
      break;
    }
    run_for(std::chrono::seconds(4));
    left = difference();
  }
  return now_ - begin;
}

void World::violate(const std::string& what) {
  if (violation_.empty()) {
    violation_ = what;
    trace("VIOLATION " + what);
  }
}

void World::trace(const std::string& what) const {
  static const bool wanted = std::getenv("HA_SIM_TRACE") != nullptr;
  if (wanted) {
    const double seconds =
        std::chrono::duration<double>(now_.time_since_epoch() - std::chrono::hours(1)).count();
    std::printf("%10.4f %s\n", seconds, what.c_str());
  }
}

void SimStrand::post(std::function<void()> work) {
  work_.push(std::move(work));
  if (work_.size() == 1) {
    start();
  }
}

void SimStrand::start() {
  // Now and then the disk is slow.
  const Duration most = world_.random().chance(5) ? delay_max_ * 100 : delay_max_;
  world_.after(life_, world_.random().duration(std::chrono::microseconds(50), most), [this] {
    const std::function<void()> work = std::move(work_.front());
    work();
    work_.pop();
    if (!work_.empty()) {
      start();
    }
  });
}

}  // namespace ha::sim
