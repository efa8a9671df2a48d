// The event loop: one per thread, everything of that thread is registered in it.
//
// It waits, reads the clocks once per turn and calls handlers; it knows no protocol. A handler must not hold
// it over 10 ms and reads a bounded number of messages per call: what is left is ready again in the next
// turn. Thread safety: post(), post_or_wait(), stop() and the counters from any thread; the rest, including
// open() and the destructor, only on the loop's own thread or while it does not run.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/wire/pollable.h"

namespace ha::wire {

class Loop {
 public:
  using Task = std::function<void()>;
  using Handler = std::function<void(const Now&)>;
  using Id = std::uint64_t;

  static constexpr std::size_t kPostedTasksMax = 1024;
  static constexpr std::chrono::milliseconds kTurnWaitMax{1000};  // an idle loop turns too, for the watchdog

  static Result<std::unique_ptr<Loop>> open(std::size_t posted_tasks_max = kPostedTasksMax);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // `pollable` must outlive its registration. on_turn() of it is called first, then the handler, which may be
  // empty.
  Id add(Pollable& pollable, Handler handler);
  // Level-triggered: the handler is called in each turn in which fd is ready, has an error or hung up.
  Id add_fd(int fd, bool want_read, bool want_write, Handler handler);
  // `next_wakeup` is asked every turn (nullopt: not now); the handler is called when it has come.
  Id add_timer(std::function<std::optional<SteadyTime>()> next_wakeup, Handler handler);
  // May be called from a handler, also for itself. Afterwards the loop does not touch it any more.
  void remove(Id id);

  // Runs the task on the loop's thread, in the order of posting. False: the queue is full or the loop was
  // closed, the task is not taken.
  [[nodiscard]] bool post(Task task);
  // As post(), but waits for room; never call it on the loop's own thread. False only when it was closed.
  bool post_or_wait(Task task);

  // Turns until stop(). Tasks posted before stop() are run. Io when waiting itself fails.
  Status run();
  // One turn that waits at most `wait_max`; for tests and for draining.
  Status turn(std::chrono::milliseconds wait_max);
  void stop() noexcept;
  // Refuses tasks from now on and wakes those who wait in post_or_wait(). Also done when run() returns.
  void close() noexcept;

  // The clocks of the current turn.
  [[nodiscard]] const Now& now() const noexcept;
  [[nodiscard]] std::uint64_t turns() const noexcept;

 private:
  struct Impl;
  explicit Loop(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ha::wire
