#include "common/base/workers.h"

#include <utility>

namespace ha {

Workers::Workers(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { run(); });
  }
}

Workers::~Workers() {
  stop();
}

void Workers::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_changed_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

void Workers::post(const std::shared_ptr<Queue>& queue, Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      return;
    }
    queue->tasks.push_back(std::move(task));
    if (queue->scheduled) {
      return;
    }
    queue->scheduled = true;
    ready_.push_back(queue);
  }
  ready_changed_.notify_one();
}

// One task a turn, so that strands share the threads fairly.
void Workers::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    ready_changed_.wait(lock, [this] { return stopping_ || !ready_.empty(); });
    if (stopping_) {
      return;
    }
    const std::shared_ptr<Queue> queue = std::move(ready_.front());
    ready_.pop_front();
    {
      const Task task = std::move(queue->tasks.front());
      queue->tasks.pop_front();
      lock.unlock();
      task();
    }
    lock.lock();
    if (queue->tasks.empty()) {
      queue->scheduled = false;
    } else {
      ready_.push_back(queue);
      ready_changed_.notify_one();
    }
  }
}

}  // namespace ha
