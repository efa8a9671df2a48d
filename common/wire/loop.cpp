#include "common/wire/loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>
#include <vector>

#include "common/base/bounded_queue.h"
#include "common/wire/zmq_handle.h"

namespace ha::wire {
namespace {

// One thing that is registered. Exactly one of pollable, fd and next_wakeup is set.
struct Registration {
  Loop::Id id = 0;
  Pollable* pollable = nullptr;
  int fd = -1;
  bool want_read = false;
  bool want_write = false;
  std::function<std::optional<SteadyTime>()> next_wakeup;
  Loop::Handler handler;
  bool removed = false;
  // Of this turn: where its items begin and how many there are, and whether its time has come.
  std::size_t first_item = 0;
  std::size_t item_count = 0;
  std::optional<SteadyTime> wakeup;
};

}  // namespace

struct Loop::Impl {
  int wake_fd;

  // The loop's thread only.
  std::vector<std::unique_ptr<Registration>> registrations;
  std::vector<PollItem> items;
  Id next_id = 1;
  Now now = read_clocks();

  // Any thread.
  BoundedQueue<Task> posted;
  std::atomic<bool> stopping{false};
  std::atomic<std::uint64_t> turns{0};

  Impl(int wake_fd_in, std::size_t posted_tasks_max)
      : wake_fd(wake_fd_in), posted(posted_tasks_max, [this] { wake(); }) {}
  ~Impl() { ::close(wake_fd); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void wake() const noexcept;
  void run_posted();
  std::chrono::milliseconds gather(std::chrono::milliseconds wait_max);
  void call_ready();
  Id add(Registration registration);
};

void Loop::Impl::wake() const noexcept {
  // The counter cannot overflow in practice, and a full one wakes the loop just as well.
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_fd, &one, sizeof one));
}

// What is posted meanwhile waits for the next turn.
void Loop::Impl::run_posted() {
  std::uint64_t count = 0;
  static_cast<void>(!::read(wake_fd, &count, sizeof count));
  for (std::size_t left = posted.size(); left > 0; --left) {
    if (const auto task = posted.try_pop()) {
      (*task)();
    }
  }
  if (posted.size() > 0) {
    wake();  // the queue says so itself only when it has been empty
  }
}

// Asks everybody what to wait for; returns how long to wait at most.
std::chrono::milliseconds Loop::Impl::gather(std::chrono::milliseconds wait_max) {
  items.clear();
  items.push_back({nullptr, wake_fd, true, false, false});
  std::optional<SteadyTime> first;
  for (const auto& entry : registrations) {
    entry->first_item = items.size();
    entry->wakeup.reset();
    if (entry->pollable != nullptr) {
      entry->pollable->add_poll_items(items);
      entry->wakeup = entry->pollable->next_wakeup();
    } else if (entry->fd >= 0) {
      items.push_back({nullptr, entry->fd, entry->want_read, entry->want_write, false});
    } else {
      entry->wakeup = entry->next_wakeup();
    }
    entry->item_count = items.size() - entry->first_item;
    if (entry->wakeup && (!first || *entry->wakeup < *first)) {
      first = entry->wakeup;
    }
  }
  if (!first) {
    return wait_max;
  }
  // Rounded up, because waking a little early would turn for nothing until the time has come.
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*first - read_clocks().steady);
  return std::clamp(left, std::chrono::milliseconds{0}, wait_max);
}

void Loop::Impl::call_ready() {
  // By index and count: a handler may register others, whose turn is the next one.
  const std::size_t count = registrations.size();
  for (std::size_t i = 0; i < count; ++i) {
    Registration& entry = *registrations[i];
    const auto begin = items.begin() + static_cast<std::ptrdiff_t>(entry.first_item);
    const bool ready = std::any_of(begin, begin + static_cast<std::ptrdiff_t>(entry.item_count),
                                   [](const PollItem& item) { return item.ready; });
    if (entry.removed || !(ready || (entry.wakeup && *entry.wakeup <= now.steady))) {
      continue;
    }
    if (entry.pollable != nullptr) {
      entry.pollable->on_turn(now);
    }
    if (entry.handler) {
      entry.handler(now);
    }
  }
}

Loop::Id Loop::Impl::add(Registration registration) {
  registration.id = next_id++;
  registrations.push_back(std::make_unique<Registration>(std::move(registration)));
  return registrations.back()->id;
}

Loop::Loop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Loop::~Loop() {
  close();
}

Result<std::unique_ptr<Loop>> Loop::open(std::size_t posted_tasks_max) {
  const int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) {
    return errno_error("cannot make an event descriptor", errno);
  }
  return std::unique_ptr<Loop>(new Loop(std::make_unique<Impl>(wake_fd, posted_tasks_max)));
}

Loop::Id Loop::add(Pollable& pollable, Handler handler) {
  Registration entry;
  entry.pollable = &pollable;
  entry.handler = std::move(handler);
  return impl_->add(std::move(entry));
}

Loop::Id Loop::add_fd(int fd, bool want_read, bool want_write, Handler handler) {
  Registration entry;
  entry.fd = fd;
  entry.want_read = want_read;
  entry.want_write = want_write;
  entry.handler = std::move(handler);
  return impl_->add(std::move(entry));
}

Loop::Id Loop::add_timer(std::function<std::optional<SteadyTime>()> next_wakeup, Handler handler) {
  Registration entry;
  entry.next_wakeup = std::move(next_wakeup);
  entry.handler = std::move(handler);
  return impl_->add(std::move(entry));
}

void Loop::remove(Id id) {
  // Swept at the begin of a turn, because its own handler may be running.
  for (const auto& entry : impl_->registrations) {
    entry->removed = entry->removed || entry->id == id;
  }
}

bool Loop::post(Task task) {
  return impl_->posted.try_push(task);
}
bool Loop::post_or_wait(Task task) {
  return impl_->posted.push(std::move(task));
}

Status Loop::run() {
  while (!impl_->stopping.load()) {
    if (auto turned = turn(kTurnWaitMax); !turned.ok()) {
      close();
      return turned;
    }
  }
  close();
  impl_->run_posted();  // what came between the last turn and close()
  return ok();
}

Status Loop::turn(std::chrono::milliseconds wait_max) {
  std::erase_if(impl_->registrations, [](const auto& entry) { return entry->removed; });
  const std::chrono::milliseconds wait = impl_->gather(wait_max);
  HA_CHECK(wait_ready(impl_->items, wait));
  impl_->now = read_clocks();
  impl_->run_posted();
  impl_->call_ready();
  ++impl_->turns;
  return ok();
}

void Loop::stop() noexcept {
  impl_->stopping.store(true);
  impl_->wake();
}

void Loop::close() noexcept {
  impl_->posted.close();
}

const Now& Loop::now() const noexcept {
  return impl_->now;
}
std::uint64_t Loop::turns() const noexcept {
  return impl_->turns.load();
}

}  // namespace ha::wire
